//! Who clients are and what they may do, from files.
//!
//! Owns: the plugins that `postrider serve` brings along.
//! Never: blocks whoever asks; files are read when somebody says so.

pub mod acl;
