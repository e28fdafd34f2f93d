//! What is acknowledged and what is there after a restart.

use crate::data::Folder;
use crate::device::Device;
use crate::ground::{self, broker, everywhere};
use crate::wire::{PATIENCE, Wire, patiently, until};
use postrider::{Bounds, Broker, Builder, ErrorKind, Limits, check_data, defaults, salvage_data};
use postrider_testkit::{Hello, disconnect, pingreq, publish};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

const GRACE: Duration = Duration::from_secs(10);

fn lasting(id: &str) -> Hello {
    Hello::new(id).resume().expiry(10_000)
}

/// A broker that keeps its data there.
fn on(builder: Builder, device: &Device) -> Builder {
    builder.data_storage(device.clone(), "device").log_file_bytes(1 << 20)
}

/// Somebody who is owed every message, and is not there.
async fn absent(broker: &Broker, id: &str) {
    let mut wire = Wire::client(broker, &lasting(id)).await;
    wire.subscribed("t/#", 2).await;
    wire.send(&disconnect(postrider_proto::ReasonCode::Success, postrider::Version::V5)).await;
    wire.expect_end().await;
}

#[test]
fn nothing_is_acknowledged_before_the_device_has_synced_it() {
    everywhere(async |builder: Builder| {
        let device = Device::new();
        let broker = on(builder, &device).start().expect("a broker");
        absent(&broker, "absent").await;
        let mut publisher = Wire::client(&broker, &Hello::new("p")).await;
        let mut other = Wire::client(&broker, &Hello::new("other")).await;
        other.subscribed("u", 1).await;
        let held = device.hold();
        publisher.send(&publish("t/1", "x").q1(1).bytes(postrider::Version::V5)).await;
        publisher.send(&publish("t/1", "y").q2(2).bytes(postrider::Version::V5)).await;
        publisher.send(&pingreq()).await;
        until(async || device.is_waiting()).await;
        // Who has nothing to do with it is served.
        other.send(&publish("u", "for nobody who lasts").q1(1).bytes(postrider::Version::V5)).await;
        assert_eq!(other.receive().await.0, "u");
        other.expect("PUBACK #1").await;
        let early = tokio::time::timeout(Duration::from_millis(30), publisher.next()).await;
        assert!(early.is_err(), "{early:?} came before the sync");
        drop(held);
        publisher.expect("PUBACK #1").await;
        publisher.expect("PUBREC #2").await;
        publisher.expect("PINGRESP").await;
        assert!(broker.shutdown(GRACE).await);
    });
}

#[tokio::test]
async fn a_stream_of_the_embedders_own_waits_for_the_device_too() {
    let device = Device::new();
    let broker = on(broker(), &device).start().expect("a broker");
    absent(&broker, "absent").await;
    let mut publisher = Wire::attach(&broker, 4096);
    publisher.enter(&Hello::new("p")).await;
    let held = device.hold();
    publisher.send(&publish("t/1", "x").q1(1).bytes(postrider::Version::V5)).await;
    until(async || device.is_waiting()).await;
    let early = tokio::time::timeout(Duration::from_millis(30), publisher.next()).await;
    assert!(early.is_err(), "{early:?} came before the sync");
    drop(held);
    publisher.expect("PUBACK #1").await;
}

/// The device is full long before a mailbox is.
fn with_wide_mailboxes() -> Limits {
    let limits = defaults::limits();
    let mailbox = Bounds { messages_max: 100_000, bytes_max: 1 << 30, ..limits.mailbox };
    Limits { mailbox, ..limits }
}

