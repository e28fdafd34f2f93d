//! Rights that change while sessions, messages and questions are about.

use postrider_engine::{Judge, Limits, ListenerLimits, Verdict, Who};
use postrider_ports::{Access, Action, Answer, DropReason, Question, Sieve};
use postrider_proto::{AckKind, Version};
use postrider_testkit::{Client, Hello, Pace, Remains, World, publish, subscribe, unsubscribe};

fn guarded() -> World {
    World::with(|limits| limits.authorize = Who::Plugin)
}

fn name_of(action: &Action) -> &str {
    match action {
        Action::Publish { topic, .. } => topic,
        Action::Subscribe { filter, .. } | Action::Unsubscribe { filter } => filter,
    }
}

/// Answers every question that is open: what is on the list is denied, everything else is allowed.
fn judge(world: &mut World, denied: &[&str]) {
    while let Some((ticket, question)) = world.driver.questions.pop_front() {
        let Judge::Authorize(request) = question else { panic!("{question:?}") };
        let access =
            |action| if denied.contains(&name_of(action)) { Access::DenyFor("acl:7".into()) } else { Access::Allow };
        let list = request.actions.iter().map(access).collect();
        world.driver.answer(world.now, ticket, Verdict::Authorize(list));
    }
}

fn review(world: &mut World, denied: &[&str]) {
    assert!(matches!(world.ask(Question::Review), Answer::Reviewing(_)));
    judge(world, denied);
}

fn subscriber(world: &mut World, hello: &Hello, filters: &[&str]) -> Client {
    let client = world.connect(hello);
    for (id, filter) in (1..).zip(filters) {
        world.subscribe(client, &subscribe(id, filter, 1));
        judge(world, &[]);
    }
    world.take(client);
    client
}

fn send(world: &mut World, from: Client, topic: &str) {
    world.publish(from, &publish(topic, "x").q1(1));
    judge(world, &[]);
    world.take(from);
}

/// The client is there again; what it gets behind its CONNACK.
fn back(world: &mut World, hello: &Hello) -> (Client, Vec<String>) {
    let client = world.dial(&hello.clone().resume());
    let mut lines = world.take(client);
    assert!(lines.first().is_some_and(|line| line.starts_with("CONNACK Success present")), "{lines:?}");
    lines.remove(0);
    (client, lines)
}

fn except(filters: &[&str]) -> Access {
    Access::AllowExcept(filters.iter().map(|filter| (*filter).into()).collect())
}

#[test]
fn of_a_subscription_with_a_sieve_the_first_rule_that_matches_decides() {
    let mut world = guarded();
    let sieve = |otherwise| {
        let rules = [("a/b".into(), true), ("a/#".into(), false), ("+/c".into(), true)].into();
        Access::AllowBy(Sieve { rules, otherwise }.into())
    };
    let reader = world.connect(&Hello::new("r"));
    world.subscribe(reader, &subscribe(1, "#", 0).and("$share/g/#", 0));
    world.authorize(&[sieve(true), sieve(true)]);
    assert_eq!(world.take(reader).last().map(String::as_str), Some("SUBACK #1 00 87"), "a group would lose messages");
    let writer = world.connect(&Hello::new("w"));
    for topic in ["a", "a/b", "a/c", "b/c", "d"] {
        send(&mut world, writer, topic);
    }
    assert_eq!(world.take(reader), ["a/b", "b/c", "d"].map(|topic| format!("PUBLISH {topic} q0 \"x\"")));
    assert_eq!(world.ask(Question::Review), Answer::Reviewing(2));
    world.authorize(&[sieve(false)]);
    for topic in ["a", "a/b", "a/c", "b/c", "d"] {
        send(&mut world, writer, topic);
    }
    assert_eq!(world.take(reader), ["a/b", "b/c"].map(|topic| format!("PUBLISH {topic} q0 \"x\"")));
}

// A15
#[test]
fn a_subscription_that_is_not_allowed_any_more_ends_and_the_others_stay() {
    let mut world = guarded();
    let reader = subscriber(&mut world, &Hello::new("r"), &["a", "b/#", "$share/g/c"]);
    let writer = world.connect(&Hello::new("w"));
    review(&mut world, &["b/#", "c"]);
    assert_eq!(world.session("r").expect("there").subscriptions, 1);
    for topic in ["a", "b/x", "c"] {
        send(&mut world, writer, topic);
    }
    assert_eq!(world.take(reader), ["PUBLISH a q1 #1 \"x\""]);
}

// A15
#[test]
fn what_waits_for_a_client_that_is_away_is_not_delivered_if_it_may_not_have_it_any_more() {
    let mut world = guarded();
    let hello = Hello::new("r").expiry(1000);
    let reader = subscriber(&mut world, &hello, &["a", "b"]);
    world.cut(reader);
    let writer = world.connect(&Hello::new("w"));
    for topic in ["a", "b", "a"] {
        send(&mut world, writer, topic);
    }
    review(&mut world, &["b"]);
    let (reader, lines) = back(&mut world, &hello);
    assert_eq!(lines, ["PUBLISH a q1 #1 \"x\"", "PUBLISH a q1 #2 \"x\""]);
    assert_eq!(world.counters().drops.of(DropReason::NotAllowed), 1);
    for id in [1, 2] {
        world.ack(reader, AckKind::Puback, id);
    }
    send(&mut world, writer, "a");
    assert_eq!(world.take(reader), ["PUBLISH a q1 #3 \"x\""]);
}

