//! What every client of somebody else's gets from the broker, in every edition it speaks; the raw wire is at the other end.

use crate::broker::Broker;
use crate::puppet::Kind;
use crate::wire::{Received, Wire};
use postrider_testkit::{Hello, publish};
use serde_json::json;

/// One test for each client that `scenario` is for.
macro_rules! each_client {
    ($(#[doc = $doc:expr])* fn $scenario:ident($kind:ident: Kind) $body:block) => {
        mod $scenario {
            use super::*;
            fn scenario($kind: Kind) $body
            each_client!(tests in_3_1_and_3_1_1 in_5_0);
        }
    };
    ($(#[doc = $doc:expr])* fn $scenario:ident($kind:ident: KindOf5) $body:block) => {
        mod $scenario {
            use super::*;
            fn scenario($kind: Kind) $body
            each_client!(tests in_5_0);
        }
    };
    (tests $($editions:ident)*) => { $(each_client!($editions);)* };
    (in_3_1_and_3_1_1) => {
        #[test] fn paho_1_in_3_1() { scenario(Kind::Paho1("3.1")) }
        #[test] fn paho_1_in_3_1_1() { scenario(Kind::Paho1("3.1.1")) }
        #[test] fn paho_2_in_3_1() { scenario(Kind::Paho2("3.1")) }
        #[test] fn paho_2_in_3_1_1() { scenario(Kind::Paho2("3.1.1")) }
        #[test] fn mqtt_js_in_3_1() { scenario(Kind::MqttJs("3.1")) }
        #[test] fn mqtt_js_in_3_1_1() { scenario(Kind::MqttJs("3.1.1")) }
        #[test] fn rumqttc_in_3_1_1() { scenario(Kind::Rumqttc("3.1.1")) }
    };
    (in_5_0) => {
        #[test] fn paho_1_in_5_0() { scenario(Kind::Paho1("5.0")) }
        #[test] fn paho_2_in_5_0() { scenario(Kind::Paho2("5.0")) }
        #[test] fn mqtt_js_in_5_0() { scenario(Kind::MqttJs("5.0")) }
        #[test] fn rumqttc_in_5_0() { scenario(Kind::Rumqttc("5.0")) }
    };
}

fn received(topic: &str, qos: u8, payload: &str) -> Received {
    Received { topic: topic.to_owned(), qos, payload: payload.as_bytes().to_vec() }
}

/// A 3.1.1 peer, to whom nothing is said that not every edition has.
fn peer(broker: &Broker) -> Wire {
    Wire::client(broker, &Hello::new("peer").v3())
}

each_client! {
    fn messages_of_every_qos_go_both_ways(kind: Kind) {
        let broker = Broker::start();
        let mut peer = peer(&broker);
        peer.subscribed("up/#", 2);
        let mut client = kind.connected(&broker, "client");
        client.subscribe("down/#", 2, json!({}));
        for qos in 0..=2 {
            client.publish(&format!("up/{qos}"), "out", qos, json!({}));
            assert_eq!(peer.receive(), received(&format!("up/{qos}"), qos, "out"));
            let message = publish(&format!("down/{qos}"), "in");
            peer.publish(&[message.clone(), message.clone().q1(1), message.q2(1)][usize::from(qos)]);
            assert_eq!(client.message(), format!("down/{qos} q{qos} in"));
        }
        client.disconnect();
    }
}

each_client! {
    fn a_retained_message_is_set_and_got_and_cleared(kind: Kind) {
        let broker = Broker::start();
        let mut client = kind.connected(&broker, "client");
        client.publish("state", "on", 1, json!({"retain": true}));
        let mut peer = peer(&broker);
        peer.subscribed("state", 1);
        peer.expect("PUBLISH state q1 #1 retain \"on\"");
        client.subscribe("state", 1, json!({}));
        assert_eq!(client.message(), "state q1 retain on");
        client.publish("state", "", 1, json!({"retain": true}));
        // Those who are subscribed hear of it as of any message. [MQTT-3.3.1-9]
        assert_eq!(client.message(), "state q1 ");
        let mut late = Wire::client(&broker, &Hello::new("late"));
        late.subscribed("state", 1);
        late.expect_silence();
    }
}

each_client! {
    fn a_will_is_published_when_the_connection_breaks_and_not_after_a_good_bye(kind: Kind) {
        let broker = Broker::start();
        let mut peer = peer(&broker);
        peer.subscribed("will", 2);
        let will = json!({"will": {"topic": "will", "payload": "gone", "qos": 1, "retain": false}});
        let mut client = kind.start();
        client.connect(&broker, "client", will.clone());
        client.disconnect();
        broker.hear("client's session ended");
        peer.expect_silence();
        client.connect(&broker, "client", will);
        client.cut();
        assert_eq!(peer.receive(), received("will", 1, "gone"));
    }
}

each_client! {
    fn a_megabyte_arrives_as_it_was_sent(kind: Kind) {
        let broker = Broker::start();
        let mut peer = peer(&broker);
        peer.subscribed("up", 1);
        let mut client = kind.connected(&broker, "client");
        client.subscribe("up", 1, json!({}));
        let mut state = 1u32;
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .take(1_000_000)
        .collect();
        let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
        client.publish("up", &text, 1, json!({}));
        assert!(peer.receive().payload == bytes, "what the client sent was changed");
        assert!(client.message() == format!("up q1 {text}"), "what the client got was changed");
    }
}

each_client! {
    fn a_session_goes_on_with_what_came_while_its_client_was_away(kind: Kind) {
        let broker = Broker::start();
        let stay = if kind.is_v5() {
            json!({"clean": false, "properties": {"sessionExpiryInterval": 600}})
        } else {
            json!({"clean": false})
        };
        let mut client = kind.start();
        assert!(!client.connect(&broker, "client", stay.clone()));
        client.subscribe("news", 2, json!({}));
        client.disconnect();
        broker.hear("client disconnected");
        let mut peer = peer(&broker);
        for number in 1..=20u16 {
            let message = publish("news", &number.to_string());
            peer.publish(&if number <= 10 { message.q1(number) } else { message.q2(number) });
        }
        // 3.1 has no place to say so.
        assert!(client.connect(&broker, "client", stay) || kind.edition() == "3.1");
        for number in 1..=20 {
            assert_eq!(client.message(), format!("news q{} {number}", if number <= 10 { 1 } else { 2 }));
        }
        client.disconnect();
        assert!(!client.connect(&broker, "client", json!({"clean": true})));
        peer.publish(&publish("news", "late").q1(30));
        client.subscribe("fresh", 1, json!({}));
        peer.publish(&publish("fresh", "first").q1(31));
        assert_eq!(client.message(), "fresh q1 first");
    }
}

each_client! {
    fn what_a_client_unsubscribes_from_comes_no_more(kind: Kind) {
        let broker = Broker::start();
        let mut client = kind.connected(&broker, "client");
        client.subscribe("dull/#", 1, json!({}));
        client.subscribe("good/+", 1, json!({}));
        let mut peer = peer(&broker);
        peer.publish(&publish("dull/a/b", "1").q1(1));
        assert_eq!(client.message(), "dull/a/b q1 1");
        client.unsubscribe("dull/#");
        for (topic, id) in [("dull/a/b", 2), ("dull", 3), ("good/a/b", 4), ("good/a", 5)] {
            peer.publish(&publish(topic, "2").q1(id));
        }
        assert_eq!(client.message(), "good/a q1 2");
    }
}

each_client! {
    fn properties_arrive_as_they_were_sent(kind: KindOf5) {
        let broker = Broker::start();
        let mut peer = Wire::client(&broker, &Hello::new("peer"));
        peer.subscribed("up", 1);
        let mut client = kind.connected(&broker, "client");
        client.subscribe("down", 1, json!({}));
        let properties = json!({
            "contentType": "text/plain",
            "correlationData": "\u{0}\u{1}\u{ff}",
            "messageExpiryInterval": 3600,
            "responseTopic": "answers/client",
            "userProperties": [["a", "1"], ["a", "2"], ["b", ""]],
        });
        client.publish("up", "x", 1, json!({ "properties": properties }));
        let line = peer.next();
        for part in ["ContentType=text/plain", "MessageExpiryInterval=3600", "ResponseTopic=answers/client", "a=1 a=2 b="] {
            assert!(line.contains(part), "{part} in {line}");
        }
        // What the client sent comes back to it.
        client.subscribe("up", 1, json!({}));
        client.publish("up", "x", 1, json!({ "properties": properties }));
        assert_eq!(client.message(), format!("up q1 x {properties}"));
    }
}

each_client! {
    fn subscription_identifiers_tell_by_which_subscription_a_message_comes(kind: KindOf5) {
        let broker = Broker::start();
        let mut client = kind.connected(&broker, "client");
        client.subscribe("a/+", 1, json!({"properties": {"subscriptionIdentifier": 7}}));
        client.subscribe("b", 1, json!({"properties": {"subscriptionIdentifier": 300_000}}));
        let mut peer = peer(&broker);
        peer.publish(&publish("a/x", "1").q1(1));
        assert_eq!(client.message(), "a/x q1 1 {\"subscriptionIdentifier\":[7]}");
        peer.publish(&publish("b", "2").q1(2));
        assert_eq!(client.message(), "b q1 2 {\"subscriptionIdentifier\":[300000]}");
    }
}

each_client! {
    fn a_topic_alias_stands_for_its_topic(kind: KindOf5) {
        let broker = Broker::start();
        let mut peer = peer(&broker);
        peer.subscribed("#", 1);
        let mut client = kind.connected(&broker, "client");
        let alias = json!({"properties": {"topicAlias": 3}});
        client.publish("a/long/topic", "1", 1, alias.clone());
        client.publish("", "2", 1, alias.clone());
        client.publish("another", "3", 1, alias.clone());
        client.publish("", "4", 1, alias);
        for (topic, payload) in [("a/long/topic", "1"), ("a/long/topic", "2"), ("another", "3"), ("another", "4")] {
            assert_eq!(peer.receive(), received(topic, 1, payload));
        }
    }
}

each_client! {
    fn a_small_receive_maximum_slows_messages_down_and_loses_none(kind: KindOf5) {
        let broker = Broker::start();
        let mut client = kind.start();
        client.connect(&broker, "client", json!({"properties": {"receiveMaximum": 2}}));
        client.subscribe("many", 2, json!({}));
        let mut peer = peer(&broker);
        for number in 1..=100u16 {
            let message = publish("many", &number.to_string());
            peer.publish(&if number <= 50 { message.q1(number) } else { message.q2(number) });
        }
        for number in 1..=100 {
            assert_eq!(client.message(), format!("many q{} {number}", if number <= 50 { 1 } else { 2 }));
        }
    }
}

each_client! {
    fn a_session_ends_when_its_time_is_over_and_its_will_with_it(kind: KindOf5) {
        let broker = Broker::start();
        let mut peer = peer(&broker);
        peer.subscribed("will", 1);
        let will = json!({
            "topic": "will", "payload": "gone", "qos": 1, "retain": false, "properties": {"willDelayInterval": 600},
        });
        let mut client = kind.start();
        let more = json!({"will": will, "clean": false, "properties": {"sessionExpiryInterval": 1}});
        assert!(!client.connect(&broker, "client", more));
        client.cut();
        // [MQTT-3.1.3-9] Of the delay and the session's end, whichever is first.
        assert_eq!(peer.receive(), received("will", 1, "gone"));
        assert!(!kind.start().connect(&broker, "client", json!({"clean": false})));
    }
}

// [MQTT-7.0.0-2] of 3.1.1
#[test]
fn everybody_hears_everybody() {
    let broker = Broker::start();
    let kinds = [
        Kind::Paho1("3.1"),
        Kind::Paho2("3.1.1"),
        Kind::Paho2("5.0"),
        Kind::MqttJs("3.1.1"),
        Kind::MqttJs("5.0"),
        Kind::Rumqttc("3.1.1"),
        Kind::Rumqttc("5.0"),
    ];
    let mut clients: Vec<_> =
        kinds.iter().enumerate().map(|(at, kind)| kind.connected(&broker, &format!("client-{at}"))).collect();
    for client in &mut clients {
        client.subscribe("all", 2, json!({}));
    }
    for (at, client) in clients.iter_mut().enumerate() {
        client.publish("all", &format!("from {at}"), 2, json!({}));
    }
    for client in &mut clients {
        for at in 0..kinds.len() {
            assert_eq!(client.message(), format!("all q2 from {at}"));
        }
    }
}
