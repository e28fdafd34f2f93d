//! From a draft to the tree: what follows from several options together.
//!
//! Owns: the order in which things are inherited.
//! Never: opens a listener with less protection than its lines ask for.

mod bridges;
mod listeners;
mod plugins;
mod tls;

pub(super) use plugins::KNOWN as PLUGINS;

use super::draft::Draft;
use super::fault::Faults;
use super::lines::At;
use super::table;
use crate::model::{Config, Durability, Notice, Place, TimestampFormat};
use std::path::PathBuf;

/// The tree, of which nothing is left to inherit.
pub(super) fn tree(mut draft: Draft, main: &At, faults: &mut Faults) -> Config {
    plugins::translate(&mut draft, faults);
    settle_global(&mut draft, main);
    bridges::translate(&mut draft, faults);
    listeners::translate(&mut draft, faults);
    draft.global.config
}

fn settle_global(draft: &mut Draft, main: &At) {
    let global = &mut draft.global;
    note(&mut global.config, "", &global.origins);
    if global.persistence {
        global.config.data.place = Place::Directory(global.location.join(FOLDER));
        global.config.data.durability = Durability::Fsync;
        global.config.data.take_over = global.file.as_ref().map(|file| global.location.join(file));
    }
    if !global.has_timestamp {
        global.config.log.timestamp = TimestampFormat::Off;
    }
    if !global.packet_size_said {
        let reason = "is 2000000, the default of mosquitto 2.1; 2.0 had no limit. Say it if your packets are larger";
        notice(&mut global.config, main, "max_packet_size", reason);
    }
    // Without a word about where to listen, only this machine comes in, and everybody on it.
    let is_open = global.config.security.allow_anonymous.unwrap_or(!draft.has_place);
    global.config.security.allow_anonymous = Some(is_open);
}

/// Notes where values come from, by the keys that an option stands for.
fn note(config: &mut Config, above: &str, said: &[(&'static str, At)]) {
    for (option, at) in said {
        for key in table::keys_of(option) {
            config.origins.note(format!("{above}{}", key.name), at.origin());
        }
    }
}

/// Adds what the writer of a line may not have meant.
fn notice(config: &mut Config, at: &At, what: &str, reason: impl Into<String>) {
    let (file, what) = (at.file.to_string(), what.to_owned());
    config.notices.push(Notice { file, line: at.line, what, reason: reason.into() });
}

/// A path of a plugin's option.
fn path(text: &str) -> Option<PathBuf> {
    Some(PathBuf::from(text))
}

/// What we keep is a folder of many files, and `mosquitto.db` may lie beside it.
const FOLDER: &str = "postrider";
