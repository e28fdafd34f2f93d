use postrider_proto::{Property, PropertyId, ReasonCode, Version};
use postrider_testkit::{Hello, World, publish};

const VERSIONS: [Version; 3] = [Version::V3_1, Version::V3_1_1, Version::V5];

// [MQTT-3.1.4-5], [MQTT-3.2.0-1], [MQTT-3.2.2-2]
#[test]
fn a_client_of_each_edition_is_let_in() {
    for version in VERSIONS {
        let mut world = World::new();
        let client = world.dial(&Hello::new("c").version(version));
        let expected = match version {
            Version::V5 => "CONNACK Success ReceiveMaximum=100 MaximumPacketSize=100000 TopicAliasMaximum=16",
            Version::V3_1 | Version::V3_1_1 => "CONNACK Success",
        };
        assert_eq!(world.take(client), [expected], "{version}");
        assert!(!world.is_closed(client));
    }
}

// [MQTT-3.1.3-6], [MQTT-3.1.3-7], [MQTT-3.2.2-16], [MQTT-3.1.3-6] of 3.1.1
#[test]
fn an_empty_client_id_gets_a_unique_one_assigned() {
    let mut world = World::new();
    let hello = Hello::new("");
    let (one, two) = (world.dial(&hello), world.dial(&hello));
    let assigned = |lines: Vec<String>| {
        let line = lines.first().cloned().unwrap_or_default();
        line.split("AssignedClientIdentifier=").nth(1).map(|rest| rest.split(' ').next().unwrap_or("").to_owned())
    };
    let (first, second) = (assigned(world.take(one)).expect("assigned"), assigned(world.take(two)).expect("assigned"));
    assert!(first.starts_with("auto-") && second.starts_with("auto-") && first != second);
    assert!(world.session(&first).is_some());
    for count in 3..=4 {
        let old = world.dial(&hello.clone().v3());
        assert_eq!(world.take(old), ["CONNACK Success"]);
        assert_eq!(world.counters().sessions, count, "each has a session of its own");
        world.subscribed(old, "a", 0);
        world.publish(old, &publish("a", "x"));
        assert_eq!(world.take(old), ["PUBLISH a q0 \"x\""]);
    }
}

// [MQTT-3.1.3-7] of 3.1.1, [MQTT-3.1.3-8] of 3.1.1, [MQTT-3.2.2-5] of 3.1.1
#[test]
fn an_empty_client_id_that_wants_its_session_kept_is_refused_before_5() {
    let mut world = World::new();
    let client = world.dial(&Hello::new("").v3().resume());
    assert_eq!(world.take(client), ["CONNACK ClientIdentifierNotValid"]);
    assert!(world.is_closed(client));
    let client = world.dial(&Hello::new("").version(Version::V3_1));
    assert_eq!(world.take(client), ["CONNACK ClientIdentifierNotValid"]);
    assert_eq!(world.counters().sessions, 0);
}

// [MQTT-3.1.3-8], [MQTT-3.2.2-6], [MQTT-3.2.2-7], [MQTT-4.13.2-1], [MQTT-3.1.3-9] of 3.1.1, [MQTT-3.2.2-5] of 3.1.1
#[test]
fn an_identifier_that_is_not_allowed_is_refused_and_the_connection_closed() {
    for version in VERSIONS {
        let mut world = World::with(|limits| limits.assigns_client_ids = false);
        let client = world.dial(&Hello::new("").version(version));
        let bytes = world.driver.take_output(world.now, client.at, usize::MAX);
        let expected: &[u8] = if version.is_v5() { &[0x20, 3, 0, 0x85, 0] } else { &[0x20, 2, 0, 2] };
        assert_eq!(bytes, expected, "{version}");
        assert!(world.is_closed(client));
    }
}

// [MQTT-3.1.3-5]
#[test]
fn identifiers_of_1_to_23_letters_and_digits_are_allowed() {
    let all = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for version in VERSIONS {
        let mut world = World::new();
        for len in 1..=23 {
            let name = &all[len..len * 2];
            world.connect(&Hello::new(name).version(version));
            assert!(world.session(name).is_some());
        }
        for name in [&all[..23], &all[23..46], &all[39..]] {
            world.connect(&Hello::new(name).version(version));
        }
    }
}

