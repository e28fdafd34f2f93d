//! What cases ask of a client, with the answers that must come.
//!
//! Owns: whole exchanges: subscribe, publish, receive, be refused, be left alone.

use super::fault::{Fault, Played, check_eq};
use super::peer::{Peer, Sound};
use crate::wire::heard::{Answer, Heard, Welcome, What};
use crate::wire::message::Message;
use crate::wire::raw;
use postrider_client::{Qos, ReasonCode, SubscribeOptions};
use postrider_proto::{AckKind, Disconnect, PropertiesBuf};
use std::time::{Duration, Instant};

impl Peer<'_> {
    pub(crate) fn next_id(&mut self) -> u16 {
        self.last_id += 1;
        self.last_id
    }

    /// What `pick` takes; messages that come before it are kept for later.
    pub(crate) fn answer<T>(&mut self, expected: &str, mut pick: impl FnMut(&What) -> Option<T>) -> Result<T, Fault> {
        let deadline = Instant::now() + self.timeout();
        while self.inbox.len() < MESSAGES_MAX {
            let heard = self.hear_within(deadline.saturating_duration_since(Instant::now()), expected)?;
            if let Some(found) = pick(&heard.what) {
                return Ok(found);
            }
            if !matches!(heard.what, What::Publish(_)) {
                return Err(Fault::wrong(expected, &heard));
            }
            self.inbox.push_back(heard);
        }
        Err(Fault::failed(expected, format!("{MESSAGES_MAX} messages")))
    }

    /// Subscribes and is granted what was asked for.
    pub(crate) fn subscribe(&mut self, filter: &str, qos: Qos) -> Played {
        self.subscribe_with(filter, SubscribeOptions::of(qos), &PropertiesBuf::new())
    }

    pub(crate) fn subscribe_with(&mut self, filter: &str, options: SubscribeOptions, with: &PropertiesBuf) -> Played {
        let id = self.next_id();
        let packet = raw::subscribe(self.version, id, &[(filter, options)], with);
        let codes = self.request_subscription(id, &packet)?;
        match codes[..] {
            [code] if code == options.qos.as_u8() => Ok(()),
            [code] if code < options.qos.as_u8() => {
                let wanted = options.qos;
                Err(Fault::Skipped(format!("the broker grants QoS {code} where {wanted} is asked for")))
            }
            _ => Err(Fault::failed(format!("a subscription to {filter}"), format!("SUBACK {codes:02X?}"))),
        }
    }

    /// Sends a SUBSCRIBE and returns the codes of its SUBACK.
    pub(crate) fn request_subscription(&mut self, id: u16, packet: &[u8]) -> Result<Vec<u8>, Fault> {
        self.send(packet)?;
        let suback = |what: &What| if let What::Suback(id, codes) = what { Some((*id, codes.clone())) } else { None };
        let (answered, codes) = self.answer("a SUBACK", suback)?;
        check_eq("packet identifier of the SUBACK", id, answered)?;
        Ok(codes)
    }

    /// Unsubscribes and returns the codes of the UNSUBACK, of which there are none before 5.0.
    pub(crate) fn unsubscribe(&mut self, filters: &[&str]) -> Result<Vec<u8>, Fault> {
        let id = self.next_id();
        self.send(&raw::unsubscribe(self.version, id, filters))?;
        let unsuback =
            |what: &What| if let What::Unsuback(id, codes) = what { Some((*id, codes.clone())) } else { None };
        let (answered, codes) = self.answer("an UNSUBACK", unsuback)?;
        check_eq("packet identifier of the UNSUBACK", id, answered)?;
        Ok(codes)
    }

    /// Sends a PUBLISH and no more.
    pub(crate) fn send_message(&mut self, message: &Message) -> Played {
        if message.retain && !message.payload.is_empty() {
            self.scene.remember_retained(&message.topic, self.version);
        }
        self.send(&message.bytes(self.version))
    }

    /// Publishes and goes through with the exchange.
    pub(crate) fn publish(&mut self, message: &Message) -> Played {
        let reason = self.offer(message)?;
        if reason.is_error() {
            return Err(Fault::failed(format!("{} is taken", message.describe()), format!("it is refused: {reason}")));
        }
        Ok(())
    }

    /// Publishes; says what the acknowledgement says.
    pub(crate) fn offer(&mut self, message: &Message) -> Result<ReasonCode, Fault> {
        let mut message = message.clone();
        if message.packet_id == 0 && message.qos != Qos::AtMostOnce {
            message.packet_id = self.next_id();
        }
        self.send_message(&message)?;
        match message.qos {
            Qos::AtMostOnce => Ok(ReasonCode::Success),
            Qos::AtLeastOnce => self.expect_ack(AckKind::Puback, message.packet_id),
            Qos::ExactlyOnce => {
                let reason = self.expect_ack(AckKind::Pubrec, message.packet_id)?;
                if !reason.is_error() {
                    self.acknowledge(AckKind::Pubrel, message.packet_id)?;
                    self.expect_ack(AckKind::Pubcomp, message.packet_id)?;
                }
                Ok(reason)
            }
        }
    }

    /// An acknowledgement with this packet identifier; messages before it are kept.
    pub(crate) fn expect_ack(&mut self, kind: AckKind, packet_id: u16) -> Result<ReasonCode, Fault> {
        let expected = format!("{} #{packet_id}", kind.name());
        let ack = |what: &What| if let What::Ack(answer) = what { Some(*answer) } else { None };
        let answer = self.answer(&expected, ack)?;
        if (answer.kind, answer.packet_id) != (kind, packet_id) {
            return Err(Fault::failed(expected, answer.describe()));
        }
        Ok(answer.reason)
    }

    pub(crate) fn acknowledge(&mut self, kind: AckKind, packet_id: u16) -> Played {
        self.acknowledge_with(Answer { kind, packet_id, reason: ReasonCode::Success })
    }

    pub(crate) fn acknowledge_with(&mut self, answer: Answer) -> Played {
        self.send(&raw::ack(self.version, answer))
    }

    /// The next message, not acknowledged.
    pub(crate) fn take_message(&mut self) -> Result<Message, Fault> {
        let heard = self.hear("a PUBLISH")?;
        if let What::Publish(message) = heard.what { Ok(message) } else { Err(Fault::wrong("a PUBLISH", &heard)) }
    }

    /// The next message with its exchange gone through.
    pub(crate) fn receive(&mut self) -> Result<Message, Fault> {
        let message = self.take_message()?;
        self.finish(&message)?;
        Ok(message)
    }

    /// Goes through with the exchange of a message.
    pub(crate) fn finish(&mut self, message: &Message) -> Played {
        match message.qos {
            Qos::AtMostOnce => Ok(()),
            Qos::AtLeastOnce => self.acknowledge(AckKind::Puback, message.packet_id),
            Qos::ExactlyOnce => {
                self.acknowledge(AckKind::Pubrec, message.packet_id)?;
                self.expect_ack(AckKind::Pubrel, message.packet_id)?;
                self.acknowledge(AckKind::Pubcomp, message.packet_id)
            }
        }
    }

    /// The next message must be this one.
    pub(crate) fn expect_message(&mut self, topic: &str, payload: &str) -> Result<Message, Fault> {
        let message = self.receive()?;
        if message.topic != topic || message.text() != payload {
            return Err(Fault::failed(format!("a PUBLISH to {topic:?}, payload {payload:?}"), message.describe()));
        }
        Ok(message)
    }

    /// As many messages, which may come in any order, as payloads in alphabetical order.
    pub(crate) fn receive_sorted(&mut self, count: usize) -> Result<Vec<String>, Fault> {
        let mut payloads = Vec::new();
        for _ in 0..count {
            payloads.push(self.receive()?.text());
        }
        payloads.sort();
        Ok(payloads)
    }

    pub(crate) fn ping(&mut self) -> Played {
        self.send(&raw::PINGREQ)?;
        self.answer("a PINGRESP", |what| matches!(what, What::Pingresp).then_some(()))
    }

    /// The connection lives, and there is nothing else to hear.
    pub(crate) fn expect_quiet(&mut self) -> Played {
        self.ping()?;
        let sound = match self.inbox.pop_front() {
            Some(heard) => Sound::Packet(heard),
            None => self.listen(QUIET)?,
        };
        match sound {
            Sound::Silence => Ok(()),
            Sound::Packet(heard) => Err(Fault::wrong("nothing", &heard)),
            Sound::End => Err(Fault::failed("nothing", "the broker closed the connection")),
        }
    }

    /// Messages that come until nothing does for a while, with their exchanges gone through.
    pub(crate) fn receive_all(&mut self) -> Result<Vec<Message>, Fault> {
        self.ping()?;
        let mut messages = Vec::new();
        while messages.len() < MESSAGES_MAX {
            let sound = match self.inbox.pop_front() {
                Some(heard) => Sound::Packet(heard),
                None => self.listen(QUIET)?,
            };
            match sound {
                Sound::Silence => break,
                Sound::Packet(Heard { what: What::Publish(message), .. }) => {
                    self.finish(&message)?;
                    messages.push(message);
                }
                Sound::Packet(heard) => return Err(Fault::wrong("a PUBLISH or nothing", &heard)),
                Sound::End => return Err(Fault::failed("a PUBLISH or nothing", "the broker closed the connection")),
            }
        }
        Ok(messages)
    }

    /// Says good-bye; the broker should close the connection.
    pub(crate) fn disconnect(&mut self) -> Played {
        self.part(&Disconnect::new(ReasonCode::Success))
    }

    pub(crate) fn part(&mut self, disconnect: &Disconnect<'_>) -> Played {
        let mut bytes = Vec::new();
        disconnect.encode(self.version, &mut bytes);
        self.send(&bytes)?;
        self.fall_silent();
        let deadline = Instant::now() + self.timeout();
        while let Sound::Packet(_) = self.listen(deadline.saturating_duration_since(Instant::now()))? {
            if Instant::now() >= deadline {
                break;
            }
        }
        Ok(())
    }

    /// The CONNACK that let this client in.
    pub(crate) fn welcome(&self) -> Result<&Welcome, Fault> {
        self.welcome.as_ref().ok_or_else(|| Fault::failed("a CONNACK", "none"))
    }
}

/// How long nothing must come before nothing is believed to come.
pub(super) const QUIET: Duration = Duration::from_millis(150);
/// Wildcards on a busy broker bring anything.
const MESSAGES_MAX: usize = 1000;
