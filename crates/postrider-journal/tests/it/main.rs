//! Tests of the log from outside.

#![allow(clippy::panic, reason = "what a test cannot go on with ends it")]

mod copy;
mod corruption;
mod crash;
mod damage;
mod faults;
mod fixture;
mod fuzz;
mod fuzz_store;
mod kill;
mod owner;
mod pressure;
mod random;
mod refusals;
mod scratch;
mod storage;
mod writer;
