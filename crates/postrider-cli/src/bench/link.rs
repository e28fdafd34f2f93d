//! One connection of the load: prepared bytes out, decoded packets in.

use super::poll::{Interest, Poll};
use anyhow::{Context, bail};
use postrider_client::{Qos, ReasonCode, SubscribeOptions, Version};
use postrider_net::dial::{Bare, Line, Route};
use postrider_proto::{
    Connack, Connect, Packet, PacketId, Properties, PropertiesBuf, Property, PropertyId, Start, Subscribe,
    Subscriptions, split,
};
use std::io::{self, Read, Write};
use std::time::Duration;

/// A connection, nonblocking once it is [`Link::join`]ed.
#[derive(Debug)]
pub(crate) struct Link {
    /// For poll.
    socket: Bare,
    line: Line<Bare>,
    version: Version,
    /// A packet that is not whole.
    input: Vec<u8>,
    pub(crate) output: Vec<u8>,
    written: usize,
    is_waiting: bool,
}

/// What becomes of a link's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// It begins anew and ends with the connection.
    Connection,
    /// It is resumed and lives for an hour more.
    Durable,
}

/// Seconds that a durable session outlives its connection.
const DURABLE_S: u32 = 3600;

/// How long a broker may take to answer while the load is set up.
const PATIENCE: Duration = Duration::from_secs(20);
/// The largest packet the load takes.
const PACKET_BYTES_MAX: usize = 32 << 20;

impl Link {
    /// Connects and waits for the CONNACK; says how many messages the broker takes unacknowledged.
    pub(crate) fn open(
        route: &Route,
        version: Version,
        client_id: &str,
        lifetime: Lifetime,
    ) -> anyhow::Result<(Self, u16)> {
        let mut link = Self::dial(route, version, client_id, lifetime)?;
        link.write_all()?;
        let mut receive_maximum = u16::MAX;
        link.answer(|packet| {
            let Packet::Connack(Connack { reason, properties, .. }) = packet else {
                bail!("{} is no CONNACK", packet.name())
            };
            receive_maximum = properties.two_bytes(PropertyId::ReceiveMaximum).unwrap_or(u16::MAX);
            if *reason != ReasonCode::Success {
                bail!("the broker refused the connection: {}", reason.text())
            }
            Ok(())
        })?;
        Ok((link, receive_maximum))
    }

    /// Connects; the CONNECT waits to be written.
    pub(crate) fn dial(route: &Route, version: Version, client_id: &str, lifetime: Lifetime) -> io::Result<Self> {
        let (socket, line) = route.open_blocking(PATIENCE)?;
        let mut output = Vec::new();
        write_connect(version, client_id, lifetime, &mut output);
        Ok(Self { socket, line, version, input: Vec::new(), output, written: 0, is_waiting: false })
    }

    /// Subscribes and waits for the SUBACK.
    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else comes is a fault of the broker")]
    pub(crate) fn subscribe(&mut self, filter: &str, qos: Qos) -> anyhow::Result<()> {
        write_subscribe(self.version, filter, qos, &mut self.output);
        self.write_all()?;
        self.answer(|packet| match packet {
            Packet::Suback(suback) if suback.codes.iter().all(|code| *code <= 2) => Ok(()),
            packet => bail!("the broker refused the subscription with {packet:?}"),
        })
    }

