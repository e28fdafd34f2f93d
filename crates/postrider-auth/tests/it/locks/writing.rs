//! Paths on which something is published.

use super::Path;
use super::cases::{Case, PUBLIC, SECRET, always, never, right, v3, v5};
use super::ground::{Ground, is_among};
use postrider_proto::{AckKind, Property, PropertyId, Text};
use postrider_testkit::{Hello, Pub, publish, subscribe};

const fn path(name: &'static str, walk: fn(&mut Ground, &Case) -> bool) -> Path {
    Path { name, is_in: always, walk, expected: right }
}

pub(super) static PATHS: &[&Path] = &[
    &path("publish with QoS 0", |ground, case| published(ground, case, &publish(SECRET, "x"))),
    &path("publish with QoS 1", |ground, case| published(ground, case, &publish(SECRET, "x").q1(1))),
    &path("publish with QoS 2", |ground, case| published(ground, case, &publish(SECRET, "x").q2(1))),
    &path("publish again what was refused", again),
    &path("retained publish", |ground, case| published(ground, case, &publish(SECRET, "x").retain())),
    &path("a retained message is cleared", cleared),
    &Path { is_in: v3, ..path("publish by a bridge", by_a_bridge) },
    &Path { is_in: v5, ..path("topic alias", by_alias) },
    &Path { is_in: v5, ..path("an alias that meant something else", by_another_alias) },
    &Path { is_in: v5, ..path("response topic", by_response) },
    &path("will at CONNECT", |ground, case| willed(ground, case, &publish(SECRET, "x"))),
    &path("retained will at CONNECT", |ground, case| willed(ground, case, &publish(SECRET, "x").retain())),
    &path("will when it fires, after rules were read again", |ground, case| {
        fired(ground, case, |ground, case| ground.replace(case.form.rules(case.mount())))
    }),
    &Path {
        expected: never,
        ..path("will after the right is gone", |ground, case| fired(ground, case, Ground::revoke))
    },
    &Path { expected: never, ..path("publish after the right is gone", after) },
    &Path { expected: never, ..path("publish below $SYS, $share and $queue", reserved) },
];

/// What is published arrives, is retained if asked for, and is answered as it should be; or nothing happens at all.
fn published(ground: &mut Ground, case: &Case, packet: &Pub) -> bool {
    let (boss, client) = (ground.boss(), ground.enter(case.who, case.edition));
    let before = ground.counters();
    ground.publish(client, packet);
    let replies = ground.world.take(client);
    ground.world.ack(client, AckKind::Pubrel, 1);
    let (after, happened) = (ground.counters(), is_among(&ground.world.take(boss)));
    assert_eq!(after.deliveries_owed - before.deliveries_owed, u64::from(happened), "{case:?}");
    assert!(happened || after.retained == 0, "{case:?}");
    let is_told = replies.iter().any(|line| line.contains("NotAuthorized"));
    assert!(!(is_told && happened) && (is_told || happened || !case.is_v5() || replies.is_empty()), "{replies:?}");
    assert!(ground.is_well(client), "{case:?}");
    happened
}

fn again(ground: &mut Ground, case: &Case) -> bool {
    let (boss, client) = (ground.boss(), ground.enter(case.who, case.edition));
    for packet in [publish(SECRET, "x").q2(7), publish(SECRET, "x").q2(7).dup(), publish(SECRET, "x").q1(8).dup()] {
        ground.publish(client, &packet);
    }
    is_among(&ground.world.take(boss))
}

fn cleared(ground: &mut Ground, case: &Case) -> bool {
    let (boss, client) = (ground.boss(), ground.enter(case.who, case.edition));
    ground.publish(boss, &publish(&case.secret(), "kept").retain());
    assert_eq!(ground.counters().retained, 1);
    ground.publish(client, &publish(SECRET, "").retain());
    ground.counters().retained == 0
}

fn by_a_bridge(ground: &mut Ground, case: &Case) -> bool {
    let boss = ground.boss();
    let (client, _) = ground.enter_as(case.who, &Hello::new(case.who.client).version(case.edition).bridge());
    ground.publish(client, &publish(SECRET, "x").retain());
    is_among(&ground.world.take(boss))
}

const fn alias(number: u16) -> Property<'static> {
    Property::TwoBytes(PropertyId::TopicAlias, number)
}

fn by_alias(ground: &mut Ground, case: &Case) -> bool {
    let (boss, client) = (ground.boss(), ground.enter(case.who, case.edition));
    ground.publish(client, &publish(SECRET, "x").property(alias(1)));
    let first = is_among(&ground.world.take(boss));
    ground.publish(client, &publish("", "x").property(alias(1)));
    let second = is_among(&ground.world.take(boss));
    assert_eq!(first, second, "{case:?}");
    first || second
}

