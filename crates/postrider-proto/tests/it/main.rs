//! Tests of the codec from outside.

#![allow(clippy::panic, reason = "what a test cannot read ends it")]

mod allocation;
mod corpus;
mod fuzz;
mod golden;
mod hex;
mod properties;
mod round_trip;
mod strategies;
mod topics;
mod truncation;
