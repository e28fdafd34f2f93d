//! Paths on which something is subscribed to.

use super::Path;
use super::cases::{ANN, Case, PUBLIC, SECRET, always, never, right, v3};
use super::ground::{Ground, is_among, lasting};
use postrider_testkit::{Hello, Sub, publish, subscribe};

const fn path(name: &'static str, walk: fn(&mut Ground, &Case) -> bool) -> Path {
    Path { name, is_in: always, walk, expected: right }
}

pub(super) static PATHS: &[&Path] = &[
    &path("subscribe", |ground, case| subscribed(ground, case, &subscribe(1, SECRET, 1))),
    &path("wildcard subscribe", |ground, case| subscribed(ground, case, &subscribe(1, "own/ann/lamp/#", 2))),
    &path("subscribe with +", |ground, case| subscribed(ground, case, &subscribe(1, "own/ann/lamp/+", 0))),
    &Path {
        expected: |case| case.is_right() && case.form.is_wide,
        ..path("a filter wider than the right, or with denied parts", |ground, case| {
            wider(ground, case, &subscribe(1, "own/#", 1))
        })
    },
    &Path {
        expected: |case| case.is_right() && case.form.is_wide,
        ..path("a filter with + in place of the name", |ground, case| {
            wider(ground, case, &subscribe(1, "own/+/lamp/x", 1).and("own/+/+/+", 1))
        })
    },
    &Path {
        expected: never,
        ..path("# where something is denied", |ground, case| wider(ground, case, &subscribe(1, "#", 1)))
    },
    &path("$share", |ground, case| subscribed(ground, case, &subscribe(1, "$share/g/own/ann/lamp/#", 1))),
    &Path {
        expected: never,
        ..path("$share of everything", |ground, case| wider(ground, case, &subscribe(1, "$share/g/#", 1)))
    },
    &Path {
        expected: never,
        ..path("$queue", |ground, case| wider(ground, case, &subscribe(1, "$queue/own/ann/lamp/x", 1)))
    },
    &Path { expected: never, ..path("$SYS", of_ours) },
    &path("one filter among others", one_of_three),
    &Path { is_in: v3, ..path("subscribe by a bridge", by_a_bridge) },
    &path("retained replay", replayed),
    &Path {
        expected: |case| case.is_right() && case.form.is_wide,
        ..path("retained replay of a wider filter", replayed_wide)
    },
    &Path {
        expected: |case| (case.form.admits)(ANN) && case.who.user == ANN.user,
        ..path("the session of somebody else", of_somebody_else)
    },
];

/// The boss publishes; whether the client hears it. What is owed to the client says the same.
fn heard(ground: &mut Ground, case: &Case, client: postrider_testkit::Client, mut lines: Vec<String>) -> bool {
    let boss = ground
        .enter(&super::cases::Person { user: Some("boss"), client: "w", host: "127.0.0.1", listener: 0 }, case.edition);
    let before = ground.counters().deliveries_owed;
    ground.publish(boss, &publish(&case.secret(), "x").q1(1));
    lines.extend(ground.world.take(client));
    let happened = is_among(&lines);
    assert_eq!(ground.counters().deliveries_owed - before, u64::from(happened), "{case:?}");
    happened
}

/// A filter within the right: granted and heard, or neither.
fn subscribed(ground: &mut Ground, case: &Case, packet: &Sub) -> bool {
    let client = ground.enter(case.who, case.edition);
    let (codes, lines) = ground.subscribe(client, packet);
    let is_granted = codes.iter().all(|code| *code < 0x80);
    assert_eq!(ground.subscriptions(case.who.client), usize::from(is_granted), "{case:?}");
    let refusal = if case.is_v5() { 0x87 } else { 0x80 };
    assert!(is_granted || codes == [refusal], "{case:?}: {codes:?}");
    let happened = heard(ground, case, client, lines);
    assert_eq!(happened, is_granted, "{case:?}");
    happened
}