fn by_another_alias(ground: &mut Ground, case: &Case) -> bool {
    let (boss, client) = (ground.boss(), ground.enter(case.who, case.edition));
    ground.publish(client, &publish(PUBLIC, "x").property(alias(1)));
    ground.publish(client, &publish(SECRET, "x").q1(1).property(alias(1)));
    ground.world.take(boss);
    ground.publish(client, &publish("", "x").q1(2).property(alias(1)));
    is_among(&ground.world.take(boss))
}

/// Neither does asking for an answer there open the topic, nor does answering somebody who asked for it.
fn by_response(ground: &mut Ground, case: &Case) -> bool {
    let (boss, client) = (ground.boss(), ground.enter(case.who, case.edition));
    let response = Property::Text(PropertyId::ResponseTopic, Text::from(SECRET));
    assert_eq!(ground.subscribe(client, &subscribe(1, PUBLIC, 1)).0, [1]);
    ground.publish(client, &publish(PUBLIC, "who is there").property(response));
    let request = Property::Text(PropertyId::ResponseTopic, Text::from(SECRET));
    ground.publish(boss, &publish(&format!("{}{PUBLIC}", case.mount()), "and who there").property(request));
    assert_eq!(ground.subscriptions(case.who.client), 1);
    ground.world.take(boss);
    ground.publish(client, &publish(SECRET, "me"));
    is_among(&ground.world.take(boss))
}

fn willed(ground: &mut Ground, case: &Case, will: &Pub) -> bool {
    let boss = ground.boss();
    let hello = Hello::new(case.who.client).version(case.edition).will(will.clone());
    let (client, lines) = ground.dial(case.who, &hello);
    let is_in = lines.iter().any(|line| line.starts_with("CONNACK Success"));
    assert_eq!(is_in, ground.world.session(case.who.client).is_some(), "{case:?}: {lines:?}");
    if is_in {
        ground.world.cut(client);
        ground.settle();
    }
    let happened = is_among(&ground.world.take(boss));
    let counters = ground.counters();
    assert_eq!((happened, counters.wills_published), (is_in, u64::from(is_in)), "{case:?}");
    assert!(happened || counters.retained == 0, "{case:?}");
    happened
}

fn fired(ground: &mut Ground, case: &Case, change: fn(&mut Ground, &Case)) -> bool {
    let boss = ground.boss();
    let hello = Hello::new(case.who.client).version(case.edition).will(publish(SECRET, "x").retain());
    let (client, lines) = ground.dial(case.who, &hello);
    if !lines.iter().any(|line| line.starts_with("CONNACK Success")) {
        assert!(!case.is_right(), "{case:?}: {lines:?}");
        return false;
    }
    change(ground, case);
    ground.world.take(boss);
    ground.world.cut(client);
    ground.settle();
    let (happened, counters) = (is_among(&ground.world.take(boss)), ground.counters());
    assert_eq!((counters.retained, counters.wills_published), (u64::from(happened), u64::from(happened)), "{case:?}");
    happened
}

/// What a connection remembers of a verdict is forgotten with the rules.
fn after(ground: &mut Ground, case: &Case) -> bool {
    let (boss, client) = (ground.boss(), ground.enter(case.who, case.edition));
    ground.publish(client, &publish(SECRET, "x").q1(1));
    assert_eq!(is_among(&ground.world.take(boss)), case.is_right(), "{case:?}");
    ground.revoke(case);
    ground.publish(client, &publish(SECRET, "x").q1(2));
    ground.publish(client, &publish(SECRET, "x").retain());
    assert_eq!(ground.counters().retained, 0);
    is_among(&ground.world.take(boss))
}

/// The rules say `#` to one who may everything, and it is refused all the same.
fn reserved(ground: &mut Ground, case: &Case) -> bool {
    let boss = ground.boss();
    ground.subscribe(boss, &subscribe(2, "$SYS/#", 0).and("$share/g/$queue/#", 0));
    let client = ground.enter(case.who, case.edition);
    let before = ground.counters().deliveries_owed;
    for writer in [boss, client] {
        for topic in ["$SYS/own/ann/lamp/x", "$share/g/own/ann/lamp/x", "$queue/own/ann/lamp/x", "$CONTROL/x"] {
            if writer != boss && case.is_mounted {
                continue;
            }
            ground.publish(writer, &publish(topic, "x").retain());
        }
    }
    assert_eq!((ground.counters().retained, ground.counters().deliveries_owed), (0, before), "{case:?}");
    is_among(&ground.world.take(boss))
}
