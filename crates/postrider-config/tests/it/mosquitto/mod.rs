//! mosquitto.conf as it is.

mod binary;
mod command_line;
mod differential;
mod examples;
mod grammar;
mod meaning;
mod plugins;
mod psk;
mod tls;
mod wording;

use postrider_config::{Config, mosquitto};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A file `m.conf` with this text, and others.
pub(crate) fn files(text: &str, others: &[(&str, &str)]) -> BTreeMap<PathBuf, String> {
    let main = std::iter::once(("m.conf", text));
    main.chain(others.iter().copied()).map(|(name, text)| (PathBuf::from(name), text.to_owned())).collect()
}

fn read(text: &str) -> Config {
    mosquitto::read("m.conf", &files(text, &[])).unwrap_or_else(|faults| panic!("{text}\n{faults:?}"))
}

/// What is wrong, as people read it.
fn faults(text: &str) -> Vec<String> {
    let faults = mosquitto::read("m.conf", &files(text, &[])).expect_err(text);
    faults.iter().map(ToString::to_string).collect()
}

/// What people are told about what is good.
fn notices(text: &str) -> Vec<String> {
    read(text).notices.iter().map(ToString::to_string).filter(|text| !text.contains("max_packet_size")).collect()
}
