//! What a configuration says, and what is said about one that is wrong.

#![allow(clippy::panic, clippy::wildcard_enum_match_arm, reason = "what a test cannot go on with ends it")]

mod faults;
mod fuzz;
mod fuzz_mosquitto;
mod hoards;
mod keys;
mod mosquitto;
mod others;
mod round_trip;
mod safety;
