//! Commands that clients publish to `$CONTROL/NAME/v1`, and the responses to them.
//!
//! Owns: who gets a response: the client that asked, on the connection it asked on, if it subscribes to it.
//! Never: routes or retains a command, or takes one that nobody was asked about.

use crate::judge::Pending;
use crate::outgoing::Outgoing;
use crate::publish::Incoming;
use crate::{Effect, Engine, Judge, LinkId, Tray, Who};
use postrider_ports::ControlRequest;
use postrider_proto::{PropertiesBuf, Property, PropertyId, Publish, Qos, ReasonCode, Topic};
use postrider_router::SessionKey;
use postrider_session::{MessageParts, Now, Sequence};

/// A command whose response is not there yet.
#[derive(Debug)]
pub(crate) struct Command {
    link: LinkId,
    topic: Box<str>,
    /// Goes back with the response. [3.3.2.3.6]
    correlation: Option<Box<[u8]>>,
}

impl Engine {
    /// Lets a topic that is the broker's own pass if it is for commands, and says no otherwise.
    #[cold]
    pub(crate) fn allow_command(&self, topic: Topic<'_>, no: ReasonCode) -> Result<(), ReasonCode> {
        if self.is_command(topic) { Ok(()) } else { Err(no) }
    }

    /// Whether what is published there goes to a plugin. Where everybody may do everything nobody does.
    #[cold]
    pub(crate) fn is_command(&self, topic: Topic<'_>) -> bool {
        let name = topic.as_str().strip_prefix("$CONTROL/").and_then(|rest| rest.strip_suffix("/v1"));
        self.limits.authorize == Who::Plugin
            && name.is_some_and(|name| self.limits.controls.iter().any(|served| **served == *name))
    }

    /// Hands a command to its plugin.
    pub(crate) fn command(&mut self, key: SessionKey, publish: &Publish<'_>, link: LinkId, tray: &mut Tray) {
        let Some(session) = self.sessions.get(key) else { return };
        let topic: Box<str> = publish.topic.as_str().into();
        let request = ControlRequest {
            topic: topic.clone(),
            payload: publish.payload.into(),
            subject: (*session.subject).clone(),
            peer: session.whence(),
        };
        let correlation = publish.properties.binary(PropertyId::CorrelationData).map(Box::from);
        let ticket = self.next_ticket();
        self.pending.insert(ticket, Pending::Control(Box::new(Command { link, topic, correlation })));
        tray.push(Effect::Judge { ticket, question: Box::new(Judge::Control(request)) });
    }

    /// Publishes a response to whoever sent the command, and to nobody else.
    pub(crate) fn respond(&mut self, now: Now, command: &Command, response: &[u8], tray: &mut Tray) {
        let Some(key) = self.links.session_of(command.link) else { return };
        let name = format!("{}/response", command.topic);
        let Ok(topic) = Topic::parse(name.as_bytes()) else { return };
        let mut properties = PropertiesBuf::new();
        if let Some(correlation) = &command.correlation {
            properties.push(Property::Binary(PropertyId::CorrelationData, correlation));
        }
        let parts = MessageParts {
            topic,
            payload: response,
            properties: properties.as_properties(),
            qos: Qos::AtMostOnce,
            expires: None,
            sequence: Sequence::NONE,
        };
        let incoming = Incoming::anonymous(parts, false);
        let mut outgoing = Outgoing::new(&incoming);
        let mut matches = self.match_up(topic, None);
        matches.retain(|hit| hit.session == key);
        let before = self.counters.deliveries_sent;
        for hit in matches.hits() {
            self.deliver(now, hit, &matches, &mut outgoing, tray);
        }
        self.count_payloads(before, &outgoing);
        self.matches = Some(matches);
    }
}
