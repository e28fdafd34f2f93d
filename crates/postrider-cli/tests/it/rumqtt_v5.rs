//! rumqttc speaking 5.0, as a puppet.

use crate::puppet::Strings;
use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnectProperties, LastWill, LastWillProperties, Packet, Publish, PublishProperties, SubscribeProperties,
    SubscribeReasonCode,
};
use rumqttc::v5::{Client, Connection, Event, MqttOptions};
use serde_json::{Value, json};

#[derive(Default)]
pub(crate) struct RumqttV5 {
    connection: Option<(Client, Connection)>,
    is_over: bool,
}

pub(crate) fn text<'a>(order: &'a Value, name: &str) -> &'a str {
    order[name].as_str().unwrap_or_else(|| panic!("{order} has no {name}"))
}

pub(crate) fn number(order: &Value, name: &str) -> u64 {
    order[name].as_u64().unwrap_or_else(|| panic!("{order} has no {name}"))
}

/// A text whose characters are bytes.
pub(crate) fn bytes(order: &Value, name: &str) -> Vec<u8> {
    text(order, name).chars().map(|char| u8::try_from(char).expect("a byte")).collect()
}

fn qos(order: &Value) -> QoS {
    rumqttc::v5::mqttbytes::qos(u8::try_from(number(order, "qos")).expect("QoS 0 to 2")).expect("QoS 0 to 2")
}

fn small<T: TryFrom<u64>>(properties: &Value, name: &str) -> Option<T> {
    properties[name].as_u64().map(|number| T::try_from(number).ok().expect("it fits"))
}

fn owned(properties: &Value, name: &str) -> Option<String> {
    properties[name].as_str().map(str::to_owned)
}

impl Strings for RumqttV5 {
    fn tell(&mut self, order: &Value) {
        if order["do"] == "connect" {
            self.connection = Some(Client::new(options(order), 100));
            return;
        }
        let (client, _) = self.connection.as_ref().expect("connected first");
        let properties = &order["properties"];
        let done = match text(order, "do") {
            "subscribe" => match small(properties, "subscriptionIdentifier") {
                None => client.subscribe(text(order, "filter"), qos(order)),
                id => {
                    let properties = SubscribeProperties { id, user_properties: Vec::new() };
                    client.subscribe_with_properties(text(order, "filter"), qos(order), properties)
                }
            },
            "unsubscribe" => client.unsubscribe(text(order, "filter")),
            "publish" => {
                let (topic, retain) = (text(order, "topic"), order["retain"] == json!(true));
                let payload = bytes(order, "payload");
                client.publish_with_properties(topic, qos(order), retain, payload, publish_properties(properties))
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

fn options(order: &Value) -> MqttOptions {
    let port = u16::try_from(number(order, "port")).expect("a port");
    let mut options = MqttOptions::new(text(order, "id"), "127.0.0.1", port);
    let mut properties = ConnectProperties::new();
    properties.session_expiry_interval = small(&order["properties"], "sessionExpiryInterval");
    properties.receive_maximum = small(&order["properties"], "receiveMaximum");
    properties.max_packet_size = Some(2_000_000);
    options.set_clean_start(order["clean"] == json!(true)).set_connect_properties(properties);
    if let will @ Value::Object(_) = &order["will"] {
        let properties = LastWillProperties {
            delay_interval: small(&will["properties"], "willDelayInterval"),
            payload_format_indicator: None,
            message_expiry_interval: None,
            content_type: None,
            response_topic: None,
            correlation_data: None,
            user_properties: Vec::new(),
        };
        let (payload, retain) = (bytes(will, "payload"), will["retain"] == json!(true));
        options.set_last_will(LastWill::new(text(will, "topic"), payload, qos(will), retain, Some(properties)));
    }
    options
}

fn publish_properties(properties: &Value) -> PublishProperties {
    let pairs = properties["userProperties"].as_array().cloned().unwrap_or_default();
    let pair =
        |pair: &Value| (pair[0].as_str().unwrap_or_default().into(), pair[1].as_str().unwrap_or_default().into());
    PublishProperties {
        message_expiry_interval: small(properties, "messageExpiryInterval"),
        topic_alias: small(properties, "topicAlias"),
        response_topic: owned(properties, "responseTopic"),
        correlation_data: properties["correlationData"]
            .is_string()
            .then(|| bytes(properties, "correlationData").into()),
        user_properties: pairs.iter().map(pair).collect(),
        content_type: owned(properties, "contentType"),
        ..PublishProperties::default()
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
                _ => 0x80,
            };
            let granted: Vec<u8> = suback.return_codes.iter().map(code).collect();
            Some(json!({"event": "subscribed", "granted": granted}))
        }
        Packet::UnsubAck(_) => Some(json!({"event": "unsubscribed"})),
        Packet::PubAck(_) | Packet::PubComp(_) => Some(json!({"event": "published"})),
        Packet::Publish(publish) => Some(message(publish)),
        _ => None,
    }
}

fn message(publish: &Publish) -> Value {
    let text = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
    let mut properties = json!({});
    if let Some(all) = &publish.properties {
        let mut add = |name: &str, value: Value| properties[name] = value;
        all.content_type.iter().for_each(|value| add("contentType", json!(value)));
        all.correlation_data.iter().for_each(|value| add("correlationData", json!(text(value))));
        all.response_topic.iter().for_each(|value| add("responseTopic", json!(value)));
        all.message_expiry_interval.iter().for_each(|value| add("messageExpiryInterval", json!(value)));
        if !all.user_properties.is_empty() {
            add("userProperties", json!(all.user_properties));
        }
        if !all.subscription_identifiers.is_empty() {
            add("subscriptionIdentifier", json!(all.subscription_identifiers));
        }
    }
    json!({
        "event": "message",
        "topic": String::from_utf8_lossy(&publish.topic),
        "payload": text(&publish.payload),
        "qos": publish.qos as u8,
        "retain": publish.retain,
        "properties": properties,
    })
}
