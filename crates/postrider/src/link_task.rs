//! The task that owns one connection.
//!
//! Owns: reading, the link's own half of the protocol, and the end of the connection.
//! Never: holds a buffer while nothing is under way.
//!
//! ```text
//!  Stalled ◀──the socket takes nothing── Serving, and back when it does
//!
//! Serving ──DISCONNECT, violation, take-over, shutdown──▶ LastWords ──written──▶ Lingering ──▶ over
//!    │                                                        │ the client said good-bye      ▲
//!    └──end of stream, broken──────────────────────────────── ▼ ──────────────────────────────┘
//! ```

use crate::census::Counted;
use crate::conn::Conn;
use crate::intake::Intake;
use crate::outbox::{Closing, Mail};
use crate::scratch::{self, Scratch};
use crate::shared::Shared;
use crate::transport::{Transport, Written};
use postrider_engine::Input;
use postrider_net::Permit;
use postrider_ports::{Cause, Peer};
use postrider_session::{Mono, TimerKey, Violation};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// One connection, from its acceptance to its end.
pub(crate) struct LinkTask {
    conn: Arc<Conn>,
    transport: Transport,
    intake: Intake,
    phase: Phase,
    timer: Option<TimerKey>,
    /// A deadline has come and was not looked at yet.
    is_due: bool,
    /// At its next turn this task goes on with work that the engine has cut into slices.
    has_work: bool,
    _permits: Option<Permits>,
    // Last, so that the socket is closed when the count goes down.
    shared: Counted,
}

/// A connection's places: among all, and at its listener if that has a limit of its own.
pub(crate) struct Permits {
    _of_all: Permit,
    _of_listener: Option<Permit>,
}

impl Permits {
    pub(crate) const fn new(of_all: Permit, of_listener: Option<Permit>) -> Self {
        Self { _of_all: of_all, _of_listener: of_listener }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Serving,
    /// Serving, but since then the socket has taken nothing of what waits.
    Stalled(Mono),
    /// What is left is written, until then at the latest.
    LastWords(Mono),
    /// The far end reads what was written and closes, until then at the latest: closing a socket with unread
    /// bytes in it would throw our last words away.
    Lingering(Mono),
}

/// What others have left for this task.
struct Post {
    mail: Mail,
    is_blocked: bool,
    /// Something waits that nobody is writing, or room that nobody has reported.
    needs_flush: bool,
    is_empty: bool,
    /// The client does not read its answers, or they wait for the log: so it is not read either.
    is_choked: bool,
    /// They wait for the log.
    is_held: bool,
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Look again.
    Again,
    /// Nothing to do until woken.
    Wait,
    /// More to do, but others first.
    Yield,
    /// The connection is over.
    Over,
}

/// Steps of one turn, so that a busy connection leaves room for others.
const STEPS: usize = 8;
/// Bytes of one read while memory is short: what is held back is kept.
const PRESSED_READ: usize = 8 * 1024;
/// A client that takes nothing for this long is closed.
const STALLED_MS_MAX: u64 = 30_000;
/// How long the last words of a connection may take, and how long they are waited for to be read.
const LAST_WORDS_MS_MAX: u64 = 2_000;
const LINGERING_MS_MAX: u64 = 500;

impl LinkTask {
    /// Of a connection that came `since`.
    pub(crate) fn new(
        shared: Arc<Shared>,
        conn: Arc<Conn>,
        transport: Transport,
        peer: Peer,
        permits: Option<Permits>,
        since: Mono,
    ) -> Self {
        let shared = Counted::new(shared);
        shared.meter.on_socket();
        shared.memory.charges.on_stream(conn.stream_bytes());
        let limits = shared.link_limits(peer.listener());
        let intake = Intake::new(since, limits, peer);
        let phase = Phase::Serving;
        let mut task = Self {
            conn,
            transport,
            intake,
            phase,
            timer: None,
            is_due: false,
            has_work: false,
            _permits: permits,
            shared,
        };
        task.set_timer();
        if task.shared.is_over() {
            task.conn.close(Closing::Now);
        }
        task
    }

    fn turn(&mut self, context: &mut Context<'_>, scratch: &mut Scratch) -> Turn {
        for _ in 0..STEPS {
            let turn = self.step(context, scratch);
            if turn != Turn::Again {
                return turn;
            }
        }
        Turn::Yield
    }

