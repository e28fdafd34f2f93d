//! Which server, and as whom.

use super::properties::Declared;
use super::qos;
use super::transport::Transport;
use super::url::Url;
use anyhow::bail;
use clap::{ArgAction, Args as Group, ValueEnum};
use postrider_client::{Options, PropertiesBuf, PropertyId, Publication, Qos, Version};
use std::ffi::OsString;
use std::net::{IpAddr, ToSocketAddrs};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug, Group)]
pub(crate) struct Connection {
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
    /// The server's host name or address [default: localhost]
    #[arg(short = 'h', long)]
    host: Option<String>,
    /// The server's port; 8883 means TLS [default: 1883, 8883 with TLS, 80 and 443 with WebSocket]
    #[arg(short, long)]
    port: Option<u16>,
    /// Server and topic at once: mqtt://[user[:password]@]host[:port]/topic; mqtts:// with TLS, ws:// and wss:// with
    /// WebSocket
    #[arg(short = 'L', long)]
    url: Option<String>,
    /// The edition of MQTT: 5, 311 or 31 [default: 311, and 5 with -D, -x or for requests]
    #[arg(short = 'V', long = "protocol-version", value_name = "EDITION", hide_possible_values = true)]
    version: Option<Edition>,
    /// Client identifier [default: the server chooses]
    #[arg(short = 'i', long, value_name = "ID", allow_hyphen_values = true, conflicts_with = "id_prefix")]
    id: Option<String>,
    /// Client identifier made of this and the number of the process
    #[arg(short = 'I', long, value_name = "PREFIX", allow_hyphen_values = true)]
    id_prefix: Option<String>,
    /// User name
    #[arg(short, long, value_name = "NAME", allow_hyphen_values = true)]
    username: Option<String>,
    /// Password
    #[arg(short = 'P', long, value_name = "PASSWORD", allow_hyphen_values = true)]
    pw: Option<OsString>,
    /// Seconds between signs of life; 0 switches them off
    #[arg(short, long, value_name = "SECONDS", default_value_t = 60)]
    keepalive: u16,
    /// Go on with the session of an earlier connection; needs --id
    #[arg(short = 'c', long)]
    disable_clean_session: bool,
    /// Seconds the session outlives the connection, -1 for ever; 5.0 only [default: for ever with -c, else 0]
    #[arg(short = 'x', long, value_name = "SECONDS", value_parser = expiry, allow_hyphen_values = true)]
    session_expiry_interval: Option<u32>,
    /// Messages with QoS 1 or 2 that are under way to the server at once
    #[arg(short = 'M', long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    max_inflight: u16,
    /// Address of this machine to connect from
    #[arg(short = 'A', long, value_name = "ADDRESS")]
    bind: Option<String>,
    /// Send small packets at once, which is always done
    #[arg(long)]
    nodelay: bool,
    /// Declare a property of 5.0, with a name and a value for `user-property`; may be given several times
    #[arg(
        short = 'D', long, num_args = 3..=4, value_names = ["COMMAND", "IDENTIFIER", "VALUE"],
        action = ArgAction::Append, allow_negative_numbers = true
    )]
    property: Vec<String>,
    /// Topic of a will, published by the server when this connection breaks
    #[arg(long, value_name = "TOPIC")]
    will_topic: Option<String>,
    /// Payload of the will
    #[arg(long, value_name = "TEXT", requires = "will_topic", allow_hyphen_values = true)]
    will_payload: Option<OsString>,
    /// QoS of the will
    #[arg(long, value_name = "QOS", default_value = "0", value_parser = qos)]
    will_qos: Qos,
    /// Retain the will
    #[arg(long, requires = "will_topic")]
    will_retain: bool,
    /// Print every packet
    #[arg(short, long)]
    pub(crate) debug: bool,
    /// Print no errors
    #[arg(long)]
    pub(crate) quiet: bool,
    /// File with options, one a line [default: postrider_pub, _sub or _rr in ~/.config]
    #[arg(short = 'o', long, value_name = "PATH")]
    options_file: Option<PathBuf>,
    #[command(flatten)]
    transport: Transport,
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

/// A connection that can be made.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) options: Options,
    /// What is not in `options`: properties of other packets than CONNECT and the will.
    pub(crate) declared: Declared,
    /// Of the URL.
    pub(crate) topic: Option<String>,
}

impl Connection {
    pub(super) fn options_file(&self) -> Option<&Path> {
        self.options_file.as_deref()
    }

