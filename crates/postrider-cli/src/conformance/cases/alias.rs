//! Topic aliases, towards the broker and from it.
//!
//! Spec: 3.3.2.3.4 (5.0).

use super::Q0;
use crate::conformance::capability::Capability::TopicAlias;
use crate::conformance::case::{Case, ONLY_5, case};
use crate::conformance::fault::{Fault, Played, check_eq};
use crate::conformance::peer::Peer;
use crate::conformance::refusals::PROTOCOL_ERROR;
use crate::conformance::scene::Scene;
use crate::wire::message::{Message, message};
use postrider_client::ReasonCode;
use postrider_proto::{Property, PropertyId};
use std::collections::BTreeMap;

pub(super) const CASES: &[Case] = &[
    case("a topic alias stands for its topic", ONLY_5, stands).v5("3.3.2-12").needs(&[TopicAlias]),
    case("a topic alias can be given another topic", ONLY_5, renamed).v5("3.3.2-12").needs(&[TopicAlias]),
    case("the largest topic alias is taken", ONLY_5, largest).v5("3.3.2-12").needs(&[TopicAlias]),
    case("topic aliases of two clients are independent", ONLY_5, two_clients).v5("3.3.2-12").needs(&[TopicAlias]),
    case("a topic alias does not outlive its connection", ONLY_5, reconnected).v5("3.3.2-7").needs(&[TopicAlias]),
    case("a topic alias is not passed on", ONLY_5, not_passed_on).v5("3.1.2-27").needs(&[TopicAlias]),
    case("a topic alias that stands for nothing ends the connection", ONLY_5, meaningless)
        .v5("4.13.1-1")
        .needs(&[TopicAlias]),
    case("topic alias 0 ends the connection", ONLY_5, zero).v5("3.3.2-8 4.13.1-1"),
    case("a topic alias above the maximum ends the connection", ONLY_5, too_large).v5("3.3.2-9 3.2.2-17 3.2.2-18"),
    case("a client that wants no topic aliases gets none", ONLY_5, unwanted).v5("3.1.2-27"),
    case("topic aliases from the broker keep to the client's maximum", ONLY_5, from_the_broker)
        .v5("3.1.2-26 3.3.2-11 3.3.2-8"),
];

const INVALID: &[ReasonCode] = &[ReasonCode::TopicAliasInvalid, ReasonCode::ProtocolError];

/// A message whose topic is said by its alias alone.
fn by_alias(alias: u16, payload: &str) -> Message {
    message("", payload).aliased(alias)
}

fn listener<'s>(scene: &'s Scene, names: &[&str]) -> Result<Peer<'s>, Fault> {
    let mut subscriber = scene.client("sub")?;
    names.iter().try_for_each(|name| subscriber.subscribe(&scene.topic(name), Q0))?;
    Ok(subscriber)
}

fn stands(scene: &Scene) -> Played {
    stands_with(scene, 1)
}

fn largest(scene: &Scene) -> Played {
    stands_with(scene, scene.ground().abilities.topic_alias_max)
}

fn stands_with(scene: &Scene, alias: u16) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = listener(scene, &["a"])?;
    let mut publisher = scene.client("pub")?;
    publisher.publish(&message(&topic, "1").aliased(alias))?;
    publisher.publish(&by_alias(alias, "2"))?;
    publisher.publish(&by_alias(alias, "3"))?;
    for payload in ["1", "2", "3"] {
        subscriber.expect_message(&topic, payload)?;
    }
    publisher.expect_quiet()
}

fn renamed(scene: &Scene) -> Played {
    let mut subscriber = listener(scene, &["a", "b"])?;
    let mut publisher = scene.client("pub")?;
    for name in ["a", "b"] {
        publisher.publish(&message(scene.topic(name), "1").aliased(1))?;
        publisher.publish(&by_alias(1, "2"))?;
        subscriber.expect_message(&scene.topic(name), "1")?;
        subscriber.expect_message(&scene.topic(name), "2")?;
    }
    Ok(())
}

