use postrider_engine::{Judge, Limits, Who};
use postrider_ports::{Access, Action, DropReason};
use postrider_proto::{AckKind, Property, PropertyId, ReasonCode, Version};
use postrider_session::Mono;
use postrider_testkit::{Client, Hello, World, ack, pingreq, publish, subscribe};
use std::collections::BTreeMap;

/// A broker that reports every ten seconds and has reported once.
fn reporting(change: impl FnOnce(&mut Limits)) -> World {
    let mut world = World::with(|limits| {
        limits.sys_interval_s = 10;
        limits.outbox_bytes_max = 1 << 20;
        change(limits);
    });
    world.advance(0);
    world
}

/// What a client has read below `$SYS/broker`: topic and text, with a mark when it is retained.
fn heard(world: &mut World, client: Client) -> BTreeMap<String, String> {
    let lines = world.take(client);
    lines.iter().filter_map(|line| line.strip_prefix("PUBLISH $SYS/broker/")).map(topic_and_text).collect()
}

fn topic_and_text(line: &str) -> (String, String) {
    let (topic, rest) = line.split_once(" q0 ").expect("subscribed with QoS 0");
    (topic.to_owned(), rest.replace('"', ""))
}

/// What a client that comes now hears.
fn report(world: &mut World) -> BTreeMap<String, String> {
    let late = world.connect(&Hello::new("late"));
    world.subscribe(late, &subscribe(1, "$SYS/#", 0));
    let report = heard(world, late);
    world.disconnect(late);
    report
        .into_iter()
        .map(|(topic, text)| (topic, text.strip_prefix("retain ").expect("retained").to_owned()))
        .collect()
}

fn expect(report: &BTreeMap<String, String>, figures: &[(&str, &str)]) {
    let found: Vec<_> = figures.iter().map(|(topic, _)| (*topic, report.get(*topic).map_or("", |text| text))).collect();
    assert_eq!(found, figures);
}

#[test]
fn a_broker_without_clients_says_of_itself_what_it_is_and_zero() {
    let mut world = reporting(|_| {});
    let report = report(&mut world);
    expect(
        &report,
        &[
            ("version", concat!("postrider version ", env!("CARGO_PKG_VERSION"))),
            ("uptime", "0 seconds"),
            ("clients/total", "0"),
            ("clients/maximum", "0"),
            ("load/connections/15min", "0.00"),
            ("retained messages/count", &report.len().to_string()),
            ("store/messages/count", &report.len().to_string()),
            ("store/messages/bytes", "0"),
        ],
    );
}

#[test]
fn figures_are_what_clients_sent_and_were_sent() {
    let mut world = reporting(|_| {});
    let hellos = ["reader", "writer", "away", "gone"].map(Hello::new);
    let [reader, writer, away, gone] = hellos;
    let (away, gone) = (away.expiry(100), gone.expiry(5));
    let mut received: usize = [&reader, &writer, &away, &gone].map(|hello| hello.bytes().len()).iter().sum();
    let [reader, writer, away, gone] = [&reader, &writer, &away, &gone].map(|hello| world.dial(hello));
    let mut say = |world: &mut World, client: Client, bytes: Vec<u8>| {
        received += bytes.len();
        world.raw(client, &bytes);
    };
    let v5 = Version::V5;
    say(&mut world, reader, subscribe(1, "a", 1).and("$share/g/b", 1).bytes(v5));
    say(&mut world, away, subscribe(1, "a", 1).bytes(v5));
    world.cut(away);
    world.cut(gone);
    say(&mut world, writer, publish("a", "hello").q1(1).bytes(v5));
    say(&mut world, reader, ack(AckKind::Puback, 1, ReasonCode::Success, v5));
    say(&mut world, writer, publish("kept", "12345678").retain().bytes(v5));
    say(&mut world, writer, publish("twice", "x").q2(2).bytes(v5));
    say(&mut world, writer, publish("twice", "x").q2(2).dup().bytes(v5));
    say(&mut world, writer, pingreq());
    world.advance(10);
    let sent: usize = [reader, writer, away, gone].map(|client| world.driver.output_len(client.at)).iter().sum();
    let (queued, retained) = (world.session("away").expect("there").queued_bytes, world.counters().retained_bytes);
    assert!(queued > 5 && retained > 8);
    let report = report(&mut world);
    expect(
        &report,
        &[
            ("uptime", "10 seconds"),
            ("clients/total", "3"),
            ("clients/connected", "2"),
            ("clients/active", "2"),
            ("clients/disconnected", "1"),
            ("clients/inactive", "1"),
            ("clients/expired", "1"),
            ("clients/maximum", "4"),
            // CONNECT four times, SUBSCRIBE twice, PUBLISH four times, PUBACK, PINGREQ.
            ("messages/received", "12"),
            // CONNACK four times, SUBACK twice, PUBLISH, PUBACK, PUBREC twice, PINGRESP.
            ("messages/sent", "11"),
            ("publish/messages/received", "4"),
            ("publish/bytes/received", "15"),
            ("publish/messages/sent", "1"),
            ("publish/bytes/sent", "5"),
            ("publish/messages/dropped", "0"),
            ("bytes/received", &received.to_string()),
            ("bytes/sent", &sent.to_string()),
            ("subscriptions/count", "2"),
            ("shared_subscriptions/count", "1"),
            ("retained messages/count", &(report.len() + 1).to_string()),
            ("messages/stored", &(report.len() + 2).to_string()),
            ("store/messages/count", &(report.len() + 2).to_string()),
            ("store/messages/bytes", &(queued + retained).to_string()),
            ("postrider/queued/count", "1"),
            ("postrider/queued/bytes", &queued.to_string()),
        ],
    );
}

