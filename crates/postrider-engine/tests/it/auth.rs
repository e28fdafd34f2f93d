use postrider_engine::{Judge, Verdict, Who};
use postrider_ports::{Access, Action, Answer, AuthenticateAnswer, Principal, Question};
use postrider_proto::{Auth, Packet, PropertiesBuf, Property, PropertyId, ReasonCode, Version};
use postrider_testkit::{Client, Directory, Hello, Rules, World, publish, subscribe, unsubscribe};

fn guarded() -> World {
    World::with(|limits| limits.authenticate = Who::Plugin)
}

fn answer_from(world: &mut World, directory: &Directory) {
    let (ticket, question) = world.question();
    let Judge::Authenticate(request) = question else { panic!("{question:?}") };
    let answer = directory.judge(&request);
    world.driver.answer(world.now, ticket, Verdict::Authenticate(answer));
}

fn verdicts_from(world: &mut World, rules: &Rules) {
    while let Some((ticket, question)) = world.driver.questions.pop_front() {
        let Judge::Authorize(request) = question else { panic!("{question:?}") };
        let verdicts = rules.judge(&request);
        world.driver.answer(world.now, ticket, Verdict::Authorize(verdicts));
    }
}

// [MQTT-3.1.4-2], X-05
#[test]
fn a_plugin_decides_who_is_let_in() {
    let directory = Directory::default().with("alice", "secret");
    for version in [Version::V3_1_1, Version::V5] {
        let mut world = guarded();
        let client = world.dial(&Hello::new("c").version(version).user("alice", "secret"));
        assert!(world.take(client).is_empty(), "nothing before the verdict");
        answer_from(&mut world, &directory);
        assert!(world.take(client)[0].starts_with("CONNACK Success"));
        let info = world.session("c").expect("there");
        assert_eq!(info.principal, Some(Principal::from("alice")));
        for hello in [Hello::new("d").user("alice", "wrong"), Hello::new("d").user("bob", "secret"), Hello::new("d")] {
            let client = world.dial(&hello.version(version));
            answer_from(&mut world, &directory);
            assert_eq!(world.take(client), ["CONNACK NotAuthorized"]);
            assert!(world.is_closed(client));
        }
        assert!(world.session("d").is_none());
    }
}

#[test]
fn principals_that_are_let_in_no_more_lose_their_connections_and_keep_their_sessions() {
    let mut world = guarded();
    let clients = [("a", Some("anna")), ("b", Some("anna")), ("c", Some("otto")), ("d", None)];
    let [a, b, c, d] = clients.map(|(id, user)| {
        let client = world.dial(&Hello::new(id).expiry(60));
        world.authenticate(&AuthenticateAnswer::accept(user.map(Principal::from)));
        world.take(client);
        client
    });
    let principals = ["anna", "zoe"].map(|name| Some(Principal::from(name))).into();
    assert_eq!(world.ask(Question::Dismiss(principals, ReasonCode::NotAuthorized)), Answer::Ended(2));
    for client in [a, b] {
        assert_eq!(world.take(client), ["DISCONNECT NotAuthorized"]);
        assert!(world.is_closed(client));
    }
    assert!(world.take(c).is_empty() && world.take(d).is_empty());
    assert!(!world.is_closed(c) && !world.is_closed(d));
    assert!(!world.session("a").expect("kept").is_connected);
    assert_eq!(world.ask(Question::Dismiss([None].into(), ReasonCode::AdministrativeAction)), Answer::Ended(1));
    assert_eq!(world.take(d), ["DISCONNECT AdministrativeAction"], "who is nobody in particular");
    assert!(!world.is_closed(c));
}

// A12
#[test]
fn a_wrong_password_with_a_victims_id_changes_nothing() {
    let directory = Directory::default().with("alice", "secret");
    let mut world = guarded();
    let hello = Hello::new("victim").expiry(100).will(publish("will", "dead")).user("alice", "secret");
    let victim = world.dial(&hello);
    answer_from(&mut world, &directory);
    world.take(victim);
    world.subscribed(victim, "a", 1);
    let attacker = world.dial(&Hello::new("victim").user("alice", "guess"));
    assert!(!world.is_closed(victim), "while the verdict is open");
    answer_from(&mut world, &directory);
    assert_eq!(world.take(attacker), ["CONNACK NotAuthorized"]);
    assert!(!world.is_closed(victim) && world.take(victim).is_empty());
    assert_eq!(world.session("victim").expect("there").subscriptions, 1);
    // The same while the victim is away.
    world.cut(victim);
    let attacker = world.dial(&Hello::new("victim").user("alice", "guess"));
    answer_from(&mut world, &directory);
    assert_eq!(world.take(attacker), ["CONNACK NotAuthorized"]);
    assert_eq!(world.session("victim").expect("there").subscriptions, 1);
}