#[tokio::test]
async fn a_full_device_refuses_what_is_new_and_goes_on_when_there_is_room() {
    let device = Device::new();
    let broker = on(broker(), &device).limits(with_wide_mailboxes()).start().expect("a broker");
    absent(&broker, "absent").await;
    let mut publisher = Wire::client(&broker, &Hello::new("p")).await;
    publisher.publish(&publish("t/1", "x").q1(1)).await;
    device.disk().limit_space(Some(device.disk().used_bytes()));
    let message = publish("t/1", "").sized(500_000);
    let mut taken = 1;
    loop {
        publisher.send(&message.clone().q1(2).bytes(postrider::Version::V5)).await;
        match publisher.next().await.as_str() {
            "PUBACK #2" => taken += 1,
            "PUBACK #2 QuotaExceeded" => break,
            other => panic!("{other}"),
        }
        assert!(taken < 1000, "there is no room for so many");
    }
    // What makes room, and what is for nobody who lasts, goes on.
    let mut reader = Wire::client(&broker, &lasting("absent")).await;
    for _ in 0..taken {
        reader.receive().await;
    }
    reader.expect_silence().await;
    publisher.publish(&publish("nobody", "x").q1(3)).await;
    device.disk().limit_space(None);
    until(async || {
        publisher.send(&message.clone().q1(4).bytes(postrider::Version::V5)).await;
        publisher.next().await == "PUBACK #4"
    })
    .await;
    assert!(broker.shutdown(GRACE).await);
}

#[tokio::test]
async fn a_broker_at_rest_goes_on_about_a_second_after_its_full_device_has_room() {
    let device = Device::new();
    let broker = on(broker(), &device).limits(with_wide_mailboxes()).start().expect("a broker");
    absent(&broker, "absent").await;
    let mut publisher = Wire::client(&broker, &Hello::new("p")).await;
    publisher.publish(&publish("t/1", "x").q1(1)).await;
    device.disk().limit_space(Some(device.disk().used_bytes()));
    let message = publish("t/1", "").sized(1_000_000).q1(2).bytes(postrider::Version::V5);
    loop {
        publisher.send(&message).await;
        match publisher.next().await.as_str() {
            "PUBACK #2" => {}
            "PUBACK #2 QuotaExceeded" => break,
            other => panic!("{other}"),
        }
    }
    // Of an older version, it is not refused and waits.
    let mut patient = Wire::client(&broker, &Hello::new("patient").v3()).await;
    patient.send(&publish("t/1", "").sized(1_000_000).q1(3).bytes(postrider::Version::V3_1_1)).await;
    patient.send(&pingreq()).await;
    let early = tokio::time::timeout(Duration::from_millis(1500), patient.next()).await;
    assert!(early.is_err(), "{early:?} came without room");
    let freed = Instant::now();
    device.disk().limit_space(None);
    patient.expect("PUBACK #3").await;
    let took = freed.elapsed();
    eprintln!("it went on after {took:?}");
    assert!(took < Duration::from_secs(4), "{took:?}");
    assert!(broker.shutdown(GRACE).await);
}

#[tokio::test]
async fn messages_of_many_clients_share_a_sync() {
    let device = Device::new();
    let broker = on(broker(), &device).start().expect("a broker");
    absent(&broker, "absent").await;
    let mut publisher = Wire::client(&broker, &Hello::new("p")).await;
    publisher.publish(&publish("t/1", "x").q1(1)).await;
    let before = device.syncs();
    let held = device.hold();
    for id in 1..=50 {
        publisher.send(&publish("t/1", "x").q1(id).bytes(postrider::Version::V5)).await;
    }
    until(async || broker.counters().await.expect("it runs").messages_received == 51).await;
    drop(held);
    for id in 1..=50 {
        publisher.expect(&format!("PUBACK #{id}")).await;
    }
    let syncs = device.syncs() - before;
    assert!(syncs <= 6, "{syncs} syncs");
}

#[test]
fn a_broker_whose_device_fails_acknowledges_nothing_more_and_says_so() {
    everywhere(async |builder: Builder| {
        let device = Device::new();
        let broker = on(builder, &device).start().expect("a broker");
        let address = broker.addresses()[0];
        absent(&broker, "absent").await;
        let mut publisher = Wire::client(&broker, &Hello::new("p")).await;
        publisher.publish(&publish("t/1", "kept").q1(1)).await;
        let mut witness = Wire::client(&broker, &Hello::new("witness")).await;
        let failed = broker.failed();
        device.disk().fail_sync(1);
        let started = Instant::now();
        for id in 2..=20 {
            publisher.try_send(&publish("t/1", "lost").q1(id).bytes(postrider::Version::V5)).await;
        }
        let failure = patiently(failed).await;
        let took = started.elapsed();
        assert!(took < Duration::from_millis(100) || cfg!(debug_assertions), "{took:?}");
        let text = failure.to_string();
        assert!(text.starts_with("the data in device cannot be kept any more: syncing "), "{text}");
        publisher.expect_end().await;
        witness.expect_end().await;
        if let Ok(stream) = TcpStream::connect(address).await {
            let mut late = Wire::over(stream);
            late.try_send(&Hello::new("late").bytes()).await;
            late.expect_end().await;
        }
        patiently(broker.shutdown(GRACE)).await;
        // The device is well again, and has everything that was acknowledged.
        let broker = on(ground::broker(), &device).start().expect("a broker");
        let mut wire = Wire::client(&broker, &lasting("absent")).await;
        assert_eq!(wire.receive().await.2, b"kept");
        assert!(broker.shutdown(GRACE).await);
    });
}

