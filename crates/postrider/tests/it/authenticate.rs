//! Who a client is: a plugin's answers, at once, late, in several steps, or never.

use crate::ground::{broker, everywhere, expect_nothing_changed};
use crate::wire::{Wire, patiently, until};
use postrider::{
    Authenticate, AuthenticateAnswer, AuthenticateRequest, Builder, Principal, ReasonCode, Reply, Version,
};
use postrider_proto::{Auth, PropertiesBuf, Property, PropertyId};
use postrider_testkit::{Directory, Hello, pingreq, publish, subscribe};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

/// Hands every question to the test, which answers when it likes.
struct Door(UnboundedSender<Question>);

type Question = (AuthenticateRequest, Reply<AuthenticateAnswer>);

impl Authenticate for Door {
    fn begin(&self, request: AuthenticateRequest, reply: Reply<AuthenticateAnswer>) {
        self.0.send((request, reply)).expect("the test asks");
    }
}

fn door() -> (Door, UnboundedReceiver<Question>) {
    let (questions, asked) = unbounded_channel();
    (Door(questions), asked)
}

async fn question(asked: &mut UnboundedReceiver<Question>) -> Question {
    patiently(asked.recv()).await.expect("the broker runs")
}

fn let_in(reply: Reply<AuthenticateAnswer>, name: &str) {
    reply.send(AuthenticateAnswer::accept(Some(Principal::from(name))));
}

// [MQTT-3.1.4-2], A11, A12
#[test]
fn only_the_right_password_opens_and_a_wrong_one_harms_nobody() {
    everywhere(async |builder: Builder| {
        let directory = Directory::default().with("ann", "secret").with("eve", "evil");
        let broker = builder.authenticate(directory).start().expect("a broker");
        let ann = Hello::new("c").user("ann", "secret").resume().expiry(100);
        let mut victim = Wire::client(&broker, &ann).await;
        victim.subscribed("a", 1).await;
        let strangers = [
            (Hello::new("c").user("ann", "wrong"), "NotAuthorized"),
            (Hello::new("c").user("nobody", "secret"), "NotAuthorized"),
            (Hello::new("c"), "NotAuthorized"),
            (Hello::new("c").user("eve", "evil"), "ClientIdentifierNotValid"),
        ];
        for (hello, reason) in strangers {
            for version in [Version::V3_1, Version::V3_1_1, Version::V5] {
                let mut stranger = Wire::dial(broker.addresses()[0]).await;
                stranger.hail(&hello.clone().version(version)).await;
                stranger.expect(&format!("CONNACK {reason}")).await;
                stranger.expect_end().await;
            }
        }
        victim.send(&publish("a", "unharmed").bytes(Version::V5)).await;
        victim.expect("PUBLISH a q0 \"unharmed\"").await;
        let session = broker.session("c").await.expect("it runs").expect("there");
        assert_eq!(session.principal, Some(Principal::from("ann")));
        assert_eq!((session.is_connected, session.subscriptions), (true, 1));
        drop(victim);
        let mut again = Wire::dial(broker.addresses()[0]).await;
        assert!(again.enter(&ann).await);
    });
}

#[test]
fn whatever_comes_behind_a_connect_waits_for_the_answer_in_its_order() {
    everywhere(async |builder: Builder| {
        let (door, mut asked) = door();
        let broker = builder.authenticate(door).start().expect("a broker");
        let mut late = Wire::dial(broker.addresses()[0]).await;
        late.hail(&Hello::new("late").user("ann", "secret")).await;
        let (request, reply) = question(&mut asked).await;
        assert_eq!((request.user_name.as_deref(), request.password.as_deref()), (Some("ann"), Some(&b"secret"[..])));
        let mut packets = subscribe(7, "a/#", 1).bytes(Version::V5);
        (1..=50).for_each(|id| packets.extend(publish(&format!("a/{id}"), "x").q1(id).bytes(Version::V5)));
        packets.extend(pingreq());
        late.send(&packets).await;
        // Others work meanwhile.
        let mut other = Wire::attach(&broker, 64);
        other.hail(&Hello::new("other")).await;
        let_in(question(&mut asked).await.1, "other");
        assert!(other.next().await.starts_with("CONNACK Success"));
        other.subscribed("a/#", 0).await;
        other.expect_silence().await;
        let_in(reply, "ann");
        assert!(late.next().await.starts_with("CONNACK Success"));
        late.expect("SUBACK #7 01").await;
        for id in 1..=50u16 {
            late.expect(&format!("PUBLISH a/{id} q1 #{id} \"x\"")).await;
            late.expect(&format!("PUBACK #{id}")).await;
            assert_eq!(other.receive().await.0, format!("a/{id}"));
        }
        late.expect("PINGRESP").await;
    });
}

#[test]
fn a_client_that_hangs_up_before_the_answer_is_gone_after_it() {
    everywhere(async |builder: Builder| {
        let (door, mut asked) = door();
        let broker = builder.authenticate(door).start().expect("a broker");
        let mut hasty = Wire::dial(broker.addresses()[0]).await;
        hasty.hail(&Hello::new("hasty")).await;
        let (_, reply) = question(&mut asked).await;
        drop(hasty);
        let_in(reply, "ann");
        until(async || {
            let counters = broker.counters().await.expect("it runs");
            (counters.clients_connected, counters.sessions) == (0, 0)
        })
        .await;
    });
}

