use postrider_engine::{BanRule, ListenerLimits, Rate, Rates};
use postrider_ports::Access;
use postrider_proto::ReasonCode;
use postrider_testkit::{Client, Hello, World, publish, subscribe};

const fn rate(per_s: u32, burst: u32) -> Option<Rate> {
    Some(Rate { per_s, burst })
}

fn messages(per_s: u32, burst: u32) -> Rates {
    Rates { messages: rate(per_s, burst), ..Rates::OFF }
}

fn flood(world: &mut World, writer: Client, count: u16) {
    for id in 1..=count {
        world.publish(writer, &publish("a", &id.to_string()).q1(id));
    }
}

fn at_listener(rates: Rates) -> ListenerLimits {
    ListenerLimits { rates: Some(rates), ..ListenerLimits::default() }
}

#[test]
fn what_a_client_publishes_beyond_its_rate_waits_and_arrives_in_order() {
    let mut world = World::with(|limits| limits.client_rates = messages(10, 3));
    let reader = world.connect(&Hello::new("r"));
    world.subscribed(reader, "a", 0);
    let (writer, other) = (world.connect(&Hello::new("w")), world.connect(&Hello::new("o")));
    flood(&mut world, writer, 6);
    assert_eq!(world.take(reader).len(), 3);
    assert_eq!(world.take(writer), ["PUBACK #1", "PUBACK #2", "PUBACK #3"]);
    // Nobody else is held up.
    world.publish(other, &publish("a", "other"));
    assert_eq!(world.take(reader), ["PUBLISH a q0 \"other\""]);
    let mut lines = Vec::new();
    for passed in 0..60_u32 {
        lines.extend(world.take(reader));
        // At most 128 ms late.
        let count = u32::try_from(lines.len()).expect("few");
        assert!(count <= passed / 10 && count >= (passed.saturating_sub(13) / 10).min(3), "{count} after {passed}0 ms");
        world.advance_ms(10);
    }
    assert_eq!(lines, ["PUBLISH a q0 \"4\"", "PUBLISH a q0 \"5\"", "PUBLISH a q0 \"6\""]);
    assert!((1..=3).contains(&world.counters().publishes_held));
}

#[test]
fn bytes_are_limited_too_and_a_large_message_passes_after_a_pause() {
    let rates = Rates { bytes: rate(1000, 100), ..Rates::OFF };
    let mut world = World::with(|limits| limits.client_rates = rates);
    let reader = world.connect(&Hello::new("r"));
    world.subscribed(reader, "a", 0);
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("a", "").sized(999));
    world.publish(writer, &publish("a", "small"));
    assert_eq!(world.take(reader).len(), 1);
    // 1,000 bytes went; the next six pass when all but 244 of 250 are paid for.
    world.advance_ms(755);
    assert!(world.take(reader).is_empty());
    world.advance_ms(1 + 128);
    assert_eq!(world.take(reader).len(), 1);
}

#[test]
fn the_rates_of_a_listener_and_of_the_broker_hold_for_all_their_clients_together() {
    for is_listener in [true, false] {
        let mut world = World::with(|limits| match is_listener {
            true => limits.listeners = vec![at_listener(messages(10, 4))],
            false => limits.broker_rates = messages(10, 4),
        });
        let writers = [world.connect(&Hello::new("a")), world.connect(&Hello::new("b"))];
        for writer in writers {
            flood(&mut world, writer, 3);
        }
        assert_eq!(writers.map(|writer| world.take(writer).len()), [3, 1]);
        world.advance(1);
        assert_eq!(writers.map(|writer| world.take(writer).len()), [0, 2]);
    }
}

#[test]
fn a_held_client_that_leaves_is_forgotten_and_its_slot_serves_another() {
    let mut world = World::with(|limits| limits.client_rates = messages(1, 1));
    let writer = world.connect(&Hello::new("w"));
    flood(&mut world, writer, 3);
    world.cut(writer);
    let next = world.connect(&Hello::new("n"));
    flood(&mut world, next, 1);
    assert_eq!(world.take(next), ["PUBACK #1 NoMatchingSubscribers"]);
    world.advance(5);
    assert!(world.take(next).is_empty());
}

