//! What can be typed about data directories.

use clap::{Args as Group, builder::TypedValueParser};
use std::path::PathBuf;

/// A data directory to look at.
#[derive(Clone, Debug, Group)]
pub(crate) struct Check {
    /// The data directory of a broker that does not run
    pub(crate) directory: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// A data directory to copy.
#[derive(Clone, Debug, Group)]
pub(crate) struct Salvage {
    /// The data directory of a broker that does not run
    pub(crate) directory: PathBuf,
    /// Where the copy goes: a directory that is empty or not there yet
    pub(crate) new: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// A data directory to print.
#[derive(Clone, Debug, Group)]
pub(crate) struct Dump {
    /// The data directory of a broker that does not run, or a backup
    pub(crate) directory: PathBuf,
    /// Print a JSON object for each thing, one a line
    #[arg(long)]
    pub(crate) json: bool,
    /// Print sessions with their wills and subscriptions, and nothing that is not asked for
    #[arg(long)]
    pub(crate) sessions: bool,
    /// Print what is owed to sessions and shared subscriptions, and nothing that is not asked for
    #[arg(long)]
    pub(crate) messages: bool,
    /// Print retained messages, and nothing that is not asked for
    #[arg(long)]
    pub(crate) retained: bool,
    /// How much of each payload: `none`, a number of bytes, or `all` [default: all with --json, else 64]
    #[arg(long, value_name = "HOW MUCH", value_parser = clap::builder::StringValueParser::new().try_map(|text| payloads(&text)))]
    pub(crate) payloads: Option<usize>,
}

/// A data directory to copy while it is used.
#[derive(Clone, Debug, Group)]
pub(crate) struct Backup {
    /// The data directory, whether or not a broker runs on it
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// Where the copy goes: a directory that is empty or not there yet
    pub(crate) new: PathBuf,
}

/// A backup to go on with.
#[derive(Clone, Debug, Group)]
pub(crate) struct Restore {
    /// What `postrider backup` made
    pub(crate) backup: PathBuf,
    /// The new data directory: empty or not there yet
    pub(crate) new: PathBuf,
}

/// A data directory to take out of.
#[cfg(feature = "sqlite")]
#[derive(Clone, Debug, Group)]
pub(crate) struct Export {
    /// The data directory of a broker that does not run, or a backup
    pub(crate) directory: PathBuf,
    /// The SQLite database to make; it must not be there yet
    pub(crate) file: PathBuf,
}

/// A data directory to make.
#[derive(Clone, Debug, Group)]
pub(crate) struct Import {
    /// A SQLite database such as `postrider export` makes, or a `mosquitto.db`
    pub(crate) file: PathBuf,
    /// The new data directory: empty or not there yet
    pub(crate) new: PathBuf,
    /// Leave out what is damaged in a `mosquitto.db`, and say what that is
    #[arg(long)]
    pub(crate) accept_loss: bool,
}

fn payloads(text: &str) -> Result<usize, String> {
    match text {
        "none" => Ok(0),
        "all" => Ok(usize::MAX),
        count => count.parse().map_err(|_| "it is `none`, `all` or a number of bytes".to_owned()),
    }
}
