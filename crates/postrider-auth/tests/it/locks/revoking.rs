//! Paths on which a right is gone by the time that it is used.

use super::Path;
use super::cases::{Case, Person, SECRET, always, never, right};
use super::ground::{Ground, is_among, lasting};
use postrider_ports::DropReason;
use postrider_proto::Version;
use postrider_testkit::{Client, publish, subscribe};

const fn path(name: &'static str, walk: fn(&mut Ground, &Case) -> bool) -> Path {
    Path { name, is_in: always, walk, expected: never }
}

const fn kept(name: &'static str, walk: fn(&mut Ground, &Case) -> bool) -> Path {
    Path { name, is_in: always, walk, expected: right }
}

pub(super) static PATHS: &[&Path] = &[
    &path("an existing subscription after the right is gone", |ground, case| existing(ground, case, Ground::revoke)),
    &kept("an existing subscription after rules were read again", |ground, case| existing(ground, case, reread)),
    &path("subscribe once more after the right is gone", resubscribed),
    &path("what waited, after the right is gone", |ground, case| waited(ground, case, Ground::revoke)),
    &kept("what waited, after rules were read again", |ground, case| waited(ground, case, reread)),
    &path("what was in flight at a take-over, after the right is gone", |ground, case| {
        in_flight(ground, case, Ground::revoke)
    }),
    &kept("what was in flight at a take-over, after rules were read again", |ground, case| {
        in_flight(ground, case, reread)
    }),
    &path("retained, and its author lost the right", |ground, case| authored(ground, case, Ground::revoke)),
    &kept("retained, and rules were read again", |ground, case| authored(ground, case, reread)),
    &path("a share after the right is gone", shared),
];

fn reread(ground: &mut Ground, case: &Case) {
    ground.replace(case.form.rules(case.mount()));
}

const WRITER: &Person = &Person { user: Some("boss"), client: "w", host: "127.0.0.1", listener: 0 };

fn write(ground: &mut Ground, case: &Case) {
    let writer = ground.enter(WRITER, Version::V5);
    ground.publish(writer, &publish(&case.secret(), "x").q1(1));
}

/// A session that outlives its connection, and subscribes.
fn reader(ground: &mut Ground, case: &Case) -> Client {
    let (client, _) = ground.enter_as(case.who, &lasting(case.who.client, case.edition));
    ground.subscribe(client, &subscribe(1, SECRET, 1));
    assert_eq!(ground.subscriptions(case.who.client), usize::from(case.is_right()), "{case:?}");
    client
}

fn existing(ground: &mut Ground, case: &Case, change: fn(&mut Ground, &Case)) -> bool {
    let client = reader(ground, case);
    write(ground, case);
    assert_eq!(is_among(&ground.world.take(client)), case.is_right(), "{case:?}");
    change(ground, case);
    let owed = ground.counters().deliveries_owed;
    write(ground, case);
    let happened = is_among(&ground.world.take(client));
    assert_eq!(ground.subscriptions(case.who.client), usize::from(happened), "{case:?}");
    assert_eq!(ground.counters().deliveries_owed - owed, u64::from(happened), "{case:?}");
    happened
}

fn resubscribed(ground: &mut Ground, case: &Case) -> bool {
    let client = reader(ground, case);
    let boss = ground.boss();
    ground.publish(boss, &publish(&case.secret(), "kept").retain());
    ground.world.take(client);
    ground.revoke(case);
    let (codes, lines) = ground.subscribe(client, &subscribe(2, SECRET, 1).and("own/ann/lamp/#", 0));
    assert!(codes.iter().all(|code| *code >= 0x80), "{case:?}: {codes:?}");
    assert_eq!(ground.subscriptions(case.who.client), 0, "{case:?}");
    write(ground, case);
    is_among(&lines) || is_among(&ground.world.take(client))
}

/// The person is there again, with the session of before.
fn back(ground: &mut Ground, case: &Case) -> bool {
    let (client, mut lines) = ground.enter_as(case.who, &lasting(case.who.client, case.edition).resume());
    lines.extend(ground.world.take(client));
    let happened = is_among(&lines);
    let dropped = ground.counters().drops.of(DropReason::NotAllowed);
    assert_eq!(dropped, u64::from(case.is_right() && !happened), "{case:?}");
    happened
}

fn waited(ground: &mut Ground, case: &Case, change: fn(&mut Ground, &Case)) -> bool {
    let client = reader(ground, case);
    ground.world.cut(client);
    write(ground, case);
    let queued = ground.world.session(case.who.client).expect("there").queued;
    assert_eq!(queued, usize::from(case.is_right()), "{case:?}");
    change(ground, case);
    back(ground, case)
}

fn in_flight(ground: &mut Ground, case: &Case, change: fn(&mut Ground, &Case)) -> bool {
    let client = reader(ground, case);
    write(ground, case);
    assert_eq!(is_among(&ground.world.take(client)), case.is_right(), "{case:?}");
    change(ground, case);
    back(ground, case)
}

fn authored(ground: &mut Ground, case: &Case, change: fn(&mut Ground, &Case)) -> bool {
    let author = ground.enter(case.who, case.edition);
    ground.publish(author, &publish(SECRET, "x").retain());
    ground.world.disconnect(author);
    assert_eq!(ground.counters().retained, u64::from(case.is_right()), "{case:?}");
    change(ground, case);
    let boss = ground.enter(WRITER, case.edition);
    is_among(&ground.subscribe(boss, &subscribe(1, "#", 1)).1)
}

/// Nothing that waited for the group reaches a member that may not have it any more.
fn shared(ground: &mut Ground, case: &Case) -> bool {
    let (client, _) = ground.enter_as(case.who, &lasting(case.who.client, case.edition));
    ground.subscribe(client, &subscribe(1, "$share/g/own/ann/lamp/#", 1));
    assert_eq!(ground.counters().shared_subscriptions, u64::from(case.is_right()), "{case:?}");
    ground.world.cut(client);
    write(ground, case);
    ground.revoke(case);
    assert_eq!(ground.counters().shared_subscriptions, 0, "{case:?}");
    let (client, mut lines) = ground.enter_as(case.who, &lasting(case.who.client, case.edition).resume());
    write(ground, case);
    lines.extend(ground.world.take(client));
    is_among(&lines)
}