    fn step(&mut self, context: &mut Context<'_>, scratch: &mut Scratch) -> Turn {
        let post = self.collect(context);
        if post.mail.closing == Closing::Now {
            return Turn::Over;
        }
        // At once: nobody will say it a second time.
        self.obey(&post.mail);
        if let Some(turn) = self.write(&post, context, scratch) {
            return turn;
        }
        // Only now, as a socket that has just taken something is not stuck.
        if core::mem::take(&mut self.is_due) {
            self.on_deadline(&post, scratch);
            return Turn::Again;
        }
        match self.phase {
            Phase::Serving | Phase::Stalled(_) if post.mail.closing != Closing::No => {
                self.begin_last_words(post.mail.closing)
            }
            Phase::Serving | Phase::Stalled(_) => self.serve(&post, context, scratch),
            Phase::LastWords(_) if post.is_empty => self.end_last_words(post.mail.closing, context),
            Phase::LastWords(_) => Turn::Wait,
            Phase::Lingering(_) => self.read_and_forget(context, scratch),
        }
    }

    /// Everything others have left, in one lock.
    fn collect(&self, context: &Context<'_>) -> Post {
        let mut outbox = self.conn.outbox();
        if !outbox.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            outbox.waker = Some(context.waker().clone());
        }
        let mail = outbox.mail;
        outbox.mail = Mail { closing: mail.closing, ..Mail::default() };
        let is_empty = outbox.is_empty() && !outbox.is_flushing;
        let is_held = outbox.check_held();
        let is_idle = !outbox.is_blocked && !outbox.is_flushing && !outbox.is_dirty;
        Post {
            mail,
            is_blocked: outbox.is_blocked,
            needs_flush: (is_idle && !outbox.is_empty()) || outbox.has_room(self.shared.room_enough),
            is_empty,
            is_choked: outbox.is_choked() || is_held,
            is_held,
        }
    }

    /// Writes what others could not; something is returned when the turn ends or begins anew with that.
    fn write(&mut self, post: &Post, context: &mut Context<'_>, scratch: &mut Scratch) -> Option<Turn> {
        let is_writable = match (&mut self.transport, self.conn.socket()) {
            (Transport::Task(task), _) => match task.write(&self.conn, context) {
                Written::All => {
                    self.conn.unblock();
                    self.note_progress(false);
                    // When the last words have just been written, nobody wakes this task to see it.
                    if !post.is_empty && matches!(self.phase, Phase::LastWords(_) | Phase::Lingering(_)) {
                        return Some(Turn::Again);
                    }
                    return self.report_room(scratch);
                }
                Written::Part => {
                    // It took something, so the time begins anew.
                    self.note_progress(false);
                    self.note_progress(true);
                    return self.report_room(scratch);
                }
                Written::Blocked => {
                    self.note_progress(true);
                    return None;
                }
                Written::Broken => return Some(self.close(Cause::Closed, scratch)),
            },
            (Transport::Direct, Some(socket)) if post.is_blocked => socket.poll_writable(context).is_ready(),
            (Transport::Direct, _) => {
                self.note_progress(false);
                false
            }
        };
        if post.is_blocked && !is_writable {
            self.note_progress(true);
            return None;
        }
        if is_writable {
            self.conn.unblock();
            // It took something, so the time begins anew.
            self.note_progress(false);
        } else if !post.needs_flush {
            return None;
        }
        let now = self.shared.clock.now();
        self.shared.flush_one(now, &self.conn, scratch);
        Some(Turn::Again)
    }

    /// Tells the engine about bytes that the task's own stream has taken.
    fn report_room(&self, scratch: &mut Scratch) -> Option<Turn> {
        let room = {
            let mut outbox = self.conn.outbox();
            if !outbox.has_room(self.shared.room_enough) {
                return None;
            }
            outbox.take_room()?
        };
        let now = self.shared.clock.now();
        let (link, bytes) = room;
        self.shared.enter(now, Some(&self.conn), scratch, |partition| {
            partition.handle(now, Input::Room { link, bytes });
        });
        Some(Turn::Again)
    }

    /// Keeps the time since when the socket takes nothing.
    fn note_progress(&mut self, is_stalled: bool) {
        match self.phase {
            Phase::Serving if is_stalled => {
                self.phase = Phase::Stalled(self.shared.clock.now().mono);
                self.set_timer();
            }
            Phase::Stalled(_) if !is_stalled => self.phase = Phase::Serving,
            Phase::Serving | Phase::Stalled(_) | Phase::LastWords(_) | Phase::Lingering(_) => {}
        }
    }

