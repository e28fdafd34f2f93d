//! What is looked up in a block of properties is what stands in it.

use crate::strategies::properties;
use postrider_proto::{
    Packet, Properties, PropertiesBuf, Property, PropertyId, PropertySet, Publish, Qos, Topic, Version, split,
};
use proptest::prelude::*;

fn find_slowly(block: Properties<'_>, id: PropertyId) -> Option<Property<'_>> {
    block.iter().find(|property| property.id() == id)
}

fn published(block: &PropertiesBuf) -> Vec<u8> {
    let mut bytes = Vec::new();
    Publish {
        dup: false,
        qos: Qos::AtMostOnce,
        retain: false,
        topic: Topic::trusted(b"a"),
        packet_id: None,
        properties: block.as_properties(),
        payload: &[],
    }
    .encode(Version::V5, &mut bytes);
    bytes
}

proptest! {
    #[test]
    fn a_decoded_block_and_a_trusted_one_answer_alike(block in properties(PropertySet::PUBLISH, Version::V5)) {
        let bytes = published(&block);
        let frame = split(&bytes, 1 << 20).expect("fits").expect("whole");
        let Ok(Packet::Publish(publish)) = Packet::decode(frame, Version::V5) else { panic!("a PUBLISH") };
        for block in [publish.properties, block.as_properties(), Properties::trusted(publish.properties.as_bytes())] {
            prop_assert_eq!(block, publish.properties);
            for id in PropertyId::ALL {
                let expected = find_slowly(block, *id);
                prop_assert_eq!(block.find(*id), expected);
                prop_assert_eq!(block.is_free_of(PropertySet::of(&[*id])), expected.is_none());
            }
            prop_assert!(block.is_free_of(PropertySet::of(&[PropertyId::ServerReference, PropertyId::MaximumQos])));
            let all = PropertySet::of(PropertyId::ALL);
            prop_assert_eq!(block.is_free_of(all), block.is_empty());
        }
    }
}
