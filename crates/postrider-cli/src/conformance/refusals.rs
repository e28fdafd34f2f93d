//! How a broker ends a connection: with which words, and whether at all.
//!
//! Spec: 3.1.4, 3.14, 4.13 (5.0); 4.8 (3.1.1).

use super::fault::{Fault, Played};
use super::peer::{Peer, Sound};
use crate::wire::heard::{Heard, What};
use postrider_client::{ReasonCode, Version};

/// What came of something that the broker should not put up with.
#[derive(Clone, Debug)]
pub(crate) enum Ending {
    /// Closed, perhaps after a DISCONNECT with this reason.
    Closed(Option<ReasonCode>),
    StillOpen,
    /// The broker goes on and says this.
    Answered(Heard),
}

/// Whether a CONNACK may be said before a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Must,
    May,
    MustNot,
}

impl Peer<'_> {
    /// Waits for the broker to close the connection.
    pub(crate) fn ending(&mut self) -> Result<Ending, Fault> {
        let mut reason = None;
        loop {
            match self.listen(self.timeout())? {
                Sound::End => return Ok(Ending::Closed(reason)),
                Sound::Silence if reason.is_none() => return Ok(Ending::StillOpen),
                Sound::Silence => {
                    return Err(Fault::failed("the end of the connection after DISCONNECT", "it stays open"));
                }
                Sound::Packet(Heard { what: What::Disconnect(said), .. })
                    if self.version.is_v5() && reason.is_none() =>
                {
                    reason = Some(said);
                }
                Sound::Packet(heard) => return Ok(Ending::Answered(heard)),
            }
        }
    }

    /// The next packet; none if the broker closes the connection.
    pub(crate) fn ending_or_packet(&mut self) -> Result<Option<Heard>, Fault> {
        match self.listen(self.timeout())? {
            Sound::Packet(heard) => Ok(Some(heard)),
            Sound::End => Ok(None),
            Sound::Silence => Err(self.silence("a packet or the end of the connection")),
        }
    }

    /// The broker has to close the connection; in 5.0 it should say one of `reasons` before.
    pub(crate) fn expect_closed(&mut self, reasons: &[ReasonCode]) -> Played {
        match self.ending()? {
            Ending::Answered(heard) => return Err(Fault::wrong("the end of the connection", &heard)),
            Ending::StillOpen if self.version == Version::V3_1 => {
                self.scene.note("the broker puts up with it, as 3.1 does not say that it must not");
            }
            Ending::StillOpen => return Err(Fault::failed("the end of the connection", "it stays open")),
            Ending::Closed(said) => self.weigh(said, reasons),
        }
        Ok(())
    }

    /// The broker is expected to close the connection, but the specification does not quite say that it must.
    pub(crate) fn expect_closed_or_note(&mut self, reasons: &[ReasonCode]) -> Played {
        match self.ending()? {
            Ending::StillOpen => self.scene.note("the broker puts up with it"),
            Ending::Answered(heard) => self.scene.note(format!("the broker puts up with it: {}", heard.describe())),
            Ending::Closed(said) => self.weigh(said, reasons),
        }
        Ok(())
    }

    /// Remarks on what a DISCONNECT said.
    fn weigh(&self, said: Option<ReasonCode>, reasons: &[ReasonCode]) {
        if !self.version.is_v5() || reasons.is_empty() {
            return;
        }
        match said {
            None => self.scene.note("the broker closes the connection without a DISCONNECT"),
            Some(reason) if reasons.contains(&reason) => {}
            Some(reason) => self.scene.note(format!("DISCONNECT says {reason}, not {}", listed(reasons))),
        }
    }

    /// A CONNECT that is malformed or breaks a rule: 3.1.1 closes without a word, 5.0 may say one of `reasons`.
    pub(crate) fn expect_connect_malformed(&mut self, reasons: &[ReasonCode]) -> Played {
        let word = if self.version == Version::V3_1_1 { Word::MustNot } else { Word::May };
        self.expect_turned_away(word, reasons)
    }

    /// A CONNECT that is well-formed but not accepted: a return code before 5.0, where 5.0 may say one of `reasons`.
    pub(crate) fn expect_connect_refused(&mut self, reasons: &[ReasonCode]) -> Played {
        let word = if self.version.is_v5() { Word::May } else { Word::Must };
        self.expect_turned_away(word, reasons)
    }

    fn expect_turned_away(&mut self, word: Word, reasons: &[ReasonCode]) -> Played {
        let expected = match word {
            Word::Must => format!("CONNACK with {}, and the end of the connection", listed(reasons)),
            Word::May => "the end of the connection, perhaps after a CONNACK that refuses".to_owned(),
            Word::MustNot => "the end of the connection without a CONNACK".to_owned(),
        };
        let said = match self.listen(self.timeout())? {
            Sound::Silence => return Err(Fault::failed(expected, "it stays open")),
            Sound::End => None,
            Sound::Packet(heard) => match (&heard.what, word) {
                (What::Connack(welcome), Word::Must | Word::May) if welcome.reason.is_error() => {
                    if welcome.session_present {
                        return Err(Fault::wrong("session present 0 where a client is refused", &heard));
                    }
                    Some(welcome.reason)
                }
                _ => return Err(Fault::wrong(expected, &heard)),
            },
        };
        match (said, word) {
            (None, Word::Must) => return Err(Fault::failed(expected, "the end of the connection without a word")),
            (Some(reason), Word::Must) if !reasons.contains(&reason) => {
                return Err(Fault::failed(expected, format!("CONNACK, {reason}")));
            }
            (Some(reason), _) if !reasons.is_empty() && !reasons.contains(&reason) => {
                self.scene.note(format!("CONNACK says {reason}, not {}", listed(reasons)));
            }
            _ => {}
        }
        if said.is_none() {
            return Ok(());
        }
        match self.listen(self.timeout())? {
            Sound::End => Ok(()),
            Sound::Silence => Err(Fault::failed("the end of the connection after such a CONNACK", "it stays open")),
            Sound::Packet(heard) => Err(Fault::wrong("nothing after such a CONNACK", &heard)),
        }
    }
}

fn listed(reasons: &[ReasonCode]) -> String {
    let texts: Vec<String> = reasons.iter().map(ReasonCode::to_string).collect();
    texts.join(" or ")
}

/// What 5.0 says of bytes that are no packet, and of packets that are not allowed.
pub(crate) const MALFORMED: &[ReasonCode] = &[ReasonCode::MalformedPacket, ReasonCode::ProtocolError];
pub(crate) const PROTOCOL_ERROR: &[ReasonCode] = &[ReasonCode::ProtocolError];
