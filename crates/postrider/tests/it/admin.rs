//! What the embedder may ask.

use crate::ground::everywhere;
use crate::wire::{Wire, patiently, until};
use postrider::{
    Broker, Builder, DropReason, Error, ErrorKind, Limits, LinkLimits, ListenerLimits, ReasonCode, SessionInfo,
    Version, defaults,
};
use postrider_proto::Packet;
use postrider_testkit::{Hello, disconnect, pingreq, publish, subscribe};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

async fn session(broker: &Broker, client_id: &str) -> SessionInfo {
    broker.session(client_id).await.expect("it runs").expect("there")
}

#[test]
fn a_session_is_described_as_it_is() {
    everywhere(async |builder: Builder| {
        let broker = builder.start().expect("a broker");
        assert_eq!(broker.session("c").await.expect("it runs"), None);
        let mut client = Wire::client(&broker, &Hello::new("c").expiry(100)).await;
        client.subscribed("a", 1).await;
        client.subscribed("b", 2).await;
        let mut publisher = Wire::client(&broker, &Hello::new("p")).await;
        publisher.publish(&publish("a", "in flight").q1(1)).await;
        // Taken but not released.
        client.send(&publish("nobody", "x").q2(5).bytes(Version::V5)).await;
        assert!(client.take(|packet| matches!(packet, Packet::Publish(_))).await.expect("open"));
        client.expect("PUBREC #5 NoMatchingSubscribers").await;
        let info = session(&broker, "c").await;
        assert_eq!(info.client_id.as_str(), "c");
        assert!(info.is_connected && info.principal.is_none());
        assert_eq!((info.subscriptions, info.in_flight, info.awaiting_pubrel, info.queued), (2, 1, 1, 0));
        client.send(&disconnect(ReasonCode::Success, Version::V5)).await;
        client.expect_end().await;
        publisher.publish(&publish("b", "waits").q2(2)).await;
        publisher.publish(&publish("b", "is not kept")).await;
        publisher.expect_silence().await;
        let info = session(&broker, "c").await;
        assert!(!info.is_connected && info.queued_bytes > 0);
        assert_eq!((info.subscriptions, info.in_flight, info.queued), (2, 1, 1));
        assert_eq!((info.drops.of(DropReason::Offline), info.drops.total()), (1, 1));
    });
}

#[test]
fn a_client_can_be_sent_away_and_its_session_stays() {
    everywhere(async |builder: Builder| {
        let broker = builder.start().expect("a broker");
        assert!(!broker.disconnect("five").await.expect("it runs"));
        let mut five = Wire::client(&broker, &Hello::new("five").expiry(100)).await;
        let mut three = Wire::client(&broker, &Hello::new("three").v3().resume()).await;
        assert!(broker.disconnect("five").await.expect("it runs"));
        assert!(broker.disconnect("three").await.expect("it runs"));
        five.expect("DISCONNECT AdministrativeAction").await;
        five.expect_end().await;
        three.expect_end().await;
        for client_id in ["five", "three"] {
            assert!(!broker.disconnect(client_id).await.expect("it runs"), "it is away");
            assert!(!session(&broker, client_id).await.is_connected);
        }
        let mut again = Wire::dial(broker.addresses()[0]).await;
        assert!(again.enter(&Hello::new("five").resume().expiry(100)).await, "its session is still there");
    });
}

#[test]
fn counters_say_what_happened() {
    everywhere(async |builder: Builder| {
        let broker = builder.start().expect("a broker");
        let mut client = Wire::client(&broker, &Hello::new("c")).await;
        client.subscribed("a/#", 1).await;
        let mut publisher = Wire::client(&broker, &Hello::new("p").will(publish("a/will", "gone"))).await;
        publisher.publish(&publish("a/b", "kept").retain().q1(1)).await;
        publisher.publish(&publish("elsewhere", "x")).await;
        publisher.publish(&publish("a/c", "x").q2(2)).await;
        drop(publisher);
        for topic in ["a/b", "a/c", "a/will"] {
            assert_eq!(client.receive().await.0, topic);
        }
        until(async || session(&broker, "c").await.in_flight == 0).await;
        let counters = broker.counters().await.expect("it runs");
        assert_eq!((counters.messages_received, counters.deliveries_owed, counters.deliveries_sent), (3, 3, 3));
        assert_eq!((counters.drops.total(), counters.deliveries_queued, counters.stray_acks), (0, 0, 0));
        assert_eq!((counters.clients_connected, counters.sessions, counters.subscriptions), (1, 1, 1));
        assert_eq!((counters.retained, counters.wills_published), (1, 1));
    });
}

