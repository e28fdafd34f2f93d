//! What all threads of a broker share, and the one way into the partition.
//!
//! Owns: the sequence enter, handle, apply, leave, flush.

use crate::census::Census;
use crate::clock::Clock;
use crate::conn::Conn;
use crate::deadlines::{Deadlines, Which};
use crate::failure::Failure;
use crate::log::Log;
use crate::log_threads::LogPost;
use crate::memory::{Look, Memory};
use crate::meter::Meter;
use crate::observer::Observer;
use crate::outbox::Closing;
use crate::partition::Partition;
use crate::scratch::{self, Scratch};
use postrider_engine::{Engine, Input, Judge, Limits, Tray, Verdict, Who};
use postrider_journal::Refused;
use postrider_net::Descriptors;
use postrider_ports::{
    Answer, Authenticate, AuthenticateAnswer, Authorize, Control, Event, ListenerId, Question, Reply, Ticket,
};
use postrider_session::{LinkLimits, Mono, Now, Sequence};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use tokio::sync::{oneshot, watch};

/// The broker as its threads see it.
pub(crate) struct Shared {
    partition: Mutex<Partition>,
    pub(crate) clock: Clock,
    link_limits: RwLock<LinkTable>,
    /// Bytes written to a socket after which the engine is told of the room.
    pub(crate) room_enough: u32,
    pub(crate) deadlines: Deadlines,
    pub(crate) descriptors: Arc<Descriptors>,
    pub(crate) census: Census,
    pub(crate) meter: Meter,
    pub(crate) memory: Memory,
    /// Nothing if all is in memory.
    pub(crate) log: Option<LogPost>,
    failure: watch::Sender<Option<Failure>>,
    /// Nobody is let in any more.
    is_over: AtomicBool,
    authenticate: Option<Box<dyn Authenticate>>,
    authorize: Option<Box<dyn Authorize>>,
    /// Whether these two are asked.
    is_anybody_asked: AtomicBool,
    is_leave_asked: AtomicBool,
    /// By the name in `$CONTROL/NAME/v1`.
    controls: Vec<(Box<str>, Box<dyn Control>)>,
    observer: Option<Observer>,
}

/// What the own half of a link checks, by listener.
struct LinkTable {
    own: Vec<Arc<LinkLimits>>,
    others: Arc<LinkLimits>,
}

impl LinkTable {
    fn of(limits: &Limits) -> Self {
        let own = (0u16..).take(limits.listeners.len()).map(|at| Arc::new(limits.link_at(ListenerId(at)))).collect();
        Self { own, others: Arc::new(limits.link) }
    }
}

/// The powers an embedder has given away.
#[derive(Default)]
pub(crate) struct Plugins {
    pub(crate) authenticate: Option<Box<dyn Authenticate>>,
    pub(crate) authorize: Option<Box<dyn Authorize>>,
    pub(crate) controls: Vec<(Box<str>, Box<dyn Control>)>,
    pub(crate) observer: Option<Observer>,
}

/// The broker's state, and what it had to say when it was made.
pub(crate) struct Core {
    pub(crate) engine: Engine,
    pub(crate) tray: Tray,
    pub(crate) log: Option<(Log, LogPost)>,
}

impl Core {
    /// With everything in memory.
    pub(crate) fn in_memory(engine: Engine) -> Self {
        Self { engine, tray: Tray::new(), log: None }
    }
}

/// Reports of room that one batch may lead to before others get their turn.
const ROUNDS: u32 = 8;

impl Shared {
    pub(crate) fn new(core: Core, clock: Clock, plugins: Plugins, descriptors: Arc<Descriptors>) -> Arc<Self> {
        let Core { engine, tray, log } = core;
        let limits: &Limits = engine.limits();
        let (log, post) = log.unzip();
        Arc::new(Self {
            link_limits: RwLock::new(LinkTable::of(limits)),
            // Never 0: nothing written is nothing to report.
            room_enough: (limits.outbox_bytes_max / 2).max(1),
            partition: Mutex::new(Partition::new(engine, tray, log)),
            clock,
            deadlines: Deadlines::default(),
            descriptors,
            census: Census::default(),
            meter: Meter::default(),
            memory: Memory::default(),
            log: post,
            failure: watch::Sender::new(None),
            is_over: AtomicBool::new(false),
            is_anybody_asked: AtomicBool::new(true),
            is_leave_asked: AtomicBool::new(true),
            authenticate: plugins.authenticate,
            authorize: plugins.authorize,
            controls: plugins.controls,
            observer: plugins.observer,
        })
    }