#[test]
fn a_client_that_leaves_before_the_verdict_is_forgotten() {
    let mut world = guarded();
    let client = world.dial(&Hello::new("c"));
    world.cut(client);
    world.authenticate(&AuthenticateAnswer::accept(None));
    assert!(world.session("c").is_none());
    let slow = world.dial(&Hello::new("slow"));
    world.advance(11);
    assert!(world.is_closed(slow), "the time to connect includes the verdict");
    world.authenticate(&AuthenticateAnswer::accept(None));
    assert!(world.session("slow").is_none());
}

#[test]
fn packets_behind_a_connect_wait_for_the_verdict() {
    let mut world = guarded();
    let client = world.dial(&Hello::new("c").v3());
    world.publish(client, &publish("a", "early").q1(1));
    world.subscribe(client, &subscribe(2, "a", 0));
    assert!(world.take(client).is_empty());
    world.authenticate(&AuthenticateAnswer::accept(None));
    assert_eq!(world.take(client), ["CONNACK Success", "PUBACK #1", "SUBACK #2 00"]);
}

fn auth(reason: ReasonCode, method: &str, data: &[u8]) -> Vec<u8> {
    let mut properties = PropertiesBuf::new();
    properties.push(Property::Text(PropertyId::AuthenticationMethod, method.into()));
    properties.push(Property::Binary(PropertyId::AuthenticationData, data));
    let mut bytes = Vec::new();
    Packet::Auth(Auth { reason, properties: properties.as_properties() }).encode(Version::V5, &mut bytes);
    bytes
}

fn with_method(id: &str) -> Hello {
    Hello::new(id)
        .property(Property::Text(PropertyId::AuthenticationMethod, "STEPS".into()))
        .property(Property::Binary(PropertyId::AuthenticationData, b"one"))
}

// [MQTT-4.12.0-2], [MQTT-4.12.0-3], [MQTT-4.12.0-5], TCL-23
#[test]
fn an_authentication_exchange_goes_on_until_the_plugin_is_content() {
    let mut world = guarded();
    let client = world.dial(&with_method("c"));
    world.authenticate(&AuthenticateAnswer::Continue { data: Some((*b"two").into()) });
    assert_eq!(world.take(client), ["AUTH ContinueAuthentication AuthenticationMethod=STEPS AuthenticationData=two"]);
    world.raw(client, &auth(ReasonCode::ContinueAuthentication, "STEPS", b"three"));
    let (_, question) = world.driver.questions.front().expect("asked again");
    let Judge::Authenticate(request) = question else { panic!("{question:?}") };
    assert_eq!((request.step, request.data.as_deref()), (1, Some(&b"three"[..])));
    world.authenticate(&AuthenticateAnswer::Accept {
        principal: Some(Principal::from("alice")),
        data: Some((*b"four").into()),
        user_properties: vec![("hello".into(), "alice".into())],
    });
    let line = world.take(client).remove(0);
    assert!(line.contains("AuthenticationMethod=STEPS AuthenticationData=four hello=alice"), "{line}");
}

fn small(bytes: u32) -> Property<'static> {
    Property::FourBytes(PropertyId::MaximumPacketSize, bytes)
}

// [MQTT-3.2.2-19], [MQTT-3.2.2-20]
#[test]
fn connack_loses_its_sentence_and_its_user_properties_before_it_grows_too_large() {
    let sentence = "a reason of many words";
    let pair = || vec![("name".into(), "a value of many letters".into())];
    for (bytes_max, is_told) in [(25, false), (100, true)] {
        let mut world = guarded();
        let client = world.dial(&Hello::new("c").property(small(bytes_max)));
        world.authenticate(&AuthenticateAnswer::Refuse {
            reason: ReasonCode::NotAuthorized,
            text: Some(sentence.into()),
        });
        assert_eq!(world.driver.output_len(client.at), if is_told { 5 + 3 + sentence.len() } else { 5 });
        assert_eq!(world.take(client), ["CONNACK NotAuthorized"]);
        let client = world.dial(&Hello::new("c").property(small(bytes_max)));
        world.authenticate(&AuthenticateAnswer::Accept { principal: None, data: None, user_properties: pair() });
        assert!(world.driver.output_len(client.at) <= bytes_max as usize);
        assert_eq!(world.take(client)[0].contains("name=a value of many letters"), is_told);
    }
}

