//! Behaviour of `postrider-auth`.

mod containment;
mod fuzz;
mod lines;
mod names;
mod plugin;
mod tables;
