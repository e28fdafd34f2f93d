//! mosquitto.conf, from 1.6 to 2.1, as it is: the same file makes the same broker, and what differs is said.
//!
//! Owns: its grammar, its options, its command line, the words of its log.
//! Never: drops a line without saying so, opens more than the file asks for.

mod address;
mod command_line;
mod draft;
mod fault;
mod finish;
mod lines;
mod page;
mod psk;
mod reader;
mod rule;
mod table;
mod value;
pub mod wording;

pub use command_line::{
    Asked, CommandLine, EXIT_MISUSED, EXIT_NOT_STARTED, EXIT_SIDE_FILE, EXIT_STOPPED, command_line, is_called_mosquitto,
};
pub use page::page;
pub use psk::{PskKeys, psk_file};

use crate::model::{Config, Notice};
use crate::{Fault, Files, defaults};
use fault::Faults;
use lines::At;

/// Reads a configuration of mosquitto and the files it includes.
///
/// # Errors
///
/// Everything that is wrong with it, each with file, line and what to do.
pub fn read(main: &str, files: &dyn Files) -> Result<Config, Vec<Fault>> {
    let mut faults = Faults::default();
    let lines = lines::read(main, files, &mut faults);
    let main = At { file: main.into(), line: 0 };
    let mut reader = reader::Reader::new(main.clone(), &mut faults);
    lines.iter().for_each(|line| reader.take(line));
    let draft = reader.draft;
    let config = finish::tree(draft, &main, &mut faults);
    faults.or_of_tree(config)
}

/// What the lines of a configuration mean here that they do not mean to mosquitto, line by line. What has no effect
/// at all is among the notices of the tree.
#[must_use]
pub fn differences(main: &str, files: &dyn Files) -> Vec<Notice> {
    let lines = lines::read(main, files, &mut Faults::default());
    let difference = |line: &lines::Line| {
        let table::Here::Differs(how) = table::find(&line.name)?.here else { return None };
        let (file, what, reason) = (line.at.file.to_string(), line.name.clone(), how.to_owned());
        Some(Notice { file, line: line.at.line, what, reason })
    };
    lines.iter().filter_map(difference).collect()
}

/// Every name that a line may have; those that end in `_` begin a name.
pub fn option_names() -> impl Iterator<Item = &'static str> {
    let entries = table::groups().into_iter().flat_map(|(_, entries)| entries);
    entries.flat_map(|entry| std::iter::once(&entry.name).chain(entry.aliases)).copied()
}

/// What mosquitto is without a file: this machine only, on port 1883, everybody on it.
#[must_use]
pub fn without_file() -> Config {
    let files = std::collections::BTreeMap::from([(std::path::PathBuf::new(), String::new())]);
    read("", &files).unwrap_or_else(|_| defaults::config())
}

/// Who the process becomes where there is no such user, as mosquitto does it: `nobody`, for its own default only.
#[must_use]
pub fn user_instead_of(user: &str) -> Option<&'static str> {
    (user == "mosquitto").then_some("nobody")
}
