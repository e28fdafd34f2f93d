//! Deadlines of connections, on held time: a day passes when nobody has anything to do.

use crate::ground::{broker, expect_nothing_changed};
use crate::wire::Wire;
use postrider::{Limits, Version, defaults};
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
