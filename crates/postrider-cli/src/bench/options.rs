//! What `postrider bench` can be told.

use super::link::Lifetime;
use crate::args::TlsArgs;
use clap::{Args, Subcommand, ValueEnum};
use postrider_client::{Qos, Version};
use postrider_net::dial::Route;
use std::path::PathBuf;

#[derive(Clone, Debug, Args)]
pub(crate) struct Bench {
    #[command(subcommand)]
    pub(crate) scenario: Scenario,
    #[command(flatten)]
    pub(crate) target: Target,
    /// Seconds that are measured
    #[arg(long, value_name = "SECONDS", default_value_t = 4, global = true)]
    pub(crate) seconds: u64,
    /// Seconds of load before that
    #[arg(long, value_name = "SECONDS", default_value_t = 1, global = true)]
    pub(crate) warm: u64,
    /// Print one JSON object
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print help
    #[arg(long, action = clap::ArgAction::Help, global = true)]
    help: Option<bool>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Target {
    /// The broker's host name or address
    #[arg(short = 'h', long, default_value = "127.0.0.1", global = true)]
    host: String,
    /// The broker's port
    #[arg(short, long, default_value_t = 1883, global = true)]
    port: u16,
    /// The broker as a URL instead: mqtt://host:port, mqtts:// with TLS, ws://host:port/path with WebSocket, wss:// with
    /// both, unix:///path for a socket on this machine
    #[arg(long, conflicts_with_all = ["host", "port"], global = true)]
    url: Option<String>,
    #[command(flatten)]
    tls: TlsArgs,
    /// The edition of MQTT: 5 or 311
    #[arg(short = 'V', long = "protocol-version", value_name = "EDITION", default_value = "311", global = true)]
    edition: Edition,
    /// The broker's process on this machine, whose processor time and memory are then told
    #[arg(long, value_name = "PID", global = true)]
    pub(crate) pid: Option<u32>,
}

/// The editions that tools load brokers in.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Edition {
    #[value(name = "5", alias = "mqttv5")]
    V5,
    #[value(name = "311", aliases = ["mqttv311", "3.1.1"])]
    V3_1_1,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Scenario {
    /// Publishers and subscribers: one to one, fan-in or fan-out
    #[command(disable_help_flag = true)]
    Messages(Messages),
    /// Connect, subscribe, publish to oneself, receive, disconnect; again and again
    #[command(disable_help_flag = true)]
    Connect(Connect),
    /// Connect until the broker lets the client in, and hang up; again and again. With TLS: what a handshake costs
    #[command(disable_help_flag = true)]
    Handshake(Connect),
    /// Retained messages and one subscriber that gets them all
    #[command(disable_help_flag = true)]
    Retained(Retained),
    /// Messages for clients that are away and come back
    #[command(disable_help_flag = true)]
    Offline(Offline),
    /// Connections that do nothing, each with one subscription
    #[command(disable_help_flag = true)]
    Idle(Idle),
    /// Clients that subscribe and do not read, to be run beside `messages`
    #[command(disable_help_flag = true)]
    Stuck(Stuck),
    /// Everything at once for minutes or hours, looking for what grows or becomes slower
    #[command(disable_help_flag = true)]
    Soak(Soak),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Messages {
    /// Publishers
    #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) publishers: u32,
    /// Subscribers. As many as publishers: one to one. One: fan-in. Otherwise each hears every publisher
    #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) subscribers: u32,
    /// All subscribers share one subscription, so that each message goes to one of them
    #[arg(long = "shared")]
    pub(crate) is_shared: bool,
    /// The subscribers' sessions outlive their connections, so that messages above QoS 0 have to be kept for them
    #[arg(long = "durable")]
    pub(crate) is_durable: bool,
    /// 0, 1 or 2, of publications and subscriptions
    #[arg(short, long, default_value = "0", value_parser = crate::args::qos)]
    pub(crate) qos: Qos,
    /// Bytes of payload, at least 16
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = clap::value_parser!(u32).range(16..=16_000_000))]
    pub(crate) size: u32,
    /// Messages that a publisher may have between itself and all of their subscribers
    #[arg(long, value_name = "MESSAGES", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) window: u32,
    /// Messages written at a time
    #[arg(long, value_name = "MESSAGES", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) burst: u32,
    /// Publish this many messages a second, all publishers together, instead of as many as the window lets through
    #[arg(long, value_name = "MESSAGES", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) rate: Option<u64>,
    /// A directory on the device that the broker writes to. In turns with the load, as many bytes as it has to make
    /// durable at a time are written and synced there, to tell what part of the device's own rate it reaches
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "rate")]
    pub(crate) device: Option<PathBuf>,
    /// Messages that are written to the device at a time [default: half of those that may be under way]
    #[arg(long, value_name = "MESSAGES", requires = "device", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) group: Option<u32>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Connect {
    /// Clients that do so at the same time
    #[arg(long, value_name = "COUNT", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) parallel: u32,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Retained {
    /// Messages, each with a topic of its own
    #[arg(long, value_name = "MESSAGES", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) count: u32,
    /// Bytes of payload, at least 16
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = clap::value_parser!(u32).range(16..=16_000_000))]
    pub(crate) size: u32,
    #[command(flatten)]
    pub(crate) part: Part,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Offline {
    /// Clients that are away
    #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) clients: u32,
    /// Messages for each of them; the broker's limit may be lower
    #[arg(long, value_name = "MESSAGES", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) each: u32,
    /// Bytes of payload, at least 16
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = clap::value_parser!(u32).range(16..=16_000_000))]
    pub(crate) size: u32,
    #[command(flatten)]
    pub(crate) part: Part,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Idle {
    /// Connections
    #[arg(long, value_name = "COUNT", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) connections: u32,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Stuck {
    /// Connections
    #[arg(long, value_name = "COUNT", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) connections: u32,
    /// Messages to all of them that fill the system's buffers
    #[arg(long, value_name = "MESSAGES", default_value_t = 64)]
    pub(crate) fill: u32,
    /// Bytes of payload
    #[arg(long, value_name = "BYTES", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=16_000_000))]
    pub(crate) size: u32,
    /// Messages a second to all of them after that
    #[arg(long, value_name = "MESSAGES", default_value_t = 1)]
    pub(crate) rate: u32,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Soak {
    /// How long it goes on
    #[arg(long, value_name = "MINUTES", default_value_t = 3.0, value_parser = minutes)]
    pub(crate) minutes: f64,
    /// Messages a second of the steady flow, each for three subscribers
    #[arg(long, value_name = "MESSAGES", default_value_t = 600, value_parser = clap::value_parser!(u32).range(6..))]
    pub(crate) rate: u32,
    /// Bytes of their payload. A log whose files fill within the run shows what it keeps for a file and what it leaks
    #[arg(long, value_name = "BYTES", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(16..=1_000_000))]
    pub(crate) size: u32,
    /// Clients a second that come once
    #[arg(long, value_name = "COUNT", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) churn: u32,
    /// Seconds after which the mix is where it was at the beginning
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) cycle: u64,
    /// Seconds between two looks at the broker
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) sample: u64,
    /// The broker's data directory, whose size is then told
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) data: Option<PathBuf>,
    /// Fail when the resident memory of --pid certainly grows faster than this
    #[arg(long, value_name = "MIB_PER_HOUR", requires = "pid", allow_negative_numbers = true)]
    pub(crate) slope_max: Option<f64>,
    /// Fail when the 99th percentile of the latency has grown by more than this
    #[arg(long, value_name = "PERCENT", allow_negative_numbers = true)]
    pub(crate) drift_max: Option<f64>,
}