// [MQTT-3.15.2-2], [MQTT-3.15.2-3], [MQTT-4.12.0-5]
#[test]
fn auth_says_its_method_and_data_and_nothing_else_and_only_if_the_client_takes_it() {
    let mut world = guarded();
    let data = AuthenticateAnswer::Continue { data: Some((*b"0123456789").into()) };
    let client = world.dial(&with_method("c").property(small(25)));
    world.authenticate(&data);
    let bytes = world.driver.take_output(world.now, client.at, usize::MAX);
    assert_eq!(bytes, b"\xf0\x17\x18\x15\x15\0\x05STEPS\x16\0\x0a0123456789");
    let client = world.dial(&with_method("c").property(small(24)));
    world.authenticate(&data);
    assert_eq!(world.take(client), ["CONNACK QuotaExceeded"]);
    assert!(world.is_closed(client));

    let client = world.dial(&with_method("c").property(small(30)));
    world.authenticate(&AuthenticateAnswer::accept(None));
    assert!(world.take(client)[0].starts_with("CONNACK Success"));
    let step = auth(ReasonCode::ReAuthenticate, "STEPS", b"");
    world.raw(client, &step);
    world.authenticate(&AuthenticateAnswer::Continue { data: Some(vec![b'x'; 50].into()) });
    assert_eq!(world.take(client), ["DISCONNECT QuotaExceeded"]);
}

// [MQTT-4.12.0-6]
#[test]
fn a_client_without_a_method_gets_no_auth_and_no_method() {
    let mut world = guarded();
    let client = world.dial(&Hello::new("c"));
    world.authenticate(&AuthenticateAnswer::Continue { data: Some((*b"two").into()) });
    assert_eq!(world.take(client), ["CONNACK BadAuthenticationMethod"]);
    assert!(world.is_closed(client));
    let client = world.dial(&Hello::new("c"));
    world.authenticate(&AuthenticateAnswer::Accept {
        principal: None,
        data: Some((*b"four").into()),
        user_properties: Vec::new(),
    });
    let line = world.take(client).remove(0);
    assert!(line.starts_with("CONNACK Success") && !line.contains("Authentication"), "{line}");
}

// [MQTT-3.1.2-30], [MQTT-4.12.0-4]
#[test]
fn only_auth_and_disconnect_are_taken_during_an_exchange() {
    let mut world = guarded();
    for packet in [publish("a", "x").bytes(Version::V5), postrider_testkit::pingreq()] {
        let client = world.dial(&with_method("c"));
        world.authenticate(&AuthenticateAnswer::Continue { data: None });
        world.take(client);
        world.raw(client, &packet);
        assert!(world.is_closed(client) && world.take(client).is_empty());
    }
    let client = world.dial(&with_method("c"));
    world.authenticate(&AuthenticateAnswer::Continue { data: None });
    world.disconnect(client);
    assert!(world.is_closed(client));
    let client = world.dial(&with_method("c"));
    world.authenticate(&AuthenticateAnswer::Continue { data: None });
    world.take(client);
    world.raw(client, &auth(ReasonCode::ContinueAuthentication, "OTHER", b""));
    assert_eq!(world.take(client), ["CONNACK ProtocolError"]);
    assert_eq!(world.counters().sessions, 0);
}

// [MQTT-3.1.2-30]
#[test]
fn what_comes_while_an_auth_is_judged_ends_the_connection_and_the_question() {
    let step = auth(ReasonCode::ContinueAuthentication, "STEPS", b"three");
    let good_bye = postrider_testkit::disconnect(ReasonCode::Success, Version::V5);
    for (hasty, answer) in [(&good_bye, &[][..]), (&step, &["CONNACK ProtocolError".to_owned()])] {
        let mut world = guarded();
        let client = world.dial(&with_method("c"));
        world.authenticate(&AuthenticateAnswer::Continue { data: None });
        world.take(client);
        world.raw(client, &step);
        world.raw(client, hasty);
        assert!(world.is_closed(client), "nobody would ever close it");
        assert_eq!(world.take(client), answer);
        world.authenticate(&AuthenticateAnswer::accept(None));
        assert!(world.take(client).is_empty() && world.session("c").is_none());
    }
}

