//! Plugins that take commands, and handles of a broker.

use crate::ground::everywhere;
use crate::wire::{Wire, patiently};
use postrider::{Builder, Control, ControlRequest, ErrorKind, ReasonCode, Reply};
use postrider_proto::Version;
use postrider_testkit::{Hello, Rules, publish};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// Hands every command to the test.
struct Desk(UnboundedSender<Order>);

type Order = (ControlRequest, Reply<Option<Box<[u8]>>>);

impl Control for Desk {
    fn begin(&self, request: ControlRequest, reply: Reply<Option<Box<[u8]>>>) {
        self.0.send((request, reply)).expect("the test listens");
    }
}

/// Answers before `begin` returns, or not at all.
struct Hasty;

impl Control for Hasty {
    fn begin(&self, request: ControlRequest, reply: Reply<Option<Box<[u8]>>>) {
        assert_ne!(*request.payload, *b"panic", "as the test wants it");
        reply.send(Some(request.payload));
    }
}

#[test]
fn each_name_has_its_plugin_and_responses_come_back_early_or_late() {
    everywhere(async |builder: Builder| {
        let (desk, mut commands) = unbounded_channel();
        let builder = builder.authorize(Rules::default().with("", "#").with("", "$CONTROL/#"));
        let broker = builder.control("desk", Desk(desk)).control("hasty", Hasty).start().expect("a broker");
        let mut wire = Wire::client(&broker, &Hello::new("c")).await;
        wire.subscribed("$CONTROL/#", 0).await;
        wire.send(&publish("$CONTROL/desk/v1", "slow").q1(1).bytes(Version::V5)).await;
        wire.expect("PUBACK #1").await;
        let (request, reply) = patiently(commands.recv()).await.expect("a command");
        assert_eq!((&*request.payload, request.subject.client_id.as_str()), (&b"slow"[..], "c"));
        wire.send(&publish("$CONTROL/hasty/v1", "panic").bytes(Version::V5)).await;
        wire.send(&publish("$CONTROL/hasty/v1", "quick").bytes(Version::V5)).await;
        wire.expect("PUBLISH $CONTROL/hasty/v1/response q0 \"quick\"").await;
        reply.send(Some(b"at last"[..].into()));
        wire.expect("PUBLISH $CONTROL/desk/v1/response q0 \"at last\"").await;
    });
}

#[test]
fn a_handle_ends_connections_and_hears_that_a_broker_has_stopped() {
    everywhere(async |builder: Builder| {
        let broker = builder.start().expect("a broker");
        let handle = broker.handle();
        let mut wire = Wire::client(&broker, &Hello::new("c")).await;
        let ended = handle.end_connections([None], ReasonCode::AdministrativeAction);
        wire.expect("DISCONNECT AdministrativeAction").await;
        assert_eq!(ended.await.expect("it runs"), 1);
        drop(broker);
        let error = patiently(handle.review()).await.expect_err("it has ended");
        assert_eq!(error.kind(), ErrorKind::Stopped);
    });
}