/// A tenth of a second to a year.
fn minutes(text: &str) -> Result<f64, String> {
    let minutes: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if !(0.001..=525_600.0).contains(&minutes) {
        return Err("from 0.001 to 525600".to_owned());
    }
    Ok(minutes)
}

/// A run in two parts, between which the broker may be started anew.
#[derive(Clone, Debug, Args)]
pub(crate) struct Part {
    /// Do only this: bring the messages and leave them there, or get them and clear up
    #[arg(long, value_name = "PART", requires = "name")]
    only: Option<Half>,
    /// A name that both parts of a run have in common, for its topics and clients
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Half {
    Fill,
    Drain,
}

impl Part {
    pub(crate) fn fills(&self) -> bool {
        self.only != Some(Half::Drain)
    }

    pub(crate) fn drains(&self) -> bool {
        self.only != Some(Half::Fill)
    }

    /// What topics and clients of this run are called.
    pub(crate) fn run_name(&self) -> String {
        self.name.clone().unwrap_or_else(|| std::process::id().to_string())
    }
}

impl Messages {
    pub(crate) const fn lifetime(&self) -> Lifetime {
        if self.is_durable { Lifetime::Durable } else { Lifetime::Connection }
    }

    /// Messages that become durable at a time, if those that come while a group is synced make the next.
    pub(crate) fn group(&self) -> u32 {
        let half = (u64::from(self.publishers) * u64::from(self.window) / 2).clamp(1, 65_536);
        self.group.unwrap_or_else(|| u32::try_from(half).unwrap_or(u32::MAX))
    }
}

impl Target {
    pub(crate) fn route(&self) -> anyhow::Result<Route> {
        let named = || {
            if self.host.contains(':') {
                format!("[{}]:{}", self.host, self.port)
            } else {
                format!("{}:{}", self.host, self.port)
            }
        };
        self.tls.route(&self.url.clone().unwrap_or_else(named))
    }

    pub(crate) const fn version(&self) -> Version {
        self.edition.version()
    }
}

impl Edition {
    pub(crate) const fn version(self) -> Version {
        match self {
            Self::V5 => Version::V5,
            Self::V3_1_1 => Version::V3_1_1,
        }
    }
}
