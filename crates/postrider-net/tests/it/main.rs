//! Sockets and what is put around them, from the far end's side.

#![allow(clippy::panic, reason = "what goes otherwise ends the test")]

mod activation;
mod files;
mod fuzz;
mod handshakes;
mod networks;
mod passphrases;
mod proxy;
mod script;
mod subjects;
mod websocket;
