use postrider_proto::PacketId;
use postrider_session::IdSet;
use proptest::prelude::*;
use std::collections::HashSet;

proptest! {
    #[test]
    fn an_id_set_behaves_as_a_set(
        steps in proptest::collection::vec((any::<bool>(), prop_oneof![1u16..100, 1u16..]), 0..400)
    ) {
        let mut set = IdSet::default();
        let mut model = HashSet::new();
        for (adds, number) in steps {
            let id = PacketId::new(number).expect("not 0");
            if adds {
                prop_assert_eq!(set.insert(id), model.insert(number));
            } else {
                prop_assert_eq!(set.remove(id), model.remove(&number));
            }
            prop_assert_eq!(set.contains(id), model.contains(&number));
            prop_assert_eq!(set.len(), model.len());
        }
    }
}

#[test]
fn an_id_set_of_every_id_takes_8_kib() {
    let mut set = IdSet::default();
    for number in 1..=u16::MAX {
        assert!(set.insert(PacketId::new(number).expect("not 0")));
    }
    assert_eq!(set.len(), 65_535);
    assert_eq!(set.heap_size(), 8192);
    for number in 1..=u16::MAX {
        assert!(set.remove(PacketId::new(number).expect("not 0")));
    }
    assert!(set.is_empty());
    assert_eq!(set.heap_size(), 0);
}
