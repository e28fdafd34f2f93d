//! Tests of `postrider-auth` from outside.

#![allow(clippy::panic, reason = "what a test cannot go on with ends it")]

mod asked;
mod containment;
mod dynamic;
mod folder;
mod formats;
mod fuzz;
mod lines;
mod locks;
mod mosquitto;
mod names;
mod people;
mod plugin;
mod refusals;
mod reload;
mod rewrite;
mod rival;
mod tables;
