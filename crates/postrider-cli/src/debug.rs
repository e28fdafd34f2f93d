//! Every packet of a client as a line, for `--debug`; the lines are those of mosquitto's commands.

use crate::events::shown;
use postrider_client::{Client, Packet, PropertyId, Way};
use postrider_proto::{Ack, AckKind, Publish};
use std::io::Write;

/// Prints what `client` sends and receives from now on.
pub(crate) fn print_packets(client: &mut Client) {
    let mut name = client.options().client_id.to_string();
    client.watch(move |way, packet| {
        if let Packet::Connack(connack) = packet
            && let Some(assigned) = connack.properties.text(PropertyId::AssignedClientIdentifier)
        {
            assigned.as_str().clone_into(&mut name);
        }
        let shown_name = if name.is_empty() { "(null)".to_owned() } else { shown(&name) };
        let mut stdout = std::io::stdout().lock();
        for line in lines(way, packet) {
            // Whoever stopped reading will be noticed where messages are printed.
            let _ = writeln!(stdout, "Client {shown_name} {line}");
        }
        if let (Way::In, Packet::Suback(suback)) = (way, packet) {
            let codes: Vec<_> = suback.codes.iter().map(u8::to_string).collect();
            let _ = writeln!(stdout, "Subscribed (mid: {}): {}", suback.packet_id, codes.join(", "));
        }
    });
}

fn lines(way: Way, packet: &Packet<'_>) -> Vec<String> {
    let verb = if way == Way::Out { "sending" } else { "received" };
    match packet {
        Packet::Connack(connack) => vec![format!("{verb} CONNACK ({})", connack.reason.as_u8())],
        Packet::Publish(publish) => vec![format!("{verb} PUBLISH {}", publish_line(publish))],
        Packet::Ack(ack) => vec![format!("{verb} {}", ack_line(way, ack))],
        Packet::Subscribe(subscribe) => subscribe
            .subscriptions
            .iter()
            .map(|subscription| {
                let (filter, qos) =
                    (shown(subscription.filter.map_or("", |filter| filter.as_str())), subscription.options.qos as u8);
                let options = subscription.options.to_byte() & !3;
                format!(
                    "{verb} SUBSCRIBE (Mid: {}, Topic: {filter}, QoS: {qos}, Options: 0x{options:02x})",
                    subscribe.packet_id
                )
            })
            .collect(),
        Packet::Unsubscribe(unsubscribe) => unsubscribe
            .filters
            .iter()
            .map(|filter| {
                format!(
                    "{verb} UNSUBSCRIBE (Mid: {}, Topic: {})",
                    unsubscribe.packet_id,
                    shown(&String::from_utf8_lossy(filter))
                )
            })
            .collect(),
        Packet::Disconnect(disconnect) if way == Way::In => {
            vec![format!("{verb} DISCONNECT ({})", disconnect.reason.as_u8())]
        }
        Packet::Connect(_)
        | Packet::Suback(_)
        | Packet::Unsuback(_)
        | Packet::Pingreq
        | Packet::Pingresp
        | Packet::Disconnect(_)
        | Packet::Auth(_) => vec![format!("{verb} {}", packet.name())],
    }
}

fn publish_line(publish: &Publish<'_>) -> String {
    let (dup, qos, retain) = (u8::from(publish.dup), publish.qos as u8, u8::from(publish.retain));
    let packet_id = publish.packet_id.map_or(0, |packet_id| packet_id.as_u16());
    let (topic, len) = (shown(publish.topic.as_str()), publish.payload.len());
    format!("(d{dup}, q{qos}, r{retain}, m{packet_id}, '{topic}', ... ({len} bytes))")
}

fn ack_line(way: Way, ack: &Ack<'_>) -> String {
    let (packet_id, reason) = (ack.packet_id, ack.reason.as_u8());
    match (way, ack.kind) {
        (Way::Out, AckKind::Puback) => format!("PUBACK (m{packet_id}, rc{reason})"),
        (Way::Out, AckKind::Pubrec) => format!("PUBREC (m{packet_id}, rc{reason})"),
        (Way::Out, AckKind::Pubrel) => format!("PUBREL (m{packet_id})"),
        (Way::Out, AckKind::Pubcomp) => format!("PUBCOMP (m{packet_id})"),
        (Way::In, AckKind::Puback) => format!("PUBACK (Mid: {packet_id}, RC:{reason})"),
        (Way::In, AckKind::Pubrec) => format!("PUBREC (Mid: {packet_id})"),
        (Way::In, AckKind::Pubrel) => format!("PUBREL (Mid: {packet_id})"),
        (Way::In, AckKind::Pubcomp) => format!("PUBCOMP (Mid: {packet_id}, RC:{reason})"),
    }
}
