//! Scripts for testing the engine: a driver without sockets, clients that say exactly what they are told.
//!
//! Owns: a fake wire and a fake clock. Development only; nobody in the product imports it.

#![allow(clippy::panic, clippy::wildcard_enum_match_arm, reason = "a script that does not go as written ends the test")]

mod describe;
mod memory_log;
mod packets;
mod plugins;
mod pure_driver;
mod witness;
mod world;

pub use describe::describe;
pub use memory_log::{Entry, Found, MemoryLog, Released, Remains};
pub use packets::{Hello, Pub, Sub, ack, disconnect, pingreq, publish, subscribe, unsubscribe};
pub use plugins::{Directory, Rules};
pub use pure_driver::{LinkEnd, LogStep, Pace, PureDriver, Shelf};
pub use witness::Witnessed;
pub use world::{Client, World, limits};
