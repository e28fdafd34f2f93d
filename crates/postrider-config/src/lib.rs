//! Configuration of the broker: text in, typed tree out.
//!
//! Owns: the tree, the keys, the defaults, the readers and the writer.
//! Never: opens a socket, knows a clock, reads a file but through [`Files`].

pub mod defaults;
pub mod model;

mod files;

pub use files::{Disk, Files, NoFiles};
pub use model::Config;