#[test]
fn what_was_sent_and_not_acknowledged_is_not_sent_again_after_the_right_to_it_is_gone() {
    let mut world = guarded();
    let hello = Hello::new("r").expiry(1000);
    let reader = subscriber(&mut world, &hello, &["a", "b"]);
    let writer = world.connect(&Hello::new("w"));
    send(&mut world, writer, "b");
    send(&mut world, writer, "a");
    assert_eq!(world.take(reader).len(), 2);
    world.cut(reader);
    review(&mut world, &["b"]);
    let (_, lines) = back(&mut world, &hello);
    assert_eq!(lines, ["PUBLISH a q1 #2 dup \"x\""]);
    assert_eq!(world.session("r").expect("there").in_flight, 1);
}

#[test]
fn after_a_restart_a_review_takes_away_what_was_lost_meanwhile_and_what_waits_because_of_it() {
    let mut world = World::durable(|limits| limits.authorize = Who::Plugin);
    world.set_commits(Pace::AtOnce);
    let hello = Hello::new("r").expiry(1000);
    let reader = subscriber(&mut world, &hello, &["a", "b"]);
    world.take(reader);
    world.cut(reader);
    let writer = world.connect(&Hello::new("w"));
    send(&mut world, writer, "a");
    send(&mut world, writer, "b");
    world.crash(Remains::LEAST);
    world.set_commits(Pace::AtOnce);
    review(&mut world, &["b"]);
    world.crash(Remains::LEAST);
    world.set_commits(Pace::AtOnce);
    review(&mut world, &[]);
    assert_eq!(world.session("r").expect("there").subscriptions, 1, "the log says that it is gone");
    let (_, lines) = back(&mut world, &hello);
    assert!(lines.iter().any(|line| line.starts_with("PUBLISH a ")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains(" b ")), "{lines:?}");
}

// A16
#[test]
fn the_denied_part_of_a_subscription_is_neither_delivered_nor_replayed_nor_owed() {
    let mut world = guarded();
    let writer = world.connect(&Hello::new("w"));
    for topic in ["a/open", "a/secret/x"] {
        world.publish(writer, &publish(topic, "kept").retain());
        judge(&mut world, &[]);
    }
    let reader = world.connect(&Hello::new("r").expiry(1000));
    world.subscribe(reader, &subscribe(1, "a/#", 1));
    world.authorize(&[except(&["a/secret/#"])]);
    assert_eq!(world.take(reader), ["SUBACK #1 01", "PUBLISH a/open q0 retain \"kept\""]);
    // Through another subscription neither.
    world.subscribe(reader, &subscribe(2, "a/+/x", 1));
    judge(&mut world, &[]);
    world.take(reader);
    let owed = world.counters().deliveries_owed;
    for topic in ["a/secret", "a/secret/x", "a/other/x"] {
        send(&mut world, writer, topic);
    }
    assert_eq!(world.take(reader), ["PUBLISH a/other/x q1 #1 \"x\""]);
    assert_eq!(world.counters().deliveries_owed - owed, 1);
    // With new rules it comes.
    review(&mut world, &[]);
    send(&mut world, writer, "a/secret/x");
    assert_eq!(world.take(reader), ["PUBLISH a/secret/x q1 #2 \"x\""]);
}

#[test]
fn a_shared_subscription_of_which_a_part_is_denied_is_refused() {
    let mut world = guarded();
    let client = world.connect(&Hello::new("c"));
    world.subscribe(client, &subscribe(1, "$share/g/a/#", 1).and("a/#", 1));
    world.authorize(&[except(&["a/b"]), except(&["a/b"])]);
    assert_eq!(world.take(client), ["SUBACK #1 87 01"]);
    world.subscribe(client, &subscribe(2, "$share/g/c/#", 1));
    judge(&mut world, &[]);
    world.ask(Question::Review);
    world.authorize(&[Access::Allow, except(&["c/b"])]);
    assert_eq!(world.session("c").expect("there").subscriptions, 1);
}

#[test]
fn an_answer_from_before_the_change_has_no_effect() {
    let mut world = guarded();
    let hello = Hello::new("c").will(publish("will", "dead"));
    let asking = world.dial(&hello);
    let client = world.connect(&Hello::new("d"));
    world.subscribe(client, &subscribe(1, "a", 1));
    let old: Vec<_> = world.driver.questions.drain(..).collect();
    assert_eq!(old.len(), 2);
    world.ask(Question::Review);
    for (ticket, _) in old {
        world.driver.answer(world.now, ticket, Verdict::Authorize(vec![Access::Allow]));
    }
    assert!(world.take(client).is_empty() && world.take(asking).is_empty(), "both are asked about again");
    judge(&mut world, &["a", "will"]);
    assert!(world.take(client).iter().all(|line| line.starts_with("SUBACK #1 87")));
    assert_eq!(world.take(asking), ["CONNACK NotAuthorized"]);
}

