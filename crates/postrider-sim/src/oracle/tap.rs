//! What goes out to each connection, read on its way.
//!
//! Owns: bytes that are no whole packet yet, and what each topic alias stands for.
//! Spec: 3.3.2.3.4.

use super::{Place, Seen, Terms};
use postrider_proto::{Packet, PropertyId, Version};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub(super) struct Taps {
    all: BTreeMap<Place, Tap>,
    /// Messages without a topic of their own.
    pub(super) aliased: u64,
}

#[derive(Clone, Debug)]
struct Tap {
    version: Version,
    alias_max: u16,
    aliases: BTreeMap<u16, String>,
    bytes: Vec<u8>,
}

impl Taps {
    pub(super) fn open(&mut self, place: Place, terms: &Terms) {
        let tap = Tap {
            version: terms.version,
            alias_max: terms.topic_alias_max,
            aliases: BTreeMap::new(),
            bytes: Vec::new(),
        };
        self.all.insert(place, tap);
    }

    /// Every PUBLISH that is whole by now.
    pub(super) fn read(&mut self, place: Place, bytes: &[u8]) -> Result<Vec<Seen>, String> {
        let tap = self.all.get_mut(&place).ok_or("a message before CONNECT")?;
        tap.bytes.extend_from_slice(bytes);
        let bytes = core::mem::take(&mut tap.bytes);
        let (mut rest, mut read) = (&bytes[..], Vec::new());
        while let Some(frame) = postrider_proto::split(rest, usize::MAX).map_err(|error| error.to_string())? {
            rest = &rest[frame.len..];
            let packet = Packet::decode(frame, tap.version).map_err(|error| error.to_string())?;
            self.aliased += u64::from(matches!(&packet, Packet::Publish(publish) if publish.topic.is_aliased()));
            read.push(tap.see(&packet)?);
        }
        tap.bytes = rest.to_vec();
        Ok(read)
    }
}

impl Tap {
    fn see(&mut self, packet: &Packet<'_>) -> Result<Seen, String> {
        let Packet::Publish(publish) = packet else { return Err(format!("{} among messages", packet.name())) };
        let mut seen = Seen::of(publish);
        let Some(alias) = publish.properties.two_bytes(PropertyId::TopicAlias) else { return Ok(seen) };
        // [MQTT-3.3.2-8], [MQTT-3.1.2-26]
        if alias == 0 || alias > self.alias_max {
            return Err(format!("alias {alias} of {}", self.alias_max));
        }
        if publish.topic.is_aliased() {
            seen.topic =
                self.aliases.get(&alias).cloned().ok_or_else(|| format!("alias {alias} stands for nothing"))?;
        } else {
            self.aliases.insert(alias, seen.topic.clone());
        }
        Ok(seen)
    }
}
