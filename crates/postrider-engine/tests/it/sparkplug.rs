//! Birth certificates of Sparkplug.

use postrider_engine::Who;
use postrider_ports::Access;
use postrider_testkit::{Hello, Remains, World, publish, subscribe};

const BIRTH: &str = "spBv1.0/g/NBIRTH/n";

/// What somebody who comes now finds below `$sparkplug`, and answers to nothing else.
fn certificates(world: &mut World) -> Vec<String> {
    let late = world.connect(&Hello::new("late"));
    world.subscribe(late, &subscribe(1, "$sparkplug/#", 0));
    let lines = world.take(late);
    world.disconnect(late);
    lines.into_iter().filter(|line| line.starts_with("PUBLISH")).collect()
}

#[test]
fn a_birth_goes_to_those_who_are_there_and_waits_as_a_certificate_for_those_who_come() {
    let mut world = World::with(|limits| limits.is_sparkplug_aware = true);
    let host = world.connect(&Hello::new("host"));
    world.subscribe(host, &subscribe(1, "spBv1.0/#", 1));
    world.take(host);
    let node = world.connect(&Hello::new("node"));
    world.publish(node, &publish(BIRTH, "one"));
    world.publish(node, &publish("spBv1.0/g/NDATA/n", "data"));
    world.publish(node, &publish("spBv1.0/g/DBIRTH/n/d", "device").q1(1));
    let heard = world.take(host);
    assert_eq!(heard.len(), 3, "{heard:?}");
    assert!(heard.iter().all(|line| !line.contains("retain")), "{heard:?}");
    assert_eq!(
        certificates(&mut world),
        [
            "PUBLISH $sparkplug/certificates/spBv1.0/g/DBIRTH/n/d q0 retain \"device\"",
            "PUBLISH $sparkplug/certificates/spBv1.0/g/NBIRTH/n q0 retain \"one\"",
        ]
    );
    world.publish(node, &publish(BIRTH, "two"));
    assert!(certificates(&mut world).iter().any(|line| line.ends_with("\"two\"")));
    let mut usual = World::with(|_| {});
    let node = usual.connect(&Hello::new("node"));
    usual.publish(node, &publish(BIRTH, "one"));
    assert_eq!(certificates(&mut usual), Vec::<String>::new());
}

#[test]
fn who_may_not_publish_a_birth_makes_no_certificate() {
    let mut world = World::with(|limits| {
        limits.is_sparkplug_aware = true;
        limits.authorize = Who::Plugin;
    });
    let node = world.connect(&Hello::new("node"));
    for (access, count) in [(Access::Deny, 0), (Access::Allow, 1)] {
        world.publish(node, &publish(&format!("{BIRTH}{count}"), "one"));
        world.authorize(&[access]);
        assert_eq!(world.counters().retained, count);
    }
}

#[test]
fn a_certificate_that_was_acknowledged_is_there_after_a_crash() {
    let mut world = World::durable(|limits| limits.is_sparkplug_aware = true);
    let node = world.connect(&Hello::new("node"));
    world.publish(node, &publish(BIRTH, "one").q1(1));
    assert_eq!(world.take(node), Vec::<String>::new());
    world.commit();
    assert_eq!(world.take(node).len(), 1, "it is acknowledged");
    world.crash(Remains::LEAST);
    let found = certificates(&mut world);
    assert!(found.len() == 1 && found[0].ends_with("\"one\""), "{found:?}");
}
