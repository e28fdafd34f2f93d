//! What others leave for a connection's task is heeded, whatever else the task has to do just then.

use crate::ground::broker;
use crate::wire::Wire;
use postrider::{Access, Authorize, AuthorizeRequest, Limits, Reply, Version, defaults};
use postrider_testkit::{Hello, publish};
use std::sync::{Arc, Mutex, PoisonError};

/// Allows everything but to publish to `held`: about that the test decides.
#[derive(Clone, Default)]
struct Slow(Arc<Mutex<Vec<Reply<Vec<Access>>>>>);

impl Authorize for Slow {
    fn begin(&self, request: AuthorizeRequest, reply: Reply<Vec<Access>>) {
        if format!("{:?}", request.actions).contains("held") {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(reply);
        } else {
            reply.send(vec![Access::Allow; request.actions.len()]);
        }
    }
}

impl Slow {
    fn take(&self) -> Vec<Reply<Vec<Access>>> {
        core::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[tokio::test(start_paused = true)]
async fn a_held_packet_goes_on_though_its_verdict_comes_just_when_the_client_has_read() {
    let limits = Limits { outbox_bytes_max: 4096, ..defaults::limits() };
    let slow = Slow::default();
    let broker = broker().limits(limits).authorize(slow.clone()).start().expect("a broker");
    let mut client = Wire::attach(&broker, 1024);
    client.enter(&Hello::new("c")).await;
    client.subscribed("t", 0).await;
    let mut other = Wire::attach(&broker, 1024);
    other.enter(&Hello::new("o")).await;
    // More than the pipe takes.
    other.publish(&publish("t", "").sized(3500).q1(1)).await;
    client.send(&publish("held", "x").q1(7).bytes(Version::V5)).await;
    tokio::task::yield_now().await;
    let held = slow.take();
    assert_eq!(held.len(), 1);
    // Both before its task has its turn: there is room for it to report, and the verdict has come.
    let mut heard = client.sip(1024).await;
    held.into_iter().for_each(|reply| reply.send(vec![Access::Allow]));
    // Header, length of the rest, topic, no properties, payload.
    let wanted = 1 + 2 + 3 + 1 + 3500;
    while heard < wanted {
        heard += client.sip(1024.min(wanted - heard)).await;
    }
    client.expect("PUBACK #7 NoMatchingSubscribers").await;
    client.expect_silence().await;
}
