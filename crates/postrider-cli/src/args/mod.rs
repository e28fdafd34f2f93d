//! What can be typed.
//!
//! Owns: names of options and what they accept; those of `pub`, `sub` and `rr` are mosquitto's.

mod absent;
mod acl;
mod config;
mod connection;
mod data;
mod options_file;
mod output;
mod passwd;
mod people;
mod properties;
mod publish;
mod request;
mod subscribe;
mod tls;
mod transport;
mod url;

pub(crate) use acl::{Acl, Action, Explain, What};
pub(crate) use config::{Configure, Form, Said, Verb};
pub(crate) use connection::{Connection, Plan};
#[cfg(feature = "sqlite")]
pub(crate) use data::Export;
pub(crate) use data::{Backup, Check, Dump, Import, Restore, Salvage};
pub(crate) use output::Output;
pub(crate) use passwd::{Kind, Passwd};
pub(crate) use people::{Client, ClientVerb, Named, User, UserVerb};
pub(crate) use properties::hyphenated;
pub(crate) use publish::{Pub, Source};
pub(crate) use request::Rr;
pub(crate) use subscribe::Sub;
pub(crate) use tls::TlsArgs;

use crate::bench::Bench;
use crate::conformance::Conformance;
use crate::torture::Torture;
use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use postrider_client::Qos;
use std::net::IpAddr;
use std::path::PathBuf;

/// An MQTT 3.1, 3.1.1 and 5.0 broker, and its tools. Without a command it serves.
#[derive(Debug, Parser)]
#[command(name = "postrider", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) serve: Serve,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What the command can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the broker
    Serve(Serve),
    /// Look at rules about who may do what, without a broker
    Acl(Acl),
    /// Publish messages
    #[command(disable_help_flag = true, args_override_self = true)]
    Pub(Box<Pub>),
    /// Subscribe and print what comes
    #[command(disable_help_flag = true, args_override_self = true)]
    Sub(Box<Sub>),
    /// Publish a request and print the response
    #[command(disable_help_flag = true, args_override_self = true)]
    Rr(Box<Rr>),
    /// Load a broker and measure it
    #[command(disable_help_flag = true)]
    Bench(Bench),
    /// Test any broker against the statements of the specification
    Conformance(Conformance),
    /// Kill any broker again and again, and count what was acknowledged and is gone
    #[command(args_override_self = true)]
    Torture(Box<Torture>),
    /// Make and change a password file
    Passwd(Passwd),
    /// Look at and change the users of a user store
    User(User),
    /// Look at and change the client identifiers of a user store
    Client(Client),
    /// Look at a configuration: check it, print it, explain it, import one of another broker
    Config(Configure),
    /// Read a data directory, change nothing, and list what is damaged
    Check(Check),
    /// Copy what is whole of a damaged data directory into a new one
    Salvage(Salvage),
    /// Print what a data directory holds: sessions, messages, what is retained
    Dump(Dump),
    /// Copy a data directory while the broker runs
    Backup(Backup),
    /// Make a data directory of a backup
    Restore(Restore),
    /// Write what a data directory holds into a SQLite database
    #[cfg(feature = "sqlite")]
    Export(Export),
    /// Make a data directory of a SQLite database, or of a `mosquitto.db`
    Import(Import),
}

#[derive(Clone, Debug, Default, Group)]
pub(crate) struct Serve {
    /// The program was called by mosquitto's name.
    #[arg(skip)]
    pub(crate) is_mosquitto: bool,
    /// Configuration: our own TOML, or the mosquitto.conf of before as it is; SIGHUP has it read again
    #[arg(short, long, value_name = "FILE", alias = "config-file")]
    pub(crate) config: Option<PathBuf>,
    /// Port to listen on, may be given several times; 0 takes a free one [default: 1883]
    #[arg(short, long)]
    pub(crate) port: Vec<u16>,
    /// Address to listen on; may be given several times [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) bind: Vec<IpAddr>,
    /// Ask clients for a user and a password of this file, which `postrider passwd` or `mosquitto_passwd` made; SIGHUP
    /// has it read again
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Let clients in that name no user although there is a password file; without one, serve clients from other
    /// machines although nobody is asked for a password
    #[arg(long)]
    pub(crate) allow_anonymous: bool,
    /// Rules about who may do what: mosquitto's acl_file, or TOML if the name ends in .toml; SIGHUP reads them again
    #[arg(long, value_name = "FILE")]
    pub(crate) acl_file: Option<PathBuf>,
    /// Where messages and sessions are kept: a directory, or `memory`, which does not survive a restart [default:
    /// $XDG_STATE_HOME/postrider or ~/.local/state/postrider; /var/lib/postrider for root]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// What an acknowledged message survives: a loss of power (`fsync`), the end of the process (`os`), or neither
    /// (`memory`) [default: fsync]
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) durability: Option<Durability>,
    /// Start although some of the data is damaged; it is put aside and listed
    #[arg(long)]
    pub(crate) accept_loss: bool,
    /// Do not begin anew in a directory that holds no data
    #[arg(long)]
    pub(crate) data_must_exist: bool,
    /// Threads that serve connections [default: half the processors, 1 to 4]
    #[arg(long, value_name = "COUNT")]
    pub(crate) threads: Option<std::num::NonZeroU8>,
    /// Seconds between two reports of the broker about itself below `$SYS/broker`; 0 is off [default: 10 if only this
    /// machine is served, else 0]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) sys_interval: Option<u16>,
    /// Go into the background once clients are served
    #[arg(short, long)]
    pub(crate) daemon: bool,
    /// Read the configuration, say what is wrong with it, and open nothing
    #[arg(long)]
    pub(crate) test_config: bool,
    /// Write the secrets of TLS connections into this file, to read along with a debugger
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_keylog: Option<PathBuf>,
    /// Print what happens: connections, subscriptions, refusals, drops
    #[arg(short, long, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
    /// Print nothing but errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

impl Args {
    /// What was typed, and before it what stands in the tool's options file.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let args = Self::parse();
        let Some((tool, connection)) = args.command.as_ref().and_then(Command::tool) else { return Ok(args) };
        let defaults = options_file::read(tool, connection.options_file())?;
        if defaults.is_empty() {
            return Ok(args);
        }
        let mut typed = std::env::args_os();
        let head: Vec<_> = typed.by_ref().take(2).collect();
        Ok(Self::parse_from(head.into_iter().chain(defaults).chain(typed)))
    }
}

impl Command {
    /// The name and the connection of a tool that is a client.
    fn tool(&self) -> Option<(&'static str, &Connection)> {
        match self {
            Self::Pub(args) => Some(("pub", &args.connection)),
            Self::Sub(args) => Some(("sub", &args.connection)),
            Self::Rr(args) => Some(("rr", &args.connection)),
            Self::Serve(_) | Self::Acl(_) | Self::Bench(_) | Self::Conformance(_) | Self::Torture(_) => None,
            Self::Passwd(_) | Self::User(_) | Self::Client(_) | Self::Config(_) => None,
            Self::Check(_) | Self::Salvage(_) | Self::Dump(_) | Self::Backup(_) | Self::Restore(_) => None,
            Self::Import(_) => None,
            #[cfg(feature = "sqlite")]
            Self::Export(_) => None,
        }
    }
}

pub(crate) fn qos(text: &str) -> Result<Qos, String> {
    let number: u8 = text.parse().map_err(|_| "it is 0, 1 or 2".to_owned())?;
    Qos::from_u8(number).ok_or_else(|| "it is 0, 1 or 2".to_owned())
}

/// What an acknowledgement promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Durability {
    Fsync,
    Os,
    Memory,
}
