//! A client made of a blocking socket, which says any bytes and hears whole packets until a deadline.
//!
//! Owns: framing what comes, how long to wait for it.
//! Never: waits without a deadline, keeps more than one packet's bytes that are not whole.

use super::fault::Fault;
use super::scene::Scene;
use crate::wire::heard::{Heard, Welcome, What};
use postrider_client::Version;
use postrider_net::dial::{Bare, Line};
use postrider_proto::{Frame, split};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(crate) struct Peer<'s> {
    pub(super) scene: &'s Scene,
    socket: Bare,
    line: Line<Bare>,
    pub(crate) version: Version,
    input: Vec<u8>,
    /// Messages that came while something else was waited for.
    pub(super) inbox: VecDeque<Heard>,
    pub(super) last_id: u16,
    pub(crate) welcome: Option<Welcome>,
}

/// What there is to hear.
#[derive(Debug)]
pub(crate) enum Sound {
    Packet(Heard),
    /// The broker closed the connection.
    End,
    /// Nothing came in time.
    Silence,
}

impl<'s> Peer<'s> {
    pub(crate) fn dial(scene: &'s Scene, version: Version) -> Result<Self, Fault> {
        let patience = scene.ground().timeout.max(DIAL_MIN);
        let open = || {
            let (socket, mut line) = scene.ground().route.open_blocking(patience)?;
            line.open()?;
            Ok((socket, line))
        };
        let lost = |error: std::io::Error| Fault::lost("a connection", error.to_string());
        let (socket, line) = open().map_err(lost)?;
        let (input, inbox) = (Vec::new(), VecDeque::new());
        Ok(Self { scene, socket, line, version, input, inbox, last_id: 0, welcome: None })
    }

    /// A broker that has hung up is noticed when it is listened to.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        match self.line.write_all(bytes).and_then(|()| self.line.flush()) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Err(Fault::lost("the broker reads what it is sent", "it reads nothing"))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Sends nothing any more and still listens.
    pub(crate) fn fall_silent(&mut self) {
        self.line.close();
        // The broker may have hung up before.
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    /// Breaks the connection without a good-bye.
    pub(crate) fn cut(self) {
        drop(self);
    }

    /// The next packet from the wire within `time`.
    pub(crate) fn listen(&mut self, time: Duration) -> Result<Sound, Fault> {
        Ok(match self.frame(time)? {
            Bytes::Whole(bytes) => Sound::Packet(Heard::read(bytes, self.version).map_err(|(error, bytes)| {
                let came = format!("{error} [{}]", error.clause());
                Fault::malformed("a packet that is well-formed", came, &bytes)
            })?),
            Bytes::End => Sound::End,
            Bytes::Silence => Sound::Silence,
        })
    }

    /// The next packet's bytes, whatever they are.
    fn frame(&mut self, time: Duration) -> Result<Bytes, Fault> {
        let deadline = (Instant::now() + time).min(self.scene.ends);
        loop {
            if Instant::now() >= self.scene.ends {
                return Err(Fault::failed("an end to the case", "the broker drew it out beyond all patience"));
            }
            if let Some(bytes) = self.take_frame()? {
                return Ok(Bytes::Whole(bytes));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Bytes::Silence);
            }
            if self.read_some(left) == 0 {
                return self.end();
            }
        }
    }

    fn take_frame(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        if let Some(len) = Frame::announced_len(&self.input).filter(|len| *len > PACKET_BYTES_MAX) {
            let came = format!("one that announces {len} bytes");
            return Err(Fault::malformed("a packet of a sensible size", came, &self.input));
        }
        match split(&self.input, PACKET_BYTES_MAX) {
            Ok(frame) => {
                let len = frame.map(|frame| frame.len);
                Ok(len.map(|len| self.input.drain(..len).collect()))
            }
            Err(error) => Err(Fault::malformed("a packet that is well-formed", error.to_string(), &self.input)),
        }
    }

    /// Reads once; 0 at the end of the stream, however it came.
    fn read_some(&mut self, time: Duration) -> usize {
        let mut more = [0; 16 * 1024];
        // A timeout of 0 would mean none.
        let _ = self.socket.set_read_timeout(Some(time.max(Duration::from_millis(1))));
        match self.line.read(&mut more) {
            Ok(count) => {
                self.input.extend_from_slice(&more[..count]);
                count
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) =>
            {
                1
            }
            Err(_) => 0,
        }
    }

    fn end(&mut self) -> Result<Bytes, Fault> {
        if self.input.is_empty() {
            return Ok(Bytes::End);
        }
        let cut = core::mem::take(&mut self.input);
        Err(Fault::malformed("a whole packet", "the connection ends inside it", &cut))
    }

    /// The next packet; it must come.
    pub(crate) fn hear(&mut self, expected: &str) -> Result<Heard, Fault> {
        match self.inbox.pop_front() {
            Some(heard) => Ok(heard),
            None => self.hear_within(self.timeout(), expected),
        }
    }

    /// The next packet from the wire; it must come.
    pub(super) fn hear_within(&mut self, time: Duration, expected: &str) -> Result<Heard, Fault> {
        match self.listen(time)? {
            Sound::Packet(heard) => Ok(heard),
            Sound::End => Err(Fault::failed(expected, "the broker closed the connection")),
            Sound::Silence => Err(self.silence(expected)),
        }
    }

    /// The CONNACK. Whoever cannot get one has lost the broker.
    pub(crate) fn connack(&mut self) -> Result<Welcome, Fault> {
        match self.listen(self.timeout())? {
            Sound::Packet(Heard { what: What::Connack(welcome), .. }) => Ok(welcome),
            Sound::Packet(heard) => Err(Fault::wrong("a CONNACK", &heard)),
            Sound::End => Err(Fault::lost("a CONNACK", "the broker closed the connection")),
            Sound::Silence => Err(Fault::lost("a CONNACK", "nothing")),
        }
    }

    pub(super) fn silence(&self, expected: &str) -> Fault {
        Fault::failed(expected, format!("nothing within {} s", self.timeout().as_secs_f32()))
    }

    pub(super) fn timeout(&self) -> Duration {
        self.scene.ground().timeout
    }
}

enum Bytes {
    Whole(Vec<u8>),
    End,
    Silence,
}

const DIAL_MIN: Duration = Duration::from_secs(2);
/// Larger than anything that a case sends or asks for.
const PACKET_BYTES_MAX: usize = 1 << 20;
