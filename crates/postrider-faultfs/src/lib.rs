//! A file system in memory that loses and refuses what a test says, for programs that know nothing of it.
//!
//! Owns: the way from a program's calls to a [`SimulatedDisk`](postrider_journal::SimulatedDisk).
//! Never: decides what is lost; the disk does, as it does in the journal's own tests.

mod desk;
mod files;
mod mount;

pub use mount::Mount;
