//! The threads that serve connections.
//!
//! Owns: one current-thread runtime a thread, if the broker has threads of its own.

use crate::shared::Shared;
use postrider_net::Socket;
use std::io;
use std::net::TcpStream;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Where connections are served.
#[derive(Debug)]
pub(crate) struct Workers {
    /// Empty: on the runtime of whoever asks.
    handles: Vec<Handle>,
    next: AtomicUsize,
    stops: Mutex<Vec<oneshot::Sender<()>>>,
}

impl Workers {
    /// Starts `count` threads.
    pub(crate) fn start(count: usize, shared: &Arc<Shared>) -> io::Result<Self> {
        let mut workers = Self { handles: Vec::new(), next: AtomicUsize::new(0), stops: Mutex::default() };
        for number in 0..count {
            let mut builder = Builder::new_current_thread();
            // The first also accepts, and pauses that at times.
            let builder = if number == 0 { builder.enable_all() } else { builder.enable_io() };
            let runtime = builder.build()?;
            let (stop, stopped) = oneshot::channel::<()>();
            workers.handles.push(runtime.handle().clone());
            if let Ok(stops) = workers.stops.get_mut() {
                stops.push(stop);
            }
            let flusher = Flusher { shared: shared.clone() };
            std::thread::Builder::new().name(format!("postrider-{number}")).spawn(move || {
                runtime.spawn(flusher);
                // Ends when the broker is dropped, with all tasks of this thread.
                let _ = runtime.block_on(stopped);
            })?;
        }
        Ok(workers)
    }

    /// The runtime that accepts: that of the first thread, so that with one thread no connection changes it.
    pub(crate) fn acceptors(&self) -> Handle {
        self.handles.first().cloned().unwrap_or_else(Handle::current)
    }

    /// Gives a connection to one of the threads in turn, and lets the task that `make` makes of it run there.
    pub(crate) fn spawn<F>(&self, stream: TcpStream, make: impl FnOnce(Socket) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let turn = self.next.fetch_add(1, Ordering::Relaxed).checked_rem(self.handles.len());
        let handle = turn.map_or_else(Handle::current, |turn| self.handles[turn].clone());
        let _guard = handle.enter();
        // A socket that no runtime takes is closed; the client will try again.
        if let Ok(socket) = Socket::new(stream) {
            handle.spawn(make(socket));
        }
    }

    /// Ends the threads.
    pub(crate) fn stop(&self) {
        if let Ok(mut stops) = self.stops.lock() {
            stops.clear();
        }
    }
}

/// Runs behind all tasks of a thread that were ready when it was woken, and writes what they have left.
struct Flusher {
    shared: Arc<Shared>,
}

impl Future for Flusher {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let now = self.shared.clock.now();
        self.shared.alone(|scratch| {
            scratch.set_flusher(context.waker());
            scratch.is_deferred = false;
            self.shared.follow_up(now, None, scratch);
        });
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::conn::{Conn, Exit};
    use crate::partition::Partition;
    use crate::scratch::Scratch;
    use crate::shared::{Core, Plugins};
    use crate::{deadlines, defaults, scratch, seeds};
    use bytes::Bytes;
    use postrider_engine::{Engine, Input, Limits, LinkId};
    use postrider_net::Descriptors;
    use postrider_ports::{PartitionId, Peer};
    use postrider_proto::{Packet, Version, split};
    use postrider_session::Now;
    use postrider_testkit::{Hello, publish, subscribe};
    use std::task::Waker;

    fn hand_in(partition: &mut Partition, now: Now, link: LinkId, bytes: Vec<u8>) {
        let source = Bytes::from(bytes);
        let frame = split(&source, usize::MAX).expect("framed").expect("whole");
        let packet = &Packet::decode(frame, Version::V5).expect("a packet");
        let peer = &Peer::from("test");
        let input = if let Packet::Connect(connect) = packet {
            Input::Linked { link, connect, peer }
        } else {
            Input::Received { link, packet, source: &source }
        };
        partition.handle(now, input);
    }

    #[tokio::test]
    async fn work_that_follows_from_a_late_flush_is_gone_on_with() {
        let limits = Limits { outbox_bytes_max: 4096, ..defaults::limits() };
        let engine = Engine::new(limits, PartitionId(0), seeds::random());
        let shared =
            Shared::new(Core::in_memory(engine), Clock::new(), Plugins::default(), Descriptors::with_maximum(1));
        tokio::spawn(deadlines::run(shared.clone()));
        let (conn, now) = (Arc::new(Conn::new(Exit::TASK)), shared.clock.now());
        let has_work = || shared.enter_only(None, &mut Scratch::default(), |partition| partition.engine.has_work());
        // A client that has been sent as many retained messages as its outbox takes.
        let link = shared.enter_only(None, &mut Scratch::default(), |partition| {
            let link = partition.link(&conn);
            hand_in(partition, now, link, Hello::new("c").bytes());
            for number in 0..2000 {
                hand_in(partition, now, link, publish(&format!("r/{number}"), "x").retain().bytes(Version::V5));
            }
            hand_in(partition, now, link, subscribe(1, "r/#", 0).bytes(Version::V5));
            while partition.engine.has_work() {
                partition.handle(now, Input::Continue);
            }
            link
        });
        scratch::with(|scratch| scratch.rooms.push((link, 4096)));
        let mut flusher = Flusher { shared: shared.clone() };
        assert!(Pin::new(&mut flusher).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert!(has_work(), "there is room for more than a slice");
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        assert!(!has_work(), "nobody goes on");
    }
}