// [MQTT-3.2.2-1], [MQTT-3.2.0-2], [MQTT-3.2.2-2], [MQTT-3.2.2-3]
#[test]
fn connack_comes_once_and_its_flags_say_nothing_but_session_present() {
    for version in [Version::V3_1_1, Version::V5] {
        let mut world = World::new();
        let hello = kept(Hello::new("c").version(version)).resume();
        for flags in [0, 1] {
            let client = world.dial(&hello);
            world.raw(client, &postrider_testkit::pingreq());
            world.raw(client, &hello.bytes());
            let bytes = world.driver.take_output(world.now, client.at, usize::MAX);
            assert_eq!((bytes[0], bytes[2], bytes[3]), (0x20, flags, 0));
            let behind = &bytes[usize::from(bytes[1]) + 2..];
            let expected: &[u8] = if version.is_v5() { &[0xD0, 0, 0xE0] } else { &[0xD0, 0] };
            assert!(behind.starts_with(expected), "{behind:02x?}");
            assert!(world.is_closed(client), "a second CONNECT is no answer's worth");
        }
        let client = world.dial(&Hello::new("c").version(version));
        assert_eq!(world.driver.take_output(world.now, client.at, usize::MAX)[2], 0, "a clean start");
    }
}

fn kept(hello: Hello) -> Hello {
    if hello.version.is_v5() { hello.expiry(1000) } else { hello }
}

// [MQTT-3.1.4-3], [MQTT-3.1.4-2] of 3.1.1, [MQTT-3.14.2-2]
#[test]
fn a_second_connection_with_the_same_id_takes_the_session_over() {
    let mut world = World::new();
    let hello = Hello::new("c").expiry(60);
    let first = world.connect(&hello);
    world.subscribed(first, "a", 1);
    let second = world.dial(&hello.clone().resume());
    assert_eq!(world.take(first), ["DISCONNECT SessionTakenOver"]);
    assert!(world.is_closed(first));
    assert!(world.take(second)[0].starts_with("CONNACK Success present"));
    let publisher = world.connect(&Hello::new("p"));
    world.publish(publisher, &publish("a", "x"));
    assert_eq!(world.take(second), ["PUBLISH a q0 \"x\""]);
    // A 3.1.1 client is just closed.
    let old = world.connect(&Hello::new("old").v3());
    world.connect(&Hello::new("old").v3());
    assert!(world.take(old).is_empty());
    assert!(world.is_closed(old));
}

// [MQTT-3.1.2-4] to [MQTT-3.1.2-6], [MQTT-3.1.4-4], [MQTT-3.2.2-2], [MQTT-3.2.2-3]
#[test]
fn session_present_tells_whether_there_is_state() {
    for version in [Version::V3_1_1, Version::V5] {
        let mut world = World::new();
        let resume = kept(Hello::new("c").version(version).resume());
        let is_present = |world: &mut World, hello: &Hello| {
            let client = world.dial(hello);
            let present = world.take(client)[0].contains("present");
            world.disconnect(client);
            present
        };
        assert!(!is_present(&mut world, &resume), "nothing yet");
        assert!(is_present(&mut world, &resume), "kept");
        assert!(!is_present(&mut world, &Hello::new("c").version(version)), "a clean start forgets");
        assert!(!is_present(&mut world, &resume), "and leaves nothing behind");
    }
}

// 5.0 without an expiry interval ends with the connection.
#[test]
fn a_session_without_expiry_interval_ends_with_its_connection_in_5() {
    let mut world = World::new();
    let client = world.connect(&Hello::new("c").resume());
    world.cut(client);
    assert!(world.session("c").is_none());
}

