//! What `rr` asks, and where the response comes.

use super::{Connection, Output, Source, qos};
use clap::Args as Group;
use postrider_client::Qos;

#[derive(Clone, Debug, Group)]
pub(crate) struct Rr {
    /// Topic to publish the request to
    #[arg(short, long, allow_hyphen_values = true)]
    pub(crate) topic: Option<String>,
    /// Topic the response comes to
    #[arg(short = 'e', long, value_name = "TOPIC", allow_hyphen_values = true)]
    pub(crate) response_topic: Option<String>,
    #[command(flatten)]
    pub(crate) source: Source,
    /// QoS of request and response: 0, 1 or 2
    #[arg(short, long, default_value = "0", value_parser = qos)]
    pub(crate) qos: Qos,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) connection: Connection,
}