#[test]
fn sessions_messages_and_what_is_retained_are_there_after_a_restart() {
    everywhere(async |builder: Builder| {
        let device = Device::new();
        let first = on(builder, &device).start().expect("a broker");
        absent(&first, "absent").await;
        let mut publisher = Wire::client(&first, &Hello::new("p")).await;
        for number in 1..=200 {
            publisher.publish(&publish("t/1", &number.to_string()).q1(number)).await;
        }
        publisher.publish(&publish("t/2", "").sized(40_000).q2(1)).await;
        publisher.publish(&publish("r", "kept").q1(2).retain()).await;
        assert!(first.shutdown(GRACE).await);
        let second = on(broker(), &device).start().expect("a broker");
        let restored = second.restored().expect("it has a device");
        assert_eq!((restored.sessions, restored.messages, restored.retained), (1, 201, 1));
        let mut reader = Wire::dial(second.addresses()[0]).await;
        assert!(reader.enter(&lasting("absent")).await, "the session was there");
        for number in 1..=200 {
            assert_eq!(reader.receive().await.2, number.to_string().into_bytes());
        }
        assert_eq!(reader.receive().await.2.len(), 40_000);
        let mut stranger = Wire::client(&second, &Hello::new("stranger")).await;
        stranger.subscribed("r", 1).await;
        assert_eq!(stranger.receive().await.2, b"kept");
        assert!(second.shutdown(GRACE).await);
    });
}

#[test]
fn acknowledgements_of_the_last_moment_and_ends_of_connections_survive_an_orderly_stop() {
    everywhere(async |builder: Builder| {
        let device = Device::new();
        let first = on(builder, &device).start().expect("a broker");
        absent(&first, "absent").await;
        let mut publisher = Wire::client(&first, &lasting("p").will(publish("t/will", "gone").q1(1))).await;
        for number in 1..=50 {
            publisher.publish(&publish("t/1", "x").q1(number)).await;
        }
        let mut reader = Wire::client(&first, &lasting("absent")).await;
        for _ in 0..50 {
            reader.receive().await;
        }
        reader.expect_silence().await;
        drop(publisher);
        assert_eq!(reader.receive().await.2, b"gone");
        reader.expect_silence().await;
        drop(reader);
        assert!(first.shutdown(GRACE).await);
        let second = on(broker(), &device).start().expect("a broker");
        let restored = second.restored().expect("it has a device");
        assert_eq!((restored.sessions, restored.messages), (2, 0));
        let mut reader = Wire::client(&second, &lasting("absent")).await;
        reader.expect_silence().await;
        assert!(second.shutdown(GRACE).await);
    });
}

/// A device that fails at the last moment does not keep a broker from ending.
#[tokio::test]
async fn an_orderly_stop_ends_when_the_device_fails_under_it() {
    let device = Device::new();
    let broker = on(broker(), &device).start().expect("a broker");
    let _client = Wire::client(&broker, &lasting("c")).await;
    let failed = broker.failed();
    device.disk().fail_sync(1);
    patiently(broker.shutdown(GRACE)).await;
    patiently(failed).await;
}

