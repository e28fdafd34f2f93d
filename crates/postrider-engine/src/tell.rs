//! Acknowledgements and farewells, with a sentence for people where there is room for one.
//!
//! Owns: when a Reason String goes along. It is the first thing left out of a packet that grows too large,
//! and acknowledgements carry none to clients that asked for none.
//! Spec: 3.1.2.11.7, 3.4.2.2, 3.9.2.1, 3.14.2.2.

use crate::sessions::Online;
use crate::{Engine, Lane, Tray};
use postrider_proto::{
    Ack, Disconnect, PacketId, Properties, PropertiesBuf, Property, PropertyId, ReasonCode, Suback, Unsuback, Version,
};
use postrider_router::SessionKey;
use postrider_session::Violation;

fn sentence(text: Option<&str>) -> PropertiesBuf {
    let mut properties = PropertiesBuf::new();
    if let Some(text) = text {
        properties.push(Property::Text(PropertyId::ReasonString, text.into()));
    }
    properties
}

impl Engine {
    /// A request for more codes than fit a packet that the client takes. [MQTT-3.1.2-24]
    pub(crate) fn check_answer(&self, key: SessionKey, codes: impl Iterator) -> Result<(), Violation> {
        let online = self.sessions.get(key).and_then(|session| session.online.as_ref());
        let bytes_max = online.map_or(u32::MAX, |online| online.packet_bytes_max);
        if bytes_max == u32::MAX {
            return Ok(());
        }
        let codes = vec![0; codes.count()];
        let answer = Suback { packet_id: PacketId::FIRST, properties: Properties::NONE, codes: &codes };
        if answer.encoded_len(Version::V5) > bytes_max as usize { Err(Violation::AnswerTooLarge) } else { Ok(()) }
    }
}

impl Online {
    /// Whether an acknowledgement may carry this sentence. [MQTT-3.1.2-29]
    #[inline]
    fn text_for_ack<'a>(&self, text: Option<&'a str>) -> Option<&'a str> {
        text.filter(|_| self.wants_problems && self.version.is_v5())
    }

    fn takes(&self, packet_len: usize) -> bool {
        packet_len <= self.packet_bytes_max as usize
    }

    /// [MQTT-3.4.2-2], [MQTT-3.5.2-2], [MQTT-3.6.2-2], [MQTT-3.7.2-2]
    #[inline]
    pub(crate) fn ack(&self, ack: Ack<'_>, text: Option<&str>, tray: &mut Tray) {
        let start = tray.mark();
        match self.text_for_ack(text) {
            None => ack.encode(self.version, &mut tray.bytes),
            Some(text) => self.told_ack(ack, text, &mut tray.bytes),
        }
        tray.send_since(self.link, start, Lane::Control);
    }

    #[cold]
    fn told_ack(&self, ack: Ack<'_>, text: &str, out: &mut Vec<u8>) {
        let properties = sentence(Some(text));
        let told = Ack { properties: properties.as_properties(), ..ack };
        if self.takes(told.encoded_len(self.version)) { told } else { ack }.encode(self.version, out);
    }

    /// [MQTT-3.9.2-1]
    pub(crate) fn suback(&self, suback: Suback<'_>, text: Option<&str>, tray: &mut Tray) {
        let start = tray.mark();
        let properties = sentence(self.text_for_ack(text));
        let told = Suback { properties: properties.as_properties(), ..suback };
        let is_told = self.takes(told.encoded_len(self.version));
        if is_told { told } else { suback }.encode(self.version, &mut tray.bytes);
        tray.send_since(self.link, start, Lane::Control);
    }

    pub(crate) fn unsuback(&self, unsuback: &Unsuback<'_>, tray: &mut Tray) {
        let start = tray.mark();
        unsuback.encode(self.version, &mut tray.bytes);
        tray.send_since(self.link, start, Lane::Control);
    }

    /// Why the connection ends, to clients that can be told.
    pub(crate) fn farewell(&self, reason: ReasonCode, text: Option<&str>, tray: &mut Tray) {
        self.farewell_with(reason, sentence(text).as_properties(), tray);
    }

    /// The same with properties, or without them where they would make the DISCONNECT too large. [MQTT-3.14.2-3]
    pub(crate) fn farewell_with(&self, reason: ReasonCode, properties: Properties<'_>, tray: &mut Tray) {
        if !self.version.is_v5() {
            return;
        }
        let start = tray.mark();
        let bare = Disconnect::new(reason);
        let told = Disconnect { properties, ..bare };
        if self.takes(told.encoded_len(self.version)) { told } else { bare }.encode(self.version, &mut tray.bytes);
        tray.send_since(self.link, start, Lane::Control);
    }
}
