//! How a client presents itself.

use crate::Publication;
use postrider_net::dial::{Proxy, Route, Tls, TlsOptions, WebSocket};
use postrider_proto::{Connect, PropertiesBuf, Property, PropertyId, Start, Topic, Version, Will};
use std::io;
use std::net::IpAddr;

/// Everything a CONNECT says, and where it goes.
#[derive(Clone, Debug)]
pub struct Options {
    /// `host:port`, or a URL: `mqtt://host:port`, `mqtts://` with TLS, `ws://host:port/path` with WebSocket, `wss://`
    /// with both, `unix:///path` for a socket on this machine.
    pub address: Box<str>,
    /// TLS for addresses that ask for it. Default: the system's certificates are trusted, and we have none.
    pub tls: Option<Tls>,
    /// Headers of the request for a WebSocket, such as `Authorization`. Default: none but its own.
    pub web_headers: Vec<(String, String)>,
    /// A SOCKS5 proxy between. Default: none.
    pub proxy: Option<Proxy>,
    /// The address of this machine that connections start from. Default: the system chooses.
    pub bind: Option<IpAddr>,
    /// Empty when the server is to choose one. [MQTT-3.1.3-6]
    pub client_id: Box<str>,
    /// Default: 5.0.
    pub version: Version,
    /// Whether an earlier session goes on. Default: a clean start. [MQTT-3.1.2-4]
    pub start: Start,
    /// How long the session outlives the connection, in seconds. Default 0; ignored before 5.0. [3.1.2.11.2]
    pub session_expiry_s: u32,
    /// Seconds between signs of life; 0 switches them off. Default 60. [3.1.2.10]
    pub keep_alive_s: u16,
    /// Messages with QoS 1 or 2 the server may have under way to us. Default 65,535. [3.1.2.11.3]
    pub receive_maximum: u16,
    /// Messages with QoS 1 or 2 we have under way at once, however many more the server takes. Default 65,535.
    /// [3.2.2.3.3]
    pub send_maximum: u16,
    /// The largest packet we take, in bytes. Default 268,435,455, all that fits a packet. [3.1.2.11.4]
    pub packet_bytes_max: u32,
    /// Published by the server when the connection breaks. Default: none. [3.1.2.5]
    pub will: Option<Publication>,
    /// Default: none.
    pub user_name: Option<Box<str>>,
    /// Default: none.
    pub password: Option<Box<[u8]>>,
    /// Further properties of CONNECT; ignored before 5.0.
    pub properties: PropertiesBuf,
}

/// The largest remaining length with its header. [2.1.4]
const PACKET_BYTES_MAX: u32 = 268_435_455;

impl Options {
    /// MQTT 5.0, a clean start, no will, nobody in particular.
    #[must_use]
    pub fn new(address: &str, client_id: &str) -> Self {
        Self {
            address: address.into(),
            tls: None,
            web_headers: Vec::new(),
            proxy: None,
            bind: None,
            client_id: client_id.into(),
            version: Version::V5,
            start: Start::Clean,
            session_expiry_s: 0,
            keep_alive_s: 60,
            receive_maximum: u16::MAX,
            send_maximum: u16::MAX,
            packet_bytes_max: PACKET_BYTES_MAX,
            will: None,
            user_name: None,
            password: None,
            properties: PropertiesBuf::new(),
        }
    }

    /// Speaks this edition.
    #[must_use]
    pub const fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// Goes on with a session that lives `expiry_s` seconds longer than each connection; before 5.0 it lives
    /// for ever.
    #[must_use]
    pub const fn resume(mut self, expiry_s: u32) -> Self {
        self.start = Start::Resume;
        self.session_expiry_s = expiry_s;
        self
    }

    /// Leaves a will.
    #[must_use]
    pub fn will(mut self, will: Publication) -> Self {
        self.will = Some(will);
        self
    }

    /// Says who it is.
    #[must_use]
    pub fn login(mut self, user_name: &str, password: &[u8]) -> Self {
        self.user_name = Some(user_name.into());
        self.password = Some(password.into());
        self
    }

    /// The way to the server.
    pub(crate) fn route(&mut self) -> io::Result<Route> {
        if self.tls.is_none() && (self.address.starts_with("mqtts://") || self.address.starts_with("wss://")) {
            // Read once, not with every connection.
            self.tls = Some(TlsOptions::default().load()?);
        }
        let mut route = Route::parse(&self.address, self.tls.as_ref())?;
        if let Some(web) = &mut route.web {
            *web = WebSocket { headers: self.web_headers.clone(), ..core::mem::take(web) };
        }
        route.bind = self.bind;
        route.proxy.clone_from(&self.proxy);
        Ok(route)
    }

    /// The highest topic alias that the server may use towards us. [3.1.2.11.5]
    pub(crate) fn topic_alias_max(&self) -> u16 {
        self.properties.as_properties().two_bytes(PropertyId::TopicAliasMaximum).unwrap_or(0)
    }

    /// Appends the CONNECT.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let properties = self.connect_properties();
        let will = self.will.as_ref();
        let connect = Connect {
            version: self.version,
            is_bridge: false,
            start: self.start,
            keep_alive_s: self.keep_alive_s,
            properties: properties.as_properties(),
            client_id: (&*self.client_id).into(),
            will: will.map(|will| Will {
                qos: will.qos,
                retain: will.retain,
                topic: Topic::trusted(will.topic.as_bytes()),
                payload: &will.payload,
                properties: will.properties.as_properties(),
            }),
            user_name: self.user_name.as_deref().map(Into::into),
            password: self.password.as_deref(),
        };
        connect.encode(out);
    }

    fn connect_properties(&self) -> PropertiesBuf {
        let mut properties = PropertiesBuf::new();
        if self.session_expiry_s > 0 {
            properties.push(Property::FourBytes(PropertyId::SessionExpiryInterval, self.session_expiry_s));
        }
        if self.receive_maximum < u16::MAX {
            properties.push(Property::TwoBytes(PropertyId::ReceiveMaximum, self.receive_maximum.max(1)));
        }
        if self.packet_bytes_max < PACKET_BYTES_MAX {
            properties.push(Property::FourBytes(PropertyId::MaximumPacketSize, self.packet_bytes_max.max(1)));
        }
        for property in self.properties.as_properties().iter() {
            properties.push(property);
        }
        properties
    }
}