#[tokio::test]
async fn a_client_that_ends_while_its_answers_wait_ends_at_once() {
    let device = Device::new();
    let broker = on(broker(), &device).start().expect("a broker");
    absent(&broker, "absent").await;
    let mut publisher = Wire::client(&broker, &Hello::new("p")).await;
    let held = device.hold();
    publisher.send(&publish("t/1", "x").q1(1).bytes(postrider::Version::V5)).await;
    until(async || device.is_waiting()).await;
    // A second PUBLISH with an alias that was never said is a breach.
    publisher.send(&[0x30, 8, 0, 0, 3, 0x23, 0, 9, b'x', b'y']).await;
    let started = Instant::now();
    let line = publisher.next().await;
    assert!(line.starts_with("DISCONNECT"), "{line}");
    publisher.expect_end().await;
    assert!(started.elapsed() < PATIENCE / 2);
    drop(held);
    assert!(broker.shutdown(GRACE).await);
}

// [MQTT-3.2.0-1]
#[test]
fn a_client_that_is_taken_over_or_told_to_go_before_its_connack_is_durable_hears_the_end_and_nothing_else() {
    everywhere(async |builder: Builder| {
        let device = Device::new();
        let broker = on(builder, &device).start().expect("a broker");
        let held = device.hold();
        let mut first = Wire::dial(broker.addresses()[0]).await;
        first.hail(&lasting("same")).await;
        until(async || device.is_waiting()).await;
        let mut second = Wire::dial(broker.addresses()[0]).await;
        second.hail(&lasting("same")).await;
        first.expect_end().await;
        drop(held);
        assert_eq!(second.next().await.split(' ').take(2).collect::<Vec<_>>(), ["CONNACK", "Success"]);
        let held = device.hold();
        let mut third = Wire::dial(broker.addresses()[0]).await;
        third.hail(&lasting("other")).await;
        until(async || device.is_waiting()).await;
        let (stopped, ()) = tokio::join!(broker.shutdown(GRACE), async {
            third.expect_end().await;
            drop(held);
        });
        assert!(stopped);
    });
}

/// Writes over some bytes in the middle of the first file with records.
fn damage(folder: &Folder) -> String {
    let mut names: Vec<_> = std::fs::read_dir(folder.path())
        .expect("it is there")
        .map(|entry| entry.expect("readable").file_name().into_string().expect("plain"))
        .filter(|name| name.ends_with(".segment"))
        .collect();
    names.sort();
    let name = names.remove(0);
    let file = std::fs::OpenOptions::new().read(true).write(true).open(folder.path().join(&name)).expect("ours");
    let mut head = [0; 4096];
    file.read_exact_at(&mut head, 0).expect("long enough");
    let mut frames = head.windows(4).enumerate().filter(|(_, bytes)| bytes == b"PRgp").map(|(at, _)| at);
    // Behind the header of a frame that is not the first, which says what belongs to the file.
    let at = frames.nth(1).expect("a frame with records") + 60;
    file.write_all_at(b"#", at as u64).expect("ours");
    name
}

#[tokio::test]
async fn damage_is_named_refused_listed_accepted_and_copied_around() {
    let (folder, copy) = (Folder::new("damaged"), Folder::new("salvaged"));
    for round in 0..2 {
        let broker = broker().data_directory(folder.path()).start().expect("a broker");
        absent(&broker, &format!("absent-{round}")).await;
        assert!(broker.shutdown(GRACE).await);
    }
    assert!(check_data(folder.path()).expect("readable").is_whole());
    let name = damage(&folder);
    let error = broker().data_directory(folder.path()).start().map(drop).expect_err("it is damaged");
    assert_eq!(error.kind(), ErrorKind::Damaged);
    let source = std::error::Error::source(&error).expect("a reason").to_string();
    assert!(source.contains(&name) && source.contains("at byte"), "{source}");
    assert!(error.advice().is_some_and(|advice| advice.contains("salvage") && advice.contains("--accept-loss")));
    let examined = check_data(folder.path()).expect("readable");
    assert!(!examined.is_whole() && examined.damage.iter().any(|damage| damage.file == name), "{examined:?}");
    let salvaged = salvage_data(folder.path(), copy.path()).expect("copied");
    assert!(!salvaged.damage.is_empty());
    for path in [copy.path(), folder.path()] {
        let broker = broker().data_directory(path).accept_loss().start().expect("with what is left");
        assert_eq!(broker.session("absent-1").await.expect("it runs").map(|_| ()), Some(()));
        assert!(broker.shutdown(GRACE).await);
    }
}