#[test]
fn averages_follow_what_happens_and_fade_when_it_ends() {
    let mut world = reporting(|limits| limits.sys_interval_s = 60);
    let watcher = world.connect(&Hello::new("watcher"));
    world.subscribe(watcher, &subscribe(1, "$SYS/broker/load/connections/+", 0));
    world.take(watcher);
    for _ in 0..59 {
        let client = world.connect(&Hello::new("c"));
        world.disconnect(client);
    }
    // 60 in a minute, the watcher among them.
    for expected in [["37.93", "10.88", "3.87"], ["13.95", "8.90", "3.62"]] {
        world.advance(60);
        let averages = heard(&mut world, watcher);
        let averages: Vec<&str> =
            ["1min", "5min", "15min"].iter().map(|span| &averages[&format!("load/connections/{span}")][..]).collect();
        assert_eq!(averages, expected);
    }
}

#[test]
fn only_what_has_changed_is_said_again() {
    let mut world = reporting(|_| {});
    let watcher = world.connect(&Hello::new("watcher"));
    world.subscribe(watcher, &subscribe(1, "$SYS/broker/version", 0).and("$SYS/broker/clients/+", 0));
    assert_eq!(heard(&mut world, watcher).len(), 8);
    world.advance(10);
    let names = |heard: BTreeMap<String, String>| heard.into_iter().map(|(topic, text)| format!("{topic} {text}"));
    let news: Vec<String> = names(heard(&mut world, watcher)).collect();
    assert_eq!(news, ["clients/active 1", "clients/connected 1", "clients/maximum 1", "clients/total 1"]);
    world.advance(100);
    assert!(heard(&mut world, watcher).is_empty(), "nothing has changed");
    let other = world.connect(&Hello::new("other").expiry(1000));
    world.cut(other);
    world.advance(10);
    let news: Vec<String> = names(heard(&mut world, watcher)).collect();
    assert_eq!(news, ["clients/disconnected 1", "clients/inactive 1", "clients/maximum 2", "clients/total 2"]);
}

// [MQTT-4.7.2-1]
#[test]
fn wildcards_at_the_first_level_do_not_see_what_the_broker_says() {
    let mut world = reporting(|_| {});
    let curious = world.connect(&Hello::new("curious"));
    let filters = subscribe(1, "#", 2).and("+/broker/uptime", 2).and("+/#", 2).and("$share/g/#", 2);
    world.subscribe(curious, &filters);
    let watcher = world.connect(&Hello::new("watcher"));
    world.subscribe(watcher, &subscribe(1, "$SYS/+/uptime", 2));
    assert_eq!(world.take(watcher)[1..], ["PUBLISH $SYS/broker/uptime q2 #1 retain \"0 seconds\""]);
    world.advance(10);
    assert_eq!(world.take(watcher), ["PUBLISH $SYS/broker/uptime q2 #2 \"10 seconds\""]);
    assert_eq!(world.take(curious), ["SUBACK #1 02 02 02 02"]);
}