// [MQTT-4.12.0-1], TCL-22
#[test]
fn an_authentication_method_without_a_plugin_is_refused() {
    let mut world = World::new();
    let client = world.dial(&with_method("c"));
    assert_eq!(world.take(client), ["CONNACK BadAuthenticationMethod"]);
}

// [MQTT-4.12.1-1], [MQTT-4.12.1-2], TCL-24
#[test]
fn a_client_may_authenticate_anew_as_itself() {
    let mut world = guarded();
    let client = world.dial(&with_method("c"));
    world.authenticate(&AuthenticateAnswer::accept(Some(Principal::from("alice"))));
    world.take(client);
    world.raw(client, &auth(ReasonCode::ReAuthenticate, "STEPS", b"again"));
    world.authenticate(&AuthenticateAnswer::accept(Some(Principal::from("alice"))));
    assert_eq!(world.take(client), ["AUTH Success AuthenticationMethod=STEPS"]);
    world.raw(client, &auth(ReasonCode::ReAuthenticate, "STEPS", b"again"));
    world.authenticate(&AuthenticateAnswer::accept(Some(Principal::from("mallory"))));
    assert_eq!(world.take(client), ["DISCONNECT NotAuthorized"]);
    let plain = world.dial(&Hello::new("plain"));
    world.authenticate(&AuthenticateAnswer::accept(None));
    world.take(plain);
    world.raw(plain, &auth(ReasonCode::ReAuthenticate, "STEPS", b""));
    assert_eq!(world.take(plain), ["DISCONNECT ProtocolError"]);
}

#[test]
fn a_client_that_authenticates_anew_waits_for_the_answer_before_it_does_so_again() {
    let mut world = guarded();
    let client = world.dial(&with_method("c"));
    world.authenticate(&AuthenticateAnswer::accept(None));
    world.take(client);
    let again = auth(ReasonCode::ReAuthenticate, "STEPS", b"again");
    for _ in 0..3 {
        world.raw(client, &again);
        world.authenticate(&AuthenticateAnswer::accept(None));
        assert_eq!(world.take(client), ["AUTH Success AuthenticationMethod=STEPS"]);
    }
    for _ in 0..100 {
        world.raw(client, &again);
    }
    assert_eq!(world.driver.questions.len(), 1, "a client fills no memory with questions");
    assert_eq!(world.take(client), ["DISCONNECT ProtocolError"]);
    world.authenticate(&AuthenticateAnswer::accept(None));
    assert!(world.take(client).is_empty());
}

// [MQTT-3.3.5-2] of 3.1.1, A18
#[test]
fn a_publish_is_held_until_it_is_judged_and_nothing_overtakes_it() {
    let mut world = World::with(|limits| limits.authorize = Who::Plugin);
    let rules = Rules::default().with("", "open/#");
    let reader = world.connect(&Hello::new("r"));
    world.subscribe(reader, &subscribe(1, "open/#", 0));
    verdicts_from(&mut world, &rules);
    world.take(reader);
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("open/a", "1").q1(1));
    world.publish(writer, &publish("closed", "2").q1(2));
    world.publish(writer, &publish("open/a", "3").q1(3));
    world.raw(writer, &postrider_testkit::pingreq());
    assert!(world.take(writer).is_empty());
    verdicts_from(&mut world, &rules);
    assert_eq!(world.take(writer), ["PUBACK #1", "PUBACK #2 NotAuthorized", "PUBACK #3", "PINGRESP"]);
    assert_eq!(world.take(reader), ["PUBLISH open/a q0 \"1\"", "PUBLISH open/a q0 \"3\""]);
    world.publish(writer, &publish("open/a", "4").q1(4));
    assert!(world.driver.questions.is_empty(), "the verdict is remembered");
    let old = world.connect(&Hello::new("old").v3());
    world.publish(old, &publish("closed", "x").q1(1));
    verdicts_from(&mut world, &rules);
    assert_eq!(world.take(old), ["PUBACK #1"]);
}

