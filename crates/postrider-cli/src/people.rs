//! `postrider user` and `postrider client`: the lists of a user store.
//!
//! Never: prints a password.

use crate::args::{Client, ClientVerb, Named, User, UserVerb};
use crate::events::shown;
use crate::prompt;
use crate::serve::say;
use anyhow::bail;
use postrider_auth::Settings;
use postrider_auth::people::People;
use std::path::Path;
use std::process::ExitCode;
use zeroize::Zeroizing;

pub(crate) fn user(args: &User) -> anyhow::Result<ExitCode> {
    match &args.verb {
        UserVerb::Add(named) => set(named, &open(&named.file)?)?,
        UserVerb::Password(named) => {
            let people = there(&named.file)?;
            if !people.has_user(&named.name) {
                bail!("{}: there is no such user; `postrider user add` adds one", named.file.display());
            }
            set(named, &people)?;
        }
        UserVerb::Remove { file, name } => {
            let people = there(file)?;
            if !people.remove_user(name)? {
                bail!("{}: there is no such user", file.display());
            }
            tell_of_empty(people.has_users(), "users");
        }
        UserVerb::List { file } => {
            for (name, has_password) in there(file)?.users() {
                let any = if has_password { "" } else { " (any password)" };
                say(&format!("{}{any}", shown(&name)));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn client(args: &Client) -> anyhow::Result<ExitCode> {
    match &args.verb {
        ClientVerb::Add { file, id } => {
            if !open(file)?.add_client(id)? {
                say("it was there already");
            }
        }
        ClientVerb::Remove { file, id } => {
            let people = there(file)?;
            if !people.remove_client(id)? {
                bail!("{}: there is no such client identifier", file.display());
            }
            tell_of_empty(!people.clients().is_empty(), "client identifiers");
        }
        ClientVerb::List { file } => there(file)?.clients().iter().for_each(|id| say(&shown(id))),
    }
    Ok(ExitCode::SUCCESS)
}

fn set(named: &Named, people: &People) -> anyhow::Result<()> {
    let password = match &named.password {
        _ if named.any_password => None,
        Some(password) => Some(Zeroizing::new(password.as_bytes().to_vec())),
        None => Some(prompt::ask_twice()?),
    };
    people.add_user(&named.name, password.as_deref().map(Vec::as_slice))?;
    Ok(())
}

fn open(file: &Path) -> anyhow::Result<People> {
    Ok(People::open(file, Settings::default())?)
}

/// A file that has to be there.
fn there(file: &Path) -> anyhow::Result<People> {
    if !file.exists() {
        bail!("{} is not there; `add` makes it", file.display());
    }
    open(file)
}

/// What somebody who takes the last entry away may not expect.
fn tell_of_empty(has_any: bool, what: &str) {
    if !has_any {
        say(&format!("the list of {what} is empty now, so it keeps nobody out"));
    }
}
