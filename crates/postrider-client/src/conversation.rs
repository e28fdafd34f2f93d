//! The client's half of a conversation, without a socket or a clock.
//!
//! Owns: the link while there is a connection; the session, which outlives it: what waits to be published, what is
//! not acknowledged, which QoS 2 messages have come.
//! Never: reads time, sends a byte itself; bytes go into the buffer it is handed.
//! Spec: 3.1.2.4, 4.1, 4.3, 4.4, 4.9.

mod allowance;
mod heard;
mod said;

use crate::legal::{check_disconnect, check_options, check_publication, check_subscribe, check_unsubscribe};
use crate::{Error, ErrorKind, Event, Options, Publication, Token};
use allowance::Allowance;
use postrider_proto::{
    Disconnect, Filter, PacketId, Properties, PropertiesBuf, Property, PropertyId, ReasonCode, Subscribe,
    SubscribeOptions, Subscriptions, Unsubscribe, UnsubscribeFilters, Version, encode_pingreq,
};
use postrider_session::flow::Outbound;
use postrider_session::{ClientLink, IdSet, Mono};
use std::collections::{BTreeMap, VecDeque};

/// One client's conversation with a server, over as many connections as it takes.
///
/// Feed it bytes and time; it appends what must be sent to the buffer it is handed.
///
/// ```
/// use postrider_client::{Conversation, Mono, Options, Publication};
///
/// let mut conversation = Conversation::new(Options::new("", "lamp"));
/// conversation.publish(Publication::new("lamp/state", "on"))?;
/// let mut wire = Vec::new();
/// conversation.open(Mono(0), &mut wire)?;
/// assert_eq!(wire[0], 0x10, "CONNECT goes first; the message waits for the CONNACK");
/// # Ok::<(), postrider_client::Error>(())
/// ```
#[derive(Debug)]
pub struct Conversation {
    options: Options,
    link: Option<ClientLink>,
    is_accepted: bool,
    allowance: Allowance,
    outbound: Outbound<Outgoing>,
    /// QoS 2 messages taken, whose PUBREL has not come. [MQTT-4.3.3-10]
    awaiting_pubrel: IdSet,
    /// QoS 2 publications that the server has, until their PUBCOMP.
    released: BTreeMap<PacketId, Token>,
    asked: BTreeMap<PacketId, Token>,
    publications: VecDeque<Outgoing>,
    requests: VecDeque<Request>,
    events: VecDeque<Event>,
    last_token: u64,
}

#[derive(Clone, Debug)]
struct Outgoing {
    token: Token,
    publication: Publication,
}

