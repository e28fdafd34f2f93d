//! The pieces `cargo xtask test` needs from outside: what they are, whether they are here, how to bring them.
//!
//! Owns: the list, and the pinned versions.
//! Never: installs unasked, takes a missing piece for a passed test.

mod apt;
mod devices;
mod node;
mod python;
mod rust;

use crate::command::first_line;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;

/// One thing the tests need besides cargo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Nextest,
    Deny,
    MosquittoClients,
    Mosquitto,
    MosquittoPasswd,
    Paho1,
    Paho2,
    MqttJs,
    Puppeteer,
    Chromium,
    Fuse,
    LoopDevices,
}

/// What to do about a piece that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    Name,
    Install,
}

/// Sees to it that every piece is here, or names all that are not.
pub(crate) fn provide(missing: Missing) -> Result<()> {
    println!("── pieces ──");
    let mut absent = Vec::new();
    for piece in ALL {
        let mut found = piece.find();
        if found.is_none() && missing == Missing::Install {
            println!("{:<18} is missing; installing", piece.name());
            if let Err(error) = piece.install() {
                println!("{:<18} could not be installed: {error:#}", piece.name());
            }
            found = piece.find();
        }
        match found {
            Some(version) => println!("{:<18} {version}", piece.name()),
            None => {
                println!("{:<18} is missing: run `{INSTALL}`", piece.name());
                absent.push(piece.name());
            }
        }
    }
    if !absent.is_empty() {
        bail!("missing: {} (nothing was tested)", absent.join(", "));
    }
    Ok(())
}

/// Fails in one sentence if `piece` is not here.
pub(crate) fn require(piece: Piece) -> Result<()> {
    piece.find().map(drop).with_context(|| format!("{} is missing: run `{INSTALL}`", piece.name()))
}

/// Where the tests with real clients find them, as variables of their environment.
pub(crate) fn whereabouts() -> Vec<(&'static str, PathBuf)> {
    vec![
        ("POSTRIDER_PAHO_1", python::interpreter(python::PAHO_1)),
        ("POSTRIDER_PAHO_2", python::interpreter(python::PAHO_2)),
        ("POSTRIDER_NODE_MODULES", node::modules()),
    ]
}

impl Piece {
    const fn name(self) -> &'static str {
        match self {
            Self::Nextest => "cargo-nextest",
            Self::Deny => "cargo-deny",
            Self::MosquittoClients => "mosquitto clients",
            Self::Mosquitto => "mosquitto",
            Self::MosquittoPasswd => "mosquitto_passwd",
            Self::Paho1 => "paho-mqtt 1",
            Self::Paho2 => "paho-mqtt 2",
            Self::MqttJs => "mqtt.js",
            Self::Puppeteer => "puppeteer-core",
            Self::Chromium => "chromium",
            Self::Fuse => "fuse",
            Self::LoopDevices => "loop devices",
        }
    }

    /// What is here, in the words it uses for itself.
    fn find(self) -> Option<String> {
        match self {
            Self::Nextest => rust::find(rust::NEXTEST),
            Self::Deny => rust::find(rust::DENY),
            Self::MosquittoClients => apt::find_clients(),
            Self::Mosquitto => apt::find_broker(),
            Self::MosquittoPasswd => apt::find_passwd(),
            Self::Paho1 => python::find(python::PAHO_1),
            Self::Paho2 => python::find(python::PAHO_2),
            Self::MqttJs => node::find(node::MQTT_JS),
            Self::Puppeteer => node::find(node::PUPPETEER),
            Self::Chromium => apt::find_browser(),
            Self::Fuse => devices::find_fuse(),
            Self::LoopDevices => devices::find_loop(),
        }
    }

    fn install(self) -> Result<()> {
        match self {
            Self::Nextest => rust::install(rust::NEXTEST),
            Self::Deny => rust::install(rust::DENY),
            Self::MosquittoClients => apt::install(&["mosquitto-clients"]),
            Self::Mosquitto | Self::MosquittoPasswd => apt::install(&["mosquitto"]),
            Self::Paho1 => python::install(python::PAHO_1),
            Self::Paho2 => python::install(python::PAHO_2),
            Self::MqttJs | Self::Puppeteer => node::install(),
            Self::Chromium => apt::install(&["chromium"]),
            Self::Fuse => devices::install_fuse(),
            Self::LoopDevices => devices::install_loop(),
        }
    }
}

fn answers(program: &str, args: &str) -> bool {
    first_line(&mut crate::command::command(program, args)).is_some()
}

const ALL: [Piece; 12] = [
    Piece::Nextest,
    Piece::Deny,
    Piece::MosquittoClients,
    Piece::Mosquitto,
    Piece::MosquittoPasswd,
    Piece::Paho1,
    Piece::Paho2,
    Piece::MqttJs,
    Piece::Puppeteer,
    Piece::Chromium,
    Piece::Fuse,
    Piece::LoopDevices,
];
const INSTALL: &str = "cargo xtask test --install";
