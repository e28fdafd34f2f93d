//! Configuration of the broker: text in, typed tree out.
//!
//! Owns: the tree, the keys, the defaults, the readers and the writer.
//! Never: opens a socket, knows a clock, reads a file but through [`Files`].

pub mod check;
pub mod defaults;
pub mod explain;
pub mod keys;
pub mod moat;
pub mod model;
pub mod mosquitto;
pub mod native;
pub mod print;
pub mod sol;

mod fault;
mod files;
mod format;
mod load;
mod raw;
mod translation;
mod units;
mod value;

pub use fault::Fault;
pub use files::{Disk, Files, NoFiles};
pub use format::Format;
pub use load::load;
pub use model::Config;
pub use value::Value;
