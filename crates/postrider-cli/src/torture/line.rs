//! A connection that may break at any byte.

use super::place::Place;
use crate::wire::heard::{Answer, Heard, What};
use crate::wire::hello::Hello;
use crate::wire::message::Message;
use crate::wire::raw;
use postrider_client::{Qos, ReasonCode, SubscribeOptions, Version};
use postrider_proto::{Disconnect, PropertiesBuf, PropertyId, split};
use std::fmt;
use std::io::{Error, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

pub(super) struct Line {
    stream: TcpStream,
    version: Version,
    input: Vec<u8>,
    /// How long an answer may take.
    wait: Duration,
    /// Messages that the broker takes unacknowledged.
    pub(super) receive_maximum: u16,
}

/// Why a conversation does not go on.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The connection is over, as it is when the broker is killed.
    Broken(Error),
    Refused(ReasonCode),
    /// Something that no broker should say, or nothing where something is due.
    Unexpected(String),
}

/// How long one look for a packet takes.
const LOOK: Duration = Duration::from_millis(2);
/// How long a broker may take to hang up.
const GOOD_BYE: Duration = Duration::from_secs(1);
/// Larger than anything that is sent here.
const PACKET_BYTES_MAX: usize = 2 << 20;

impl Line {
    /// Is let in; says whether a session was there.
    pub(super) fn enter(place: &Place, hello: &Hello) -> Result<(Self, bool), Trouble> {
        let stream = TcpStream::connect_timeout(&place.address, place.wait)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LOOK))?;
        stream.set_write_timeout(Some(place.wait))?;
        let (input, wait) = (Vec::new(), place.wait);
        let mut line = Self { stream, version: place.version, input, wait, receive_maximum: u16::MAX };
        line.send(&hello.bytes())?;
        let heard = line.answer()?;
        let What::Connack(welcome) = heard.what else { return Err(unexpected("a CONNACK", &heard)) };
        if welcome.reason.is_error() {
            return Err(Trouble::Refused(welcome.reason));
        }
        let properties = welcome.properties.as_properties();
        line.receive_maximum = properties.two_bytes(PropertyId::ReceiveMaximum).unwrap_or(u16::MAX);
        Ok((line, welcome.session_present))
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        Ok(self.stream.write_all(bytes)?)
    }

    pub(super) fn acknowledge(&mut self, answer: Answer) -> Result<(), Trouble> {
        let bytes = raw::ack(self.version, answer);
        self.send(&bytes)
    }

    pub(super) fn publish(&mut self, message: &Message) -> Result<(), Trouble> {
        let bytes = message.bytes(self.version);
        self.send(&bytes)
    }

    /// Asks for a subscription; what comes before the answer goes to `take`.
    pub(super) fn subscribe(
        &mut self,
        filter: &str,
        qos: Qos,
        mut take: impl FnMut(&mut Self, Heard) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let filters = [(filter, SubscribeOptions::of(qos))];
        self.send(&raw::subscribe(self.version, SUBSCRIBE_ID, &filters, &PropertiesBuf::new()))?;
        loop {
            let heard = self.answer()?;
            let What::Suback(_, codes) = &heard.what else {
                take(self, heard)?;
                continue;
            };
            if *codes == [qos.as_u8()] {
                return Ok(());
            }
            let text = format!("a subscription with QoS {qos} was answered with {codes:02X?}");
            return Err(Trouble::Unexpected(text));
        }
    }

    /// The next packet, if one comes soon.
    pub(super) fn next(&mut self) -> Result<Option<Heard>, Trouble> {
        loop {
            if let Some(heard) = self.take_packet()? {
                if let What::Disconnect(reason) = heard.what {
                    // It is about to hang up, as a broker that stops does.
                    return Err(Error::other(format!("DISCONNECT, {reason}")).into());
                }
                return Ok(Some(heard));
            }
            let mut more = [0; 16 * 1024];
            match self.stream.read(&mut more) {
                Ok(0) => return Err(Error::from(ErrorKind::UnexpectedEof).into()),
                Ok(count) => self.input.extend_from_slice(&more[..count]),
                Err(error) if is_silence(&error) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The next packet, which has to come.
    pub(super) fn answer(&mut self) -> Result<Heard, Trouble> {
        let started = Instant::now();
        loop {
            if let Some(heard) = self.next()? {
                return Ok(heard);
            }
            if started.elapsed() > self.wait {
                return Err(Trouble::Unexpected(format!("it did not answer within {} s", self.wait.as_secs())));
            }
        }
    }

    /// Says good-bye, and waits until the broker hangs up: one that writes to a connection that is closed may never read
    /// what was said on it before. It may be gone.
    pub(super) fn leave(mut self) {
        let mut bytes = Vec::new();
        Disconnect::new(ReasonCode::Success).encode(self.version, &mut bytes);
        let _ = self.send(&bytes);
        let started = Instant::now();
        while started.elapsed() < GOOD_BYE && self.next().is_ok() {}
    }

    fn take_packet(&mut self) -> Result<Option<Heard>, Trouble> {
        let malformed = |error: &dyn fmt::Display| Trouble::Unexpected(format!("what came is no packet: {error}"));
        let frame = split(&self.input, PACKET_BYTES_MAX).map_err(|error| malformed(&error))?;
        let Some(len) = frame.map(|frame| frame.len) else { return Ok(None) };
        let bytes = self.input.drain(..len).collect();
        Heard::read(bytes, self.version).map(Some).map_err(|(error, _)| malformed(&error))
    }
}

pub(super) fn unexpected(expected: &str, heard: &Heard) -> Trouble {
    Trouble::Unexpected(format!("{} came instead of {expected}", heard.describe()))
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(error) => write!(f, "the connection broke: {error}"),
            Self::Refused(reason) => write!(f, "the broker refused a client: {reason}"),
            Self::Unexpected(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Trouble {}

fn is_silence(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// No client has more than one SUBSCRIBE under way; publishers do not subscribe.
const SUBSCRIBE_ID: u16 = 1;
