//! The broker under test: where it is, who we are to it, what it can do.

use super::capability::{Abilities, Capability};
use super::fault::Fault;
use super::options::Conformance;
use super::scene::Scene;
use anyhow::Context;
use postrider_client::{ReasonCode, Version};
use postrider_net::dial::Route;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What all cases share.
#[derive(Clone, Debug)]
pub(crate) struct Ground {
    pub(crate) route: Route,
    /// How long to wait for each thing that must come.
    pub(crate) timeout: Duration,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    /// Of this run alone; client identifiers and topics begin with it.
    pub(crate) tag: String,
    pub(crate) abilities: Abilities,
}

/// How an edition was received.
#[derive(Debug)]
pub(crate) enum Greeting {
    Welcome,
    /// The broker says that it does not speak it.
    NotSpoken,
    Fault(Fault),
}

impl Ground {
    /// Finds the broker.
    pub(crate) fn survey(args: &Conformance) -> anyhow::Result<Self> {
        let route = args.route()?;
        let opened = route.open_blocking(args.timeout.max(DIAL_MIN)).and_then(|(_, mut line)| line.open());
        opened.with_context(|| route.to_string())?;
        Ok(Self {
            route,
            timeout: args.timeout,
            user: args.user.clone(),
            password: args.password.clone(),
            tag: tag(),
            abilities: Abilities::without(&args.without),
        })
    }

    /// Connects once and learns what the CONNACK tells.
    pub(crate) fn greet(&mut self, version: Version) -> Greeting {
        if version == Version::V3_1 && self.abilities.lacks(Capability::V3_1) {
            return Greeting::NotSpoken;
        }
        let scene = Scene::new(Arc::new(self.clone()), version, 0);
        let knock = || {
            let mut peer = scene.dial()?;
            peer.send(&scene.hello("greet").bytes())?;
            peer.connack()
        };
        match knock() {
            Ok(welcome) if welcome.reason == ReasonCode::Success => {
                self.abilities.spoken.push(version);
                if version.is_v5() {
                    self.abilities.learn(welcome.properties.as_properties());
                }
                Greeting::Welcome
            }
            Ok(welcome) if welcome.reason == ReasonCode::UnsupportedProtocolVersion => Greeting::NotSpoken,
            Ok(welcome) => {
                let came = format!("CONNACK, {}", welcome.reason);
                Greeting::Fault(Fault::failed("a CONNACK that lets the client in", came))
            }
            Err(fault) => Greeting::Fault(fault),
        }
    }
}

/// Ten digits that no other run uses: when it began, and by which process.
fn tag() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let millis = since.as_millis() & 0xFF_FFFF;
    format!("{millis:06x}{:04x}", std::process::id() & 0xFFFF)
}

/// A TCP connection may take longer than an answer on it.
const DIAL_MIN: Duration = Duration::from_secs(2);