    /// Writes what there is to write, and waits for one packet.
    pub(crate) fn ask(&mut self, look: impl FnOnce(&Packet<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
        self.write_all()?;
        self.answer(look)
    }

    /// From now on it never blocks, and `poll` names it `number`.
    pub(crate) fn join(&self, poll: &Poll, number: usize) -> io::Result<()> {
        self.socket.set_nonblocking(true)?;
        poll.add(&self.socket, number, Interest::Read)
    }

    fn write_all(&mut self) -> io::Result<()> {
        self.line.write_all(&self.output)?;
        self.line.flush()?;
        self.output.clear();
        Ok(())
    }

    fn answer(&mut self, look: impl FnOnce(&Packet<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
        loop {
            if let Some(frame) = split(&self.input, PACKET_BYTES_MAX)? {
                look(&Packet::decode(frame, self.version)?)?;
                self.input.drain(..frame.len);
                return Ok(());
            }
            let mut bytes = [0; 512];
            let count = self.line.read(&mut bytes).context("no answer")?;
            if count == 0 {
                bail!("the broker closed the connection");
            }
            self.input.extend_from_slice(&bytes[..count]);
        }
    }

    /// Reads what is there, from the socket once, and hands each packet on, with the buffer for answers.
    pub(crate) fn read(
        &mut self,
        buffer: &mut [u8],
        mut on_packet: impl FnMut(&Packet<'_>, &mut Vec<u8>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        loop {
            let count = match self.line.read(buffer) {
                Ok(0) => bail!("the broker closed a connection"),
                Ok(count) => count,
                // Something may have come with an answer that was waited for.
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => 0,
                Err(error) => return Err(error.into()),
            };
            self.take_packets(&buffer[..count], &mut on_packet)?;
            // The socket does not tell of what TLS or WebSocket hold already.
            if count == 0 || !self.line.is_layered() {
                return Ok(());
            }
        }
    }

    fn take_packets(
        &mut self,
        bytes: &[u8],
        mut on_packet: impl FnMut(&Packet<'_>, &mut Vec<u8>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let kept = core::mem::take(&mut self.input);
        let mut joined = Vec::new();
        let mut rest = bytes;
        if !kept.is_empty() {
            joined = kept;
            joined.extend_from_slice(rest);
            rest = &joined;
        }
        while let Some(frame) = split(rest, PACKET_BYTES_MAX)? {
            on_packet(&Packet::decode(frame, self.version)?, &mut self.output)?;
            rest = &rest[frame.len..];
        }
        self.input = if joined.is_empty() || rest.len() < joined.len() { rest.to_vec() } else { joined };
        Ok(())
    }

    /// Writes what the socket takes; the rest when it takes more.
    pub(crate) fn flush(&mut self, poll: &Poll, number: usize) -> io::Result<()> {
        while self.written < self.output.len() {
            match self.line.write(&self.output[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return self.await_room(poll, number),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.output.clear();
        self.written = 0;
        match self.line.flush() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return self.await_room(poll, number),
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            Ok(()) | Err(_) => {}
        }
        if core::mem::take(&mut self.is_waiting) {
            poll.change(&self.socket, number, Interest::Read)?;
        }
        Ok(())
    }

    /// A handshake waits for the broker, and the socket has room all the time.
    fn await_room(&mut self, poll: &Poll, number: usize) -> io::Result<()> {
        if self.line.awaits_room() && !core::mem::replace(&mut self.is_waiting, true) {
            poll.change(&self.socket, number, Interest::ReadAndWrite)?;
        }
        Ok(())
    }

    /// Whether [`Link::flush`] has something to do.
    pub(crate) fn has_output(&self) -> bool {
        !self.output.is_empty() || self.line.is_behind()
    }

    /// The good-byes of TLS and WebSocket, before the socket is dropped.
    pub(crate) fn close(&mut self) {
        self.line.close();
    }

    pub(crate) const fn version(&self) -> Version {
        self.version
    }
}

fn write_connect(version: Version, client_id: &str, lifetime: Lifetime, out: &mut Vec<u8>) {
    let mut properties = PropertiesBuf::new();
    if lifetime == Lifetime::Durable && version.is_v5() {
        properties.push(Property::FourBytes(PropertyId::SessionExpiryInterval, DURABLE_S));
    }
    let connect = Connect {
        version,
        is_bridge: false,
        start: if lifetime == Lifetime::Durable { Start::Resume } else { Start::Clean },
        keep_alive_s: 0,
        properties: properties.as_properties(),
        client_id: client_id.into(),
        will: None,
        user_name: None,
        password: None,
    };
    connect.encode(out);
}

pub(crate) fn write_subscribe(version: Version, filter: &str, qos: Qos, out: &mut Vec<u8>) {
    let mut raw = Vec::new();
    Subscriptions::write(filter.as_bytes(), SubscribeOptions::of(qos), &mut raw);
    let subscriptions = Subscriptions::trusted(&raw, version);
    Subscribe { packet_id: PacketId::FIRST, properties: Properties::NONE, subscriptions }.encode(version, out);
}
