//! A client that says exactly the bytes it is told, and shows every packet that comes back.

use crate::patience::PATIENCE;
use postrider_proto::{AckKind, Packet, Qos, ReasonCode, Version, split};
use postrider_testkit::{Hello, Pub, ack, describe, pingreq, subscribe};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

pub(crate) struct Wire {
    stream: TcpStream,
    version: Version,
    received: Vec<u8>,
}

/// A message with the part of its exchange that is the receiver's done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) topic: String,
    pub(crate) qos: u8,
    pub(crate) payload: Vec<u8>,
}

impl Wire {
    /// A connection on which nothing has been said.
    pub(crate) fn dial(to: impl Into<SocketAddr>) -> Self {
        let stream = TcpStream::connect(to.into()).expect("the broker listens");
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket");
        Self { stream, version: Version::V5, received: Vec::new() }
    }

    /// A client that is in.
    pub(crate) fn client(to: impl Into<SocketAddr>, hello: &Hello) -> Self {
        let mut wire = Self::dial(to);
        wire.enter(hello);
        wire
    }

    /// Sends CONNECT and is let in; says whether a session was there.
    pub(crate) fn enter(&mut self, hello: &Hello) -> bool {
        self.hail(hello);
        let line = self.next();
        assert!(line.starts_with("CONNACK Success"), "{line}");
        line.starts_with("CONNACK Success present")
    }

    /// Sends CONNECT and no more.
    pub(crate) fn hail(&mut self, hello: &Hello) {
        self.version = hello.version;
        self.send(&hello.bytes());
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the broker reads");
    }

    /// Sends to somebody who may have hung up; false if he has.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Sends nothing any more and still listens.
    pub(crate) fn fall_silent(&self) {
        // The broker may have hung up before.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Whether the broker has not closed it; what it said meanwhile is kept.
    pub(crate) fn is_open(&mut self) -> bool {
        self.stream.set_nonblocking(true).expect("a socket");
        let mut more = [0; 64 * 1024];
        let is_open = match self.stream.read(&mut more) {
            Ok(count) => {
                self.received.extend_from_slice(&more[..count]);
                count > 0
            }
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        };
        self.stream.set_nonblocking(false).expect("a socket");
        is_open
    }

    /// Reads to the end, whatever comes.
    pub(crate) fn drain(&mut self) {
        let mut more = [0; 4096];
        loop {
            match self.stream.read(&mut more) {
                Ok(0) => return,
                Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("the broker keeps it open"),
                // The end comes as a reset when the broker had not read everything.
                Err(_) => return,
                Ok(_) => {}
            }
        }
    }

    /// What `look` makes of the next packet; `None` at the end of the stream.
    pub(crate) fn take<R>(&mut self, look: impl FnOnce(&Packet<'_>) -> R) -> Option<R> {
        loop {
            if let Some(frame) = split(&self.received, usize::MAX).expect("the broker frames well") {
                let packet = Packet::decode(frame, self.version).expect("the broker encodes well");
                let (seen, len) = (look(&packet), frame.len);
                self.received.drain(..len);
                return Some(seen);
            }
            let mut more = [0; 64 * 1024];
            match self.stream.read(&mut more) {
                Ok(0) => break,
                Ok(count) => self.received.extend_from_slice(&more[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => panic!("nothing came: {error}"),
            }
        }
        assert!(self.received.is_empty(), "a packet is cut off");
        None
    }

    /// The next packet as a line, or `end`.
    pub(crate) fn next(&mut self) -> String {
        let version = self.version;
        self.take(|packet| describe(packet, version)).unwrap_or_else(|| "end".to_owned())
    }

    #[track_caller]
    pub(crate) fn expect(&mut self, line: &str) {
        assert_eq!(self.next(), line);
    }

    /// Whatever was owed to this client before has come: nothing is left but the answer to a ping.
    #[track_caller]
    pub(crate) fn expect_silence(&mut self) {
        self.send(&pingreq());
        self.expect("PINGRESP");
    }

    #[track_caller]
    pub(crate) fn subscribed(&mut self, filter: &str, qos: u8) {
        self.send(&subscribe(60_000, filter, qos).bytes(self.version));
        self.expect(&format!("SUBACK #60000 {qos:02x}"));
    }

    /// Sends a message of QoS 0, or one of QoS 1 or 2 and goes through with the exchange.
    pub(crate) fn publish(&mut self, publish: &Pub) {
        self.send(&publish.bytes(self.version));
        let bytes = publish.bytes(Version::V3_1_1);
        let frame = split(&bytes, usize::MAX).expect("whole").expect("whole");
        let Ok(Packet::Publish(publish)) = Packet::decode(frame, Version::V3_1_1) else { panic!("a PUBLISH") };
        let Some(id) = publish.packet_id else { return };
        let is_twice = publish.qos == Qos::ExactlyOnce;
        let line = self.next();
        let name = if is_twice { "PUBREC" } else { "PUBACK" };
        assert!(line.starts_with(&format!("{name} #{id}")), "{line}");
        if is_twice {
            self.acknowledge(AckKind::Pubrel, id.as_u16());
            self.expect(&format!("PUBCOMP #{id}"));
        }
    }

    pub(crate) fn acknowledge(&mut self, kind: AckKind, id: u16) {
        let bytes = ack(kind, id, ReasonCode::Success, self.version);
        self.send(&bytes);
    }

    /// The next message, its exchange gone through; acknowledgements of what was sent before it are taken too.
    pub(crate) fn receive(&mut self) -> Received {
        loop {
            if let Some(received) = self.receive_or_skip() {
                return received;
            }
        }
    }

    /// The next message, its exchange gone through; `None` for an acknowledgement of what was sent.
    fn receive_or_skip(&mut self) -> Option<Received> {
        let look = |packet: &Packet<'_>| match packet {
            Packet::Publish(publish) => {
                let id = publish.packet_id.map_or(0, |id| id.as_u16());
                let topic = publish.topic.as_str().to_owned();
                Some((Received { topic, qos: publish.qos.as_u8(), payload: publish.payload.to_vec() }, id))
            }
            Packet::Ack(_) => None,
            _ => panic!("{packet:?} is no message"),
        };
        let (message, id) = self.take(look).expect("a message")?;
        match message.qos {
            1 => self.acknowledge(AckKind::Puback, id),
            2 => {
                self.acknowledge(AckKind::Pubrec, id);
                self.expect(&format!("PUBREL #{id}"));
                self.acknowledge(AckKind::Pubcomp, id);
            }
            _ => {}
        }
        Some(message)
    }
}
