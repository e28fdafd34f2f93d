use postrider_proto::{Properties, Qos, Topic};
use postrider_session::{
    Bounds, Mailbox, Message, MessageParts, Mono, Offered, Overflow, Parcel, Sequence, Share, SubscriptionIds,
};
use proptest::prelude::*;
use std::collections::VecDeque;

fn parcel(number: u32, size: usize, expires: Option<Mono>, ids: &[u32]) -> Parcel {
    let mut payload = number.to_be_bytes().to_vec();
    payload.resize(4 + size, 0);
    let parts = MessageParts {
        topic: Topic::trusted(b"t"),
        payload: &payload,
        properties: Properties::NONE,
        qos: Qos::AtLeastOnce,
        expires,
        sequence: Sequence::NONE,
    };
    let qos = if number.is_multiple_of(3) { Qos::AtMostOnce } else { Qos::AtLeastOnce };
    Parcel {
        message: Message::new(&parts),
        qos,
        retain: number.is_multiple_of(2),
        subscription_ids: SubscriptionIds::of(ids),
        share: None,
    }
}

fn number(parcel: &Parcel) -> u32 {
    let parts = parcel.message.parts();
    u32::from_be_bytes(parts.payload[..4].try_into().expect("four bytes"))
}

#[derive(Clone, Debug)]
enum Step {
    Offer { size: usize, expires: Option<u64>, ids: Vec<u32> },
    Pop,
    TakeQos0,
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let offer = (0usize..300, proptest::option::of(0u64..50), proptest::collection::vec(1u32..9, 0..3))
        .prop_map(|(size, expires, ids)| Step::Offer { size, expires, ids });
    let step =
        prop_oneof![5 => offer, 3 => Just(Step::Pop), 1 => Just(Step::TakeQos0), 1 => (0u64..20).prop_map(Step::Wait)];
    proptest::collection::vec(step, 0..200)
}

proptest! {
    #[test]
    fn a_mailbox_keeps_order_and_bounds_and_accounts_for_every_parcel(
        steps in steps(),
        overflow in proptest::sample::select(&[Overflow::Reject, Overflow::DropNewest, Overflow::DropOldest][..]),
        messages_max in 1u32..12, qos0_max in 0u32..6, bytes_max in 100u64..3000,
    ) {
        let bounds = Bounds { messages_max, qos0_max, bytes_max, memory_bytes_max: 0, overflow };
        let mut mailbox = Mailbox::default();
        let mut model: VecDeque<(u32, Vec<u32>, Option<u64>)> = VecDeque::new();
        let (mut now, mut next) = (0u64, 0u32);
        for step in steps {
            match step {
                Step::Wait(ms) => now += ms,
                Step::Offer { size, expires, ids } => {
                    next += 1;
                    let expires = expires.map(|ms| now + ms);
                    let gone = match mailbox.offer(Mono(now), parcel(next, size, expires.map(Mono), &ids), &bounds) {
                        Offered::Queued => { model.push_back((next, ids, expires)); Vec::new() }
                        Offered::Displaced(gone) => { model.push_back((next, ids, expires)); gone }
                        Offered::Full(refused) => { prop_assert_eq!(number(&refused), next); Vec::new() }
                        Offered::FullAnd(refused, gone) => { prop_assert_eq!(number(&refused), next); gone }
                    };
                    for parcel in gone {
                        let at = model.iter().position(|entry| entry.0 == number(&parcel)).expect("was in the mailbox");
                        let entry = model.remove(at).expect("just found");
                        let expired = entry.2.is_some_and(|expires| expires <= now);
                        let gave_way = entry.0.is_multiple_of(3) && !next.is_multiple_of(3);
                        prop_assert!(expired || gave_way || overflow == Overflow::DropOldest);
                    }
                }
                Step::Pop => {
                    let popped = mailbox.pop();
                    let expected = model.pop_front();
                    prop_assert_eq!(popped.as_ref().map(number), expected.as_ref().map(|entry| entry.0));
                    if let (Some(popped), Some(expected)) = (popped, expected) {
                        prop_assert_eq!(popped.subscription_ids.as_slice(), &expected.1[..]);
                        prop_assert_eq!(popped.retain, expected.0.is_multiple_of(2));
                    }
                }
                Step::TakeQos0 => {
                    let taken: Vec<u32> = mailbox.take_qos0().iter().map(number).collect();
                    let expected: Vec<u32> = model.iter().map(|entry| entry.0).filter(|n| n.is_multiple_of(3)).collect();
                    model.retain(|entry| !entry.0.is_multiple_of(3));
                    prop_assert_eq!(taken, expected);
                }
            }
            prop_assert_eq!(mailbox.len(), model.len());
            prop_assert!(mailbox.len() - mailbox.qos0_len() as usize <= messages_max as usize);
            prop_assert!(mailbox.qos0_len() <= qos0_max);
            prop_assert_eq!(mailbox.qos0_len() as usize, model.iter().filter(|entry| entry.0.is_multiple_of(3)).count());
            prop_assert!(mailbox.bytes() <= bytes_max);
        }
        let rest: Vec<u32> = std::iter::from_fn(|| mailbox.pop()).map(|parcel| number(&parcel)).collect();
        prop_assert_eq!(rest, model.iter().map(|entry| entry.0).collect::<Vec<_>>());
        prop_assert_eq!(mailbox.bytes(), 0);
    }
}

#[test]
fn what_is_put_back_stands_in_front_in_its_order_and_what_came_through_a_group_comes_out_alone() {
    let bounds =
        Bounds { messages_max: 3, qos0_max: 9, bytes_max: 1 << 20, memory_bytes_max: 0, overflow: Overflow::Reject };
    let mut mailbox = Mailbox::default();
    let shared = |number, group| Parcel {
        share: Some(Share { number: group, retain: false }),
        ..parcel(number, 10, None, &[group])
    };
    for parcel in [parcel(1, 10, None, &[]), shared(2, 7), shared(4, 8)] {
        assert!(mailbox.offer(Mono(0), parcel, &bounds).into_parts().0);
    }
    let bytes = mailbox.bytes();
    let taken = mailbox.take_shared(|group| group == 7);
    assert_eq!(taken.iter().map(number).collect::<Vec<_>>(), [2]);
    assert_eq!(taken[0].subscription_ids.as_slice(), [7]);
    mailbox.put_back(vec![shared(5, 7), parcel(7, 10, None, &[3, 4])]);
    assert!(mailbox.bytes() > bytes, "beyond the bounds, because it has been in before");
    let rest: Vec<_> = std::iter::from_fn(|| mailbox.pop()).collect();
    assert_eq!(rest.iter().map(number).collect::<Vec<_>>(), [5, 7, 1, 4]);
    assert_eq!(
        rest.iter().map(|parcel| parcel.share.map(|share| share.number)).collect::<Vec<_>>(),
        [Some(7), None, None, Some(8)]
    );
    assert_eq!(rest[1].subscription_ids.as_slice(), [3, 4]);
    assert_eq!((mailbox.bytes(), mailbox.qos0_len()), (0, 0));
}
