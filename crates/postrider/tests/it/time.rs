//! Deadlines of connections, on held time: a day passes when nobody has anything to do.

use crate::ground::{broker, expect_nothing_changed};
use crate::wire::Wire;
use postrider::{Broker, Limits, Version, defaults};
use postrider_testkit::{Hello, pingreq, publish};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

// A2
#[tokio::test(start_paused = true)]
async fn a_stranger_who_says_nothing_is_closed_after_10_s() {
    let broker = broker().start().expect("a broker");
    let begin = Instant::now();
    let mut stranger = Wire::attach(&broker, 64);
    stranger.expect_end().await;
    let waited = begin.elapsed();
    assert!((secs(10)..secs(11)).contains(&waited), "closed after {waited:?}");
}

// A2
#[tokio::test(start_paused = true)]
async fn a_stranger_who_says_a_byte_a_second_is_closed_10_s_after_it_came() {
    let broker = broker().start().expect("a broker");
    let begin = Instant::now();
    let mut stranger = Wire::attach(&broker, 64);
    for byte in Hello::new("a client identifier that takes a while").bytes() {
        if !stranger.try_send(&[byte]).await {
            break;
        }
        sleep(secs(1)).await;
    }
    stranger.expect_end().await;
    let waited = begin.elapsed();
    assert!((secs(10)..secs(12)).contains(&waited), "closed after {waited:?}");
    expect_nothing_changed(&broker).await;
}

#[tokio::test(start_paused = true)]
async fn the_time_to_connect_is_the_limit_that_was_asked_for() {
    let mut limits = defaults::limits();
    limits.link.connect_ms_max = 500;
    let broker = broker().limits(limits).start().expect("a broker");
    let begin = Instant::now();
    Wire::attach(&broker, 64).expect_end().await;
    assert!((500..600).contains(&begin.elapsed().as_millis()));
}

// [MQTT-3.1.2-22]
#[tokio::test(start_paused = true)]
async fn a_silent_client_is_closed_after_one_and_a_half_keep_alives_and_its_will_goes_out() {
    for version in [Version::V3_1_1, Version::V5] {
        let broker = broker().start().expect("a broker");
        let mut heir = Wire::attach(&broker, 4096);
        heir.enter(&Hello::new("heir")).await;
        heir.subscribed("will", 0).await;
        let mut client = Wire::attach(&broker, 4096);
        let hello = Hello::new("c").version(version).keep_alive(10).will(publish("will", "gone"));
        client.enter(&hello).await;
        for _ in 0..20 {
            sleep(secs(14)).await;
            client.send(&pingreq()).await;
            client.expect("PINGRESP").await;
        }
        heir.expect_silence().await;
        let begin = Instant::now();
        heir.expect("PUBLISH will q0 \"gone\"").await;
        let waited = begin.elapsed();
        assert!((secs(14)..secs(16)).contains(&waited), "closed after {waited:?}");
        if version.is_v5() {
            client.expect("DISCONNECT KeepAliveTimeout").await;
        }
        client.expect_end().await;
        assert!(broker.session("c").await.expect("it runs").is_none());
    }
}

#[tokio::test]
async fn a_silent_client_is_closed_in_real_time_too() {
    let broker = broker().threads(1).start().expect("a broker");
    let begin = Instant::now();
    let mut client = Wire::client(&broker, &Hello::new("c").keep_alive(1)).await;
    client.expect("DISCONNECT KeepAliveTimeout").await;
    client.expect_end().await;
    assert!(begin.elapsed() >= Duration::from_millis(1499));
}

// [MQTT-3.1.2-10] and after the Will Delay Interval of 3.1.3.2.2; the session's own end.
#[tokio::test(start_paused = true)]
async fn delayed_wills_and_sessions_end_in_their_time_without_anybody_doing_anything() {
    let broker = broker().limits(Limits { session_expiry_s_max: 100, ..defaults::limits() }).start().expect("a broker");
    let mut heir = Wire::attach(&broker, 4096);
    heir.enter(&Hello::new("heir")).await;
    heir.subscribed("will", 0).await;
    let mut client = Wire::attach(&broker, 4096);
    client.enter(&Hello::new("c").expiry(1000).will_after(publish("will", "late"), 20)).await;
    drop(client);
    let begin = Instant::now();
    heir.expect("PUBLISH will q0 \"late\"").await;
    assert!((secs(20)..secs(21)).contains(&begin.elapsed()));
    assert!(broker.session("c").await.expect("it runs").is_some());
    sleep(secs(81)).await;
    assert!(broker.session("c").await.expect("it runs").is_none());
}

/// A client that reads and forgets, for as long as it lives.
fn spawn_reader(mut reader: Wire) {
    tokio::spawn(async move { while reader.sip(4096).await > 0 {} });
}

/// A broker whose clients publish so much to so many that there is always a fan-out that is not over.
async fn busy() -> Broker {
    let broker = broker().limits(Limits { fanout_slice: 1, ..defaults::limits() }).start().expect("a broker");
    for number in 0..20 {
        let mut reader = Wire::attach(&broker, 1 << 16);
        reader.enter(&Hello::new(&format!("r{number}"))).await;
        reader.subscribed("a", 0).await;
        spawn_reader(reader);
    }
    for number in 0..100 {
        let mut writer = Wire::attach(&broker, 1 << 16);
        writer.enter(&Hello::new(&format!("w{number}"))).await;
        let many = publish("a", "x").bytes(Version::V5).repeat(100);
        tokio::spawn(async move { while writer.try_send(&many).await {} });
    }
    broker
}

#[tokio::test]
async fn a_client_is_heard_while_there_is_always_a_fan_out_that_is_not_over() {
    let broker = busy().await;
    let mut client = Wire::attach(&broker, 4096);
    client.enter(&Hello::new("c")).await;
    let begin = Instant::now();
    for id in 1..=5 {
        client.publish(&publish("b", "x").q1(id)).await;
    }
    assert!(begin.elapsed() < secs(10), "it took {:?}", begin.elapsed());
}

// [MQTT-3.1.2-22]
#[tokio::test]
async fn deadlines_are_kept_while_there_is_always_a_fan_out_that_is_not_over() {
    let broker = busy().await;
    // Whoever leaves has seen that there is work, and hands it over.
    for number in 0..5 {
        let mut hasty = Wire::attach(&broker, 4096);
        hasty.enter(&Hello::new(&format!("h{number}"))).await;
    }
    let mut silent = Wire::attach(&broker, 4096);
    silent.enter(&Hello::new("c").keep_alive(1)).await;
    let begin = Instant::now();
    silent.expect("DISCONNECT KeepAliveTimeout").await;
    assert!(begin.elapsed() < secs(10), "it took {:?}", begin.elapsed());
}
