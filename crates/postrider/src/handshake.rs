//! The task of a connection before it speaks MQTT.
//!
//! Owns: the one deadline of all that is said until CONNECT, and the end of those who miss it.

use crate::census::Counted;
use crate::conn::{Conn, Exit};
use crate::door::{Door, Entered};
use crate::link_task::{LinkTask, Permits};
use crate::outbox::Closing;
use crate::shared::Shared;
use crate::transport::Transport;
use postrider_net::{Address, Socket};
use postrider_ports::Event;
use postrider_session::{Mono, TimerKey};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::net::TcpStream;

/// A connection on its way in.
pub(crate) struct Handshake {
    /// Known to the deadlines only: no link of the engine is behind it.
    conn: Arc<Conn>,
    door: Arc<Door>,
    address: Address,
    since: Mono,
    entering: Pin<Box<dyn Future<Output = io::Result<Entered>> + Send>>,
    timer: Option<TimerKey>,
    permits: Option<Permits>,
    // Last, so that the socket is closed when the count goes down.
    shared: Counted,
}

impl Handshake {
    pub(crate) fn new(
        shared: Arc<Shared>,
        door: Arc<Door>,
        stream: TcpStream,
        address: Address,
        permits: Permits,
    ) -> Self {
        let shared = Counted::new(shared);
        let conn = Arc::new(Conn::through(door.id, Exit::TASK));
        let since = shared.clock.now().mono;
        let deadline = since.plus_ms(u64::from(shared.link_limits(door.id).connect_ms_max));
        let timer = Some(shared.deadlines.insert(deadline, &conn));
        let (way, from) = (door.clone(), address.clone());
        let entering = Box::pin(async move { way.enter(stream, from).await });
        shared.memory.charges.on_handshake();
        if shared.is_over() {
            conn.close(Closing::Now);
        }
        Self { conn, door, address, since, entering, timer, permits: Some(permits), shared }
    }

    /// Whether somebody has ended it, or its time is over.
    fn is_ended(&self, context: &Context<'_>) -> Option<&'static str> {
        let mut outbox = self.conn.outbox();
        if !outbox.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            outbox.waker = Some(context.waker().clone());
        }
        match (outbox.mail.closing != Closing::No, outbox.mail.is_due) {
            (true, _) => Some("the broker ended it"),
            (false, true) => Some("it took too long"),
            (false, false) => None,
        }
    }

    fn on_entered(&mut self, entered: Entered) {
        let Some(permits) = self.permits.take() else { return };
        let (conn, transport, peer) = match entered {
            Entered::Served => return,
            Entered::Plain(stream, peer) => {
                (Conn::through(self.door.id, Exit::Direct(Socket::from(stream))), Transport::Direct, peer)
            }
            Entered::Wrapped(stream, peer) => {
                let exit = Exit::Task { stream_bytes: self.door.stream_bytes() };
                (Conn::through(self.door.id, exit), Transport::boxed(stream), peer)
            }
        };
        // A task of its own, so that what the handshake needed is given back.
        let shared = Arc::clone(&self.shared);
        tokio::spawn(LinkTask::new(shared, Arc::new(conn), transport, peer, Some(permits), self.since));
    }

    fn on_failed(&self, reason: &str) {
        let peer = self.door.peer(&self.address);
        self.shared.observe(|| Event::HandshakeFailed { peer, reason: reason.into() });
    }
}

impl Future for Handshake {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let own = self.get_mut();
        if let Some(reason) = own.is_ended(context) {
            own.on_failed(reason);
            return Poll::Ready(());
        }
        match own.entering.as_mut().poll(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(entered)) => own.on_entered(entered),
            Poll::Ready(Err(error)) => own.on_failed(&error.to_string()),
        }
        Poll::Ready(())
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        if let Some(key) = self.timer.take() {
            self.shared.deadlines.cancel(key);
        }
        self.shared.memory.charges.on_handshake_over();
    }
}
