//! What a configuration says, and what is said about one that is wrong.

mod faults;
mod keys;
mod round_trip;
mod safety;
