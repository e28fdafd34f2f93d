//! What we may depend on: licences, duplicate versions, sources, advisories. Rules in `deny.toml`.
//!
//! Never: takes advisories that could not be fetched for advisories that are not there.

use crate::command::{command, listen, run as run_command};
use crate::pieces::{Piece, require};
use anyhow::{Result, bail};

/// The remark says when advisories were not looked at.
pub(crate) fn run() -> Result<String> {
    require(Piece::Deny)?;
    run_command(&mut command("cargo-deny", "check licenses bans sources"))?;
    let output = listen(&mut command("cargo-deny", "check advisories"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    match read_advisories(output.status.success(), &said) {
        Advisories::None => Ok("no open advisory".to_owned()),
        Advisories::Unknown => Ok(UNREACHABLE.to_owned()),
        Advisories::Open => {
            println!("{said}");
            bail!("there are open advisories");
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Advisories {
    None,
    Open,
    Unknown,
}

fn read_advisories(success: bool, said: &str) -> Advisories {
    match success {
        true => Advisories::None,
        false if said.contains("failed to fetch advisory database") => Advisories::Unknown,
        false => Advisories::Open,
    }
}

const UNREACHABLE: &str =
    "advisories NOT checked: their database cannot be reached from here; licences, bans and sources were";