    /// Does what the mail says, or notes it.
    fn obey(&mut self, mail: &Mail) {
        if let Some((keep_alive_s, packet_bytes_max)) = mail.accepted {
            self.intake.on_accepted(self.shared.clock.now().mono, keep_alive_s, packet_bytes_max);
            self.set_timer();
        }
        if mail.is_exchanging {
            self.intake.on_exchange();
        }
        if mail.is_resumed {
            self.intake.on_resumed();
        }
        self.is_due |= mail.is_due;
    }

    /// Goes on with a slice of what others have begun, and then with its own client all the same.
    fn serve(&mut self, post: &Post, context: &mut Context<'_>, scratch: &mut Scratch) -> Turn {
        let has_worked = scratch.has_work || self.intake.is_paused();
        if has_worked {
            self.shared.work(Some(&self.conn), scratch);
            if self.intake.is_paused() {
                return Turn::Yield;
            }
        }
        let turn = self.take_in(post, context, scratch);
        if has_worked && turn == Turn::Again { Turn::Yield } else { turn }
    }

    /// Offers what was kept, or reads and offers that.
    fn take_in(&mut self, post: &Post, context: &mut Context<'_>, scratch: &mut Scratch) -> Turn {
        if self.intake.can_offer() {
            self.intake.offer_kept(&self.shared, &self.conn, scratch);
            self.intake.weigh(&self.shared, &self.conn, scratch);
            return Turn::Again;
        }
        if post.is_choked || !self.intake.can_read() {
            return Turn::Wait;
        }
        let mut buffer = scratch.take_read_buffer();
        let most = if self.shared.memory.is_pressed() { PRESSED_READ } else { buffer.len() };
        let bytes_max = self.intake.read_bytes_max().min(most).min(buffer.len());
        let result = self.transport.poll_read(self.conn.socket(), context, &mut buffer[..bytes_max]);
        let buffer = buffer.freeze();
        let turn = match result {
            Poll::Pending => Turn::Wait,
            Poll::Ready(Ok(count)) if count > 0 => {
                self.intake.take(&buffer.slice(..count), &self.shared, &self.conn, scratch);
                self.intake.weigh(&self.shared, &self.conn, scratch);
                Turn::Again
            }
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => Turn::Again,
            // A layer above the socket has refused it and says why.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::InvalidData => self.close_gently(scratch),
            Poll::Ready(_) => self.close(Cause::Closed, scratch),
        };
        scratch.give_read_buffer(buffer);
        turn
    }

    /// The connection is over, but the far end shall read why.
    fn close_gently(&mut self, scratch: &mut Scratch) -> Turn {
        self.close(Cause::Closed, scratch);
        self.phase = Phase::Lingering(self.shared.clock.now().mono.plus_ms(LINGERING_MS_MAX));
        self.set_timer();
        Turn::Again
    }

    /// The far end is gone.
    fn close(&mut self, cause: Cause, scratch: &mut Scratch) -> Turn {
        let now = self.shared.clock.now();
        self.intake.leave(now, &self.shared, &self.conn, scratch, |link| Input::Parted { link, cause });
        Turn::Over
    }

    /// A deadline has come: keep alive, the time to connect, a far end that takes nothing, or the last words.
    fn on_deadline(&mut self, post: &Post, scratch: &mut Scratch) {
        let now = self.shared.clock.now();
        match self.phase {
            Phase::LastWords(until) | Phase::Lingering(until) if until <= now.mono => {
                self.conn.outbox().close(Closing::Now);
            }
            Phase::Stalled(since) if now.mono.since_ms(since) >= STALLED_MS_MAX => {
                self.close(Cause::Slow, scratch);
                self.conn.outbox().close(Closing::Now);
            }
            Phase::Serving | Phase::Stalled(_) => match self.check_silence(post, now.mono) {
                Ok(()) => self.set_timer(),
                Err(Violation::KeepAliveTimeout) => {
                    let input = |link| Input::Parted { link, cause: Cause::KeepAlive };
                    self.intake.say(Violation::KeepAliveTimeout, &self.shared, &self.conn, scratch);
                    self.intake.leave(now, &self.shared, &self.conn, scratch, input);
                }
                Err(violation) => self.intake.violate(now, violation, &self.shared, &self.conn, scratch),
            },
            Phase::LastWords(_) | Phase::Lingering(_) => self.set_timer(),
        }
    }

