//! A broker and its clients in a test: everything happens when the script says so.

use crate::describe::describe;
use crate::memory_log::{MemoryLog, Remains};
use crate::packets::{Hello, Pub, Sub};
use crate::pure_driver::{LinkEnd, Pace, PureDriver};
use postrider_engine::{Durability, Judge, Limits, PayloadFormat, Pressure, Rates, ShareStrategy, Verdict, Who};
use postrider_ports::{
    Access, Answer, AuthenticateAnswer, Counters, ListenerId, PartitionId, Question, SessionInfo, Ticket,
};
use postrider_proto::{AckKind, Packet, Qos, ReasonCode, Version, split};
use postrider_session::{Bounds, LinkLimits, Mono, Now, Overflow, Wall};
use std::collections::HashMap;

/// A broker on a fake wire with a fake clock.
#[derive(Debug)]
pub struct World {
    /// The driver, for what the script's own words do not say.
    pub driver: PureDriver,
    /// The time.
    pub now: Now,
    tickets: u64,
    /// Packets that a client has read in part, by connection.
    halves: HashMap<usize, Vec<u8>>,
}

/// One connection of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// The connection's number.
    pub at: usize,
    /// What it speaks.
    pub version: Version,
}

/// The product's defaults in small: bounds that a test reaches.
#[must_use]
pub fn limits() -> Limits {
    Limits {
        link: LinkLimits {
            packet_bytes_max: 100_000,
            property_bytes_max: 64 * 1024,
            connect_property_bytes_max: 8 * 1024,
            pre_auth_bytes_max: 64 * 1024,
            connect_ms_max: 10_000,
            topic_alias_max: 16,
            keep_alive_grace_ms: 0,
            levels_max: 128,
        },
        receive_maximum: 100,
        in_flight_max: 100,
        in_flight_bytes_max: u64::MAX,
        topic_alias_out_max: 16,
        qos_max: Qos::ExactlyOnce,
        retain_available: true,
        wildcards_available: true,
        payload_format: PayloadFormat::Passed,
        controls: Vec::new(),
        server_reference: None,
        share_strategy: ShareStrategy::RoundRobin,
        session_expiry_s_max: u32::MAX,
        session_expiry_v3_s: u32::MAX,
        keep_alive_s_max: 0,
        assigns_client_ids: true,
        client_id_prefix: "auto-".into(),
        subscriptions_max: 1000,
        subscription_bytes_max: 1 << 20,
        mailbox: Bounds {
            messages_max: 10,
            qos0_max: 20,
            bytes_max: 100_000,
            memory_bytes_max: 1000,
            overflow: Overflow::Reject,
        },
        outbox_bytes_max: 4096,
        retained_messages_max: 10_000,
        retained_bytes_max: 10_000_000,
        retained_expiry_s_max: u32::MAX,
        sessions_max: 10_000,
        client_rates: Rates::OFF,
        listeners: Vec::new(),
        client_id_prefixes: Vec::new(),
        payload_bytes_max: u32::MAX,
        raises_qos: false,
        rechecks_authors: true,
        queues_qos0: false,
        is_receive_maximum_strict: true,
        broker_rates: Rates::OFF,
        ban: None,
        fanout_slice: 2048,
        response_information: None,
        authenticate: Who::Nobody,
        authorize: Who::Nobody,
        authorizes_unsubscribe: false,
        is_observed: true,
        partitions: 1,
        has_sol_topics: false,
        is_sparkplug_aware: false,
        sys_interval_s: 0,
        durability: Durability::Memory,
        tells_durability: false,
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// A broker with [`limits`].
    #[must_use]
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// A broker with changed limits.
    #[must_use]
    pub fn with(change: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = limits();
        change(&mut limits);
        let now = Now { mono: Mono(1_000_000), wall: Wall(1_700_000_000_000) };
        Self { driver: PureDriver::new(limits, PartitionId(0), 7), now, tickets: 0, halves: HashMap::new() }
    }

    /// A broker with changed limits and an empty log, which becomes durable when the script says so.
    #[must_use]
    pub fn durable(change: impl FnOnce(&mut Limits)) -> Self {
        let mut world = Self::with(change);
        let limits = world.driver.engine.limits().clone();
        world.driver = PureDriver::durable(limits, PartitionId(0), 7, world.now);
        world.check();
        world
    }

    /// Everything that was appended becomes durable.
    pub fn commit(&mut self) {
        self.driver.commit(self.now);
        self.check();
    }

    /// The log becomes durable after every input, or again when the script says so.
    pub fn set_commits(&mut self, pace: Pace) {
        self.driver.shelf.as_mut().expect("a broker with a log").commits = pace;
        if pace == Pace::AtOnce {
            self.commit();
        }
    }

    /// The broker crashes and another begins with what remains of the log: no connection is left.
    pub fn crash(&mut self, remains: Remains) {
        let (found, last) = self.log().remains(remains);
        self.driver.restart(self.now, &found, last);
        self.check();
    }

    /// The log.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn log(&self) -> &MemoryLog {
        &self.driver.shelf.as_ref().expect("a broker with a log").log
    }

    /// Opens a connection and sends CONNECT, whatever comes of it.
    pub fn dial(&mut self, hello: &Hello) -> Client {
        let at = self.driver.open(self.now);
        let client = Client { at, version: hello.version };
        self.raw(client, &hello.bytes());
        client
    }

    /// The next connections come in through this listener.
    pub const fn through(&mut self, listener: u16) {
        self.driver.listener = ListenerId(listener);
    }

    /// The next connections come from this address.
    pub fn come_from(&mut self, host: &str) {
        host.clone_into(&mut self.driver.host);
    }

    /// From now on other limits hold.
    pub fn adopt(&mut self, change: impl FnOnce(&mut Limits)) {
        let mut limits = self.driver.engine.limits().clone();
        change(&mut limits);
        self.driver.adopt(self.now, limits);
        self.check();
    }

    /// Memory is short, or is not any more.
    pub fn press(&mut self, pressure: Pressure) {
        self.driver.press(self.now, pressure);
        self.check();
    }

    /// Opens a connection and is let in; CONNACK is taken.
    ///
    /// # Panics
    /// When the client is refused.
    pub fn connect(&mut self, hello: &Hello) -> Client {
        let client = self.dial(hello);
        let answer = self.take(client);
        assert!(answer.first().is_some_and(|line| line.starts_with("CONNACK Success")), "refused: {answer:?}");
        client
    }

    /// Sends bytes as they are.
    pub fn raw(&mut self, client: Client, bytes: &[u8]) {
        self.driver.receive(self.now, client.at, bytes);
        self.check();
    }

    /// Publishes.
    pub fn publish(&mut self, client: Client, publish: &Pub) {
        self.raw(client, &publish.bytes(client.version));
    }

    /// Subscribes.
    pub fn subscribe(&mut self, client: Client, subscribe: &Sub) {
        self.raw(client, &subscribe.bytes(client.version));
    }

    /// Subscribes to one filter and takes the SUBACK, which must come first.
    ///
    /// # Panics
    /// When the subscription is not granted as asked.
    pub fn subscribed(&mut self, client: Client, filter: &str, qos: u8) {
        self.subscribe(client, &crate::subscribe(99, filter, qos));
        let answer = self.take(client);
        assert_eq!(answer, [format!("SUBACK #99 {qos:02x}")]);
    }

    /// Sends an acknowledgement.
    pub fn ack(&mut self, client: Client, kind: AckKind, id: u16) {
        self.raw(client, &crate::ack(kind, id, ReasonCode::Success, client.version));
    }

    /// Sends DISCONNECT.
    pub fn disconnect(&mut self, client: Client) {
        self.raw(client, &crate::disconnect(ReasonCode::Success, client.version));
    }

    /// The connection breaks.
    pub fn cut(&mut self, client: Client) {
        self.driver.close(self.now, client.at);
        self.check();
    }

    /// Everything sent to the client so far, a line a packet.
    pub fn take(&mut self, client: Client) -> Vec<String> {
        self.take_some(client, usize::MAX)
    }

    /// The client reads up to `max` bytes; a packet that is not whole waits for the next time.
    pub fn take_some(&mut self, client: Client, max: usize) -> Vec<String> {
        let mut bytes = self.halves.remove(&client.at).unwrap_or_default();
        let mut left = max;
        while left > 0 && self.driver.output_len(client.at) > 0 {
            let more = self.driver.take_output(self.now, client.at, left);
            left -= more.len();
            bytes.extend(more);
        }
        self.check();
        let mut rest = &bytes[..];
        let mut lines = Vec::new();
        while let Ok(Some(frame)) = split(rest, usize::MAX) {
            match Packet::decode(frame, client.version) {
                Ok(packet) => lines.push(describe(&packet, client.version)),
                Err(error) => lines.push(format!("not a packet: {error}")),
            }
            rest = &rest[frame.len..];
        }
        assert!(rest.is_empty() || max != usize::MAX, "the broker sent half a packet: {rest:02x?}");
        self.halves.insert(client.at, rest.to_vec());
        lines
    }

    /// How the connection stands.
    #[must_use]
    pub fn end(&self, client: Client) -> LinkEnd {
        self.driver.end_of(client.at)
    }

    /// True when the broker has closed the connection.
    #[must_use]
    pub fn is_closed(&self, client: Client) -> bool {
        matches!(self.end(client), LinkEnd::Closed(_))
    }

    /// Time passes, with every deadline in between.
    pub fn advance_ms(&mut self, ms: u64) {
        let until = self.now.mono.plus_ms(ms);
        while let Some(deadline) = self.driver.next_deadline().filter(|deadline| *deadline <= until) {
            self.set_time(deadline.max(self.now.mono));
            self.driver.tick(self.now);
            self.check();
        }
        self.set_time(until);
        self.driver.tick(self.now);
        self.check();
    }

    /// Time passes.
    pub fn advance(&mut self, seconds: u64) {
        self.advance_ms(seconds * 1000);
    }

    fn set_time(&mut self, mono: Mono) {
        self.now.wall = Wall(self.now.wall.0 + mono.since_ms(self.now.mono));
        self.now.mono = mono;
    }

    /// The next question to a plugin.
    ///
    /// # Panics
    /// When there is none.
    pub fn question(&mut self) -> (Ticket, Judge) {
        self.driver.questions.pop_front().expect("a question for a plugin")
    }

    /// Answers every open question about who somebody is.
    pub fn authenticate(&mut self, answer: &AuthenticateAnswer) {
        let (ticket, question) = self.question();
        assert!(matches!(question, Judge::Authenticate(_)), "{question:?}");
        self.driver.answer(self.now, ticket, Verdict::Authenticate(answer.clone()));
        self.check();
    }

    /// Answers the next question about what somebody may do.
    pub fn authorize(&mut self, verdicts: &[Access]) {
        let (ticket, question) = self.question();
        assert!(matches!(question, Judge::Authorize(_)), "{question:?}");
        self.driver.answer(self.now, ticket, Verdict::Authorize(verdicts.to_vec()));
        self.check();
    }

    /// Asks as an administrator.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn ask(&mut self, question: Question) -> Answer {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.driver.ask(self.now, ticket, question);
        self.check();
        let (answered, answer) = self.driver.answers.pop().expect("an answer");
        assert_eq!(answered, ticket);
        answer
    }

    /// What has been counted.
    ///
    /// # Panics
    /// Never.
    pub fn counters(&mut self) -> Counters {
        match self.ask(Question::Counters) {
            Answer::Counters(counters) => *counters,
            other => panic!("{other:?}"),
        }
    }

    /// One session.
    ///
    /// # Panics
    /// Never.
    pub fn session(&mut self, client_id: &str) -> Option<SessionInfo> {
        match self.ask(Question::Session(client_id.into())) {
            Answer::Session(info) => info.map(|info| *info),
            other => panic!("{other:?}"),
        }
    }

    /// # Panics
    /// When an invariant of the engine is broken.
    fn check(&self) {
        assert_eq!(self.driver.broken, None);
    }
}