/// A filter beyond it: whatever the answer is.
fn wider(ground: &mut Ground, case: &Case, packet: &Sub) -> bool {
    let client = ground.enter(case.who, case.edition);
    let (codes, lines) = ground.subscribe(client, packet);
    let granted = codes.iter().filter(|code| **code < 0x80).count();
    assert_eq!(ground.subscriptions(case.who.client), granted, "{case:?}");
    heard(ground, case, client, lines)
}

fn of_ours(ground: &mut Ground, case: &Case) -> bool {
    ground.world.adopt(|limits| limits.sys_interval_s = 1);
    let client = ground.enter(case.who, case.edition);
    let filters =
        subscribe(1, "$SYS/#", 0).and("$SYS/broker/version", 0).and("+/broker/#", 0).and("$share/g/$SYS/#", 0);
    let (codes, mut lines) = ground.subscribe(client, &filters);
    assert!(codes.iter().all(|code| *code >= 0x80) && codes.len() == 4, "{case:?}: {codes:?}");
    assert_eq!(ground.subscriptions(case.who.client), 0, "{case:?}");
    ground.world.advance(3);
    ground.settle();
    lines.extend(ground.world.take(client));
    lines.iter().any(|line| line.starts_with("PUBLISH"))
}

fn one_of_three(ground: &mut Ground, case: &Case) -> bool {
    let client = ground.enter(case.who, case.edition);
    let filters = subscribe(1, PUBLIC, 0).and(SECRET, 1).and("public/+", 2);
    let (codes, lines) = ground.subscribe(client, &filters);
    assert_eq!((codes[0], codes[2], codes.len()), (0, 2, 3), "{case:?}: {codes:?}");
    assert_eq!(ground.subscriptions(case.who.client), 2 + usize::from(codes[1] < 0x80), "{case:?}");
    heard(ground, case, client, lines)
}

fn by_a_bridge(ground: &mut Ground, case: &Case) -> bool {
    let hello = Hello::new(case.who.client).version(case.edition).bridge();
    let (client, _) = ground.enter_as(case.who, &hello);
    let (_, lines) = ground.subscribe(client, &subscribe(1, "own/ann/lamp/#", 1));
    heard(ground, case, client, lines)
}

fn kept(ground: &mut Ground, case: &Case) {
    let boss = ground.boss();
    ground.publish(boss, &publish(&case.secret(), "kept").retain());
    ground.world.take(boss);
}

fn replayed(ground: &mut Ground, case: &Case) -> bool {
    kept(ground, case);
    let client = ground.enter(case.who, case.edition);
    is_among(&ground.subscribe(client, &subscribe(1, "own/ann/lamp/#", 1)).1)
}

fn replayed_wide(ground: &mut Ground, case: &Case) -> bool {
    kept(ground, case);
    let client = ground.enter(case.who, case.edition);
    is_among(&ground.subscribe(client, &subscribe(1, "own/#", 1).and("#", 1)).1)
}

/// What waits for ann's lamp is for ann, whoever else calls himself lamp.
fn of_somebody_else(ground: &mut Ground, case: &Case) -> bool {
    let hello = lasting(ANN.client, case.edition);
    let (victim, _) = ground.enter_as(ANN, &hello);
    ground.subscribe(victim, &subscribe(1, SECRET, 1));
    ground.world.cut(victim);
    let boss = ground.boss();
    ground.publish(boss, &publish(&case.secret(), "x").q1(1));
    let before = ground.world.session(ANN.client).expect("there");
    let (_, lines) = ground.dial(case.who, &hello.resume());
    let after = ground.world.session(ANN.client).expect("there");
    let is_hers = case.who.user == ANN.user;
    assert!(is_hers || after == before, "{case:?}: {after:?}");
    assert_eq!(after.principal.as_ref().map(postrider_ports::Principal::as_str), ANN.user, "{case:?}");
    is_among(&lines)
}