#[test]
fn what_the_broker_says_is_no_message_of_a_client() {
    let mut world = reporting(|_| {});
    world.advance(100);
    let counters = world.counters();
    assert_eq!((counters.messages_received, counters.received.publishes, counters.retained), (0, 0, 0));
    assert_eq!((counters.retained_bytes, counters.deliveries_owed, counters.drops.total()), (0, 0, 0));
}

/// Loses a message in each way there is; `away` loses five of them.
fn lose(world: &mut World) {
    let small = Property::FourBytes(PropertyId::MaximumPacketSize, 60);
    let away = world.connect(&Hello::new("away").expiry(30).property(small));
    world.subscribed(away, "a", 1);
    let ended = world.connect(&Hello::new("ended").expiry(5));
    world.subscribed(ended, "b", 1);
    let writer = world.connect(&Hello::new("writer"));
    world.publish(writer, &publish("a", "").sized(100));
    world.cut(away);
    world.cut(ended);
    world.publish(writer, &publish("a", "offline"));
    world.publish(writer, &publish("a", "expires").expiry(2).q1(1));
    world.publish(writer, &publish("a", "waits").q1(2));
    world.publish(writer, &publish("a", "full").q1(3));
    world.publish(writer, &publish("a", "full").q1(4));
    world.publish(writer, &publish("b", "ends").q1(5));
    world.advance(6);
    let away = world.connect(
        &Hello::new("away").resume().expiry(30).property(Property::FourBytes(PropertyId::MaximumPacketSize, 60)),
    );
    world.ack(away, AckKind::Puback, 1);
}

#[test]
fn drops_are_told_by_reason_in_all_and_by_session() {
    let mut world = reporting(|limits| limits.mailbox.messages_max = 2);
    lose(&mut world);
    world.advance(4);
    let report = report(&mut world);
    expect(
        &report,
        &[
            ("publish/messages/dropped", "6"),
            ("postrider/drops/offline", "1"),
            ("postrider/drops/mailbox-full", "2"),
            ("postrider/drops/expired", "1"),
            ("postrider/drops/too-large", "1"),
            ("postrider/drops/session-ended", "1"),
        ],
    );
    let drops = world.session("away").expect("there").drops;
    let by_reason = DropReason::ALL.map(|reason| drops.of(reason));
    assert_eq!(by_reason, [1, 2, 1, 1, 0, 0, 0, 0], "what another session lost is not among them");
    let names = DropReason::ALL.map(|reason| format!("postrider/drops/{}", reason.name()));
    assert!(names.iter().all(|name| report.contains_key(name)));
}

#[test]
fn who_is_away_is_not_owed_what_the_broker_says_meanwhile() {
    let mut world = reporting(|_| {});
    for (client_id, filter, qos) in [("zero", "$SYS/#", 0), ("two", "$SYS/#", 2), ("shared", "$share/g/$SYS/#", 1)] {
        let client = world.connect(&Hello::new(client_id).expiry(1000));
        world.subscribe(client, &subscribe(1, filter, qos));
        world.take(client);
        world.cut(client);
    }
    let before = world.counters();
    world.advance(500);
    let after = world.counters();
    assert_eq!(after.drops.total(), 0);
    assert_eq!((after.deliveries_owed, after.deliveries_queued), (before.deliveries_owed, before.deliveries_queued));
    let back = world.connect(&Hello::new("zero").resume().expiry(1000));
    world.advance(10);
    assert_eq!(heard(&mut world, back)["uptime"], "510 seconds");
}

#[test]
fn a_plugin_decides_who_may_listen_to_the_broker() {
    let mut world = reporting(|limits| limits.authorize = Who::Plugin);
    let client = world.connect(&Hello::new("c"));
    for (access, answer) in [(Access::Deny, "SUBACK #1 87"), (Access::Allow, "SUBACK #1 00")] {
        world.subscribe(client, &subscribe(1, "$SYS/broker/uptime", 0));
        let Some((_, Judge::Authorize(request))) = world.driver.questions.front() else { panic!("nobody is asked") };
        assert!(
            matches!(&request.actions[..], [Action::Subscribe { filter, .. }] if **filter == *"$SYS/broker/uptime")
        );
        world.authorize(&[access]);
        assert_eq!(world.take(client)[0], answer);
    }
    assert!(world.driver.questions.is_empty(), "the broker asks nobody whether it may speak");
    world.advance(10);
    assert_eq!(world.take(client), ["PUBLISH $SYS/broker/uptime q0 \"10 seconds\""]);
}

