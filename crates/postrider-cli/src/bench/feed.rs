//! A known number of messages into the broker, and out of it again.

use super::link::Link;
use super::poll::Poll;
use anyhow::bail;
use postrider_client::{Qos, ReasonCode};
use postrider_proto::{Ack, AckKind, Packet, PacketId, Properties, PublishHead, Topic};
use std::time::{Duration, Instant};

/// Messages that wait for their acknowledgement at a time, unless the broker allows fewer.
const WINDOW: u16 = 100;
const READ_BYTES: usize = 256 * 1024;
/// When nothing comes for this long, nothing will.
const STALLED: Duration = Duration::from_secs(2);

/// One message to publish.
pub(crate) struct Item<'a> {
    pub(crate) topic: &'a str,
    pub(crate) payload: &'a [u8],
    pub(crate) retain: bool,
}

/// Publishes `count` messages with QoS 1 and waits for every acknowledgement; `item` makes each and hands it on.
#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else comes is a fault of the broker")]
pub(crate) fn publish_all(
    link: &mut Link,
    receive_maximum: u16,
    count: u64,
    mut item: impl FnMut(u64, &mut dyn FnMut(Item<'_>)),
) -> anyhow::Result<()> {
    let mut poll = Poll::new()?;
    link.join(&poll, 0)?;
    let window = u64::from(WINDOW.min(receive_maximum));
    let (mut sent, mut acknowledged, mut last) = (0, 0, Instant::now());
    let (mut buffer, mut ready) = (vec![0; READ_BYTES], Vec::new());
    while acknowledged < count {
        let version = link.version();
        while sent < count && sent - acknowledged < window {
            let packet_id = u16::try_from(sent % u64::from(u16::MAX) + 1).ok().and_then(PacketId::new);
            item(sent, &mut |item| {
                let head = PublishHead {
                    dup: false,
                    qos: Qos::AtLeastOnce,
                    retain: item.retain,
                    topic: Topic::trusted(item.topic.as_bytes()),
                    packet_id,
                    expiry_s: None,
                    properties: Properties::NONE,
                    topic_alias: None,
                    subscription_ids: &[],
                    payload_len: item.payload.len(),
                };
                head.encode(version, &mut link.output);
                link.output.extend_from_slice(item.payload);
            });
            sent += 1;
        }
        link.flush(&poll, 0)?;
        poll.wait(STALLED, &mut ready)?;
        let before = acknowledged;
        link.read(&mut buffer, |packet, _| {
            match packet {
                Packet::Ack(ack) if ack.kind == AckKind::Puback && !ack.reason.is_error() => acknowledged += 1,
                packet => bail!("the broker sent {packet:?}"),
            }
            Ok(())
        })?;
        if acknowledged > before {
            last = Instant::now();
        } else if last.elapsed() > STALLED {
            bail!("the broker acknowledged {acknowledged} of {count} messages and then nothing");
        }
    }
    Ok(())
}

/// Reads what comes on all links until there were `expected` messages or nothing comes any more; acknowledges.
///
/// Gives the time from the first look to the last message.
#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else comes is a fault of the broker")]
pub(crate) fn receive_all(
    links: &mut [Link],
    expected: u64,
    mut on_payload: impl FnMut(usize, &[u8]) -> bool,
) -> anyhow::Result<Duration> {
    let mut poll = Poll::new()?;
    for (number, link) in links.iter_mut().enumerate() {
        link.join(&poll, number)?;
        link.flush(&poll, number)?;
    }
    let (start, mut last) = (Instant::now(), Instant::now());
    let (mut received, mut buffer, mut ready) = (0, vec![0; READ_BYTES], Vec::new());
    // What came with the CONNACK is looked at first.
    ready.extend(0..links.len());
    while received < expected && last.elapsed() < STALLED {
        for number in ready.drain(..) {
            let Some(link) = links.get_mut(number) else { continue };
            let version = link.version();
            let before = received;
            link.read(&mut buffer, |packet, out| {
                match packet {
                    Packet::Publish(publish) => {
                        received += u64::from(on_payload(number, publish.payload));
                        if let Some(packet_id) = publish.packet_id {
                            Ack::new(AckKind::Puback, packet_id, ReasonCode::Success).encode(version, out);
                        }
                    }
                    // Retained messages may come before it.
                    Packet::Suback(suback) if suback.codes.iter().all(|code| *code <= 2) => {}
                    packet => bail!("the broker sent {packet:?}"),
                }
                Ok(())
            })?;
            link.flush(&poll, number)?;
            if received > before {
                last = Instant::now();
            }
        }
        if received < expected {
            poll.wait(STALLED, &mut ready)?;
        }
    }
    Ok(last - start)
}
