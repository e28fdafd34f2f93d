//! The arguments of `postrider acl`.

use super::qos;
use clap::{Args, Subcommand, ValueEnum};
use postrider_client::Qos;
use std::net::IpAddr;
use std::path::PathBuf;

/// Rules about who may do what.
#[derive(Debug, Args)]
pub(crate) struct Acl {
    #[command(subcommand)]
    pub(crate) what: What,
}

/// What can be asked about rules.
#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// Say who may do something, and which rule decides it
    Explain(Explain),
    /// Read a file of rules and say what is wrong in it
    Check {
        /// The file; TOML if its name ends in .toml
        file: PathBuf,
    },
}

/// Who wants to do what.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The file of rules
    #[arg(long, value_name = "FILE")]
    pub(crate) acl: PathBuf,
    /// The user name [default: an anonymous client]
    #[arg(short, long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// The client identifier
    #[arg(short, long, value_name = "ID", default_value = "")]
    pub(crate) client: String,
    /// The address it comes from [default: not known]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) address: Option<IpAddr>,
    /// The listener it came through, counted from 0 [default: not known]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) listener: Option<u16>,
    /// The QoS of the message or the subscription
    #[arg(short, long, value_name = "QOS", default_value = "0", value_parser = qos)]
    pub(crate) qos: Qos,
    /// The message is retained
    #[arg(short, long)]
    pub(crate) retain: bool,
    /// Print an object of JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// What it wants to do
    #[arg(value_enum)]
    pub(crate) action: Action,
    /// The topic; for subscribe a filter, which may begin with $share/NAME/
    pub(crate) topic: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Action {
    Publish,
    Subscribe,
    Receive,
}

impl Action {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
            Self::Receive => "receive",
        }
    }
}
