//! Programs this one starts.
//!
//! Owns: where they run (the workspace's root) and what they find (`target/tools/bin` before the rest of PATH).
//! Never: goes through a shell.

use anyhow::{Context, Result, bail};
use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace")
}

/// Where tools of this repository alone are kept.
pub(crate) fn tools() -> PathBuf {
    root().join("target/tools")
}

/// `program` with `args`, separated by white space, to be run in the root.
pub(crate) fn command(program: &str, args: &str) -> Command {
    let mut command = Command::new(program);
    command.args(args.split_whitespace()).current_dir(root()).env("PATH", search_path());
    // What cargo told this process about the package `xtask` is not true of what it starts.
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    command
}

/// The cargo that runs us.
pub(crate) fn cargo(args: &str) -> Command {
    command(&env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()), args)
}

/// Runs to the end; what the program says goes to the terminal.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line_of(command);
    // Not to standard output, which may be piped to a program.
    eprintln!("$ {line}");
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("could not start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    Ok(())
}

/// Runs to the end and keeps what the program says.
pub(crate) fn listen(command: &mut Command) -> Result<Output> {
    let line = line_of(command);
    command.stdin(Stdio::null()).output().with_context(|| format!("could not start `{line}`"))
}

/// Runs to the end; what the program says goes to the terminal and comes back, both of its outputs in one.
pub(crate) fn listen_aloud(command: &mut Command) -> Result<String> {
    let line = line_of(command);
    eprintln!("$ {line}");
    let (reader, writer) = std::io::pipe()?;
    let errors = writer.try_clone()?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(errors)
        .spawn()
        .with_context(|| format!("could not start `{line}`"))?;
    // The command holds the other end of the pipe, too.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut said = String::new();
    for line in BufReader::new(reader).lines() {
        let line = line?;
        eprintln!("{line}");
        said = said + &line + "\n";
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    Ok(said)
}

/// The first line a program prints, if it is there and content.
pub(crate) fn first_line(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
}

fn search_path() -> OsString {
    let rest = env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(tools().join("bin")).chain(env::split_paths(&rest));
    env::join_paths(paths).unwrap_or(rest)
}

fn line_of(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    command.get_args().fold(program, |line, arg| format!("{line} {}", arg.to_string_lossy()))
}
