//! What a configuration says, and what is said about one that is wrong.

mod faults;
mod fuzz;
mod fuzz_mosquitto;
mod keys;
mod mosquitto;
mod others;
mod round_trip;
mod safety;
