//! What clients may do, by rules in a file.
//!
//! Owns: rules, the files they come from, and the decision.
//! Never: compares texts where sets of topics are meant.

mod error;
mod judge;
mod lines;
mod network;
pub(crate) mod pattern;
mod plugin;
mod rule;
mod rules;
mod tables;
mod tree;

pub use error::AclError;
pub use judge::{Asker, Decision, Verdict, Wish};
pub use network::Network;
pub use plugin::Acl;
pub use rule::{Effect, Powers, Rule, Users};
pub use rules::Rules;
