//! Deterministic simulation: engines, clients, a network and time, all from one seed.
//!
//! Owns: random clients that keep the protocol, a network that delays, cuts and loses, and a naive reference
//! broker that says what must arrive. The same seed gives the same run, to the byte.
//!
//! What is checked, by the numbers of the reliability contract: I1 and I2 (nothing acknowledged is lost), I3
//! (exactly once), I4 (order), I5, I6, I11 (the engine's own invariants, after every input), I7 (retained
//! messages), I8 (payload identity), I9 (Session Present), I10 (wills), I15 (everything drains). Beside them:
//! shared subscriptions in all strategies, topic aliases towards clients, rates, bans, payload formats, and what
//! clients hear from a broker that stops.

#![allow(
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "development only: a run prints its timeline and looks at what it knows"
)]

mod client;
mod oracle;
mod random;
mod simulation;
mod topics;

pub use random::Random;
pub use simulation::{Options, Report, run};
