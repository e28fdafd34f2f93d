//! Servers that are no brokers, or bad ones.
//!
//! Owns: a listening socket and what is said on each of its connections; they end with the process of the test.

use postrider_proto::{
    Ack, AckKind, Connack, Packet, PacketId, Properties, PropertiesBuf, Property, ReasonCode, Suback, Unsuback,
    Version, encode_pingresp, split,
};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::spawn;

/// What a connection meets.
type Manner = fn(TcpStream) -> std::io::Result<()>;

/// Listens, and treats every connection in this manner.
pub(crate) fn impostor(manner: Manner) -> SocketAddr {
    serve(manner)
}

/// A broker that keeps no messages and answers each packet as `answer` says, or properly where it says nothing.
pub(crate) fn poor_broker(answer: fn(&Packet<'_>, Version, &mut Vec<u8>) -> Answer) -> SocketAddr {
    serve(move |stream| converse(stream, answer))
}

/// Whether a packet was answered as the test wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Given,
    /// The broker closes the connection once everything is written.
    GivenAndClosed,
    Proper,
}

fn serve(manner: impl Fn(TcpStream) -> std::io::Result<()> + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    spawn(move || {
        for stream in listener.incoming().flatten() {
            let manner = manner.clone();
            // The client may be gone before we are.
            spawn(move || manner(stream).ok());
        }
    });
    address
}

/// Reads and says nothing.
pub(crate) fn silent(mut stream: TcpStream) -> std::io::Result<()> {
    let mut bytes = [0; 1024];
    while stream.read(&mut bytes)? > 0 {}
    Ok(())
}

/// A CONNACK of either dialect for a CONNECT of either.
pub(crate) fn connack(connect: &[u8]) -> &'static [u8] {
    if connect.get(8) == Some(&5) { &[0x20, 3, 0, 0, 0] } else { &[0x20, 2, 0, 0] }
}

fn converse(mut stream: TcpStream, answer: fn(&Packet<'_>, Version, &mut Vec<u8>) -> Answer) -> std::io::Result<()> {
    let (mut version, mut input, mut more) = (Version::V3_1_1, Vec::new(), [0; 4096]);
    loop {
        let mut output = Vec::new();
        let mut answered = Answer::Given;
        while let Ok(Some(frame)) = split(&input, 1 << 20) {
            // What is no packet ends the connection, as it should.
            let Ok(packet) = Packet::decode(frame, version) else { return stream.write_all(&output) };
            if let Packet::Connect(connect) = &packet {
                version = connect.version;
            }
            answered = answer(&packet, version, &mut output);
            if answered == Answer::Proper && !properly(&packet, version, &mut output) {
                return stream.write_all(&output);
            }
            let len = frame.len;
            input.drain(..len);
        }
        stream.write_all(&output)?;
        let count = if answered == Answer::GivenAndClosed { 0 } else { stream.read(&mut more)? };
        if count == 0 {
            return Ok(());
        }
        input.extend_from_slice(&more[..count]);
    }
}

/// The least that has to be said; false when the connection is over.
fn properly(packet: &Packet<'_>, version: Version, out: &mut Vec<u8>) -> bool {
    let properties = Properties::NONE;
    match packet {
        Packet::Connect(_) => welcome(&PropertiesBuf::new(), version, out),
        Packet::Publish(publish) => {
            if let Some(id) = publish.packet_id {
                let kind = if publish.qos.as_u8() == 1 { AckKind::Puback } else { AckKind::Pubrec };
                acknowledge(kind, id, version, out);
            }
        }
        Packet::Ack(ack) if ack.kind == AckKind::Pubrel => acknowledge(AckKind::Pubcomp, ack.packet_id, version, out),
        Packet::Subscribe(subscribe) => {
            let codes: Vec<u8> = subscribe.subscriptions.iter().map(|one| one.options.qos.as_u8()).collect();
            Suback { packet_id: subscribe.packet_id, properties, codes: &codes }.encode(version, out);
        }
        Packet::Unsubscribe(unsubscribe) => {
            let codes = vec![0; unsubscribe.filters.iter().count()];
            Unsuback { packet_id: unsubscribe.packet_id, properties, codes: &codes }.encode(version, out);
        }
        Packet::Pingreq => encode_pingresp(out),
        _ => return false,
    }
    true
}

/// A CONNACK with these properties.
pub(crate) fn welcome(properties: &PropertiesBuf, version: Version, out: &mut Vec<u8>) {
    let connack =
        Connack { session_present: false, reason: ReasonCode::Success, properties: properties.as_properties() };
    connack.encode(version, out);
}

pub(crate) fn acknowledge(kind: AckKind, id: PacketId, version: Version, out: &mut Vec<u8>) {
    Ack::new(kind, id, ReasonCode::Success).encode(version, out);
}

/// Properties of a CONNACK, each a byte.
pub(crate) fn flags(ids: &[(postrider_proto::PropertyId, u8)]) -> PropertiesBuf {
    let mut properties = PropertiesBuf::new();
    for (id, value) in ids {
        properties.push(Property::Byte(*id, *value));
    }
    properties
}
