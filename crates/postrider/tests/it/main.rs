//! The broker as its clients and its embedder see it: bytes through sockets and pipes.

#![allow(clippy::panic, clippy::wildcard_enum_match_arm, reason = "a conversation that goes otherwise ends the test")]

mod admin;
mod attach;
mod authority;
mod authenticate;
mod authorize;
mod crowd;
mod data;
mod device;
mod door;
mod durable;
mod ground;
mod ledger;
mod listeners;
mod mail;
mod malformed;
mod observe;
mod shutdown;
mod slices;
mod slow;
mod takeover;
mod tls;
mod tunnel;
mod time;
mod websocket;
mod wire;
