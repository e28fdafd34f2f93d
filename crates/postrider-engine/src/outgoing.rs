//! A message on its way out: what is made of it once and used for many.
//!
//! Owns: the encoding of what goes out, and when a payload is shared instead of copied.
//! Spec: 3.3.

use crate::aliases::Alias;
use crate::effect::Body;
use crate::frames::{Form, Frame, Frames};
use crate::leave::is_ours;
use crate::publish::Incoming;
use crate::sessions::Online;
use crate::{Effect, Lane, LinkId, Tray};
use bytes::Bytes;
use postrider_proto::{PacketId, PublishHead, Qos, Topic, Version};
use postrider_session::{Message, MessageParts, Now, Sequence};

/// The message, and what was made of it.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) parts: MessageParts<'a>,
    pub(crate) retain: bool,
    source: Option<&'a Bytes>,
    /// As somebody keeps it already.
    kept: Option<&'a Message>,
    /// If nobody does: made when the first session has to keep it.
    message: Option<Message>,
    frames: Frames,
    /// The shared payload in the tray, if the payload is large.
    body: Option<u32>,
    /// More than one session gets it.
    is_for_many: bool,
    /// Recorded sessions and groups get it while its record is written, and others afterwards.
    is_recorded: bool,
}

/// What stands in one packet and in no other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How<'a> {
    pub(crate) ids: &'a [u32],
    pub(crate) packet_id: Option<PacketId>,
    pub(crate) is_dup: bool,
    pub(crate) wording: Option<Wording>,
}

/// The topic in the client's own words, where they are not ours.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wording {
    pub(crate) alias: Option<Alias>,
    /// Bytes of the topic that the client does not see.
    pub(crate) unseen: usize,
}

/// Where one packet goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct To {
    pub(crate) link: LinkId,
    pub(crate) version: Version,
}

/// Payloads of this many bytes and more are sent without copying.
const SHARED_BYTES: usize = 2048;

impl<'a> Outgoing<'a> {
    #[inline]
    pub(crate) fn new(incoming: &Incoming<'a>) -> Self {
        Self {
            parts: incoming.parts,
            retain: incoming.retain,
            source: incoming.source,
            kept: None,
            message: None,
            frames: Frames::default(),
            body: None,
            is_for_many: false,
            is_recorded: false,
        }
    }

    /// A kept message that goes to one session.
    #[inline(always)]
    pub(crate) fn of_message(message: &'a Message, retain: bool) -> Self {
        Self {
            parts: message.parts(),
            retain,
            source: None,
            kept: Some(message),
            message: None,
            frames: Frames::default(),
            body: None,
            is_for_many: false,
            is_recorded: false,
        }
    }

    /// How many sessions it will go to.
    #[inline]
    pub(crate) fn expect(&mut self, sessions: usize) {
        self.is_for_many = sessions > 1;
    }

    pub(crate) const fn set_message(&mut self, message: &'a Message) {
        self.kept = Some(message);
    }

    /// The message as it is kept, made at the first call.
    pub(crate) fn message(&mut self) -> &Message {
        if let Some(kept) = self.kept {
            return kept;
        }
        let parts = &self.parts;
        self.message.get_or_insert_with(|| Message::new(parts))
    }

    /// It stands in the log; to be said before the message is made.
    ///
    /// What has QoS 0 is seen at once: nobody waits for its record, and nobody but its topic needs it.
    pub(crate) fn set_sequence(&mut self, sequence: Sequence, waits_for: Sequence) {
        if self.parts.qos > Qos::AtMostOnce {
            self.is_recorded = true;
            self.see_after(sequence);
        } else {
            self.see_after(waits_for);
        }
    }

    /// Nobody sees it before a record is durable; to be said before the message is made.
    pub(crate) fn see_after(&mut self, sequence: Sequence) {
        debug_assert!(
            self.message.is_none() && self.kept.is_none(),
            "a message is made before it is known what it waits for"
        );
        self.parts.sequence = sequence;
    }

    /// Whether it is recorded in this call.
    pub(crate) const fn is_recorded(&self) -> bool {
        self.is_recorded
    }

    /// Whether a group that is owed it holds its record.
    pub(crate) fn is_held(&self) -> bool {
        self.parts.sequence.is_some() && self.parts.qos > Qos::AtMostOnce
    }

    pub(crate) const fn sequence(&self) -> Sequence {
        self.parts.sequence
    }

    pub(crate) const fn retain(&self) -> bool {
        self.retain
    }

    pub(crate) const fn payload_bytes(&self) -> u64 {
        self.parts.payload.len() as u64
    }

    /// Whether it is the broker's own.
    pub(crate) fn is_ours(&self) -> bool {
        is_ours(self.parts.topic)
    }

    pub(crate) const fn qos(&self) -> Qos {
        self.parts.qos
    }

