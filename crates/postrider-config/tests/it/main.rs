//! What a configuration says, and what is said about one that is wrong.

mod faults;
mod fuzz;
mod hoards;
mod keys;
mod mosquitto;
mod others;
mod round_trip;
mod safety;