/// Says everything of `turns`, one after the other, and hears as many bytes as each brings; then all that comes.
async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, turns: &[(Vec<u8>, usize)]) -> (u64, u64) {
    let (mut said, mut heard) = (0, 0);
    for (bytes, answer) in turns {
        patiently(stream.write_all(bytes)).await.expect("the broker reads");
        let mut buffer = vec![0; *answer];
        patiently(stream.read_exact(&mut buffer)).await.expect("the broker answers");
        (said, heard) = (said + bytes.len(), heard + answer);
    }
    let mut rest = Vec::new();
    patiently(stream.read_to_end(&mut rest)).await.expect("the broker closes");
    (said as u64, (heard + rest.len()) as u64)
}

#[test]
fn every_byte_of_a_packet_is_counted_whoever_answers_it() {
    let v5 = Version::V5;
    let violation = vec![0xf1, 0x00];
    everywhere(async |builder: Builder| {
        let broker = builder.start().expect("a broker");
        let greeting = [Hello::new("c").bytes(), subscribe(1, "a", 0).bytes(v5), pingreq()].concat();
        let large = publish("a", "").sized(100_000).bytes(v5);
        let turns = [
            (greeting, 1),
            // The driver answers pings that come alone.
            (pingreq(), 2),
            ([pingreq(), pingreq()].concat(), 4),
            (large.clone(), large.len()),
            (violation.clone(), 0),
        ];
        let tcp = TcpStream::connect(broker.addresses()[0]).await.expect("it listens");
        let (near, far) = tokio::io::duplex(4096);
        broker.attach(far, "pipe");
        let mut sums = (0, 0);
        for (said, heard) in [converse(tcp, &turns).await, converse(near, &turns).await] {
            sums = (sums.0 + said - violation.len() as u64, sums.1 + heard);
        }
        let counters = broker.counters().await.expect("it runs");
        assert_eq!((counters.received.bytes, counters.sent.bytes), sums);
        // CONNECT, SUBSCRIBE, four PINGREQ and a PUBLISH; their answers, and a DISCONNECT.
        assert_eq!((counters.received.packets, counters.sent.packets), (2 * 7, 2 * 8));
        assert_eq!((counters.sockets_opened, counters.connects_received), (2, 2));
        assert_eq!((counters.clients_maximum, counters.clients_connected), (1, 0));
        assert_eq!((counters.received.payload_bytes, counters.sent.payload_bytes), (200_000, 200_000));
    });
}

#[test]
fn what_a_broker_says_of_itself_is_there_from_the_beginning() {
    everywhere(async |builder: Builder| {
        let broker = builder.start().expect("a broker");
        let mut client = Wire::client(&broker, &Hello::new("c")).await;
        client.subscribed("$SYS/broker/uptime", 0).await;
        client.expect("PUBLISH $SYS/broker/uptime q0 retain \"0 seconds\"").await;
    });
}

#[tokio::test]
async fn a_broker_that_cannot_listen_says_why() {
    let taken = std::net::TcpListener::bind(crate::ground::local()).expect("a free port");
    let address = taken.local_addr().expect("a port");
    let error: Error = Broker::builder().listen(address).start().err().expect("somebody else is there");
    assert_eq!(error.kind(), ErrorKind::Listen(address));
    assert!(error.is_address_in_use());
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn adopted_limits_hold_for_newcomers_and_for_the_listener_they_name() {
    everywhere(async |builder: Builder| {
        let here = "127.0.0.1:0".parse().expect("an address");
        let broker = builder.listen(here).start().expect("a broker");
        let mut old = Wire::client(&broker, &Hello::new("old")).await;
        let link = LinkLimits { packet_bytes_max: 50, ..defaults::limits().link };
        let own = ListenerLimits { link: Some(link), ..ListenerLimits::default() };
        broker.adopt(Limits { listeners: vec![own], ..defaults::limits() });
        old.send(&publish("a", "").sized(100).q1(1).bytes(Version::V5)).await;
        old.expect("PUBACK #1 NoMatchingSubscribers").await;
        let mut new = Wire::client(&broker, &Hello::new("new")).await;
        new.send(&publish("a", "").sized(100).bytes(Version::V5)).await;
        new.expect("DISCONNECT PacketTooLarge").await;
    });
}
