//! The stage of one case in one edition: names of its own, its clients, what it leaves behind.
//!
//! Owns: client identifiers and topics, remarks that are no failures, the list of what to clean up.

use super::capability::Capability;
use super::fault::Fault;
use super::ground::Ground;
use super::peer::Peer;
use crate::wire::hello::Hello;
use crate::wire::message::{Message, message};
use postrider_client::{ReasonCode, Version};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) version: Version,
    ground: Arc<Ground>,
    number: usize,
    /// When the case has taken too long.
    pub(crate) ends: Instant,
    notes: RefCell<Vec<String>>,
    /// Sessions that may be left, and topics that may be retained, each with the edition that made it.
    sessions: RefCell<BTreeMap<String, Version>>,
    retained: RefCell<BTreeMap<String, Version>>,
}

impl Scene {
    /// `number` is unique in the run.
    pub(crate) fn new(ground: Arc<Ground>, version: Version, number: usize) -> Self {
        let ends = Instant::now() + (ground.timeout * WAITS_MAX).max(CASE_MIN);
        let (sessions, retained, notes) = (RefCell::default(), RefCell::default(), RefCell::default());
        Self { version, ground, number, ends, notes, sessions, retained }
    }

    pub(crate) fn ground(&self) -> &Ground {
        &self.ground
    }

    pub(crate) fn client_id(&self, who: &str) -> String {
        format!("c{}{:03}{who}", self.ground.tag, self.number)
    }

    pub(crate) fn topic(&self, name: &str) -> String {
        format!("conformance-{}/{}/{name}", self.ground.tag, self.number)
    }

    /// A CONNECT with a clean start.
    pub(crate) fn hello(&self, who: &str) -> Hello {
        let mut hello = Hello::new(self.version, self.client_id(who));
        hello.user = self.ground.user.clone();
        hello.password = self.ground.password.clone();
        hello
    }

    /// A connection on which nothing has been said.
    pub(crate) fn dial(&self) -> Result<Peer<'_>, Fault> {
        Peer::dial(self, self.version)
    }

    /// A client that is in.
    pub(crate) fn client(&self, who: &str) -> Result<Peer<'_>, Fault> {
        self.enter(&self.hello(who))
    }

    /// A client that is in after this CONNECT.
    pub(crate) fn enter(&self, hello: &Hello) -> Result<Peer<'_>, Fault> {
        let mut peer = Peer::dial(self, hello.version)?;
        self.remember(hello);
        peer.send(&hello.bytes())?;
        let welcome = peer.connack()?;
        if welcome.reason != ReasonCode::Success {
            let came = format!("CONNACK, {}", welcome.reason);
            return Err(Fault::failed("a CONNACK that lets the client in", came));
        }
        peer.welcome = Some(welcome);
        Ok(peer)
    }

    /// What this CONNECT may leave behind.
    pub(crate) fn remember(&self, hello: &Hello) {
        if hello.leaves_session() {
            self.sessions.borrow_mut().insert(hello.client_id.clone(), hello.version);
        }
        if let Some(will) = hello.will.as_ref().filter(|will| will.retain) {
            self.remember_retained(&will.topic, hello.version);
        }
    }

    pub(crate) fn remember_retained(&self, topic: &str, version: Version) {
        self.retained.borrow_mut().insert(topic.to_owned(), version);
    }

    /// Something unusual that the specification allows.
    pub(crate) fn note(&self, text: impl Into<String>) {
        let (text, mut notes) = (text.into(), self.notes.borrow_mut());
        if !notes.contains(&text) {
            notes.push(text);
        }
    }

    pub(crate) fn take_notes(&self) -> Vec<String> {
        self.notes.take()
    }

    pub(crate) fn lacks(&self, capability: Capability) -> bool {
        self.ground.abilities.lacks(capability)
    }

    pub(crate) const fn is_v5(&self) -> bool {
        self.version.is_v5()
    }

    /// Lets time pass at the broker: nothing tells that it did.
    pub(crate) fn pass(&self, time: Duration) {
        std::thread::sleep(time.min(self.ends.saturating_duration_since(Instant::now())));
    }

    /// Somebody who heard nothing would have heard: a message to this topic comes.
    pub(crate) fn check_hears(&self, peer: &mut Peer<'_>, topic: &str) -> Result<(), Fault> {
        self.client("check")?.publish(&message(topic, "heard"))?;
        peer.expect_message(topic, "heard")?;
        peer.expect_quiet()
    }

    /// Ends sessions and clears what was retained in `other`. What cannot be cleaned up stays.
    pub(crate) fn clean_up_after(&self, other: &Self) {
        for (client_id, version) in other.sessions.take() {
            let hello = Hello { client_id, version, ..self.hello("x") };
            if let Ok(mut peer) = self.enter(&hello) {
                let _ = peer.disconnect();
            }
        }
        let retained = other.retained.take();
        let versions: Vec<Version> = retained.values().copied().collect();
        let Some(version) = versions.first() else { return };
        let Ok(mut peer) = self.enter(&self.hello("broom").in_edition(*version)) else { return };
        let cleared: Vec<Message> = retained.into_keys().map(|topic| message(topic, "").retained()).collect();
        if cleared.iter().all(|message| peer.send_message(message).is_ok()) && peer.ping().is_ok() {
            let _ = peer.disconnect();
        }
    }
}

/// How many waits a case may use up.
const WAITS_MAX: u32 = 8;
/// Cases that wait for keep alives and expiry need this at least.
const CASE_MIN: Duration = Duration::from_secs(30);