    /// The large payload in the tray. For one session it is a part of the buffer it came in; for many, or if
    /// it is kept anyway, a copy of its own.
    fn body(&mut self, tray: &mut Tray) -> u32 {
        if let Some(body) = self.body {
            return body;
        }
        let body = match (&self.message, self.source) {
            (None, Some(source)) if !self.is_for_many => {
                Body { bytes: source.slice_ref(self.parts.payload), is_borrowed: true }
            }
            _ => {
                let bytes = self.message().shared_payload().cloned().unwrap_or_default();
                Body { bytes, is_borrowed: false }
            }
        };
        *self.body.insert(tray.add_body(body))
    }

    /// What is left of its lifetime, in seconds and never 0. [MQTT-3.3.2-6]
    fn expiry_s(&self, now: Now) -> Option<u32> {
        let left_ms = self.parts.expires?.since_ms(now.mono);
        Some(u32::try_from(left_ms.div_ceil(1000)).unwrap_or(u32::MAX).max(1))
    }

    #[inline]
    fn seen(&self, wording: &Wording) -> Topic<'_> {
        let topic = self.parts.topic;
        match wording.alias {
            Some(alias) if alias.is_known => Topic::ALIASED,
            _ if wording.unseen == 0 => topic,
            _ => Topic::trusted(topic.as_bytes().get(wording.unseen..).unwrap_or_default()),
        }
    }

    fn head<'b>(&'b self, now: Now, form: Form, how: &How<'b>) -> PublishHead<'b> {
        PublishHead {
            dup: how.is_dup,
            qos: form.qos,
            retain: form.retain,
            topic: how.wording.map_or(self.parts.topic, |wording| self.seen(&wording)),
            packet_id: how.packet_id,
            expiry_s: if form.is_v5 { self.expiry_s(now) } else { None },
            properties: self.parts.properties,
            topic_alias: how.wording.and_then(|wording| wording.alias).map(|alias| alias.number),
            subscription_ids: how.ids,
            payload_len: self.parts.payload.len(),
        }
    }

    /// Whether the client takes a packet of this size. [MQTT-3.1.2-24], [MQTT-3.1.2-25]
    #[inline]
    pub(crate) fn fits(&self, now: Now, form: Form, online: &Online, ids: &[u32]) -> bool {
        online.packet_bytes_max == u32::MAX || self.fits_into(online.packet_bytes_max as usize, now, form, online, ids)
    }

    pub(crate) fn fits_into(&self, bytes_max: usize, now: Now, form: Form, online: &Online, ids: &[u32]) -> bool {
        let packet_id = (form.qos != Qos::AtMostOnce).then_some(PacketId::FIRST);
        let head = self.head(now, form, &How { ids, packet_id, is_dup: false, wording: None });
        head.packet_len(online.version) <= bytes_max
    }

    /// Encodes one form, whole or up to a shared payload.
    fn encode(&self, now: Now, form: Form, how: &How<'_>, version: Version, tray: &mut Tray) -> Frame {
        let head = self.head(now, form, how);
        let start = tray.mark();
        let packet_id_at = head.encode(version, &mut tray.bytes);
        let packet_len = (tray.mark() - start) as usize + self.parts.payload.len();
        if self.parts.payload.len() < SHARED_BYTES {
            tray.bytes.extend_from_slice(self.parts.payload);
        }
        Frame {
            range: start..tray.mark(),
            packet_id_at: u32::try_from(packet_id_at).unwrap_or(u32::MAX) - start,
            packet_len,
        }
    }

    /// Sends the message in one form and returns the bytes it takes.
    #[inline]
    pub(crate) fn send(&mut self, now: Now, form: Form, how: &How<'_>, to: To, tray: &mut Tray) -> usize {
        let can_repeat = self.is_for_many && how.ids.is_empty() && !how.is_dup && how.wording.is_none();
        let frame = match self.frames.find(form).filter(|_| can_repeat) {
            Some(known) => match how.packet_id {
                None => known.clone(),
                Some(packet_id) => repeat(known, packet_id, tray),
            },
            None => {
                let frame = self.encode(now, form, how, to.version, tray);
                if can_repeat {
                    self.frames.add(form, frame.clone());
                }
                frame
            }
        };
        if self.parts.payload.len() >= SHARED_BYTES {
            let body = self.body(tray);
            tray.push(Effect::SendShared { link: to.link, head: frame.range, body });
        } else {
            tray.send(to.link, frame.range, Lane::Data);
        }
        frame.packet_len
    }
}

/// The same bytes with another packet identifier.
fn repeat(known: &Frame, packet_id: PacketId, tray: &mut Tray) -> Frame {
    let start = tray.mark();
    tray.bytes.extend_from_within(known.range.start as usize..known.range.end as usize);
    let at = (start + known.packet_id_at) as usize;
    tray.bytes[at..at + 2].copy_from_slice(&packet_id.as_u16().to_be_bytes());
    Frame { range: start..tray.mark(), ..known.clone() }
}