fn two_clients(scene: &Scene) -> Played {
    let mut subscriber = listener(scene, &["a", "b"])?;
    let mut publishers = [(scene.client("pa")?, "a"), (scene.client("pb")?, "b")];
    for (publisher, name) in &mut publishers {
        publisher.publish(&message(scene.topic(name), "1").aliased(1))?;
        subscriber.expect_message(&scene.topic(name), "1")?;
    }
    for (publisher, name) in &mut publishers {
        publisher.publish(&by_alias(1, "2"))?;
        subscriber.expect_message(&scene.topic(name), "2")?;
    }
    Ok(())
}

fn reconnected(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = listener(scene, &["a"])?;
    let mut before = scene.enter(&scene.hello("pub").durable())?;
    before.publish(&message(&topic, "1").aliased(1))?;
    subscriber.expect_message(&topic, "1")?;
    before.disconnect()?;
    let mut after = scene.enter(&scene.hello("pub").durable())?;
    after.publish(&by_alias(1, "2"))?;
    after.expect_closed(INVALID)?;
    subscriber.expect_quiet()
}

fn not_passed_on(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = listener(scene, &["a"])?;
    scene.client("pub")?.publish(&message(&topic, "1").aliased(1))?;
    let came = subscriber.expect_message(&topic, "1")?;
    check_eq("topic aliases", Vec::<u32>::new(), came.numbers(PropertyId::TopicAlias))
}

fn meaningless(scene: &Scene) -> Played {
    let mut publisher = scene.client("pub")?;
    publisher.publish(&by_alias(1, "x"))?;
    publisher.expect_closed(INVALID)
}

fn zero(scene: &Scene) -> Played {
    let mut publisher = scene.client("pub")?;
    publisher.publish(&message(scene.topic("a"), "x").aliased(0))?;
    publisher.expect_closed(&[&[ReasonCode::TopicAliasInvalid], PROTOCOL_ERROR].concat())
}

fn too_large(scene: &Scene) -> Played {
    let Some(alias) = scene.ground().abilities.topic_alias_max.checked_add(1) else {
        return Err(Fault::Skipped("the broker takes every topic alias".to_owned()));
    };
    let mut publisher = scene.client("pub")?;
    publisher.publish(&message(scene.topic("a"), "x").aliased(alias))?;
    publisher.expect_closed(INVALID)
}

fn unwanted(scene: &Scene) -> Played {
    let topic = scene.topic("a");
    let mut subscriber = listener(scene, &["a"])?;
    let mut publisher = scene.client("pub")?;
    for payload in ["1", "2", "3"] {
        publisher.publish(&message(&topic, payload))?;
        let came = subscriber.expect_message(&topic, payload)?;
        check_eq("topic aliases", Vec::<u32>::new(), came.numbers(PropertyId::TopicAlias))?;
    }
    Ok(())
}

fn from_the_broker(scene: &Scene) -> Played {
    const MAXIMUM: u16 = 2;
    let wants = Property::TwoBytes(PropertyId::TopicAliasMaximum, MAXIMUM);
    let mut subscriber = scene.enter(&scene.hello("sub").with(wants))?;
    let names = ["a", "b", "c", "a", "b", "c", "a"];
    names.iter().take(3).try_for_each(|name| subscriber.subscribe(&scene.topic(name), Q0))?;
    let mut publisher = scene.client("pub")?;
    let mut known = BTreeMap::new();
    for name in names {
        publisher.publish(&message(scene.topic(name), name))?;
        let came = subscriber.receive()?;
        let mut topic = came.topic.clone();
        for alias in came.numbers(PropertyId::TopicAlias) {
            if alias > u32::from(MAXIMUM) {
                return Err(Fault::failed(format!("topic aliases up to {MAXIMUM}"), alias.to_string()));
            }
            if topic.is_empty() {
                topic = known.get(&alias).cloned().unwrap_or_default();
            }
            known.insert(alias, topic.clone());
        }
        check_eq("topic", scene.topic(name), topic)?;
    }
    Ok(())
}
