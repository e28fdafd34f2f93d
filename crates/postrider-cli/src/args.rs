//! What can be typed.
//!
//! Owns: names of options and what they accept; those of `pub` and `sub` are mosquitto's where both have them.

use crate::bench::Bench;
use clap::{ArgAction, Args as Group, Parser, Subcommand, ValueEnum};
use postrider_client::{Options, Publication, Qos, Version};
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
    /// Publish messages
    #[command(disable_help_flag = true)]
    Pub(Pub),
    /// Subscribe and print what comes
    #[command(disable_help_flag = true)]
    Sub(Sub),
    /// Load a broker and measure it
    #[command(disable_help_flag = true)]
    Bench(Bench),
}

#[derive(Clone, Debug, Group)]
pub(crate) struct Serve {
    /// Port to listen on; 0 takes a free one
    #[arg(short, long, default_value_t = 1883)]
    pub(crate) port: u16,
    /// Address to listen on; may be given several times [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) bind: Vec<IpAddr>,
    /// Serve clients from other machines although nobody is asked for a password
    #[arg(long)]
    pub(crate) allow_anonymous: bool,
    /// Where messages and sessions are kept; for now only `memory`, which does not survive a restart
    #[arg(long, value_name = "DIR", default_value = "memory", value_parser = data_dir)]
    pub(crate) data_dir: String,
    /// Threads that serve connections [default: half the processors, 1 to 4]
    #[arg(long, value_name = "COUNT")]
    pub(crate) threads: Option<std::num::NonZeroU8>,
    /// Seconds between two reports of the broker about itself below `$SYS/broker`; 0 is off [default: 10 if only this
    /// machine is served, else 0]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) sys_interval: Option<u16>,
    /// Print what happens: connections, subscriptions, refusals, drops
    #[arg(short, long, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
    /// Print nothing but errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Which server, and as whom.
#[derive(Clone, Debug, Group)]
pub(crate) struct Connection {
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
    /// The server's host name or address
    #[arg(short = 'h', long, default_value = "localhost")]
    host: String,
    /// The server's port
    #[arg(short, long, default_value_t = 1883)]
    port: u16,
    /// The edition of MQTT: 5, 311 or 31
    #[arg(short = 'V', long = "protocol-version", value_name = "EDITION", default_value = "5")]
    version: Edition,
    /// Client identifier [default: the server or a random one chooses]
    #[arg(short = 'i', long, value_name = "ID")]
    id: Option<String>,
    /// User name
    #[arg(short, long, value_name = "NAME")]
    username: Option<String>,
    /// Password
    #[arg(short = 'P', long, value_name = "PASSWORD", requires = "username")]
    pw: Option<String>,
    /// Seconds between signs of life
    #[arg(short, long, value_name = "SECONDS", default_value_t = 60)]
    keepalive: u16,
    /// Go on with the session of an earlier connection; needs --id
    #[arg(short = 'c', long, requires = "id")]
    disable_clean_session: bool,
    /// Seconds the session outlives the connection; 5.0 only [default: for ever with -c, else 0]
    #[arg(short = 'x', long, value_name = "SECONDS")]
    session_expiry_interval: Option<u32>,
    /// Topic of a will, published by the server when this connection breaks
    #[arg(long, value_name = "TOPIC")]
    will_topic: Option<String>,
    /// Payload of the will
    #[arg(long, value_name = "TEXT", requires = "will_topic")]
    will_payload: Option<String>,
    /// QoS of the will
    #[arg(long, value_name = "QOS", default_value = "0", value_parser = qos)]
    will_qos: Qos,
    /// Retain the will
    #[arg(long, requires = "will_topic")]
    will_retain: bool,
}

/// The dialects, under every name people know.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Edition {
    #[value(name = "5", aliases = ["mqttv5", "5.0"])]
    V5,
    #[value(name = "311", aliases = ["mqttv311", "3.1.1", "4"])]
    V3_1_1,
    #[value(name = "31", aliases = ["mqttv31", "3.1", "3"])]
    V3_1,
}

#[derive(Clone, Debug, Group)]
pub(crate) struct Pub {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Topic to publish to
    #[arg(short, long)]
    pub(crate) topic: String,
    #[command(flatten)]
    pub(crate) source: Source,
    /// 0, 1 or 2
    #[arg(short, long, default_value = "0", value_parser = qos)]
    pub(crate) qos: Qos,
    /// Have the server store the message for later subscribers
    #[arg(short, long)]
    pub(crate) retain: bool,
}

/// What is published: exactly one of these.
#[derive(Clone, Debug, Group)]
#[group(required = true, multiple = false)]
pub(crate) struct Source {
    /// This text
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// The contents of this file
    #[arg(short, long, value_name = "PATH")]
    pub(crate) file: Option<PathBuf>,
    /// An empty message, which with --retain clears a retained one
    #[arg(short, long)]
    pub(crate) null_message: bool,
    /// Standard input, as one message
    #[arg(short, long)]
    pub(crate) stdin_file: bool,
    /// Standard input, each line a message
    #[arg(short = 'l', long)]
    pub(crate) stdin_line: bool,
}

#[derive(Clone, Debug, Group)]
pub(crate) struct Sub {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Topic filter; may be given several times
    #[arg(short, long, required = true, value_name = "FILTER")]
    pub(crate) topic: Vec<String>,
    /// Highest QoS wanted: 0, 1 or 2
    #[arg(short, long, default_value = "0", value_parser = qos)]
    pub(crate) qos: Qos,
    /// Print the topic before each message
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// End after this many messages
    #[arg(short = 'C', long, value_name = "MESSAGES")]
    pub(crate) count: Option<u64>,
    /// End after this many seconds, with exit code 27
    #[arg(short = 'W', long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u64>,
    /// Leave out retained messages
    #[arg(short = 'R', long)]
    pub(crate) no_retained: bool,
    /// No line end after each message
    #[arg(short = 'N', long)]
    pub(crate) no_line_end: bool,
}

impl Connection {
    /// `host:port`, for messages to people.
    pub(crate) fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    pub(crate) fn options(&self) -> Options {
        let version = match self.version {
            Edition::V5 => Version::V5,
            Edition::V3_1_1 => Version::V3_1_1,
            Edition::V3_1 => Version::V3_1,
        };
        // 3.1 knows no empty identifier.
        let anonymous =
            if version == Version::V3_1 { format!("postrider-{}", std::process::id()) } else { String::new() };
        let mut options = Options::new(&self.address(), self.id.as_deref().unwrap_or(&anonymous)).version(version);
        options.keep_alive_s = self.keepalive;
        options.user_name = self.username.as_deref().map(Into::into);
        options.password = self.pw.as_deref().map(|password| password.as_bytes().into());
        if self.disable_clean_session {
            options = options.resume(u32::MAX);
        }
        if let Some(seconds) = self.session_expiry_interval {
            options.session_expiry_s = seconds;
        }
        if let Some(topic) = &self.will_topic {
            let mut will = Publication::new(topic, self.will_payload.clone().unwrap_or_default()).qos(self.will_qos);
            will.retain = self.will_retain;
            options = options.will(will);
        }
        options
    }
}

pub(crate) fn qos(text: &str) -> Result<Qos, String> {
    let number: u8 = text.parse().map_err(|_| "it is 0, 1 or 2".to_owned())?;
    Qos::from_u8(number).ok_or_else(|| "it is 0, 1 or 2".to_owned())
}

fn data_dir(text: &str) -> Result<String, String> {
    match text {
        "memory" => Ok(text.to_owned()),
        _ => Err("nothing can be kept on disk yet; use --data-dir memory".to_owned()),
    }
}
