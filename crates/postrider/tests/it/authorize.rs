//! What a client may do: a plugin's verdicts, and what waits for them.

use crate::ground::{broker, everywhere};
use crate::wire::{Wire, patiently};
use postrider::{Access, Action, Authorize, AuthorizeRequest, Builder, Limits, Reply, Version, defaults};
use postrider_testkit::{Hello, Rules, pingreq, publish, subscribe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Hands every question to the test, which answers when it likes.
struct Court(UnboundedSender<Question>);

type Question = (AuthorizeRequest, Reply<Vec<Access>>);

impl Authorize for Court {
    fn begin(&self, request: AuthorizeRequest, reply: Reply<Vec<Access>>) {
        self.0.send((request, reply)).expect("the test asks");
    }
}

fn court() -> (Court, UnboundedReceiver<Question>) {
    let (questions, asked) = unbounded_channel();
    (Court(questions), asked)
}

async fn question(asked: &mut UnboundedReceiver<Question>) -> Question {
    patiently(asked.recv()).await.expect("the broker runs")
}

/// The topic or filter of a question's only action.
fn about(question: &Question) -> String {
    match &question.0.actions[..] {
        [Action::Publish { topic, .. }] => topic.to_string(),
        [Action::Subscribe { filter, .. }] => filter.to_string(),
        other => panic!("{other:?}"),
    }
}

// [MQTT-3.3.5-2] of 3.1.1, A19
#[test]
fn what_the_rules_forbid_is_refused_and_does_not_happen() {
    everywhere(async |builder: Builder| {
        let rules = Rules::default().with("", "ok/#").with("", "secret");
        let broker = builder.authorize(rules).start().expect("a broker");
        let mut insider = Wire::client(&broker, &Hello::new("insider")).await;
        insider.subscribed("secret", 0).await;
        let mut five = Wire::client(&broker, &Hello::new("five")).await;
        let mut three = Wire::client(&broker, &Hello::new("three").v3()).await;
        for (wire, version, no) in [(&mut five, Version::V5, "87"), (&mut three, Version::V3_1_1, "80")] {
            let filters = subscribe(1, "ok/a", 0).and("no", 1).and("ok/#", 1).and("#", 0);
            wire.send(&filters.bytes(version)).await;
            wire.expect(&format!("SUBACK #1 00 {no} 01 {no}")).await;
            let why = if version.is_v5() { " NotAuthorized" } else { "" };
            wire.send(&publish("no", "x").bytes(version)).await;
            wire.send(&publish("no", "x").q1(2).bytes(version)).await;
            wire.expect(&format!("PUBACK #2{why}")).await;
            wire.send(&publish("no", "x").q2(3).bytes(version)).await;
            wire.expect(&format!("PUBREC #3{why}")).await;
            wire.publish(&publish("secret", "told").q1(4)).await;
            insider.expect("PUBLISH secret q0 \"told\"").await;
            wire.expect_silence().await;
        }
        assert_eq!(broker.session("five").await.expect("it runs").expect("there").subscriptions, 2);
        insider.send(&publish("ok/b", "for those who may").bytes(Version::V5)).await;
        for wire in [&mut five, &mut three] {
            wire.expect("PUBLISH ok/b q0 \"for those who may\"").await;
        }
    });
}

// A13
#[tokio::test]
async fn a_will_needs_consent_at_connect_and_again_when_it_is_published() {
    let (court, mut asked) = court();
    let broker = broker().authorize(court).start().expect("a broker");
    let hello = Hello::new("c").will(publish("will", "x"));
    let mut refused = Wire::dial(broker.addresses()[0]).await;
    refused.hail(&hello).await;
    question(&mut asked).await.1.send(vec![Access::Deny]);
    refused.expect("CONNACK NotAuthorized").await;
    refused.expect_end().await;
    for (verdict, published) in [(Access::Deny, 0), (Access::Allow, 1)] {
        let mut client = Wire::dial(broker.addresses()[0]).await;
        client.hail(&hello).await;
        let asks = question(&mut asked).await;
        assert_eq!(about(&asks), "will");
        asks.1.send(vec![Access::Allow]);
        assert!(client.next().await.starts_with("CONNACK Success"));
        drop(client);
        let asks = question(&mut asked).await;
        assert_eq!(about(&asks), "will");
        asks.1.send(vec![verdict]);
        assert_eq!(broker.counters().await.expect("it runs").wills_published, published);
    }
}

#[test]
fn packets_behind_one_that_is_judged_wait_in_their_order_and_nobody_else_does() {
    everywhere(async |builder: Builder| {
        let (court, mut asked) = court();
        let broker = builder.authorize(court).start().expect("a broker");
        let mut reader = Wire::client(&broker, &Hello::new("r")).await;
        reader.send(&subscribe(1, "#", 1).bytes(Version::V5)).await;
        question(&mut asked).await.1.send(vec![Access::Allow]);
        reader.expect("SUBACK #1 01").await;
        let (mut one, mut two) = (Wire::client(&broker, &Hello::new("one")).await, Wire::attach(&broker, 64));
        two.enter(&Hello::new("two")).await;
        let script = |name: &str| {
            let mut bytes = publish(&format!("{name}/1"), "x").q1(1).bytes(Version::V5);
            bytes.extend(publish(&format!("{name}/2"), "x").q1(2).bytes(Version::V5));
            bytes.extend(publish(&format!("{name}/1"), "y").q1(3).bytes(Version::V5));
            bytes.extend(pingreq());
            bytes
        };
        one.send(&script("one")).await;
        let of_one = question(&mut asked).await;
        assert_eq!(about(&of_one), "one/1");
        two.send_and_hear(&script("two")).await;
        for topic in ["two/1", "two/2"] {
            let asks = question(&mut asked).await;
            assert_eq!(about(&asks), topic);
            asks.1.send(vec![Access::Allow]);
        }
        for line in ["PUBACK #1", "PUBACK #2", "PUBACK #3", "PINGRESP"] {
            two.expect(line).await;
        }
        for topic in ["two/1", "two/2", "two/1"] {
            assert_eq!(reader.receive().await.0, topic);
        }
        reader.expect_silence().await;
        // On another thread, as plugins do.
        std::thread::spawn(move || of_one.1.send(vec![Access::Deny]));
        one.expect("PUBACK #1 NotAuthorized").await;
        // Dropped without an answer.
        assert_eq!(about(&question(&mut asked).await), "one/2");
        for line in ["PUBACK #2 NotAuthorized", "PUBACK #3 NotAuthorized", "PINGRESP"] {
            one.expect(line).await;
        }
        reader.expect_silence().await;
    });
}

// 3.1.2-22 speaks of a client that sends nothing; this one is not read.
#[tokio::test(start_paused = true)]
async fn a_client_whose_packet_is_judged_for_longer_than_its_keep_alive_is_not_called_silent() {
    let (court, mut asked) = court();
    let broker = broker().authorize(court).start().expect("a broker");
    let mut client = Wire::attach(&broker, 4096);
    client.enter(&Hello::new("c").keep_alive(10)).await;
    client.send(&publish("t", "x").q1(1).bytes(Version::V5)).await;
    let (request, reply) = question(&mut asked).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    reply.send(vec![Access::Allow; request.actions.len()]);
    client.expect("PUBACK #1 NoMatchingSubscribers").await;
    client.expect_silence().await;
    tokio::time::sleep(Duration::from_secs(16)).await;
    client.expect("DISCONNECT KeepAliveTimeout").await;
}

#[tokio::test]
async fn a_client_that_hangs_up_while_it_is_judged_is_gone() {
    let (court, mut asked) = court();
    let broker = broker().authorize(court).start().expect("a broker");
    let mut client = Wire::client(&broker, &Hello::new("c")).await;
    client.send(&publish("a", "x").q1(1).bytes(Version::V5)).await;
    let (_, reply) = question(&mut asked).await;
    drop(client);
    reply.send(vec![Access::Allow]);
    crate::wire::until(async || broker.counters().await.expect("it runs").sessions == 0).await;
}

/// Allows everything from a thread of its own, once it is open.
struct Late(Arc<AtomicBool>);

impl Authorize for Late {
    fn begin(&self, request: AuthorizeRequest, reply: Reply<Vec<Access>>) {
        let verdicts = vec![Access::Allow; request.actions.len()];
        if self.0.load(Ordering::Relaxed) {
            std::thread::spawn(move || reply.send(verdicts));
        } else {
            reply.send(verdicts);
        }
    }
}

#[test]
fn a_will_for_many_that_a_plugin_allows_reaches_all_of_them_though_nothing_else_happens() {
    everywhere(async |builder: Builder| {
        let is_late = Arc::new(AtomicBool::new(false));
        let limits = Limits { fanout_slice: 2, ..defaults::limits() };
        let broker = builder.limits(limits).authorize(Late(is_late.clone())).start().expect("a broker");
        let mut heirs = Vec::new();
        for number in 0..20 {
            let mut heir = Wire::client(&broker, &Hello::new(&format!("heir {number}"))).await;
            heir.subscribed("will", 0).await;
            heirs.push(heir);
        }
        for late in [false, true] {
            is_late.store(late, Ordering::Relaxed);
            drop(Wire::client(&broker, &Hello::new("c").will(publish("will", "yours"))).await);
            for heir in &mut heirs {
                heir.expect("PUBLISH will q0 \"yours\"").await;
            }
        }
    });
}

/// Panics when it is asked about `boom`, and allows everything else.
struct Touchy;

impl Authorize for Touchy {
    fn begin(&self, request: AuthorizeRequest, reply: Reply<Vec<Access>>) {
        assert!(!format!("{:?}", request.actions).contains("boom"), "boom");
        reply.send(vec![Access::Allow; request.actions.len()]);
    }
}

#[test]
fn a_plugin_that_panics_denies_and_the_connection_and_all_others_go_on() {
    everywhere(async |builder: Builder| {
        let broker = builder.authorize(Touchy).start().expect("a broker");
        let mut other = Wire::client(&broker, &Hello::new("o")).await;
        let mut client = Wire::client(&broker, &Hello::new("c")).await;
        for id in 1..=3 {
            // Enough for a burst.
            let bytes = publish(&format!("boom/{id}"), "").sized(300).q1(id).bytes(Version::V5);
            client.send(&bytes).await;
            other.send(&publish(&format!("fine/{id}"), "").sized(300).q1(id).bytes(Version::V5)).await;
            client.expect(&format!("PUBACK #{id} NotAuthorized")).await;
            other.expect(&format!("PUBACK #{id} NoMatchingSubscribers")).await;
        }
    });
}
