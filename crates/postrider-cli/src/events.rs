//! What happens in the broker, for people: one line an event.
//!
//! Never: lets a client's text reach the terminal unescaped or at any length.

mod as_mosquitto;

use crate::serve::{Log, Settings};
use as_mosquitto::{answered, in_other_words};
use postrider::{Cause, Event, Observe, ReasonCode, Version};
use postrider_config::model::LogType;
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes events into the log.
#[derive(Debug)]
pub(crate) struct Printer {
    log: Log,
    is_like_mosquitto: bool,
    denials: Allowance,
    refusals: Allowance,
    newcomers: Allowance,
}

/// Denials of one second that are printed, and refusals: who tries again and again does not fill the disk. A29
const DENIALS_PER_S: u32 = 20;
/// New connections of one second that are printed: a whole fleet comes back now and then.
const NEWCOMERS_PER_S: u32 = 1000;

/// How many denials of this second were printed, and how many were not.
#[derive(Debug)]
struct Allowance {
    per_s: u32,
    second: u64,
    printed: u32,
    left_out: u64,
}

impl Printer {
    pub(crate) fn new(log: Log, settings: &Settings) -> Self {
        Self {
            log,
            is_like_mosquitto: settings.is_like_mosquitto,
            denials: Allowance::of(DENIALS_PER_S),
            refusals: Allowance::of(DENIALS_PER_S),
            newcomers: Allowance::of(NEWCOMERS_PER_S),
        }
    }
}

impl Observe for Printer {
    fn observe(&mut self, event: &Event) {
        let tells_answers = self.is_like_mosquitto && self.log.wants(LogType::Debug);
        let answer = if tells_answers { answered(event) } else { None };
        // Who is refused goes when he has the answer, who is let in has come before it.
        let is_last = !matches!(event, Event::Refused { .. });
        if is_last {
            self.print(event);
        }
        if let Some(line) = answer {
            self.log.write(LogType::Debug, &line);
        }
        if !is_last {
            self.print(event);
        }
    }
}

impl Printer {
    fn print(&mut self, event: &Event) {
        let kind = self.kind_of(event);
        if !self.log.wants(kind) {
            return;
        }
        if is_about_a_connection(event) && !self.log.wants_connections() {
            return;
        }
        let (allowance, name) = match (is_denial(event), is_refusal(event)) {
            (true, _) => (Some(&mut self.denials), "denials"),
            (false, true) => (Some(&mut self.refusals), "refusals"),
            (false, false) if matches!(event, Event::Opened { .. }) => (Some(&mut self.newcomers), "connections"),
            (false, false) => (None, ""),
        };
        if let Some(allowance) = allowance {
            let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            let left_out = allowance.begin(seconds);
            let is_left_out = !allowance.take();
            if left_out > 0 {
                self.log.write(kind, &format!("{left_out} more {name} were not printed"));
            }
            if is_left_out {
                return;
            }
        }
        let known = self.is_like_mosquitto.then(|| in_other_words(event)).flatten();
        let text = known.unwrap_or_else(|| sentence(event));
        if is_of_delivering(event) {
            self.log.write_silently(kind, &text);
        } else {
            self.log.write(kind, &text);
        }
    }

    fn kind_of(&self, event: &Event) -> LogType {
        #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else happens is information")]
        match event {
            event if is_denial(event) => LogType::Notice,
            event if is_about_a_connection(event) && self.is_like_mosquitto => LogType::Notice,
            Event::Dropped { .. } if self.is_like_mosquitto => LogType::Notice,
            Event::Opened { .. } => LogType::Debug,
            Event::Subscribed { .. } => LogType::Subscribe,
            Event::Unsubscribed { .. } => LogType::Unsubscribe,
            Event::Dropped { .. } | Event::ShareDropped { .. } | Event::Missed(_) => LogType::Warning,
            _ => LogType::Information,
        }
    }
}

const fn is_about_a_connection(event: &Event) -> bool {
    matches!(
        event,
        Event::Opened { .. }
            | Event::Left { .. }
            | Event::Connected { .. }
            | Event::Refused { .. }
            | Event::HandshakeFailed { .. }
            | Event::Disconnected { .. }
    )
}

impl Allowance {
    const fn of(per_s: u32) -> Self {
        Self { per_s, second: 0, printed: 0, left_out: 0 }
    }

    /// What was left out until now, if another second begins.
    fn begin(&mut self, second: u64) -> u64 {
        if self.second == second {
            return 0;
        }
        std::mem::replace(self, Self { second, ..Self::of(self.per_s) }).left_out
    }

