//! Tests of authentication from outside.

#![allow(clippy::panic, reason = "what a test cannot go on with ends it")]

mod asked;
mod folder;
mod formats;
mod fuzz;
mod mosquitto;
mod refusals;
mod reload;
mod rewrite;
