//! Packets as one short line, for comparing.

use postrider_proto::{Packet, Properties, Property, Text, Version};
use std::fmt::Write;

/// A packet as a line such as `PUBLISH a/b q1 #7 "x"`; what is not there or usual is left out.
#[must_use]
pub fn describe(packet: &Packet<'_>, version: Version) -> String {
    let mut line = packet.name().to_owned();
    match packet {
        Packet::Connack(connack) => {
            let present = if connack.session_present { " present" } else { "" };
            let _ = write!(line, " {:?}{present}", connack.reason);
            properties(connack.properties, &mut line);
        }
        Packet::Publish(publish) => {
            let _ = write!(line, " {} q{}", publish.topic, publish.qos);
            if let Some(id) = publish.packet_id {
                let _ = write!(line, " #{id}");
            }
            if publish.retain {
                line.push_str(" retain");
            }
            if publish.dup {
                line.push_str(" dup");
            }
            let _ = match publish.payload.len() {
                0..=64 => write!(line, " {:?}", String::from_utf8_lossy(publish.payload)),
                len => write!(line, " {len} bytes"),
            };
            properties(publish.properties, &mut line);
        }
        Packet::Ack(ack) => {
            let _ = write!(line, " #{}", ack.packet_id);
            if ack.reason.as_u8() != 0 {
                let _ = write!(line, " {:?}", ack.reason);
            }
            properties(ack.properties, &mut line);
        }
        Packet::Suback(suback) => {
            let _ = write!(line, " #{} {}", suback.packet_id, codes(suback.codes));
            properties(suback.properties, &mut line);
        }
        Packet::Unsuback(unsuback) => {
            let _ = write!(line, " #{}", unsuback.packet_id);
            if version.is_v5() {
                let _ = write!(line, " {}", codes(unsuback.codes));
            }
        }
        Packet::Disconnect(disconnect) => {
            let _ = write!(line, " {:?}", disconnect.reason);
            properties(disconnect.properties, &mut line);
        }
        Packet::Auth(auth) => {
            let _ = write!(line, " {:?}", auth.reason);
            properties(auth.properties, &mut line);
        }
        Packet::Connect(_) | Packet::Subscribe(_) | Packet::Unsubscribe(_) | Packet::Pingreq | Packet::Pingresp => {}
    }
    line
}

fn codes(codes: &[u8]) -> String {
    let list: Vec<String> = codes.iter().map(|code| format!("{code:02x}")).collect();
    list.join(" ")
}

/// Everything but reason strings, which are for people.
fn properties(all: Properties<'_>, line: &mut String) {
    for property in all.iter() {
        let _ = match property {
            Property::Text(postrider_proto::PropertyId::ReasonString, _) => Ok(()),
            Property::Byte(id, value) => write!(line, " {id:?}={value}"),
            Property::TwoBytes(id, value) => write!(line, " {id:?}={value}"),
            Property::FourBytes(id, value) | Property::Varint(id, value) => write!(line, " {id:?}={value}"),
            Property::Text(id, value) => write!(line, " {id:?}={value}"),
            Property::Binary(id, value) => write!(line, " {id:?}={}", Text::trusted(value)),
            Property::Pair(name, value) => write!(line, " {name}={value}"),
            _ => Ok(()),
        };
    }
}
