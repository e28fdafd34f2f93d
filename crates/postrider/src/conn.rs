//! One connection as every thread sees it.
//!
//! Owns: the way out. Whoever has something for a client appends it here and flushes from its own thread;
//! the task that owns the connection steps in only when the socket does not keep up.

use crate::backlog::Backlog;
use crate::gates::Wait;
use crate::outbox::{Closing, Mail, Outbox, Pushed};
use crate::scratch::Scratch;
use postrider_engine::{Body, Lane, LinkId};
use postrider_net::Socket;
use postrider_ports::ListenerId;
use postrider_session::Sequence;
use std::io::{self, IoSlice};
use std::sync::{Mutex, MutexGuard};
use std::task::Waker;

/// A connection: its exit and its outbox.
#[derive(Debug)]
pub(crate) struct Conn {
    exit: Exit,
    pub(crate) listener: ListenerId,
    outbox: Mutex<Outbox>,
}

/// How bytes leave.
#[derive(Debug)]
pub(crate) enum Exit {
    /// Any thread writes to the socket.
    Direct(Socket),
    /// Only the task that owns the stream can write; it is woken once a batch. The stream keeps so many bytes itself.
    Task { stream_bytes: u32 },
}

impl Exit {
    /// Through a stream of whose memory nothing is known.
    pub(crate) const TASK: Self = Self::Task { stream_bytes: 0 };
}

/// Batches that one flush writes before it leaves the rest to the owner.
const ROUNDS: usize = 16;
/// Pieces of one system call.
const PIECES: usize = 64;

impl Conn {
    /// One that the embedder attached.
    pub(crate) fn new(exit: Exit) -> Self {
        Self::through(ListenerId::ATTACHED, exit)
    }

    pub(crate) fn through(listener: ListenerId, exit: Exit) -> Self {
        Self { exit, listener, outbox: Mutex::new(Outbox::default()) }
    }

    pub(crate) const fn socket(&self) -> Option<&Socket> {
        match &self.exit {
            Exit::Direct(socket) => Some(socket),
            Exit::Task { .. } => None,
        }
    }

    /// What is around its socket keeps so much.
    pub(crate) const fn stream_bytes(&self) -> u32 {
        match self.exit {
            Exit::Direct(_) => 0,
            Exit::Task { stream_bytes } => stream_bytes,
        }
    }

    /// The outbox; held for a few instructions at a time.
    pub(crate) fn outbox(&self) -> MutexGuard<'_, Outbox> {
        // Nothing panics while it holds this lock; if it did, the bytes are still whole packets.
        self.outbox.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Appends packets.
    #[inline]
    pub(crate) fn push(&self, bytes: &[u8], lane: Lane, wait: Wait, scratch: &mut Scratch) -> Pushed {
        self.outbox().push(bytes, lane, wait, || scratch.take_backlog())
    }

    /// Appends one packet with a shared payload.
    pub(crate) fn push_shared(&self, head: &[u8], body: Body, wait: Wait, scratch: &mut Scratch) -> Pushed {
        self.outbox().push_shared(head, body, wait, || scratch.take_backlog())
    }

    /// Lets out what waited for the log up to there.
    pub(crate) fn open(&self, durable: Sequence, written: Sequence, scratch: &mut Scratch) -> Pushed {
        let mut outbox = self.outbox();
        let pushed = outbox.open(durable, written, scratch);
        if outbox.take_released() {
            wake(outbox);
        }
        pushed
    }

    /// Ends the connection from the engine's side.
    pub(crate) fn part(&self, is_owner: bool, closing: Closing) -> Pushed {
        let mut outbox = self.outbox();
        let pushed = outbox.close(closing);
        if !is_owner {
            wake(outbox);
        }
        pushed
    }

    /// Leaves word for the owner and wakes it, unless the owner is the caller.
    pub(crate) fn tell(&self, is_owner: bool, say: impl FnOnce(&mut Mail)) {
        let mut outbox = self.outbox();
        say(&mut outbox.mail);
        if !is_owner {
            wake(outbox);
        }
    }

    /// Ends the connection from outside.
    pub(crate) fn close(&self, closing: Closing) {
        self.part(false, closing);
    }

    /// Writes what waits, as far as the socket takes it and the budget goes; notes room for the engine.
    pub(crate) fn flush(&self, room_enough: u32, scratch: &mut Scratch) {
        let mut outbox = self.outbox();
        outbox.is_dirty = false;
        let Exit::Direct(socket) = &self.exit else {
            wake(outbox);
            return;
        };
        if outbox.is_flushing || outbox.is_blocked {
            return;
        }
        outbox.is_flushing = true;
        for _ in 0..ROUNDS {
            let Some(mut batch) = outbox.take_batch() else { break };
            drop(outbox);
            let before = batch.len();
            let result = write(socket, &mut batch);
            outbox = self.outbox();
            let written = before - batch.len();
            match result {
                Ok(()) => {
                    outbox.release(written);
                    scratch.give_backlog(batch);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    outbox.put_back(batch, written);
                    break;
                }
                Err(_) => {
                    // The connection is broken; its task will find out.
                    outbox.clear();
                    outbox.close(Closing::Now);
                    break;
                }
            }
        }
        outbox.is_flushing = false;
        let has_room = outbox.has_room(room_enough);
        if has_room && scratch.rounds > 0 {
            scratch.rooms.extend(outbox.take_room());
        }
        let is_owners = outbox.is_blocked || !outbox.is_empty() || outbox.mail.closing != Closing::No;
        if is_owners || (has_room && scratch.rounds == 0) {
            wake(outbox);
        }
    }

    /// The socket takes bytes again.
    pub(crate) fn unblock(&self) {
        self.outbox().is_blocked = false;
    }

    /// From now on room is reported in small amounts; what there is now, if that is enough.
    pub(crate) fn make_small(&self) -> Option<(LinkId, u32)> {
        let mut outbox = self.outbox();
        outbox.is_small = true;
        if outbox.has_room(1) { outbox.take_room() } else { None }
    }

    /// The link's name in the partition.
    pub(crate) fn link(&self) -> Option<LinkId> {
        self.outbox().link
    }
}

/// Writes until nothing is left or the socket takes no more.
fn write(socket: &Socket, batch: &mut Backlog) -> io::Result<()> {
    while !batch.is_empty() {
        let mut pieces = [IoSlice::new(&[]); PIECES];
        let count = batch.slices(&mut pieces);
        match socket.try_write(&pieces[..count]) {
            Ok(written) => batch.advance(written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn wake(outbox: MutexGuard<'_, Outbox>) {
    let waker: Option<Waker> = outbox.waker.clone();
    drop(outbox);
    if let Some(waker) = waker {
        waker.wake();
    }
}
