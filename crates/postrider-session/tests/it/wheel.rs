//! The wheel against a sorted list.

use postrider_session::{Mono, TimerKey, Wheel};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Insert(u64),
    Cancel(proptest::sample::Index),
    Advance(u64),
}

fn spans() -> impl Strategy<Value = u64> {
    prop_oneof![0u64..300, 0u64..100_000, 0u64..100_000_000, 0u64..100_000_000_000]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => spans().prop_map(Step::Insert),
        2 => any::<proptest::sample::Index>().prop_map(Step::Cancel),
        3 => spans().prop_map(Step::Advance),
    ];
    proptest::collection::vec(step, 0..120)
}

proptest! {
    #[test]
    fn every_timer_fires_once_at_most_a_tick_late_and_never_early(steps in steps()) {
        let mut wheel = Wheel::default();
        let mut model: Vec<(u64, u32, TimerKey)> = Vec::new();
        let (mut now, mut next) = (0u64, 0u32);
        for step in steps {
            match step {
                Step::Insert(span) => {
                    next += 1;
                    model.push((now + span, next, wheel.insert(Mono(now + span), next)));
                }
                Step::Cancel(index) => {
                    if !model.is_empty() {
                        let (_, token, key) = model.remove(index.index(model.len()));
                        prop_assert_eq!(wheel.cancel(key), Some(token));
                        prop_assert_eq!(wheel.cancel(key), None);
                    }
                }
                Step::Advance(span) => {
                    now += span;
                    let mut last = 0;
                    while let Some(token) = wheel.take_due(Mono(now)) {
                        let at = model.iter().position(|entry| entry.1 == token).expect("fires once");
                        let (deadline, _, key) = model.remove(at);
                        prop_assert!(deadline <= now, "{deadline} fired at {now}");
                        prop_assert!(deadline.div_ceil(128) >= last);
                        last = deadline.div_ceil(128);
                        prop_assert_eq!(wheel.cancel(key), None);
                    }
                    for (deadline, token, _) in &model {
                        prop_assert!(deadline + 128 > now, "{token} for {deadline} has not fired by {now}");
                    }
                }
            }
            prop_assert_eq!(wheel.len(), model.len());
            let earliest = model.iter().map(|entry| entry.0).min();
            match (wheel.next_deadline(), earliest) {
                (Some(next), Some(earliest)) => prop_assert!(next.0 < earliest + 128),
                (next, earliest) => prop_assert_eq!(next.is_some(), earliest.is_some()),
            }
        }
    }
}

#[test]
fn following_next_deadline_alone_fires_a_far_timer_in_few_steps() {
    let mut wheel = Wheel::default();
    let far = 136 * 365 * 86_400 * 1000;
    wheel.insert(Mono(far), ());
    let mut steps = 0;
    let mut now = Mono(0);
    while wheel.take_due(now).is_none() {
        now = wheel.next_deadline().expect("still set");
        steps += 1;
        assert!(steps < 10);
    }
    assert!(now.0 >= far && now.0 < far + 128);
}
