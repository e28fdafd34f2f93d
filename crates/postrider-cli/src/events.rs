//! What happens in the broker, for people: one line an event.
//!
//! Never: lets a client's text reach the terminal unescaped or at any length.

use crate::serve::{Log, Settings};
use postrider::{Cause, Event, Observe, ReasonCode, Version};
use postrider_config::model::LogType;
use postrider_config::mosquitto::wording::{self, Parting};
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes events into the log.
#[derive(Debug)]
pub(crate) struct Printer {
    log: Log,
    is_like_mosquitto: bool,
    denials: Allowance,
    refusals: Allowance,
}

/// Denials of one second that are printed, and refusals: who tries again and again does not fill the disk. A29
const DENIALS_PER_S: u32 = 20;

/// How many denials of this second were printed, and how many were not.
#[derive(Debug, Default)]
struct Allowance {
    second: u64,
    printed: u32,
    left_out: u64,
}

impl Printer {
    pub(crate) fn new(log: Log, settings: &Settings) -> Self {
        Self {
            log,
            is_like_mosquitto: settings.is_like_mosquitto,
            denials: Allowance::default(),
            refusals: Allowance::default(),
        }
    }
}

impl Observe for Printer {
    fn observe(&mut self, event: &Event) {
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
        self.log.write(kind, &known.unwrap_or_else(|| sentence(event)));
    }
}

impl Printer {
    fn kind_of(&self, event: &Event) -> LogType {
        #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else happens is information")]
        match event {
            event if is_denial(event) => LogType::Notice,
            event if is_about_a_connection(event) && self.is_like_mosquitto => LogType::Notice,
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
        Event::Connected { .. } | Event::Refused { .. } | Event::HandshakeFailed { .. } | Event::Disconnected { .. }
    )
}

/// The lines that people search mosquitto's logs for.
#[expect(clippy::wildcard_enum_match_arm, reason = "for everything else there are words of our own")]
fn in_other_words(event: &Event) -> Option<String> {
    match event {
        Event::Connected { client_id, peer, version, is_clean, keep_alive_s, principal, .. } => {
            let name = shown(peer.as_str());
            let (address, port) = name.rsplit_once(':').unwrap_or((&name, "0"));
            let edition = match version {
                Version::V3_1 => 1,
                Version::V3_1_1 => 2,
                Version::V5 => 5,
            };
            let username = principal.as_ref().map(|principal| shown(principal.as_str()));
            Some(wording::new_client(&wording::Connected {
                address: address.trim_matches(['[', ']']),
                port: port.parse().unwrap_or_default(),
                client_id: &shown(client_id.as_str()),
                edition,
                is_clean: *is_clean,
                keep_alive_s: *keep_alive_s,
                username: username.as_deref(),
            }))
        }
        Event::Disconnected { client_id, cause } => {
            let parting = match cause {
                Cause::Disconnect(_) => Parting::Disconnected,
                Cause::Closed | Cause::Slow | Cause::Administrative | Cause::Shutdown => Parting::Closed,
                Cause::Violation(..) => Parting::ProtocolError,
                Cause::KeepAlive => Parting::TimedOut,
                Cause::TakenOver => Parting::TakenOver,
            };
            Some(wording::parted(Some(&shown(client_id.as_str())), parting))
        }
        Event::Subscribed { client_id, filter, granted: Ok(qos), .. } => {
            Some(wording::subscribed(&shown(client_id.as_str()), qos.as_u8(), &shown(filter)))
        }
        Event::Unsubscribed { client_id, filter } => {
            Some(wording::unsubscribed(&shown(client_id.as_str()), &shown(filter)))
        }
        _ => None,
    }
}

impl Allowance {
    /// What was left out until now, if another second begins.
    fn begin(&mut self, second: u64) -> u64 {
        if self.second == second {
            return 0;
        }
        std::mem::replace(self, Self { second, ..Self::default() }).left_out
    }

    fn take(&mut self) -> bool {
        let is_over = self.printed >= DENIALS_PER_S;
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

/// Somebody did not get in.
const fn is_refusal(event: &Event) -> bool {
    matches!(event, Event::Refused { .. } | Event::HandshakeFailed { .. })
}

fn sentence(event: &Event) -> String {
    match event {
        Event::Connected { client_id, peer, version, session_present, keep_alive_s, .. } => {
            let edition = edition(*version);
            let session = if *session_present { "resumed" } else { "new" };
            let (id, peer) = (shown(client_id.as_str()), shown(peer.as_str()));
            format!("{id} connected from {peer} ({edition}, {session} session, keep alive {keep_alive_s} s)")
        }
        Event::Refused { client_id, peer, reason } => {
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
        Cause::Slow => "it took nothing of what was sent to it for too long".to_owned(),
        Cause::Administrative => "an administrator ended it".to_owned(),
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
        let mut allowance = Allowance::default();
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
