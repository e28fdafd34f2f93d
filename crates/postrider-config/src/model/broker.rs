//! What there is once in a broker: its data, its process, its figures, its likeness to others.
//!
//! Owns: nothing but values.

use std::path::PathBuf;

/// Where what must survive is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// Where.
    pub place: Place,
    /// What an acknowledgement promises; nothing where everything is in memory.
    pub durability: Durability,
    /// Whether the directory must be there: a disk that is not mounted is an error.
    pub must_exist: bool,
    /// A file of mosquitto that an empty directory begins with.
    pub take_over: Option<PathBuf>,
}

/// Where sessions and messages are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Where the command usually has them for whoever runs it.
    Usual,
    /// In memory only.
    Memory,
    /// In this directory.
    Directory(PathBuf),
}

/// What an acknowledgement promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Nothing beyond the process.
    Memory,
    /// It survives the end of the process.
    Os,
    /// It survives a loss of power.
    Fsync,
}

/// The process itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Who it becomes when started as root; `None` for whoever it is.
    pub user: Option<String>,
    /// File that gets its number.
    pub pid_file: Option<PathBuf>,
    /// Whether it goes into the background.
    pub daemonize: bool,
    /// Threads; 0 for as many as fit the machine.
    pub threads: u16,
    /// Whether the system is asked to refuse it the files that it does not need.
    pub landlock: bool,
}

/// What the broker says of itself, and who may tell it something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sys {
    /// Seconds between two looks at `$SYS/broker`; 0 switches it off. `None`: the default where only this machine
    /// comes in, and off where others do.
    pub interval_s: Option<u16>,
    /// Whether `$CONTROL/broker/v1` answers.
    pub control_api: bool,
    /// The file of mosquitto's dynamic security.
    pub dynamic_security: Option<PathBuf>,
}

/// Where this broker does as another one does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compat {
    /// The broker whose habits hold.
    pub profile: Profile,
    /// Whether a message comes once for each subscription that matches it, or once.
    pub duplicate_messages: bool,
    /// Whether a message is delivered with the subscription's QoS even if it was published with a lower one.
    pub upgrade_outgoing_qos: bool,
    /// Whether messages of QoS 0 wait for clients that are absent.
    pub queue_qos0: bool,
    /// Whether a retained message's publisher is asked about again before it is sent.
    pub check_retain_source: bool,
    /// What becomes of a client that sends more at once than it may.
    pub receive_maximum: ReceiveMaximum,
    /// Whether `$SOL/broker/` has figures too.
    pub sol_topics: bool,
    /// Seconds until 3.1 and 3.1.1 clients get an unacknowledged message again; 0 for never.
    pub retransmit_s: u32,
    /// Whether birth certificates of Sparkplug are kept as retained messages below `$sparkplug/certificates`.
    pub sparkplug_aware: bool,
}

/// Brokers whose habits can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// None but our own.
    Postrider,
    /// mosquitto 2.1.
    Mosquitto,
    /// Sol.
    Sol,
    /// The Python system.
    Moat,
}

/// What becomes of a client that sends more at once than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiveMaximum {
    /// It is disconnected with 0x93.
    Strict,
    /// It is written down.
    Warn,
}