    /// Everything typed, checked; `usual` is the edition when none was asked for in any way.
    pub(crate) fn plan(&self, usual: Version) -> anyhow::Result<Plan> {
        let url = self.url.as_deref().map(Url::parse).transpose()?;
        let declared = Declared::parse(&self.property)?;
        let mut options = Options::new("", &self.client_id()).version(self.version(usual));
        let host = url.as_ref().map(|url| &*url.host).or(self.host.as_deref()).unwrap_or("localhost");
        let port = url.as_ref().map_or(self.port, |url| url.port);
        self.transport.plan(&mut options, host, port, url.as_ref())?;
        options.bind = self.bind.as_deref().map(local_address).transpose()?;
        options.keep_alive_s = self.keepalive;
        options.send_maximum = self.max_inflight;
        if self.disable_clean_session {
            options = options.resume(u32::MAX);
        }
        declare(&mut options, &declared.connect);
        if let Some(seconds) = self.session_expiry_interval {
            options.session_expiry_s = seconds;
        }
        options.will = self.will(&declared);
        self.log_in(&mut options, url.as_ref());
        check(&options)?;
        Ok(Plan { options, declared, topic: url.map(|url| url.topic) })
    }

    fn version(&self, usual: Version) -> Version {
        match self.version {
            Some(Edition::V5) => Version::V5,
            Some(Edition::V3_1_1) => Version::V3_1_1,
            Some(Edition::V3_1) => Version::V3_1,
            // What only 5.0 has asks for it.
            None if self.session_expiry_interval.is_some() || !self.property.is_empty() => Version::V5,
            None => usual,
        }
    }

    fn client_id(&self) -> String {
        match (&self.id, &self.id_prefix) {
            (Some(id), _) => id.clone(),
            (None, Some(prefix)) => format!("{prefix}{}", std::process::id()),
            // 3.1 knows no empty identifier.
            (None, None) if matches!(self.version, Some(Edition::V3_1)) => format!("postrider-{}", std::process::id()),
            (None, None) => String::new(),
        }
    }

    fn will(&self, declared: &Declared) -> Option<Publication> {
        let payload = self.will_payload.as_ref().map_or(&[][..], |payload| payload.as_bytes());
        let mut will = Publication::new(self.will_topic.as_ref()?, payload.to_vec()).qos(self.will_qos);
        will.retain = self.will_retain;
        will.properties = declared.will.clone();
        Some(will)
    }

    fn log_in(&self, options: &mut Options, url: Option<&Url>) {
        let user_name = url.and_then(|url| url.user_name.as_ref()).or(self.username.as_ref());
        let password = url.and_then(|url| url.password.as_ref()).map(|password| password.as_bytes());
        options.user_name = user_name.map(|name| name.as_str().into());
        options.password = password.or_else(|| self.pw.as_ref().map(|password| password.as_bytes())).map(Into::into);
    }
}

/// Some properties of CONNECT are options of their own.
fn declare(options: &mut Options, declared: &PropertiesBuf) {
    for property in declared.as_properties().iter() {
        let number = declared.as_properties().number(property.id()).unwrap_or_default();
        #[expect(clippy::wildcard_enum_match_arm, reason = "all others are said as they are")]
        match property.id() {
            PropertyId::SessionExpiryInterval => options.session_expiry_s = number,
            PropertyId::ReceiveMaximum => options.receive_maximum = u16::try_from(number).unwrap_or(u16::MAX),
            PropertyId::MaximumPacketSize => options.packet_bytes_max = number,
            _ => drop(options.properties.push(property)),
        }
    }
}

fn check(options: &Options) -> anyhow::Result<()> {
    if options.start == postrider_client::Start::Resume && options.client_id.is_empty() {
        bail!("a session goes on only under its client's identifier: add --id ID to --disable-clean-session");
    }
    // [MQTT-3.1.2-22] of 3.1.1
    if options.password.is_some() && options.user_name.is_none() && !options.version.is_v5() {
        bail!("a password without a user name is possible in 5.0 only: add --username NAME or -V 5");
    }
    Ok(())
}

/// An address of this machine, or a name for one.
fn local_address(text: &str) -> anyhow::Result<IpAddr> {
    let found = (text, 0).to_socket_addrs().ok().and_then(|mut found| found.next());
    found.map(|address| address.ip()).ok_or_else(|| anyhow::anyhow!("--bind {text}: it is no address of this machine"))
}

/// Seconds, or the signs for "never" that people use.
fn expiry(text: &str) -> Result<u32, String> {
    match text {
        "-1" | "∞" => Ok(u32::MAX),
        _ => text.parse().map_err(|_| "it is a number of seconds up to 4294967295, or -1 for ever".to_owned()),
    }
}
