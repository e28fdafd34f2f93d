//! Dynamic security: clients, groups and roles that are changed by commands while the broker runs.
//!
//! Owns: the file of mosquitto's dynamic-security plugin, the commands of `$CONTROL/dynamic-security/v1`, and what its
//! access rules mean.
//! Never: answers a command before what it changed is durable.

mod changes;
mod client_commands;
mod commands;
mod decide;
mod desk;
mod error;
mod group_commands;
mod json;
mod load;
mod plugin;
mod role_commands;
mod save;
mod show;
mod state;

pub use changes::Change;
pub use error::DynamicError;
pub use plugin::{Dynamic, Settings};
