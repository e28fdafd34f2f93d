//! Birth certificates of Sparkplug, for those who come after a birth.
//!
//! Owns: which messages they are, and where they are retained.
//! Never: changes the message itself, or retains one that its sender may not publish.

use crate::authorized::Authorized;
use crate::publish::{Incoming, forwarded};
use crate::{Engine, Tray};
use postrider_proto::{Properties, Publish, Topic};
use postrider_session::{MessageParts, Now, Sequence};

const PLACE: &[u8] = b"$sparkplug/certificates/";

impl Engine {
    /// Retains a copy of a birth certificate, in the broker's own name: its sender has no rights to that topic. One that
    /// is too much for the retained store is left out.
    #[cold]
    pub(crate) fn keep_certificate(&mut self, now: Now, publish: &Publish<'_>, tray: &mut Tray) {
        if !is_birth(publish.topic) || !self.limits.retain_available {
            return;
        }
        let name = [PLACE, publish.topic.as_bytes()].concat();
        let Ok(topic) = Topic::parse(&name) else { return };
        let properties;
        let mut kept = Properties::NONE;
        if !publish.properties.is_empty() {
            properties = forwarded(publish.properties);
            kept = properties.as_properties();
        }
        let parts = MessageParts {
            topic,
            payload: publish.payload,
            properties: kept,
            qos: publish.qos,
            expires: None,
            sequence: Sequence::NONE,
        };
        let incoming = Incoming::anonymous(parts, true);
        self.route(now, &Authorized::certify(incoming), None, tray);
    }
}

/// `spBv1.0/GROUP/NBIRTH/NODE` or `spBv1.0/GROUP/DBIRTH/NODE/DEVICE`.
fn is_birth(topic: Topic<'_>) -> bool {
    let mut levels = topic.as_str().split('/');
    if levels.next() != Some("spBv1.0") || levels.next().is_none() {
        return false;
    }
    let below = match levels.next() {
        Some("NBIRTH") => 1,
        Some("DBIRTH") => 2,
        Some(_) | None => return false,
    };
    levels.count() == below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn births_of_nodes_and_devices_are_certificates_and_nothing_else_is() {
        let is_birth = |topic: &str| is_birth(Topic::parse(topic.as_bytes()).expect("a topic"));
        assert!(is_birth("spBv1.0/g/NBIRTH/n") && is_birth("spBv1.0/g/DBIRTH/n/d"));
        for other in [
            "spBv1.0/g/NBIRTH",
            "spBv1.0/g/NBIRTH/n/d",
            "spBv1.0/g/DBIRTH/n",
            "spBv1.0/g/NDATA/n",
            "spBv1.0/NBIRTH/n",
            "spAv1.0/g/NBIRTH/n",
            "x/spBv1.0/g/NBIRTH/n",
            "spBv1.0",
        ] {
            assert!(!is_birth(other), "{other}");
        }
    }
}