// A19
#[test]
fn each_filter_of_a_subscribe_is_judged_by_itself() {
    let mut world = World::with(|limits| limits.authorize = Who::Plugin);
    let client = world.connect(&Hello::new("c"));
    world.subscribe(client, &subscribe(1, "a", 1).and("b", 1).and("c", 1));
    let (_, question) = world.driver.questions.front().expect("asked");
    let Judge::Authorize(request) = question else { panic!("{question:?}") };
    assert_eq!(request.actions.len(), 3);
    assert!(matches!(&request.actions[1], Action::Subscribe { filter, .. } if &**filter == "b"));
    world.authorize(&[Access::Deny, Access::Allow]);
    assert_eq!(world.take(client), ["SUBACK #1 87 01 87"], "a missing verdict denies");
    assert_eq!(world.session("c").expect("there").subscriptions, 1);
    let writer = world.connect(&Hello::new("w"));
    world.publish(writer, &publish("a", "x"));
    world.authorize(&[Access::Allow]);
    world.publish(writer, &publish("b", "x"));
    world.authorize(&[Access::Allow]);
    assert_eq!(world.take(client), ["PUBLISH b q0 \"x\""]);
}

// A13
#[test]
fn a_will_is_judged_at_connect_and_again_when_it_fires() {
    let mut world = World::with(|limits| limits.authorize = Who::Plugin);
    let rules = Rules::default().with("", "#").with("", "will/ok");
    let watcher = world.connect(&Hello::new("watcher"));
    world.subscribe(watcher, &subscribe(1, "#", 0));
    verdicts_from(&mut world, &rules);
    world.take(watcher);
    let client = world.dial(&Hello::new("c").will(publish("will/ok", "dead")));
    world.authorize(&[Access::Deny]);
    assert_eq!(world.take(client), ["CONNACK NotAuthorized"]);
    assert!(world.session("c").is_none());

    let client = world.dial(&Hello::new("c").will(publish("will/ok", "dead")));
    world.authorize(&[Access::Allow]);
    assert!(world.take(client)[0].starts_with("CONNACK Success"));
    world.cut(client);
    assert!(world.take(watcher).is_empty());
    world.authorize(&[Access::Allow]);
    assert_eq!(world.take(watcher), ["PUBLISH will/ok q0 \"dead\""]);

    let client = world.dial(&Hello::new("c").will(publish("will/ok", "dead")));
    world.authorize(&[Access::Allow]);
    world.cut(client);
    world.authorize(&[Access::Deny]);
    assert!(world.take(watcher).is_empty(), "the right was revoked");
    assert_eq!(world.counters().wills_published, 1);
    let _: Client = client;
}

#[test]
fn a_subscription_ends_only_where_its_client_may_end_it_if_rules_know_of_that() {
    for version in [Version::V3_1_1, Version::V5] {
        let mut world = World::with(|limits| {
            limits.authorize = Who::Plugin;
            limits.authorizes_unsubscribe = true;
        });
        let client = world.connect(&Hello::new("c").version(version));
        world.subscribe(client, &subscribe(1, "a", 1).and("b", 1).and("$share/g/c", 1));
        world.authorize(&[Access::Allow, Access::Allow, Access::Allow]);
        world.take(client);
        world.raw(client, &unsubscribe(2, &["a", "b", "$share/g/c", "none"], version));
        let (_, question) = world.driver.questions.front().expect("asked");
        let Judge::Authorize(request) = question else { panic!("{question:?}") };
        let filters = ["a", "b", "c", "none"].map(|filter| Action::Unsubscribe { filter: filter.into() });
        assert_eq!(request.actions, filters);
        assert!(world.take(client).is_empty(), "it waits for the answer");
        world.authorize(&[Access::Allow, Access::Deny, Access::DenyFor("rule 7".into())]);
        let answer = if version.is_v5() { "UNSUBACK #2 00 87 87 87" } else { "UNSUBACK #2" };
        assert_eq!(world.take(client), [answer], "a missing verdict denies");
        assert_eq!(world.session("c").expect("there").subscriptions, 2);
        // Where they do not know of it, nobody is asked.
        world.adopt(|limits| limits.authorizes_unsubscribe = false);
        world.raw(client, &unsubscribe(3, &["b"], version));
        assert_eq!(world.take(client), [if version.is_v5() { "UNSUBACK #3 00" } else { "UNSUBACK #3" }]);
    }
}