#[test]
fn a_publish_that_a_plugin_is_asked_about_is_charged_once() {
    let mut world = World::with(|limits| {
        limits.client_rates = messages(1, 2);
        limits.authorize = postrider_engine::Who::Plugin;
    });
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("a", "1").q1(1));
    world.authorize(&[Access::Allow]);
    world.publish(writer, &publish("b", "2").q1(2));
    world.authorize(&[Access::Allow]);
    assert_eq!(world.take(writer).len(), 2);
    assert_eq!(world.counters().publishes_held, 0);
}

#[test]
fn connects_beyond_the_rate_are_refused_in_the_words_of_each_edition() {
    let connects = Rates { connects: rate(2, 1), ..Rates::OFF };
    let mut world = World::with(|limits| limits.listeners = vec![at_listener(connects)]);
    world.connect(&Hello::new("a"));
    let refused = [world.dial(&Hello::new("b")), world.dial(&Hello::new("c").v3())];
    assert_eq!(world.take(refused[0]), ["CONNACK ConnectionRateExceeded"]);
    assert!(world.take(refused[1])[0].starts_with("CONNACK ServerUnavailable"));
    assert_eq!(world.counters().connects_over_rate, 2);
    world.advance_ms(500);
    world.connect(&Hello::new("b"));
}

#[test]
fn a_client_that_breaks_the_rules_again_and_again_stays_outside_for_a_while() {
    let mut world = World::with(|limits| limits.ban = Some(BanRule { strikes: 3, within_s: 10, for_s: 60 }));
    for _ in 0..3 {
        let client = world.connect(&Hello::new("bad"));
        world.raw(client, &[0xF0 | 0x0F, 0]);
        assert!(world.is_closed(client));
    }
    let client = world.dial(&Hello::new("bad"));
    assert_eq!(world.take(client), ["CONNACK Banned"]);
    world.connect(&Hello::new("good"));
    assert_eq!((world.counters().clients_banned, world.counters().banned_refused), (1, 1));
    world.advance(60);
    world.connect(&Hello::new("bad"));
}

#[test]
fn two_clients_that_fight_for_one_identifier_are_both_kept_out() {
    let mut world = World::with(|limits| limits.ban = Some(BanRule { strikes: 4, within_s: 10, for_s: 60 }));
    let mut answers = Vec::new();
    for _ in 0..6 {
        let client = world.dial(&Hello::new("twin"));
        answers.push(world.take(client)[0].split(' ').nth(1).unwrap_or_default().to_owned());
    }
    assert_eq!(answers, ["Success", "Success", "Success", "Success", "Success", "Banned"]);
}

#[test]
fn refusals_by_number_and_depth_are_counted() {
    let mut world = World::with(|limits| {
        limits.subscriptions_max = 1;
        limits.link.levels_max = 3;
    });
    let client = world.connect(&Hello::new("c"));
    world.subscribe(client, &subscribe(1, "a", 0).and("b", 0).and("a/b/c/d", 0).and("$share/g/a/b/c/d", 0));
    world.publish(client, &publish("a/b/c/d", "x").q1(1));
    let reason = ReasonCode::TopicNameInvalid.text();
    assert_eq!(world.take(client)[0], "SUBACK #1 00 97 8f 8f");
    let counters = world.counters();
    assert_eq!((counters.subscriptions_over, counters.levels_over), (1, 3), "{reason}");
}

// A5
#[test]
fn a_client_that_leaves_while_it_is_held_leaves_nothing_behind() {
    let rates = Rates { bytes: rate(1, 1), ..Rates::OFF };
    let mut world = World::with(|limits| limits.broker_rates = rates);
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("a", "").sized(5000));
    for _ in 0..50 {
        let hasty = world.connect(&Hello::new("h"));
        world.publish(hasty, &publish("a", "x"));
        world.cut(hasty);
    }
    assert_eq!(world.driver.next_deadline(), None, "timers of those who have left");
}
