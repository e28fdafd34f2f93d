use postrider_proto::{Filter, Qos, SubscribeOptions, Topic};
use postrider_router::{FilterId, Grant, Matches, Router, SessionKey};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

type Naive = BTreeMap<(String, u32), Grant>;

/// What the router has to find: every session once, highest QoS, all identifiers. [MQTT-3.3.4-2] to [MQTT-3.3.4-4]
fn expected(model: &Naive, topic: &str, publisher: Option<u32>) -> BTreeMap<u32, (Qos, bool, Vec<u32>)> {
    let mut hits: BTreeMap<u32, (Qos, bool, Vec<u32>)> = BTreeMap::new();
    for ((filter, session), grant) in model.iter().filter(|((filter, _), _)| !filter.starts_with("$share/")) {
        let matches = Filter::trusted(filter.as_bytes()).matches(Topic::trusted(topic.as_bytes()));
        if !matches || (grant.no_local && publisher == Some(*session)) {
            continue;
        }
        let hit = hits.entry(*session).or_insert((Qos::AtMostOnce, false, Vec::new()));
        hit.0 = hit.0.max(grant.qos);
        hit.1 |= grant.retain_as_published;
        hit.2.extend(grant.identifier);
        hit.2.sort_unstable();
    }
    hits
}

/// The shared subscriptions that match. [4.8.2]
fn expected_shares(model: &Naive, topic: &str) -> BTreeSet<String> {
    let shared = model.keys().map(|(filter, _)| filter);
    let is_hit = |filter: &&String| {
        let share = Filter::trusted(filter.as_bytes()).share();
        share.is_some_and(|share| share.filter.matches(Topic::trusted(topic.as_bytes())))
    };
    shared.filter(is_hit).cloned().collect()
}

fn found_shares(router: &Router, topic: &str) -> BTreeSet<String> {
    let mut matches = Matches::default();
    router.matches(Topic::trusted(topic.as_bytes()), None, &mut matches);
    let text = |share: &FilterId| router.text(*share).expect("a filter with members").as_str().to_owned();
    let all: BTreeSet<_> = matches.shares().iter().map(text).collect();
    assert_eq!(all.len(), matches.shares().len(), "a shared subscription is found once");
    all
}

fn found(router: &Router, topic: &str, publisher: Option<u32>) -> BTreeMap<u32, (Qos, bool, Vec<u32>)> {
    let mut matches = Matches::default();
    router.matches(Topic::trusted(topic.as_bytes()), publisher.map(SessionKey), &mut matches);
    let mut hits = BTreeMap::new();
    for hit in matches.hits() {
        let mut ids: Vec<u32> = matches.identifiers(hit).collect();
        assert_eq!(Matches::has_identifiers(hit), !ids.is_empty());
        ids.sort_unstable();
        let before = hits.insert(hit.session.0, (hit.qos, hit.retain_as_published, ids));
        assert_eq!(before, None, "a session is hit once");
    }
    hits
}

fn level() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&["a", "b", "", "$x", "ü", "a level of some length", "eight by"][..])
}

fn topic() -> impl Strategy<Value = String> {
    proptest::collection::vec(level(), 1..5)
        .prop_map(|levels| levels.join("/"))
        .prop_filter("not empty", |t| !t.is_empty())
}

fn filter() -> impl Strategy<Value = String> {
    let inner = prop_oneof![3 => level(), 2 => Just("+")];
    (proptest::collection::vec(inner, 0..5), any::<bool>())
        .prop_map(|(mut levels, hash)| {
            if hash || levels.is_empty() {
                levels.push("#");
            }
            levels.join("/")
        })
        .prop_flat_map(|filter| {
            let group = proptest::sample::select(&["", "", "$share/g/", "$share/h/"][..]);
            group.prop_map(move |group| format!("{group}{filter}"))
        })
        .prop_filter("legal", |filter| Filter::parse(filter.as_bytes()).is_ok())
}

#[derive(Clone, Debug)]
enum Step {
    Subscribe(String, u32, Grant),
    Unsubscribe(String, u32),
    Publish(String, Option<u32>),
}

fn grant() -> impl Strategy<Value = Grant> {
    (0u8..3, any::<bool>(), any::<bool>(), proptest::option::of(1u32..6)).prop_map(
        |(qos, no_local, retain_as_published, identifier)| Grant {
            qos: Qos::from_u8(qos).expect("0 to 2"),
            no_local,
            retain_as_published,
            identifier,
        },
    )
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (filter(), 0u32..6, grant()).prop_map(|(filter, session, grant)| Step::Subscribe(filter, session, grant)),
        2 => (filter(), 0u32..6).prop_map(|(filter, session)| Step::Unsubscribe(filter, session)),
        4 => (topic(), proptest::option::of(0u32..6)).prop_map(|(topic, publisher)| Step::Publish(topic, publisher)),
    ];
    proptest::collection::vec(step, 1..120)
}

