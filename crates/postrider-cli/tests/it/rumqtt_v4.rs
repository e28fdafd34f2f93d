//! rumqttc speaking 3.1.1, as a puppet.

use crate::puppet::Strings;
use crate::rumqtt_v5::{bytes, number, text};
use rumqttc::{Client, Connection, Event, LastWill, MqttOptions, Outgoing, Packet, QoS, SubscribeReasonCode};
use serde_json::{Value, json};

#[derive(Default)]
pub(crate) struct RumqttV4 {
    connection: Option<(Client, Connection)>,
    is_over: bool,
}

fn qos(order: &Value) -> QoS {
    rumqttc::qos(u8::try_from(number(order, "qos")).expect("QoS 0 to 2")).expect("QoS 0 to 2")
}

impl Strings for RumqttV4 {
    fn tell(&mut self, order: &Value) {
        if order["do"] == "connect" {
            let port = u16::try_from(number(order, "port")).expect("a port");
            let mut options = MqttOptions::new(text(order, "id"), "127.0.0.1", port);
            options.set_clean_session(order["clean"] == json!(true)).set_max_packet_size(2_000_000, 2_000_000);
            if let will @ Value::Object(_) = &order["will"] {
                let retain = will["retain"] == json!(true);
                options.set_last_will(LastWill::new(text(will, "topic"), bytes(will, "payload"), qos(will), retain));
            }
            self.connection = Some(Client::new(options, 100));
            return;
        }
        let (client, _) = self.connection.as_ref().expect("connected first");
        let done = match text(order, "do") {
            "subscribe" => client.subscribe(text(order, "filter"), qos(order)),
            "unsubscribe" => client.unsubscribe(text(order, "filter")),
            "publish" => {
                let retain = order["retain"] == json!(true);
                client.publish(text(order, "topic"), qos(order), retain, bytes(order, "payload"))
            }
            "disconnect" => {
                self.is_over = true;
                client.disconnect()
            }
            other => panic!("{other} is no order"),
        };
        done.expect("it takes orders");
    }

    fn hear(&mut self) -> Option<Value> {
        loop {
            let (_, connection) = self.connection.as_mut()?;
            let event = match connection.recv().ok()? {
                Ok(event) => event,
                Err(_) if self.is_over => {
                    (self.connection, self.is_over) = (None, false);
                    return Some(json!({"event": "disconnected"}));
                }
                Err(error) => return Some(json!({"event": "refused", "message": error.to_string()})),
            };
            if let Some(told) = told(&event) {
                return Some(told);
            }
        }
    }
}

fn told(event: &Event) -> Option<Value> {
    let packet = match event {
        Event::Incoming(packet) => packet,
        // QoS 0 is done when it is sent.
        Event::Outgoing(Outgoing::Publish(0)) => return Some(json!({"event": "published"})),
        Event::Outgoing(_) => return None,
    };
    match packet {
        Packet::ConnAck(connack) => Some(json!({"event": "connected", "present": connack.session_present})),
        Packet::SubAck(suback) => {
            let code = |code: &SubscribeReasonCode| match code {
                SubscribeReasonCode::Success(qos) => *qos as u8,
                SubscribeReasonCode::Failure => 0x80,
            };
            let granted: Vec<u8> = suback.return_codes.iter().map(code).collect();
            Some(json!({"event": "subscribed", "granted": granted}))
        }
        Packet::UnsubAck(_) => Some(json!({"event": "unsubscribed"})),
        Packet::PubAck(_) | Packet::PubComp(_) => Some(json!({"event": "published"})),
        Packet::Publish(publish) => {
            let payload: String = publish.payload.iter().map(|byte| char::from(*byte)).collect();
            let (topic, qos, retain) = (&publish.topic, publish.qos as u8, publish.retain);
            Some(json!({"event": "message", "topic": topic, "payload": payload, "qos": qos, "retain": retain}))
        }
        _ => None,
    }
}
