//! What the broker says of itself, below `$SYS/broker`, and below `$SOL/broker` if it shall.
//!
//! Owns: the list of topics, when they are looked at, and what was said last: only news are published.
//! Never: counts anything; `docs/sys.md` says what the figures mean.

use crate::authorized::Authorized;
use crate::load::{Load, SPANS};
use crate::publish::Incoming;
use crate::{Durability, Engine, Limits, Tray};
use postrider_ports::{Counters, DropReason};
use postrider_proto::{Properties, Qos, Topic};
use postrider_session::{MessageParts, Mono, Now, Sequence};

/// The state of the report.
#[derive(Debug)]
pub(crate) struct Sys {
    /// When the next one is due; `None` when there is none.
    due: Option<Mono>,
    /// When the first one was.
    started: Option<Mono>,
    /// When the last one was.
    looked: Mono,
    loads: [Load; LOADS.len()],
    /// What was said last, in the order of the report.
    said: Vec<String>,
    /// How many of the retained messages are the broker's own.
    pub(crate) kept: u64,
}

/// What the figures are made of.
struct View {
    uptime_s: u64,
    counters: Counters,
    durability: Durability,
    /// How many topics the report has.
    topics: u64,
}

/// What stands below `$SYS/broker` and is not an average or a count of drops.
#[expect(clippy::type_complexity, reason = "a table of two columns")]
const FIGURES: [(&str, fn(&View) -> String); 27] = [
    ("version", |_| concat!("postrider version ", env!("CARGO_PKG_VERSION")).to_owned()),
    ("uptime", |view| format!("{} seconds", view.uptime_s)),
    ("clients/total", |view| view.counters.sessions.to_string()),
    ("clients/inactive", |view| view.disconnected().to_string()),
    ("clients/disconnected", |view| view.disconnected().to_string()),
    ("clients/active", |view| view.counters.clients_connected.to_string()),
    ("clients/connected", |view| view.counters.clients_connected.to_string()),
    ("clients/expired", |view| view.counters.sessions_expired.to_string()),
    ("clients/maximum", |view| view.counters.clients_maximum.to_string()),
    ("messages/stored", |view| view.stored().to_string()),
    ("messages/received", |view| view.counters.received.packets.to_string()),
    ("messages/sent", |view| view.counters.sent.packets.to_string()),
    ("store/messages/count", |view| view.stored().to_string()),
    ("store/messages/bytes", |view| (view.counters.retained_bytes + view.counters.queued_bytes).to_string()),
    ("subscriptions/count", |view| (view.counters.subscriptions - view.counters.shared_subscriptions).to_string()),
    ("shared_subscriptions/count", |view| view.counters.shared_subscriptions.to_string()),
    ("retained messages/count", |view| view.retained().to_string()),
    ("publish/messages/dropped", |view| view.counters.drops.total().to_string()),
    ("publish/messages/received", |view| view.counters.received.publishes.to_string()),
    ("publish/messages/sent", |view| view.counters.sent.publishes.to_string()),
    ("publish/bytes/received", |view| view.counters.received.payload_bytes.to_string()),
    ("publish/bytes/sent", |view| view.counters.sent.payload_bytes.to_string()),
    ("bytes/received", |view| view.counters.received.bytes.to_string()),
    ("bytes/sent", |view| view.counters.sent.bytes.to_string()),
    ("postrider/queued/count", |view| view.counters.deliveries_queued.to_string()),
    ("postrider/queued/bytes", |view| view.counters.queued_bytes.to_string()),
    ("postrider/durability", |view| view.durability.name().to_owned()),
];

/// What stands below `$SOL/broker`.
#[expect(clippy::type_complexity, reason = "a table of two columns")]
const SOL: [(&str, fn(&View) -> String); 9] = [
    ("uptime", |view| view.uptime_s.to_string()),
    ("uptime/sol", |view| format!("{:.4}", sols(view.uptime_s))),
    ("clients/connected", |view| view.counters.clients_connected.to_string()),
    ("clients/disconnected", |view| view.disconnected().to_string()),
    ("bytes/sent", |view| view.counters.sent.bytes.to_string()),
    ("bytes/received", |view| view.counters.received.bytes.to_string()),
    ("messages/sent", |view| view.counters.sent.packets.to_string()),
    ("messages/received", |view| view.counters.received.packets.to_string()),
    ("memory/used", |view| (view.counters.retained_bytes + view.counters.queued_bytes).to_string()),
];

/// Days of Mars.
#[expect(clippy::cast_precision_loss, reason = "nothing runs for so many years")]
fn sols(seconds: u64) -> f64 {
    const SOL_S: f64 = 88_775.24;
    seconds as f64 / SOL_S
}

/// What stands below `$SYS/broker/load`.
#[expect(clippy::type_complexity, reason = "a table of two columns")]
const LOADS: [(&str, fn(&Counters) -> u64); 9] = [
    ("messages/received", |counters| counters.received.packets),
    ("messages/sent", |counters| counters.sent.packets),
    ("publish/dropped", |counters| counters.drops.total()),
    ("publish/received", |counters| counters.received.publishes),
    ("publish/sent", |counters| counters.sent.publishes),
    ("bytes/received", |counters| counters.received.bytes),
    ("bytes/sent", |counters| counters.sent.bytes),
    ("sockets", |counters| counters.sockets_opened),
    ("connections", |counters| counters.connects_received),
];

/// What becomes of something that was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// It waits for whoever comes, if anything does.
    Retained,
    /// It waits for those who are slow.
    ForAMoment,
}

/// How long that is.
const NEWS_S: u64 = 20;

/// How many topics there are.
const TOPICS: u64 = (FIGURES.len() + LOADS.len() * SPANS.len() + DropReason::ALL.len()) as u64;

