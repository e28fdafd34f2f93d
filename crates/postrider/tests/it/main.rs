//! The broker as its clients and its embedder see it: bytes through sockets and pipes.

#![allow(clippy::panic, clippy::wildcard_enum_match_arm, reason = "a conversation that goes otherwise ends the test")]

mod admin;
mod attach;
mod authenticate;
mod authority;
mod authorize;
mod control;
mod crowd;
mod data;
mod device;
mod door;
mod durable;
mod fuzz;
mod ground;
mod ledger;
mod listeners;
mod mail;
mod malformed;
mod mosquitto;
mod observe;
mod shutdown;
mod slices;
mod slow;
mod takeover;
mod time;
mod tls;
mod tunnel;
mod websocket;
mod wire;