    /// A client that we do not read, because its answers wait for the log, is not silent.
    fn check_silence(&mut self, post: &Post, now: Mono) -> Result<(), Violation> {
        if post.is_held { self.intake.on_unread(now) } else { self.intake.on_timeout(now) }
    }

    /// Moves the timer to the next deadline there is.
    fn set_timer(&mut self) {
        if let Some(key) = self.timer.take() {
            self.shared.deadlines.cancel(key);
        }
        let deadline = match self.phase {
            Phase::LastWords(until) | Phase::Lingering(until) => Some(until),
            Phase::Serving => self.intake.next_deadline(),
            Phase::Stalled(since) => {
                let link = self.intake.next_deadline();
                link.into_iter().chain([since.plus_ms(STALLED_MS_MAX)]).min()
            }
        };
        if let Some(deadline) = deadline {
            self.timer = Some(self.shared.deadlines.insert(deadline, &self.conn));
        }
    }

    fn begin_last_words(&mut self, closing: Closing) -> Turn {
        if closing == Closing::Flushed && self.conn.outbox().is_empty() {
            return Turn::Over;
        }
        self.phase = Phase::LastWords(self.shared.clock.now().mono.plus_ms(LAST_WORDS_MS_MAX));
        self.set_timer();
        Turn::Again
    }

    fn end_last_words(&mut self, closing: Closing, context: &mut Context<'_>) -> Turn {
        if closing != Closing::Lingering {
            return Turn::Over;
        }
        match (&mut self.transport, self.conn.socket()) {
            (Transport::Task(task), _) => task.shut_down(context),
            (Transport::Direct, Some(socket)) => socket.shut_down(),
            (Transport::Direct, None) => {}
        }
        self.phase = Phase::Lingering(self.shared.clock.now().mono.plus_ms(LINGERING_MS_MAX));
        self.set_timer();
        Turn::Again
    }

    fn read_and_forget(&mut self, context: &mut Context<'_>, scratch: &mut Scratch) -> Turn {
        let mut buffer = scratch.take_read_buffer();
        let result = self.transport.poll_read(self.conn.socket(), context, &mut buffer);
        scratch.give_read_buffer(buffer.freeze());
        match result {
            Poll::Pending => Turn::Wait,
            Poll::Ready(Ok(count)) if count > 0 => Turn::Again,
            Poll::Ready(_) => Turn::Over,
        }
    }
}

impl Future for LinkTask {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let task = self.get_mut();
        let (turn, has_work) = scratch::with(|scratch| {
            // Until this turn has come to its end, whoever drops the task hands the work over.
            scratch.has_work = core::mem::replace(&mut task.has_work, true);
            let turn = task.turn(context, scratch);
            (turn, scratch.has_work)
        });
        task.has_work = false;
        match turn {
            Turn::Over => {
                if has_work {
                    task.shared.deadlines.hand_over_work();
                }
                Poll::Ready(())
            }
            Turn::Wait if has_work => {
                task.shared.deadlines.hand_over_work();
                Poll::Pending
            }
            Turn::Wait => Poll::Pending,
            Turn::Again | Turn::Yield => {
                task.has_work = has_work;
                yield_to_sockets(context)
            }
        }
    }
}

/// Wakes the task behind all others that are ready, and not before the runtime has looked at its sockets: a task
/// that wakes itself lets 60 turns pass until then, and each may be a slice of a fan-out.
fn yield_to_sockets(context: &mut Context<'_>) -> Poll<()> {
    core::pin::pin!(tokio::task::yield_now()).poll(context)
}

impl Drop for LinkTask {
    /// Whatever ended the task, the engine hears of it.
    fn drop(&mut self) {
        if let Some(key) = self.timer.take() {
            self.shared.deadlines.cancel(key);
        }
        self.intake.weigh_nothing(&self.shared);
        self.shared.memory.charges.on_stream_over(self.conn.stream_bytes());
        let has_work = scratch::with(|scratch| {
            scratch.has_work = self.has_work;
            self.close(Cause::Closed, scratch);
            scratch.has_work
        });
        if has_work {
            self.shared.deadlines.hand_over_work();
        }
    }
}
