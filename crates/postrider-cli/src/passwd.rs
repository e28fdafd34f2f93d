//! `postrider passwd`: password files.
//!
//! Never: prints a password, or keeps others from the file while somebody types.

use crate::args::{Kind, Passwd};
use crate::prompt;
use crate::serve::say;
use anyhow::{Context, bail};
use postrider_auth::{NewHash, PasswordFile, Rewrite};
use std::process::ExitCode;
use zeroize::Zeroizing;

pub(crate) fn run(args: &Passwd) -> anyhow::Result<ExitCode> {
    match &args.user {
        None => hash_all(args)?,
        Some(user) if args.check => return check(args, user),
        Some(user) if args.delete => delete(args, user)?,
        Some(user) => set(args, user)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn check(args: &Passwd, user: &str) -> anyhow::Result<ExitCode> {
    let file = PasswordFile::open(&args.file)?;
    let password = password(args, || prompt::ask("Password: "))?;
    if file.check(user, &password).is_ok() {
        say("the password is right");
        return Ok(ExitCode::SUCCESS);
    }
    // Whoever can read the file may know which of the two it is.
    let why = if file.has(user) { "the password is wrong" } else { "there is no such user" };
    bail!("{}: {why}", args.file.display())
}

fn delete(args: &Passwd, user: &str) -> anyhow::Result<()> {
    let mut rewrite = Rewrite::begin(&args.file)?;
    if !rewrite.remove(user) {
        bail!("{}: there is no such user", args.file.display());
    }
    commit(args, rewrite)
}

fn set(args: &Passwd, user: &str) -> anyhow::Result<()> {
    if !args.create && !args.file.exists() {
        bail!("{} is not there; -c makes it", args.file.display());
    }
    let password = password(args, prompt::ask_twice)?;
    let hash = kind(args)?.make(&password).context("this password cannot be hashed")?;
    let mut rewrite = if args.create { Rewrite::begin_anew(&args.file)? } else { Rewrite::begin(&args.file)? };
    rewrite.set(user, &hash)?;
    commit(args, rewrite)
}

fn hash_all(args: &Passwd) -> anyhow::Result<()> {
    let mut rewrite = Rewrite::begin(&args.file)?;
    let count = rewrite.hash_all(kind(args)?)?;
    commit(args, rewrite)?;
    say(&format!("{count} passwords are hashed now"));
    Ok(())
}

/// Who else was able to read it may have to be told, and what else is wrong with the file is known before the server
/// refuses it.
fn commit(args: &Passwd, rewrite: Rewrite) -> anyhow::Result<()> {
    if let Some(mode) = rewrite.commit()? {
        note(&format!("{} is for its owner alone now (mode 600, it was {mode:o})", args.file.display()));
    }
    if let Err(error) = PasswordFile::open(&args.file) {
        note(&format!("the server will not take this file yet: {error}"));
    }
    Ok(())
}

fn kind(args: &Passwd) -> anyhow::Result<NewHash> {
    match (args.hash, args.iterations) {
        (Kind::Sha512Pbkdf2, iterations) => Ok(NewHash::Sha512Pbkdf2(iterations.unwrap_or(NewHash::ITERATIONS))),
        (Kind::Argon2id | Kind::Sha512, Some(_)) => bail!("-I is about -H sha512-pbkdf2; leave one of the two out"),
        (Kind::Argon2id, None) => Ok(NewHash::Argon2id),
        (Kind::Sha512, None) => Ok(NewHash::Sha512),
    }
}

fn password(
    args: &Passwd,
    ask: impl FnOnce() -> anyhow::Result<Zeroizing<Vec<u8>>>,
) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    match &args.password {
        Some(password) => Ok(Zeroizing::new(password.as_bytes().to_vec())),
        None => ask(),
    }
}

fn note(line: &str) {
    crate::print_error(&anyhow::anyhow!("{line}"));
}