#[test]
fn clients_that_fill_the_retained_store_and_the_broker_leave_each_other_their_room() {
    let mut world = reporting(|limits| limits.retained_messages_max = 2);
    let writer = world.connect(&Hello::new("w"));
    for (id, topic, answer) in
        [(1, "a", " NoMatchingSubscribers"), (2, "b", " NoMatchingSubscribers"), (3, "c", " QuotaExceeded")]
    {
        world.publish(writer, &publish(topic, "x").q1(id).retain());
        assert_eq!(world.take(writer), [format!("PUBACK #{id}{answer}")]);
    }
    world.advance(1000);
    assert_eq!(world.counters().retained, 2);
    expect(&report(&mut world), &[("uptime", "1000 seconds"), ("clients/connected", "1")]);
}

#[test]
fn the_broker_wakes_for_its_report_as_often_as_it_was_told_and_not_more() {
    let mut world = reporting(|_| {});
    let start = world.now.mono;
    assert_eq!(world.driver.engine.next_deadline(), Some(start.plus_s(10)));
    world.advance(10);
    assert_eq!(world.driver.engine.next_deadline(), Some(start.plus_s(20)));
    // The machine slept: one report, and the next one in its time.
    world.now.mono = start.plus_s(75);
    world.driver.tick(world.now);
    assert_eq!(world.driver.engine.next_deadline(), Some(start.plus_s(85)));
    expect(&report(&mut world), &[("uptime", "75 seconds")]);
}

#[test]
fn a_broker_told_to_be_silent_says_nothing_and_never_wakes() {
    for (sys_interval_s, partitions) in [(0, 1), (10, 2)] {
        let mut world = reporting(|limits| {
            limits.sys_interval_s = sys_interval_s;
            limits.partitions = partitions;
        });
        assert_eq!(world.driver.engine.next_deadline(), None::<Mono>);
        world.advance(1000);
        assert!(report(&mut world).is_empty());
    }
}

#[test]
fn without_retained_messages_only_those_who_are_there_hear_the_broker() {
    let mut world = reporting(|limits| limits.retain_available = false);
    let watcher = world.connect(&Hello::new("watcher"));
    world.subscribe(watcher, &subscribe(1, "$SYS/#", 0));
    assert!(heard(&mut world, watcher).is_empty());
    world.advance(10);
    assert_eq!(heard(&mut world, watcher)["uptime"], "10 seconds");
}

// SOL-18
#[test]
fn sols_topics_are_there_if_they_shall_and_nobody_else_publishes_to_them() {
    let mut world = reporting(|limits| limits.has_sol_topics = true);
    world.advance(88_780);
    let client = world.connect(&Hello::new("c"));
    world.subscribe(client, &subscribe(1, "$SOL/broker/#", 0));
    let lines = world.take(client);
    let sol: BTreeMap<String, String> =
        lines.iter().filter_map(|line| line.strip_prefix("PUBLISH $SOL/broker/")).map(topic_and_text).collect();
    assert_eq!(sol.len(), 9, "{sol:?}");
    expect(
        &sol,
        &[
            ("uptime", "retain 88780"),
            ("uptime/sol", "retain 1.0001"),
            ("clients/connected", "retain 0"),
            ("messages/sent", "retain 0"),
            ("memory/used", "retain 0"),
        ],
    );
    // Like everything there is, they are counted.
    let figures = report(&mut world);
    expect(&figures, &[("retained messages/count", &(figures.len() + sol.len()).to_string())]);
    let mut usual = reporting(|_| {});
    let client = usual.connect(&Hello::new("c"));
    usual.subscribe(client, &subscribe(1, "$SOL/#", 0));
    usual.take(client);
    usual.publish(client, &publish("$SOL/broker/uptime", "1").q1(1));
    assert_eq!(usual.take(client), ["PUBACK #1 TopicNameInvalid"]);
}