// The client's half of this is 3.1.2-21; the server tells its limit. X-04
#[test]
fn a_keep_alive_beyond_the_limit_is_replaced_in_5_and_refused_before() {
    let mut world = World::with(|limits| limits.keep_alive_s_max = 60);
    for asked in [0, 61] {
        let client = world.dial(&Hello::new("c").keep_alive(asked));
        assert!(world.take(client)[0].contains("ServerKeepAlive=60"));
        let client = world.dial(&Hello::new("d").v3().keep_alive(asked));
        assert_eq!(world.take(client), ["CONNACK ClientIdentifierNotValid"]);
    }
    let client = world.dial(&Hello::new("c").keep_alive(60));
    assert!(!world.take(client)[0].contains("ServerKeepAlive"));
}

// [MQTT-3.2.2-21], [MQTT-3.2.2-22]
#[test]
fn the_keep_alive_that_was_told_holds_and_the_clients_own_where_none_was() {
    let mut world = World::with(|limits| limits.keep_alive_s_max = 60);
    for (asked, holds) in [(0, 60), (600, 60), (20, 20)] {
        let client = world.connect(&Hello::new("c").keep_alive(asked));
        world.advance_ms(holds * 1500 - 1);
        assert!(!world.is_closed(client), "{asked}");
        world.advance_ms(1);
        assert_eq!(world.take(client), ["DISCONNECT KeepAliveTimeout"], "{asked}");
    }
}

// [MQTT-3.12.4-1]
#[test]
fn a_ping_is_answered() {
    for version in VERSIONS {
        let mut world = World::new();
        let client = world.connect(&Hello::new("c").version(version));
        for _ in 0..2 {
            world.raw(client, &postrider_testkit::pingreq());
            assert_eq!(world.driver.take_output(world.now, client.at, usize::MAX), [0xD0, 0]);
        }
    }
}

// [MQTT-3.1.2-22], [MQTT-3.2.2-22], [MQTT-3.1.2-24] of 3.1.1
#[test]
fn silence_beyond_one_and_a_half_keep_alives_ends_the_connection() {
    let mut world = World::new();
    let (talks, silent) =
        (world.connect(&Hello::new("talks").keep_alive(10)), world.connect(&Hello::new("silent").keep_alive(10)));
    let old = world.connect(&Hello::new("old").v3().keep_alive(10));
    for _ in 0..3 {
        world.advance(5);
        world.raw(talks, &postrider_testkit::pingreq());
    }
    world.advance_ms(1);
    assert_eq!(world.take(silent), ["DISCONNECT KeepAliveTimeout"]);
    assert!(world.is_closed(silent) && world.is_closed(old));
    assert!(!world.is_closed(talks));
    assert_eq!(world.take(talks), ["PINGRESP"; 3]);
}

// [MQTT-3.1.2-28]
#[test]
fn response_information_is_returned_only_when_asked_for() {
    let mut world = World::with(|limits| limits.response_information = Some("answers/".into()));
    let asked = Property::Byte(PropertyId::RequestResponseInformation, 1);
    let client = world.dial(&Hello::new("c").property(asked));
    assert!(world.take(client)[0].contains("ResponseInformation=answers/"));
    let client = world.dial(&Hello::new("d"));
    assert!(!world.take(client)[0].contains("ResponseInformation"));
}

// [MQTT-3.2.2-9], [MQTT-3.2.2-12], [MQTT-3.2.2-13]
#[test]
fn limits_are_announced_and_wills_beyond_them_refused() {
    let mut world = World::with(|limits| {
        limits.qos_max = postrider_proto::Qos::AtLeastOnce;
        limits.retain_available = false;
        limits.wildcards_available = false;
        limits.session_expiry_s_max = 3600;
    });
    let client = world.dial(&Hello::new("c").expiry(u32::MAX));
    let line = world.take(client).remove(0);
    for part in ["MaximumQos=1", "RetainAvailable=0", "WildcardSubscriptionAvailable=0", "SessionExpiryInterval=3600"] {
        assert!(line.contains(part), "{line}");
    }
    let client = world.dial(&Hello::new("d").will(publish("w", "x").q2(1)));
    assert_eq!(world.take(client), ["CONNACK QosNotSupported"]);
    let client = world.dial(&Hello::new("d").will(publish("w", "x").retain()));
    assert_eq!(world.take(client), ["CONNACK RetainNotSupported"]);
}

