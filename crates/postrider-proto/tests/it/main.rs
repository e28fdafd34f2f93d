//! Tests of the codec from outside.

mod allocation;
mod fuzz;
mod golden;
mod hex;
mod round_trip;
mod strategies;
mod topics;
mod truncation;