proptest! {
    #[test]
    fn the_router_agrees_with_matching_every_filter(seed in any::<u64>(), steps in steps()) {
        let mut router = Router::new(seed);
        let mut model = Naive::new();
        for step in steps {
            match step {
                Step::Subscribe(filter, session, grant) => {
                    let before = model.insert((filter.clone(), session), grant);
                    let met = router.subscribe(Filter::trusted(filter.as_bytes()), SessionKey(session), grant);
                    prop_assert_eq!(met.replaced, before);
                    prop_assert_eq!(router.text(met.filter).map(|text| text.as_str().to_owned()), Some(filter));
                    prop_assert_eq!(router.grant(met.filter, SessionKey(session)), Some(grant));
                }
                Step::Unsubscribe(filter, session) => {
                    let before = model.remove(&(filter.clone(), session));
                    let id = router.find(filter.as_bytes());
                    prop_assert_eq!(id.and_then(|id| router.remove(id, SessionKey(session))), before);
                }
                Step::Publish(topic, publisher) => {
                    let wanted = expected(&model, &topic, publisher);
                    prop_assert_eq!(found(&router, &topic, publisher), wanted);
                    let shares = expected_shares(&model, &topic);
                    prop_assert_eq!(&found_shares(&router, &topic), &shares);
                    let is_wanted = !expected(&model, &topic, None).is_empty() || !shares.is_empty();
                    prop_assert_eq!(router.is_wanted(Topic::trusted(topic.as_bytes())), is_wanted);
                }
            }
            prop_assert_eq!(router.len(), model.len());
        }
        for (filter, session) in model.keys().filter(|(filter, _)| filter.starts_with("$share/")) {
            let share = router.find(filter.as_bytes()).expect("still there");
            prop_assert!(router.members(share).any(|member| member == SessionKey(*session)));
            let hit = router.member(share, SessionKey(*session)).expect("a member");
            prop_assert_eq!(hit.first_identifier(), model[&(filter.clone(), *session)].identifier);
        }
        let all: Vec<(String, u32)> = model.keys().cloned().collect();
        for (filter, session) in all {
            let id = router.find(filter.as_bytes()).expect("still there");
            prop_assert!(router.remove(id, SessionKey(session)).is_some());
        }
        prop_assert_eq!(router.parts(), (0, 1, 0), "an empty router keeps its root alone");
    }
}

#[test]
fn a_filter_with_many_subscribers_loses_any_of_them_quickly_and_exactly() {
    let mut router = Router::new(1);
    let filter = Filter::trusted(b"news");
    let grant = Grant::of(SubscribeOptions::of(Qos::AtLeastOnce), None, Qos::ExactlyOnce);
    let ids: Vec<FilterId> =
        (0..20_000).map(|session| router.subscribe(filter, SessionKey(session), grant).filter).collect();
    for session in (0..20_000u32).filter(|session| !session.is_multiple_of(7)) {
        assert_eq!(router.remove(ids[0], SessionKey(session)), Some(grant));
        assert_eq!(router.remove(ids[0], SessionKey(session)), None);
    }
    let hits = found(&router, "news", None);
    assert!(hits.keys().all(|session| session.is_multiple_of(7)));
    assert_eq!(hits.len(), 2858);
}

// A5
#[test]
fn a_topic_of_65535_levels_is_matched_without_recursion() {
    let mut router = Router::new(1);
    let grant = Grant::of(SubscribeOptions::of(Qos::AtMostOnce), None, Qos::ExactlyOnce);
    let deep = "/".repeat(65_535);
    let plus = vec!["+"; 32_000].join("/");
    router.subscribe(Filter::trusted(deep.as_bytes()), SessionKey(1), grant);
    router.subscribe(Filter::trusted(plus.as_bytes()), SessionKey(2), grant);
    router.subscribe(Filter::trusted(b"#"), SessionKey(3), grant);
    assert_eq!(found(&router, &deep, None).len(), 2);
    assert_eq!(found(&router, &"/".repeat(31_999), None).len(), 2);
    let id = router.find(plus.as_bytes()).expect("there");
    router.remove(id, SessionKey(2));
    assert_eq!(router.parts().1, 1);
}
