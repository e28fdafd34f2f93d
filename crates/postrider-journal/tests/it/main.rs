//! Tests of the log from outside.

#![allow(clippy::panic, reason = "what a test cannot go on with ends it")]

mod crash;
mod owner;
mod random;
mod writer;
