//! A connection that may break at any byte.

use postrider_proto::{Packet, ReasonCode, Version, split};
use postrider_testkit::Hello;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

pub(crate) struct Line {
    stream: TcpStream,
    received: Vec<u8>,
}

/// How long one look for a packet takes.
const LOOK: Duration = Duration::from_millis(5);
/// How long an answer may take; a broker that was killed has closed everything before.
const PATIENCE: Duration = Duration::from_secs(20);

impl Line {
    pub(crate) fn dial(port: u16) -> Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LOOK))?;
        Ok(Self { stream, received: Vec::new() })
    }

    /// Is let in; says whether a session was there.
    pub(crate) fn enter(port: u16, hello: &Hello) -> Result<(Self, bool)> {
        let entered = Self::try_enter(port, hello)?;
        Ok(entered.unwrap_or_else(|reason| panic!("{reason:?} instead of being let in")))
    }

    /// The same, or what the broker says against it.
    pub(crate) fn try_enter(port: u16, hello: &Hello) -> Result<std::result::Result<(Self, bool), ReasonCode>> {
        let mut line = Self::dial(port)?;
        line.send(&hello.bytes())?;
        let look = |packet: &Packet<'_>| match packet {
            Packet::Connack(connack) if connack.reason.is_error() => Err(connack.reason),
            Packet::Connack(connack) => Ok(connack.session_present),
            _ => panic!("{packet:?} instead of a CONNACK"),
        };
        Ok(line.wait(look)?.map(|is_present| (line, is_present)))
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes)
    }

    /// What `look` makes of the next packet, if one comes soon.
    pub(crate) fn next<R>(&mut self, look: impl FnOnce(&Packet<'_>) -> R) -> Result<Option<R>> {
        loop {
            if let Some(frame) = split(&self.received, usize::MAX).expect("the broker frames well") {
                let packet = Packet::decode(frame, Version::V5).expect("the broker encodes well");
                let (seen, len) = (look(&packet), frame.len);
                self.received.drain(..len);
                return Ok(Some(seen));
            }
            let mut more = [0; 16 * 1024];
            match self.stream.read(&mut more) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.received.extend_from_slice(&more[..count]),
                Err(error) if is_silence(&error) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// The same, and it has to come.
    pub(crate) fn wait<R>(&mut self, mut look: impl FnMut(&Packet<'_>) -> R) -> Result<R> {
        let started = Instant::now();
        loop {
            if let Some(seen) = self.next(&mut look)? {
                return Ok(seen);
            }
            assert!(started.elapsed() < PATIENCE, "the broker says nothing");
        }
    }
}

fn is_silence(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
