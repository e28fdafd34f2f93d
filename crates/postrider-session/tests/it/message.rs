use bytes::Bytes;
use postrider_proto::{Properties, PropertiesBuf, Property, Qos, Topic};
use postrider_session::{Message, MessageParts, Mono, Sequence};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_message_gives_back_the_parts_it_was_made_of(
        topic in prop_oneof![9 => "[a-z/]{1,300}", 1 => "[a-z/]{4000,5000}"], size in prop_oneof![0usize..100, 2000usize..2100], qos in 0u8..3,
        expires in proptest::option::of(any::<u64>()), sequence in prop_oneof![Just(0u64), any::<u64>()], pairs in 0usize..4,
    ) {
        let payload: Vec<u8> = (0..size).map(|at| u8::try_from(at % 251).expect("small")).collect();
        let mut properties = PropertiesBuf::new();
        for _ in 0..pairs {
            properties.push(Property::Pair("name".into(), "value".into()));
        }
        let parts = MessageParts {
            topic: Topic::trusted(topic.as_bytes()),
            payload: &payload,
            properties: properties.as_properties(),
            qos: Qos::from_u8(qos).expect("0 to 2"),
            expires: expires.map(Mono),
            sequence: Sequence(sequence),
        };
        let shared = Message::with_payload(&parts, Bytes::from(payload.clone()));
        for message in [Message::new(&parts), shared] {
            let back = message.parts();
            prop_assert_eq!(back.topic, parts.topic);
            prop_assert_eq!(back.payload, parts.payload);
            prop_assert_eq!(back.properties, parts.properties);
            prop_assert_eq!(message.qos(), parts.qos);
            prop_assert_eq!(message.expires(), parts.expires);
            prop_assert_eq!(message.sequence(), parts.sequence);
            prop_assert_eq!(message.size(), parts.size());
            prop_assert!(!message.is_stub());
            prop_assert_eq!(message.shared_payload().is_some(), size >= 2048);
            if let Some(ms) = expires.filter(|ms| *ms > 0) {
                prop_assert!(!message.is_expired(Mono(ms - 1)));
                prop_assert!(message.is_expired(Mono(ms)));
            }
        }
    }
}

#[test]
fn a_small_message_costs_its_bytes_and_nineteen_more() {
    let parts = MessageParts {
        topic: Topic::trusted(b"a/b"),
        payload: &[0; 64],
        properties: Properties::NONE,
        qos: Qos::AtMostOnce,
        expires: None,
        sequence: Sequence::NONE,
    };
    assert_eq!(Message::new(&parts).size(), 16 + 3 + 3 + 64);
    assert_eq!(size_of::<Message>(), 16);
}