// [MQTT-4.8.0-2] of 3.1.1, A21
#[tokio::test(start_paused = true)]
async fn a_plugin_that_fails_or_never_answers_lets_nobody_in() {
    let (door, mut asked) = door();
    let broker = broker().authenticate(door).start().expect("a broker");
    for version in [Version::V3_1_1, Version::V5] {
        let mut first = Wire::attach(&broker, 4096);
        first.hail(&Hello::new("first").version(version)).await;
        drop(question(&mut asked).await);
        first.expect("CONNACK ServerUnavailable").await;
        first.expect_end().await;
    }
    let begin = Instant::now();
    let mut second = Wire::attach(&broker, 4096);
    second.hail(&Hello::new("second")).await;
    let (_, reply) = question(&mut asked).await;
    second.expect_end().await;
    assert!((10..11).contains(&begin.elapsed().as_secs()));
    // The answer comes to nobody.
    let_in(reply, "second");
    expect_nothing_changed(&broker).await;
}

#[test]
fn a_broker_that_stops_does_not_wait_for_a_plugin() {
    everywhere(async |builder: Builder| {
        let (door, mut asked) = door();
        let broker = builder.authenticate(door).start().expect("a broker");
        let mut wire = Wire::dial(broker.addresses()[0]).await;
        wire.hail(&Hello::new("c")).await;
        let (_, reply) = question(&mut asked).await;
        let (is_done, ()) = tokio::join!(broker.shutdown(crate::wire::PATIENCE), wire.expect_end());
        assert!(is_done);
        let_in(reply, "c");
    });
}

fn auth(reason: ReasonCode, method: &str, data: &[u8]) -> Vec<u8> {
    let mut properties = PropertiesBuf::new();
    properties.push(Property::Text(PropertyId::AuthenticationMethod, method.into()));
    properties.push(Property::Binary(PropertyId::AuthenticationData, data));
    let mut bytes = Vec::new();
    Auth { reason, properties: properties.as_properties() }.encode(&mut bytes);
    bytes
}

fn method(id: &str) -> Hello {
    Hello::new(id).property(Property::Text(PropertyId::AuthenticationMethod, "M".into()))
}

fn go_on(reply: Reply<AuthenticateAnswer>, data: &[u8]) {
    reply.send(AuthenticateAnswer::Continue { data: Some(data.into()) });
}

// [MQTT-4.12.0-2], [MQTT-4.12.0-3], [MQTT-4.12.0-5]
#[test]
fn authentication_in_several_steps_lets_a_client_in_and_lets_it_prove_itself_again() {
    everywhere(async |builder: Builder| {
        let (door, mut asked) = door();
        let broker = builder.authenticate(door).start().expect("a broker");
        let mut wire = Wire::dial(broker.addresses()[0]).await;
        wire.hail(&method("c")).await;
        for step in 0..3 {
            let (request, reply) = question(&mut asked).await;
            assert_eq!((request.step, request.is_again), (step, false));
            go_on(reply, b"?");
            wire.expect("AUTH ContinueAuthentication AuthenticationMethod=M AuthenticationData=?").await;
            wire.send(&auth(ReasonCode::ContinueAuthentication, "M", b"!")).await;
        }
        let (request, reply) = question(&mut asked).await;
        assert_eq!((request.step, request.data.as_deref()), (3, Some(&b"!"[..])));
        let_in(reply, "ann");
        assert!(wire.next().await.starts_with("CONNACK Success"));
        wire.send(&auth(ReasonCode::ReAuthenticate, "M", b"again")).await;
        let (request, reply) = question(&mut asked).await;
        assert!(request.is_again);
        // What it does meanwhile goes on.
        wire.expect_silence().await;
        let_in(reply, "ann");
        wire.expect("AUTH Success AuthenticationMethod=M").await;
        // [MQTT-4.12.1-2] It turns out to be somebody else.
        wire.send(&auth(ReasonCode::ReAuthenticate, "M", b"again")).await;
        let_in(question(&mut asked).await.1, "eve");
        wire.expect("DISCONNECT NotAuthorized").await;
        wire.expect_end().await;
    });
}

// [MQTT-3.1.2-30]
#[tokio::test]
async fn nothing_but_auth_is_taken_while_authentication_goes_on() {
    let (door, mut asked) = door();
    let broker = broker().authenticate(door).start().expect("a broker");
    for packet in [publish("a", "x").bytes(Version::V5), pingreq(), method("c").bytes()] {
        let mut wire = Wire::dial(broker.addresses()[0]).await;
        wire.hail(&method("c")).await;
        go_on(question(&mut asked).await.1, b"?");
        assert!(wire.next().await.starts_with("AUTH"));
        wire.send(&packet).await;
        wire.expect_end().await;
    }
    expect_nothing_changed(&broker).await;
}