// [MQTT-3.1.4-6], [MQTT-3.1.4-5] of 3.1.1
#[test]
fn what_is_sent_behind_a_connect_waits_for_it_and_is_lost_with_a_refusal() {
    let mut world = World::new();
    let watcher = world.connect(&Hello::new("watcher"));
    world.subscribed(watcher, "#", 0);
    let at = world.driver.open(world.now);
    let client = postrider_testkit::Client { at, version: Version::V5 };
    let mut bytes = Hello::new("c").bytes();
    bytes.extend(publish("early", "x").bytes(Version::V5));
    world.raw(client, &bytes);
    assert!(world.take(client)[0].starts_with("CONNACK Success"));
    assert_eq!(world.take(watcher), ["PUBLISH early q0 \"x\""]);

    let at = world.driver.open(world.now);
    let client = postrider_testkit::Client { at, version: Version::V3_1_1 };
    let mut bytes = Hello::new("").v3().resume().bytes();
    bytes.extend(publish("early", "y").bytes(Version::V3_1_1));
    world.raw(client, &bytes);
    assert_eq!(world.take(client), ["CONNACK ClientIdentifierNotValid"]);
    assert!(world.take(watcher).is_empty());
}

// [0x8B]
#[test]
fn shutting_down_tells_5_clients_why_and_keeps_sessions() {
    let mut world = World::new();
    let new = world.connect(&Hello::new("new").expiry(60).will(publish("w", "dead")));
    let old = world.connect(&Hello::new("old").v3());
    world.ask(postrider_ports::Question::Shutdown);
    assert_eq!(world.take(new), ["DISCONNECT ServerShuttingDown"]);
    assert!(world.take(old).is_empty());
    assert!(world.is_closed(new) && world.is_closed(old));
    assert!(world.session("new").is_some() && world.session("old").is_none());
}

// [MQTT-3.14.4-2], [MQTT-4.13.2-1]
#[test]
fn an_administrator_ends_a_connection_and_leaves_its_session() {
    let mut world = World::new();
    let client = world.connect(&Hello::new("c").expiry(60));
    world.ask(postrider_ports::Question::Disconnect("c".into()));
    assert_eq!(world.take(client), ["DISCONNECT AdministrativeAction"]);
    assert!(world.is_closed(client));
    assert!(!world.session("c").expect("kept").is_connected);
    assert_eq!(ReasonCode::AdministrativeAction.as_u8(), 0x98);
}

#[test]
fn more_sessions_than_allowed_are_refused() {
    let mut world = World::with(|limits| limits.sessions_max = 1);
    world.connect(&Hello::new("a").expiry(10));
    let client = world.dial(&Hello::new("b"));
    assert_eq!(world.take(client), ["CONNACK QuotaExceeded"]);
    let client = world.dial(&Hello::new("b").v3());
    assert_eq!(world.take(client), ["CONNACK ServerUnavailable"]);
    world.connect(&Hello::new("a"));
}

// [MQTT-3.14.2-3]
#[test]
fn a_broker_that_knows_another_place_sends_its_clients_there_when_it_stops() {
    let mut world = World::with(|limits| limits.server_reference = Some("other.example:1883".into()));
    let new = world.connect(&Hello::new("new"));
    let tight = world.connect(&Hello::new("tight").property(Property::FourBytes(PropertyId::MaximumPacketSize, 20)));
    let old = world.connect(&Hello::new("old").v3());
    world.ask(postrider_ports::Question::Shutdown);
    assert_eq!(world.take(new), ["DISCONNECT UseAnotherServer ServerReference=other.example:1883"]);
    assert_eq!(world.take(tight), ["DISCONNECT UseAnotherServer"]);
    assert!(world.take(old).is_empty());
    assert!([new, tight, old].into_iter().all(|client| world.is_closed(client)));
}