    /// What the own half of a new link checks that came through this listener.
    pub(crate) fn link_limits(&self, listener: ListenerId) -> Arc<LinkLimits> {
        let table = self.link_limits.read().unwrap_or_else(PoisonError::into_inner);
        table.own.get(usize::from(listener.0)).unwrap_or(&table.others).clone()
    }

    /// From now on other limits hold.
    pub(crate) fn adopt(self: &Arc<Self>, limits: Limits) {
        let now = self.clock.now();
        let limits = self.asked(limits);
        *self.link_limits.write().unwrap_or_else(PoisonError::into_inner) = LinkTable::of(&limits);
        self.enter_alone(now, |partition| partition.handle(now, Input::Adopted(Box::new(limits))));
    }

    /// Whether the plugins that there are shall be asked from now on.
    pub(crate) fn consult(self: &Arc<Self>, authenticate: bool, authorize: bool) {
        self.is_anybody_asked.store(authenticate, Ordering::SeqCst);
        self.is_leave_asked.store(authorize, Ordering::SeqCst);
        let now = self.clock.now();
        self.enter_alone(now, |partition| {
            let limits = self.asked(partition.engine.limits().clone());
            partition.handle(now, Input::Adopted(Box::new(limits)))
        });
    }

    /// The limits with the plugins that are to be asked.
    fn asked(&self, limits: Limits) -> Limits {
        let who = |is_asked: &AtomicBool, is_there: bool| match is_there && is_asked.load(Ordering::SeqCst) {
            true => Who::Plugin,
            false => Who::Nobody,
        };
        Limits {
            authenticate: who(&self.is_anybody_asked, self.authenticate.is_some()),
            authorize: who(&self.is_leave_asked, self.authorize.is_some()),
            ..limits
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Partition> {
        self.partition.lock().expect("a thread panicked inside the engine: its state cannot be trusted any more")
    }

    /// Enters the partition with some work, applies what comes of it, leaves, and does what had to wait for
    /// that: writes to sockets, asks plugins, tells observers. `owner` is the connection whose task is
    /// calling.
    #[inline]
    pub(crate) fn enter<R>(
        self: &Arc<Self>,
        now: Now,
        owner: Option<&Arc<Conn>>,
        scratch: &mut Scratch,
        work: impl FnOnce(&mut Partition) -> R,
    ) -> R {
        let result = self.enter_only(owner, scratch, work);
        self.follow_up(now, owner, scratch);
        result
    }

    /// The first half of [`Shared::enter`]: the second, [`Shared::follow_up`], has to come soon.
    #[inline]
    pub(crate) fn enter_only<R>(
        &self,
        owner: Option<&Arc<Conn>>,
        scratch: &mut Scratch,
        work: impl FnOnce(&mut Partition) -> R,
    ) -> R {
        let mut partition = self.lock();
        // Who finds work leaves it to who is at it; a slice of it would come before his own client's small packet.
        let is_somebodys = partition.engine.has_work() && !scratch.has_work;
        let result = work(&mut partition);
        self.leave(partition, owner, scratch);
        scratch.has_work &= !is_somebodys;
        result
    }

    #[inline]
    fn leave(&self, mut partition: MutexGuard<'_, Partition>, owner: Option<&Arc<Conn>>, scratch: &mut Scratch) {
        partition.apply(owner, scratch);
        scratch.has_work = partition.engine.has_work();
        let deadline = partition.engine.next_deadline();
        scratch.must_look = self.memory.is_due(partition.passed_since_look());
        drop(partition);
        if let Some(log) = &self.log {
            log.on_left(scratch);
        }
        if let Some(deadline) = deadline {
            self.deadlines.expect(deadline);
        }
    }

    /// Flushes, and reports room until there is nothing more to report.
    #[inline]
    pub(crate) fn follow_up(self: &Arc<Self>, now: Now, owner: Option<&Arc<Conn>>, scratch: &mut Scratch) {
        scratch.rounds = ROUNDS;
        self.flush(scratch);
        while !scratch.rooms.is_empty() {
            scratch.rounds -= 1;
            let mut rooms = core::mem::take(&mut scratch.rooms);
            self.enter_only(owner, scratch, |partition| {
                rooms.drain(..).for_each(|(link, bytes)| partition.on_room(now, link, bytes));
            });
            scratch.rooms = rooms;
            self.flush(scratch);
        }
        if !scratch.judges.is_empty() || !scratch.events.is_empty() {
            self.tell_the_world(scratch);
        }
        if !scratch.loads.is_empty() || scratch.refused.is_some() {
            self.tell_the_log(scratch);
        }
        if scratch.must_look {
            self.look_at_memory(Look::Quick, scratch);
        }
    }

    #[inline]
    fn flush(&self, scratch: &mut Scratch) {
        scratch.unflushed = 0;
        let mut dirty = core::mem::take(&mut scratch.dirty);
        for conn in dirty.drain(..) {
            conn.flush(self.room_enough, scratch);
        }
        scratch.dirty = dirty;
    }

    /// Flushes one connection and whatever follows from the room in it.
    pub(crate) fn flush_one(self: &Arc<Self>, now: Now, conn: &Arc<Conn>, scratch: &mut Scratch) {
        scratch.rounds = ROUNDS;
        conn.flush(self.room_enough, scratch);
        self.follow_up(now, Some(conn), scratch);
    }

    #[cold]
    fn tell_the_world(self: &Arc<Self>, scratch: &mut Scratch) {
        for event in scratch.events.drain(..) {
            if let Some(observer) = &self.observer {
                observer.tell(event);
            }
        }
        for (ticket, question) in core::mem::take(&mut scratch.judges) {
            self.judge(ticket, question);
        }
    }

    /// Tells the observer, if there is one, of something that the engine does not know.
    pub(crate) fn observe(&self, event: impl FnOnce() -> Event) {
        if let Some(observer) = &self.observer {
            observer.tell(event());
        }
    }

    #[cold]
    fn tell_the_log(&self, scratch: &mut Scratch) {
        let Some(log) = &self.log else { return };
        scratch.loads.drain(..).for_each(|load| log.load(load));
        // While a broker ends, its log takes nothing any more.
        if let Some(refused) = scratch.refused.take().filter(|refused| *refused != Refused::Closed) {
            self.fail(Failure::new(&log.directory, refused));
        }
    }

    /// Lets out what has become durable; returns the records that are needed no more.
    pub(crate) fn advance_log(self: &Arc<Self>) -> Vec<Sequence> {
        let now = self.clock.now();
        self.alone(|scratch| {
            let mut partition = self.lock();
            let is_somebodys = partition.engine.has_work();
            let released = partition.on_advance(now, scratch);
            self.leave(partition, None, scratch);
            scratch.has_work &= !is_somebodys;
            self.follow_up(now, None, scratch);
            released
        })
    }

    /// The log is over, and so is the broker: nothing is acknowledged any more.
    #[cold]
    pub(crate) fn fail(&self, failure: Failure) {
        self.end_log();
        self.failure.send_if_modified(|known| {
            let is_first = known.is_none();
            known.get_or_insert(failure);
            is_first
        });
        self.end();
    }

    /// Nothing is appended from now on.
    pub(crate) fn end_log(&self) {
        self.partition.lock().unwrap_or_else(PoisonError::into_inner).end_log();
    }

    /// Ends when the log does by itself.
    pub(crate) fn failed(&self) -> watch::Receiver<Option<Failure>> {
        self.failure.subscribe()
    }

    /// Asks a plugin. Its answer enters the partition from whatever thread it comes on.
    fn judge(self: &Arc<Self>, ticket: Ticket, question: Judge) {
        let shared = self.clone();
        match question {
            Judge::Authenticate(request) => {
                let send = move |answer| shared.judged(ticket, Verdict::Authenticate(answer));
                let reply = Reply::new(send, AuthenticateAnswer::unavailable);
                if let Some(plugin) = &self.authenticate {
                    contain(|| plugin.begin(request, reply));
                }
            }
            Judge::Authorize(request) => {
                let send = move |answer| shared.judged(ticket, Verdict::Authorize(answer));
                let reply = Reply::new(send, Vec::new);
                if let Some(plugin) = &self.authorize {
                    contain(|| plugin.begin(request, reply));
                }
            }
            Judge::Control(request) => {
                let send = move |answer| shared.judged(ticket, Verdict::Control(answer));
                let reply = Reply::new(send, || None);
                let name = request.topic.split('/').nth(1).unwrap_or_default();
                if let Some((_, plugin)) = self.controls.iter().find(|(served, _)| **served == *name) {
                    contain(|| plugin.begin(request, reply));
                }
            }
        }
    }

    fn judged(self: &Arc<Self>, ticket: Ticket, verdict: Verdict) {
        let now = self.clock.now();
        self.enter_alone(now, |partition| partition.handle(now, Input::Judged { ticket, verdict }));
    }

    /// Lends the thread's workspace to somebody who does not come again to go on with work that is left.
    pub(crate) fn alone<R>(&self, act: impl FnOnce(&mut Scratch) -> R) -> R {
        scratch::with(|scratch| {
            scratch.has_work = false;
            let result = act(scratch);
            if core::mem::take(&mut scratch.has_work) {
                self.deadlines.hand_over_work();
            }
            result
        })
    }

    /// The same, for one input.
    pub(crate) fn enter_alone<R>(self: &Arc<Self>, now: Now, work: impl FnOnce(&mut Partition) -> R) -> R {
        self.alone(|scratch| self.enter(now, None, scratch, work))
    }

    /// From now on nobody is let in.
    pub(crate) fn refuse_newcomers(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    /// Whether somebody who comes now is let in.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// Ends every connection at once.
    pub(crate) fn end(&self) {
        self.refuse_newcomers();
        // Connections can be ended even if the engine cannot be trusted any more.
        let conns = self.partition.lock().unwrap_or_else(PoisonError::into_inner).conns();
        conns.iter().for_each(|conn| conn.close(Closing::Now));
        // And those that the partition does not know: not named yet, or saying their last words.
        self.deadlines.close(Which::All);
    }

    /// Ends the connections that came through one listener.
    pub(crate) fn end_through(&self, listener: ListenerId) {
        let conns = self.lock().conns();
        conns.iter().filter(|conn| conn.listener == listener).for_each(|conn| conn.close(Closing::Now));
        // And those that the partition does not know.
        self.deadlines.close(Which::Through(listener));
    }

    /// When the engine has to be ticked next.
    pub(crate) fn engine_deadline(&self) -> Option<Mono> {
        self.lock().engine.next_deadline()
    }

    /// Puts a question to the engine.
    pub(crate) fn ask(self: &Arc<Self>, question: Question) -> oneshot::Receiver<Answer> {
        let now = self.clock.now();
        self.enter_alone(now, |partition| {
            partition.tell_passed(now, &self.meter);
            partition.ask(now, question)
        })
    }

    /// Has a plugin judge every subscription, to the end of the list.
    pub(crate) fn review(self: &Arc<Self>, scratch: &mut Scratch) {
        if self.authorize.is_none() {
            return;
        }
        let now = self.clock.now();
        drop(self.enter(now, None, scratch, |partition| partition.ask(now, Question::Review)));
        while scratch.has_work {
            self.work(None, scratch);
        }
    }

    /// One slice of work that was cut up; `scratch` says whether there is more.
    pub(crate) fn work(self: &Arc<Self>, owner: Option<&Arc<Conn>>, scratch: &mut Scratch) {
        let now = self.clock.now();
        self.enter(now, owner, scratch, |partition| partition.handle(now, Input::Continue));
    }

    /// What is due in the engine.
    pub(crate) fn tick(self: &Arc<Self>, scratch: &mut Scratch) {
        let now = self.clock.now();
        self.enter(now, None, scratch, |partition| {
            partition.tell_passed(now, &self.meter);
            partition.handle(now, Input::Tick)
        });
    }
}

/// A plugin that panics has dropped its reply, and that is its answer. What else the thread has at hand belongs to
/// others.
fn contain(call: impl FnOnce()) {
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call));
}
