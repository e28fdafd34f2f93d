//! The command as people use it: the real binary, real clients, and clients that mean harm.

#![allow(clippy::panic, clippy::wildcard_enum_match_arm, reason = "a conversation that goes otherwise ends the test")]

mod abuse;
mod acl;
mod audit;
mod authority;
mod backups;
mod bench;
mod blunders;
mod breaches;
mod broker;
mod clients;
mod commands;
mod config;
mod conformance;
mod contact;
mod crowd;
mod cuts;
mod data;
mod disk_faults;
mod dump;
mod dynamic;
mod files;
mod floods;
mod folder;
mod formats;
mod hoards;
mod impostor;
mod kills;
mod kills_with_paho;
mod listening;
mod memory;
mod mosquitto;
mod mutation;
mod options;
mod passwd;
mod passwords;
mod patience;
mod process;
mod program;
mod puppet;
mod relay;
mod renewal;
mod requests;
mod rumqtt_v4;
mod rumqtt_v5;
mod serving;
mod strangers;
mod sys;
#[cfg(feature = "sqlite")]
mod tables;
mod tools;
mod torture;
mod town;
mod transports;
mod wire;