#[test]
fn a_publisher_is_asked_about_again_after_a_review() {
    let mut world = guarded();
    let client = world.connect(&Hello::new("c"));
    send(&mut world, client, "a");
    world.publish(client, &publish("a", "x").q1(2));
    assert!(world.driver.questions.is_empty(), "remembered");
    review(&mut world, &[]);
    world.take(client);
    world.publish(client, &publish("a", "x").q1(3));
    judge(&mut world, &["a"]);
    assert_eq!(world.take(client), ["PUBACK #3 NotAuthorized"]);
}

#[test]
fn who_unsubscribed_before_the_answer_of_a_review_stays_unsubscribed() {
    let mut world = guarded();
    let client = subscriber(&mut world, &Hello::new("c"), &["a", "b"]);
    world.ask(Question::Review);
    world.raw(client, &unsubscribe(9, &["a"], Version::V5));
    judge(&mut world, &["b"]);
    assert_eq!(world.session("c").expect("there").subscriptions, 0);
}

#[test]
fn a_review_of_many_sessions_comes_to_its_end() {
    let mut world = guarded();
    for number in 0..600 {
        subscriber(&mut world, &Hello::new(&format!("c{number}")), &["a"]);
    }
    assert!(matches!(world.ask(Question::Review), Answer::Reviewing(600)));
    world.advance(1);
    judge(&mut world, &["a"]);
    world.advance(1);
    judge(&mut world, &["a"]);
    assert_eq!(world.counters().subscriptions, 0);
}

#[test]
fn whoever_is_not_guarded_any_more_gets_all_that_it_subscribes_to() {
    let mut world = guarded();
    let reader = world.connect(&Hello::new("r"));
    world.subscribe(reader, &subscribe(1, "#", 0));
    let (ticket, _) = world.question();
    world.driver.answer(world.now, ticket, Verdict::Authorize(vec![Access::AllowExcept(["secret".into()].into())]));
    world.take(reader);
    let writer = world.connect(&Hello::new("w"));
    send(&mut world, writer, "secret");
    assert!(world.take(reader).is_empty());
    world.adopt(|limits| limits.authorize = Who::Nobody);
    send(&mut world, writer, "secret");
    assert_eq!(world.take(reader), ["PUBLISH secret q0 \"x\""]);
}

#[test]
fn a_client_from_before_there_were_rules_is_judged_by_those_of_its_listener() {
    let mut world = World::new();
    world.through(3);
    let client = world.connect(&Hello::new("c"));
    world.subscribed(client, "a", 0);
    world.adopt(|limits| limits.authorize = Who::Plugin);
    world.publish(client, &publish("a", "x"));
    assert!(matches!(world.ask(Question::Review), Answer::Reviewing(1)));
    let listeners: Vec<_> = std::iter::from_fn(|| world.driver.questions.pop_front())
        .map(|(_, question)| match question {
            Judge::Authorize(request) => request.peer.expect("it is connected").listener().0,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(listeners, [3, 3]);
}

/// Two listeners that the log knows by name, in this order.
fn named(limits: &mut Limits, names: [&str; 2]) {
    limits.authorize = Who::Plugin;
    limits.listeners =
        names.map(|name| ListenerLimits { name: Some(name.into()), ..ListenerLimits::default() }).to_vec();
}

/// Through which listener the only session has come, as the question about it says.
fn whence(world: &mut World) -> Option<u16> {
    assert!(matches!(world.ask(Question::Review), Answer::Reviewing(1)));
    let (_, question) = world.question();
    let Judge::Authorize(request) = question else { panic!("{question:?}") };
    request.peer.map(|peer| peer.listener().0)
}

#[test]
fn after_a_restart_a_session_is_judged_by_the_rules_of_its_own_listener() {
    let mut world = World::durable(|limits| named(limits, ["one", "two"]));
    world.set_commits(Pace::AtOnce);
    world.through(1);
    let client = subscriber(&mut world, &Hello::new("s").resume().expiry(1000), &["a"]);
    world.cut(client);
    for _ in 0..2 {
        world.advance(1);
        world.crash(Remains::LEAST);
        world.set_commits(Pace::AtOnce);
        assert_eq!(whence(&mut world), Some(1));
    }
    // It is known by its name, wherever that stands now.
    world.adopt(|limits| named(limits, ["two", "three"]));
    world.crash(Remains::MOST);
    world.set_commits(Pace::AtOnce);
    assert_eq!(whence(&mut world), Some(0));
    world.adopt(|limits| named(limits, ["one", "three"]));
    world.crash(Remains::LEAST);
    assert_eq!(whence(&mut world), None, "there is no such listener any more");
}