    fn take(&mut self) -> bool {
        let is_over = self.printed >= self.per_s;
        if is_over {
            self.left_out += 1;
        } else {
            self.printed += 1;
        }
        !is_over
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all other events are no denials")]
fn is_denial(event: &Event) -> bool {
    match event {
        Event::Subscribed { granted, .. } => *granted == Err(ReasonCode::NotAuthorized),
        Event::PublishDenied { reason, .. } => *reason == ReasonCode::NotAuthorized,
        Event::Revoked { .. } => true,
        _ => false,
    }
}

/// What a line that is published may lead to.
const fn is_of_delivering(event: &Event) -> bool {
    matches!(event, Event::Dropped { .. } | Event::ShareDropped { .. } | Event::Missed(_))
}

/// Somebody did not get in.
const fn is_refusal(event: &Event) -> bool {
    matches!(event, Event::Refused { .. } | Event::HandshakeFailed { .. } | Event::Left { .. })
}

fn sentence(event: &Event) -> String {
    match event {
        Event::Connected { client_id, peer, version, session_present, keep_alive_s, .. } => {
            let edition = edition(*version);
            let session = if *session_present { "resumed" } else { "new" };
            let (id, peer) = (shown(client_id.as_str()), shown(peer.as_str()));
            format!("{id} connected from {peer} ({edition}, {session} session, keep alive {keep_alive_s} s)")
        }
        Event::Opened { peer, port } => format!("a connection from {} on port {port}", shown(peer.as_str())),
        Event::Left { peer, cause } => format!("{} left before it said CONNECT: {}", shown(peer.as_str()), why(*cause)),
        Event::Refused { client_id, peer, reason, .. } => {
            format!("{} from {} was refused: {}", shown(client_id.as_str()), shown(peer.as_str()), reason.text())
        }
        Event::HandshakeFailed { peer, reason } => format!("{peer} did not get in: {}", shown(reason)),
        Event::Disconnected { client_id, cause } => {
            format!("{} disconnected: {}", shown(client_id.as_str()), why(*cause))
        }
        Event::SessionEnded { client_id } => format!("{}'s session ended", shown(client_id.as_str())),
        Event::Subscribed { client_id, filter, granted, why } => match granted {
            Ok(qos) => format!("{} subscribed to {} with QoS {qos}", shown(client_id.as_str()), shown(filter)),
            Err(reason) => {
                let why = why.as_deref().unwrap_or_else(|| reason.text());
                format!("{} may not subscribe to {}: {}", shown(client_id.as_str()), shown(filter), shown(why))
            }
        },
        Event::Unsubscribed { client_id, filter } => {
            format!("{} unsubscribed from {}", shown(client_id.as_str()), shown(filter))
        }
        Event::PublishDenied { client_id, topic, reason, why } => {
            let why = why.as_deref().unwrap_or_else(|| reason.text());
            format!("{} may not publish to {}: {}", shown(client_id.as_str()), shown(topic), shown(why))
        }
        Event::Revoked { client_id, filter, why } => {
            let why = why.as_deref().unwrap_or("it is not allowed any more");
            format!("{} lost its subscription to {}: {}", shown(client_id.as_str()), shown(filter), shown(why))
        }
        Event::WillPublished { client_id, topic } => {
            format!("{}'s will was published to {}", shown(client_id.as_str()), shown(topic))
        }
        Event::Dropped { client_id, reason } => {
            format!("messages for {} are dropped: {}", shown(client_id.as_str()), reason.name())
        }
        Event::ShareDropped { filter, reason } => {
            format!("messages for {} are dropped: {}", shown(filter), reason.name())
        }
        Event::Banned { client_id, for_s } => {
            format!("{} is banned for {for_s} s: it broke the rules too often", shown(client_id.as_str()))
        }
        Event::Missed(count) => format!("{count} events were not printed: they came too fast"),
        _ => format!("{event:?}"),
    }
}

const fn edition(version: Version) -> &'static str {
    match version {
        Version::V3_1 => "MQTT 3.1",
        Version::V3_1_1 => "MQTT 3.1.1",
        Version::V5 => "MQTT 5.0",
    }
}

fn why(cause: Cause) -> String {
    match cause {
        Cause::Disconnect(reason) => format!("it said good-bye ({})", reason.text()),
        Cause::Closed => "the connection was closed".to_owned(),
        Cause::Violation(reason, clause) => format!("it broke the protocol ({}, {clause})", reason.text()),
        Cause::KeepAlive => "it was silent for one and a half keep-alive times".to_owned(),
        Cause::TakenOver => "another connection took its session".to_owned(),
        Cause::Memory => "the broker is out of memory, and what it kept for this client was most".to_owned(),
        Cause::Slow => "it took nothing of what was sent to it for too long".to_owned(),
        Cause::Administrative(_) => "an administrator ended it".to_owned(),
        Cause::Shutdown => "the broker stops".to_owned(),
    }
}

const SHOWN_CHARS_MAX: usize = 256;

/// A client's text, safe to print: control characters escaped, long ones cut.
pub(crate) fn shown(text: &str) -> String {
    let mut out: String = text
        .chars()
        .take(SHOWN_CHARS_MAX)
        .flat_map(|char| {
            let escape = char.is_control() || char == '\\';
            let escaped = escape.then(|| char.escape_default());
            escaped.into_iter().flatten().chain((!escape).then_some(char))
        })
        .collect();
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        out.push('…');
    }
    if out.is_empty() { "(no name)".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider::ClientId;

    #[test]
    fn a_second_has_room_for_so_many_denials_and_the_next_one_says_how_many_more_there_were() {
        let mut allowance = Allowance::of(DENIALS_PER_S);
        assert_eq!(allowance.begin(7), 0);
        let printed = (0..DENIALS_PER_S + 5).filter(|_| allowance.take()).count();
        assert_eq!((printed, allowance.begin(7)), (DENIALS_PER_S as usize, 0));
        assert_eq!(allowance.begin(9), 5);
        assert!(allowance.take() && allowance.begin(10) == 0);
    }

    #[test]
    fn a_client_cannot_write_lines_or_colours_into_the_log() {
        let event = Event::SessionEnded { client_id: ClientId::from("a\nfake: \u{1b}[31m") };
        assert_eq!(sentence(&event), "a\\nfake: \\u{1b}[31m's session ended");
        assert_eq!(shown(&"é".repeat(1000)).chars().count(), SHOWN_CHARS_MAX + 1);
    }
}