#[derive(Clone, Debug)]
struct Request {
    token: Token,
    kind: RequestKind,
    properties: PropertiesBuf,
    filters: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RequestKind {
    Subscribe,
    Unsubscribe,
}

impl Conversation {
    /// A conversation that has not begun.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            options,
            link: None,
            is_accepted: false,
            allowance: Allowance::default(),
            outbound: Outbound::default(),
            awaiting_pubrel: IdSet::default(),
            released: BTreeMap::new(),
            asked: BTreeMap::new(),
            publications: VecDeque::new(),
            requests: VecDeque::new(),
            events: VecDeque::new(),
            last_token: 0,
        }
    }

    /// A connection was opened: appends the CONNECT.
    ///
    /// # Errors
    /// [`ErrorKind::Topic`] for the will's, [`ErrorKind::ClientId`], [`ErrorKind::Illegal`]: nothing is said.
    pub fn open(&mut self, now: Mono, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend_from_slice(&self.connect_packet()?);
        let options = &self.options;
        let (version, aliases) = (options.version, options.topic_alias_max());
        self.link = Some(ClientLink::new(now, version, options.keep_alive_s, options.packet_bytes_max, aliases));
        self.is_accepted = false;
        self.asked.clear();
        Ok(())
    }

    /// The CONNECT of the next connection, checked.
    pub(crate) fn connect_packet(&self) -> Result<Vec<u8>, Error> {
        let mut connect = Vec::new();
        self.options.encode(&mut connect);
        check_options(&self.options, &connect)?;
        Ok(connect)
    }

    /// Says good-bye: appends DISCONNECT. Anything but [`ReasonCode::Success`] has a meaning in 5.0 only.
    /// [MQTT-3.14.4-1]
    pub fn close(&mut self, reason: ReasonCode, out: &mut Vec<u8>) {
        self.close_with(reason, Properties::NONE, out);
    }

    /// Says good-bye with properties, which have a meaning in 5.0 only; those that a client's DISCONNECT must not
    /// have are left out. [MQTT-3.14.4-1]
    pub fn close_with(&mut self, reason: ReasonCode, properties: Properties<'_>, out: &mut Vec<u8>) {
        if let Some(link) = self.link.take() {
            let disconnect = Disconnect { reason, properties };
            let legal = check_disconnect(&disconnect).map_or_else(|_| Disconnect::new(reason), |()| disconnect);
            legal.encode(link.version(), out);
        }
        self.is_accepted = false;
    }

    /// The connection is gone; what is not acknowledged goes out again on the next one.
    pub fn on_lost(&mut self) {
        self.link = None;
        self.is_accepted = false;
    }

    /// Takes a message to be published as soon as the connection and the server's quota allow it.
    ///
    /// # Errors
    /// [`ErrorKind::Topic`]; [`ErrorKind::Illegal`] for a property that no client may send.
    pub fn publish(&mut self, publication: Publication) -> Result<Token, Error> {
        check_publication(&publication)?;
        let token = self.next_token();
        self.publications.push_back(Outgoing { token, publication });
        Ok(token)
    }

    /// Asks for subscriptions; `identifier` comes back with the messages they bring. [3.8]
    ///
    /// # Errors
    /// As [`Conversation::subscribe_with`].
    pub fn subscribe<'a>(
        &mut self,
        filters: impl IntoIterator<Item = (&'a str, SubscribeOptions)>,
        identifier: Option<u32>,
    ) -> Result<Token, Error> {
        let mut properties = PropertiesBuf::new();
        if let Some(identifier) = identifier {
            properties.push(Property::Varint(PropertyId::SubscriptionIdentifier, identifier));
        }
        self.subscribe_with(filters, properties)
    }

    /// Asks for subscriptions with properties of SUBSCRIBE, which are ignored before 5.0. [3.8.2.1]
    ///
    /// # Errors
    /// [`ErrorKind::Filter`], [`ErrorKind::NoFilters`]; [`ErrorKind::Illegal`] for No Local on a shared subscription
    /// and for identifiers beyond 1 to 268,435,455.
    pub fn subscribe_with<'a>(
        &mut self,
        filters: impl IntoIterator<Item = (&'a str, SubscribeOptions)>,
        properties: PropertiesBuf,
    ) -> Result<Token, Error> {
        let mut raw = Vec::new();
        for (filter, options) in filters {
            check_filter(filter)?;
            Subscriptions::write(filter.as_bytes(), options, &mut raw);
        }
        if !raw.is_empty() {
            check_subscribe(&Subscribe {
                packet_id: PacketId::FIRST,
                properties: properties.as_properties(),
                subscriptions: Subscriptions::trusted(&raw, Version::V5),
            })?;
        }
        self.ask(RequestKind::Subscribe, properties, raw)
    }

    /// Asks to end subscriptions. [3.10]
    ///
    /// # Errors
    /// [`ErrorKind::Filter`], [`ErrorKind::NoFilters`].
    pub fn unsubscribe<'a>(&mut self, filters: impl IntoIterator<Item = &'a str>) -> Result<Token, Error> {
        self.unsubscribe_with(filters, PropertiesBuf::new())
    }

    /// Asks to end subscriptions with properties of UNSUBSCRIBE, which are ignored before 5.0. [3.10.2.1]
    ///
    /// # Errors
    /// As [`Conversation::unsubscribe`]; [`ErrorKind::Illegal`] for what is no property of UNSUBSCRIBE.
    pub fn unsubscribe_with<'a>(
        &mut self,
        filters: impl IntoIterator<Item = &'a str>,
        properties: PropertiesBuf,
    ) -> Result<Token, Error> {
        let mut raw = Vec::new();
        for filter in filters {
            check_filter(filter)?;
            UnsubscribeFilters::write(filter.as_bytes(), &mut raw);
        }
        if !raw.is_empty() {
            check_unsubscribe(&Unsubscribe {
                packet_id: PacketId::FIRST,
                properties: properties.as_properties(),
                filters: UnsubscribeFilters::trusted(&raw),
            })?;
        }
        self.ask(RequestKind::Unsubscribe, properties, raw)
    }

    fn ask(&mut self, kind: RequestKind, properties: PropertiesBuf, filters: Vec<u8>) -> Result<Token, Error> {
        if filters.is_empty() {
            return Err(Error::new(ErrorKind::NoFilters));
        }
        let token = self.next_token();
        self.requests.push_back(Request { token, kind, properties, filters });
        Ok(token)
    }

    fn next_token(&mut self) -> Token {
        self.last_token += 1;
        Token(self.last_token)
    }

    /// The next thing that happened.
    pub fn take_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Time passed: appends a PINGREQ when a sign of life is due.
    ///
    /// # Errors
    /// [`ErrorKind::Violation`] when the last PINGREQ was never answered.
    pub fn on_timeout(&mut self, now: Mono, out: &mut Vec<u8>) -> Result<(), Error> {
        if let Some(link) = &mut self.link
            && link.on_timeout(now)?
        {
            encode_pingreq(out);
        }
        Ok(())
    }

    /// When [`Conversation::on_timeout`] has to be called next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Mono> {
        self.link.as_ref()?.next_deadline()
    }

    /// How many publications and requests wait for an answer or to be sent.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.publications.len() + self.requests.len() + self.outbound.len()
    }

    /// Between an accepted CONNECT and the end of its connection.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        self.is_accepted
    }

    /// What it presents itself with; changes hold from the next connection on.
    #[must_use]
    pub const fn options(&mut self) -> &mut Options {
        &mut self.options
    }
}

fn check_filter(filter: &str) -> Result<(), Error> {
    Filter::parse(filter.as_bytes()).map(drop).map_err(|error| Error::new(ErrorKind::Filter(error)))
}
