//! What `sub` subscribes to and what it does with it.

use super::{Connection, Output, qos};
use clap::{Args as Group, ValueEnum};
use postrider_client::{Qos, RetainHandling, SubscribeOptions};

#[derive(Clone, Debug, Group)]
pub(crate) struct Sub {
    /// Topic filter; may be given several times
    #[arg(short, long, value_name = "FILTER", allow_hyphen_values = true)]
    pub(crate) topic: Vec<String>,
    /// Subscription to end; may be given several times
    #[arg(short = 'U', long, value_name = "FILTER", allow_hyphen_values = true)]
    pub(crate) unsubscribe: Vec<String>,
    /// Leave out messages whose topic matches; may be given several times
    #[arg(short = 'T', long, value_name = "FILTER", value_parser = filter, allow_hyphen_values = true)]
    pub(crate) filter_out: Vec<String>,
    /// Highest QoS wanted: 0, 1 or 2
    #[arg(short, long, default_value = "0", value_parser = qos)]
    pub(crate) qos: Qos,
    /// End after this many messages
    #[arg(short = 'C', long, value_name = "MESSAGES", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// End as soon as the server has answered to the subscriptions
    #[arg(short = 'E', long)]
    pub(crate) exit_after_subscribing: bool,
    /// Print retained messages only, and end with the first other one
    #[arg(long, conflicts_with = "no_retained")]
    pub(crate) retained_only: bool,
    /// Have the server clear every retained message that comes
    #[arg(long)]
    pub(crate) remove_retained: bool,
    /// Have the server leave the retain flag as it was published; 5.0 only
    #[arg(long)]
    retain_as_published: bool,
    /// When retained messages come with a subscription; 5.0 only [default: always]
    #[arg(long, value_name = "WHEN")]
    retain_handling: Option<When>,
    /// Print only this percentage of the messages, by chance: 0.1 to 100
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(crate) random_filter: Option<f64>,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum When {
    Always,
    New,
    Never,
}

impl Sub {
    /// How each filter is subscribed to.
    pub(crate) fn options(&self) -> SubscribeOptions {
        SubscribeOptions {
            retain_as_published: self.retain_as_published,
            retain_handling: match self.retain_handling {
                Some(When::Always) => RetainHandling::Always,
                Some(When::New) => RetainHandling::IfNew,
                Some(When::Never) => RetainHandling::Never,
                // What will not be printed need not come, unless it is to be cleared or was live before.
                None if self.output.no_retained && !self.remove_retained => RetainHandling::Never,
                None => RetainHandling::Always,
            },
            ..SubscribeOptions::of(self.qos)
        }
    }
}

fn filter(text: &str) -> Result<String, String> {
    let parsed = postrider_proto::Filter::parse(text.as_bytes());
    parsed.map(|_| text.to_owned()).map_err(|error| error.to_string())
}

fn percent(text: &str) -> Result<f64, String> {
    let percent = text.parse().ok().filter(|percent| (0.1..=100.0).contains(percent));
    percent.ok_or_else(|| "it is a number from 0.1 to 100".to_owned())
}