impl View {
    const fn of(uptime_s: u64, counters: Counters, limits: &Limits) -> Self {
        let topics = if limits.has_sol_topics { TOPICS + SOL.len() as u64 } else { TOPICS };
        Self { uptime_s, counters, durability: limits.durability, topics }
    }

    const fn disconnected(&self) -> u64 {
        self.counters.sessions - self.counters.clients_connected
    }

    /// With the broker's own, which all are there once the report is out.
    const fn retained(&self) -> u64 {
        self.counters.retained + self.topics
    }

    const fn stored(&self) -> u64 {
        self.retained() + self.counters.deliveries_queued
    }
}

impl Sys {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            due: limits.has_sys().then_some(Mono(0)),
            started: None,
            looked: Mono(0),
            loads: [Load::default(); LOADS.len()],
            said: Vec::new(),
            kept: 0,
        }
    }

    /// Other limits hold from now on.
    pub(crate) fn adopt(&mut self, now: Mono, limits: &Limits) {
        let soonest = now.plus_s(u64::from(limits.sys_interval_s));
        self.due = limits.has_sys().then(|| self.due.map_or(now, |due| due.min(soonest)));
    }

    /// When the next report is due.
    #[inline]
    pub(crate) const fn next_deadline(&self) -> Option<Mono> {
        self.due
    }

    /// Every topic with what it says now.
    fn report(&mut self, now: Mono, counters: Counters, limits: &Limits) -> Vec<(String, String)> {
        let started = *self.started.get_or_insert(now);
        let elapsed_ms = if self.said.is_empty() { 0 } else { now.since_ms(self.looked) };
        self.looked = now;
        let view = View::of(now.since_ms(started) / 1000, counters, limits);
        let mut report = figures(&view);
        for (load, (name, total)) in self.loads.iter_mut().zip(LOADS) {
            load.look(total(&view.counters), elapsed_ms);
            let averages = load.averages().into_iter().zip(SPANS);
            report.extend(
                averages.map(|(average, span)| (format!("$SYS/broker/load/{name}/{span}min"), format!("{average:.2}"))),
            );
        }
        report.extend(drops(&view));
        // At the end, so that what was said before keeps its place when they come or go.
        if limits.has_sol_topics {
            report.extend(SOL.iter().map(|(name, figure)| (format!("$SOL/broker/{name}"), figure(&view))));
        }
        report
    }

    /// What of a report was not said the last time.
    fn news(&mut self, report: Vec<(String, String)>) -> Vec<(String, String)> {
        self.said.resize(report.len(), String::new());
        let mut news = Vec::new();
        for ((topic, text), said) in report.into_iter().zip(&mut self.said) {
            if text != *said {
                said.clone_from(&text);
                news.push((topic, text));
            }
        }
        news
    }
}

fn figures(view: &View) -> Vec<(String, String)> {
    FIGURES.iter().map(|(name, figure)| (format!("$SYS/broker/{name}"), figure(view))).collect()
}

fn drops(view: &View) -> impl Iterator<Item = (String, String)> {
    let drops = view.counters.drops;
    let drop = move |reason: DropReason| {
        (format!("$SYS/broker/postrider/drops/{}", reason.name()), drops.of(reason).to_string())
    };
    DropReason::ALL.into_iter().map(drop)
}

impl Engine {
    /// Everything but the averages, as it is now.
    pub(crate) fn figures(&mut self, now: Now, tray: &mut Tray) -> Vec<(String, String)> {
        let started = self.sys.started.unwrap_or(now.mono);
        let uptime_s = now.mono.since_ms(started) / 1000;
        let view = View::of(uptime_s, self.count(tray), &self.limits);
        figures(&view).into_iter().chain(drops(&view)).collect()
    }

    /// Publishes what is new about the broker, if it is time. A clock that stood still is not made up for.
    pub(crate) fn report_if_due(&mut self, now: Now, tray: &mut Tray) {
        let Some(due) = self.sys.due.filter(|due| *due <= now.mono) else { return };
        let interval_s = u64::from(self.limits.sys_interval_s);
        let next = due.plus_s(interval_s);
        self.sys.due = Some(if next > now.mono { next } else { now.mono.plus_s(interval_s) });
        let counters = self.count(tray);
        let report = self.sys.report(now.mono, counters, &self.limits);
        for (topic, text) in self.sys.news(report) {
            let topic = Topic::trusted(topic.as_bytes());
            self.say(now, topic, text.as_bytes(), Kept::Retained, tray);
        }
    }

    /// Says something that nobody needs to hear later; false if that is no topic.
    pub(crate) fn say_once(&mut self, now: Now, topic: &str, text: &[u8], tray: &mut Tray) -> bool {
        let Ok(topic) = Topic::parse(topic.as_bytes()) else { return false };
        self.say(now, topic, text, Kept::ForAMoment, tray);
        true
    }

    fn say(&mut self, now: Now, topic: Topic<'_>, text: &[u8], kept: Kept, tray: &mut Tray) {
        // It stands in no record. With QoS 2 its identifier, which a crash forgets, would mean another message behind it.
        let qos_max = if self.log.is_some() { Qos::AtLeastOnce } else { Qos::ExactlyOnce };
        let parts = MessageParts {
            topic,
            payload: text,
            properties: Properties::NONE,
            qos: qos_max.min(self.limits.qos_max),
            expires: (kept == Kept::ForAMoment).then(|| now.mono.plus_s(NEWS_S)),
            sequence: Sequence::NONE,
        };
        let incoming = Incoming::anonymous(parts, kept == Kept::Retained && self.limits.retain_available);
        self.route(now, &Authorized::certify(incoming), None, tray);
    }
}
