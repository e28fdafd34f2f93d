//! The broker as an embedder sees it.
//!
//! Owns: starting, stopping, and the threads in between.

use crate::clock::Clock;
use crate::conn::{Conn, Exit};
use crate::deadlines::{self, Which};
use crate::error::{Error, ErrorKind};
use crate::failure::Failure;
use crate::handle::Handle;
use crate::link_task::LinkTask;
use crate::listen::{Connections, Listen, ListenerInfo};
use crate::listeners::{Bound, Listeners};
use crate::log_threads::{self, Closer};
use crate::memory::{self, ListenerMemory, MemoryInfo};
use crate::observer::Observer;
use crate::shared::{Core, Plugins, Shared};
use crate::store::{self, Durability, Making, Opened, Restored, Settings};
use crate::transport::Transport;
use crate::workers::Workers;
use crate::{defaults, scratch, seeds};
use postrider_engine::{Durability as Promise, Engine, Limits, Who};
use postrider_journal::OnDamage;
use postrider_net::Descriptors;
use postrider_net::tls::TlsOptions;
use postrider_ports::{
    Answer, Authenticate, Authorize, ClientId, Control, Counters, ListenerId, Observe, PartitionId, Peer, Principal,
    Question, SessionInfo,
};
use postrider_proto::ReasonCode;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running MQTT broker. Dropping it ends it at once, but for a second at most that its data directory may take;
/// [`Broker::shutdown`] says good-bye first.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let broker = postrider::Broker::builder().listen("127.0.0.1:0".parse()?).start()?;
/// println!("listening on {}", broker.addresses()[0]);
/// broker.shutdown(std::time::Duration::from_secs(1)).await;
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
pub struct Broker {
    shared: Arc<Shared>,
    listeners: Listeners,
    deadlines: Option<JoinHandle<()>>,
    memory: Option<JoinHandle<()>>,
    workers: Arc<Workers>,
    closer: Option<Closer>,
    restored: Option<Restored>,
}

/// What a broker is to be like; see [`Broker::builder`].
pub struct Builder {
    listens: Vec<Listen>,
    limits: Limits,
    threads: usize,
    authenticate: Option<Box<dyn Authenticate>>,
    authorize: Option<Box<dyn Authorize>>,
    controls: Vec<(Box<str>, Box<dyn Control>)>,
    observe: Option<Box<dyn FnOnce() -> std::io::Result<Observer>>>,
    connections_max: Option<u64>,
    memory_bytes_max: u64,
    open: Option<Box<Open>>,
    store: Settings,
}

/// Opens a log that was named.
type Open = dyn FnOnce(Settings, Making) -> Result<Opened, Error>;

impl Broker {
    /// A broker with the defaults: no listener, everybody allowed, nothing kept on disk.
    #[must_use]
    pub fn builder() -> Builder {
        Builder {
            listens: Vec::new(),
            limits: defaults::limits(),
            threads: 0,
            authenticate: None,
            authorize: None,
            controls: Vec::new(),
            observe: None,
            connections_max: None,
            memory_bytes_max: u64::MAX,
            open: None,
            store: Settings::default(),
        }
    }

    /// The TCP addresses it listens on, in the order the listeners were asked for, with the ports that were chosen.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.addresses()
    }

    /// All its listeners, in the order they were asked for.
    #[must_use]
    pub fn listeners(&self) -> Vec<ListenerInfo> {
        self.listeners.all()
    }

    /// Listens at one place more. Must be called within the runtime that [`Builder::start`] was called in.
    ///
    /// # Errors
    /// [`ErrorKind::Listen`], [`ErrorKind::ListenElsewhere`], [`ErrorKind::Tls`], [`ErrorKind::Stopped`].
    pub fn add_listener(&self, listen: impl Into<Listen>) -> Result<ListenerId, Error> {
        let bound = {
            let _guard = self.workers.acceptors().enter();
            Bound::new(listen.into())?
        };
        self.listeners.begin(bound, &self.shared, &self.workers)
    }

    /// Stops listening there; false if there is no such listener. When this returns, the address is free.
    pub async fn remove_listener(&self, id: ListenerId, connections: Connections) -> bool {
        let is_removed = self.listeners.remove(id).await;
        if is_removed && connections == Connections::End {
            self.shared.end_through(id);
        }
        is_removed
    }

    /// Reads certificates, keys, authorities and lists of revoked certificates of all listeners again, and returns how many
    /// listeners have any. New connections use what was read; those that are there stay. If anything is wrong, nothing
    /// changes.
    ///
    /// # Errors
    /// [`ErrorKind::Tls`].
    pub fn reload_tls(&self) -> Result<usize, Error> {
        self.listeners.reload_tls()
    }

    /// Serves a connection of the embedder's own, such as one end of a pipe or a TLS stream. `peer` is what
    /// logs call the far end. Must be called within a tokio runtime.
    pub fn attach(&self, stream: impl AsyncRead + AsyncWrite + Send + 'static, peer: &str) {
        let conn = Arc::new(Conn::new(Exit::TASK));
        let since = self.shared.clock.now().mono;
        let task = LinkTask::new(self.shared.clone(), conn, Transport::task(stream), Peer::from(peer), None, since);
        tokio::spawn(task);
    }

    /// From now on clients are allowed something else. What a client that is in was told holds on for it, and nothing
    /// is taken from it. The number of partitions, the size of outboxes and what an acknowledgement promises stay.
    pub fn adopt(&self, limits: Limits) {
        self.shared.adopt(limits);
    }

    /// At most this much memory from now on; see [`Builder::memory_bytes_max`].
    pub fn set_memory_bytes_max(&self, bytes: u64) {
        self.shared.memory.set_bytes_max(bytes);
    }

    /// How much memory there is, and for whom it is kept. Takes a moment for each session.
    #[must_use]
    pub fn memory(&self) -> MemoryInfo {
        self.shared.memory_info()
    }

    /// What of it is kept for the clients of each listener.
    #[must_use]
    pub fn memory_by_listener(&self) -> Vec<ListenerMemory> {
        self.shared.memory_by_listener()
    }

    /// Whether the plugins that were given to the builder are asked who clients are, and what they may do. From the
    /// start they are; whoever has nothing to ask at the moment saves the questions. What is not asked is allowed.
    pub fn consult(&self, authenticate: bool, authorize: bool) {
        self.shared.consult(authenticate, authorize);
    }

    /// Gives one listener other certificates, authorities or ciphers, for new connections; false if there is no such
    /// listener, or it has no TLS.
    ///
    /// # Errors
    /// [`ErrorKind::Tls`]; then nothing changes.
    pub fn replace_tls(&self, id: ListenerId, options: TlsOptions) -> Result<bool, Error> {
        self.listeners.replace_tls(id, options)
    }

    /// What has been counted.
    ///
    /// # Errors
    /// [`ErrorKind::Stopped`].
    pub async fn counters(&self) -> Result<Counters, Error> {
        match self.shared.ask(Question::Counters).await {
            Ok(Answer::Counters(counters)) => Ok(*counters),
            _ => Err(Error::stopped()),
        }
    }

    /// One session, connected or not; `None` when there is none with this identifier.
    ///
    /// # Errors
    /// [`ErrorKind::Stopped`].
    pub async fn session(&self, client_id: &str) -> Result<Option<SessionInfo>, Error> {
        match self.shared.ask(Question::Session(ClientId::from(client_id))).await {
            Ok(Answer::Session(info)) => Ok(info.map(|info| *info)),
            _ => Err(Error::stopped()),
        }
    }

    /// Ends a client's connection with reason 0x98; false when it has none. Its session stays.
    ///
    /// # Errors
    /// [`ErrorKind::Stopped`].
    pub async fn disconnect(&self, client_id: &str) -> Result<bool, Error> {
        match self.shared.ask(Question::Disconnect(ClientId::from(client_id))).await {
            Ok(Answer::Ended(count)) => Ok(count > 0),
            _ => Err(Error::stopped()),
        }
    }

    /// Ends the connections of principals that are let in no more, with reason 0x87; returns how many. Their sessions stay.
    ///
    /// # Errors
    /// [`ErrorKind::Stopped`].
    pub async fn dismiss(&self, principals: impl IntoIterator<Item = Principal>) -> Result<u64, Error> {
        let principals = principals.into_iter().map(Some);
        self.handle().end_connections(principals, ReasonCode::NotAuthorized).await
    }

    /// What clients may do has changed: every answer of the [`Authorize`] plugin is forgotten, and it is asked anew
    /// about every subscription there is. Those that it denies end, and what waits because of them is not delivered.
    /// How many sessions it is asked about; it goes on when this has returned.
    ///
    /// # Errors
    /// [`ErrorKind::Stopped`].
    pub async fn review(&self) -> Result<u64, Error> {
        self.handle().review().await
    }

    /// A handle for somebody who is no owner of the broker, such as a plugin whose answers change.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::new(&self.shared)
    }

    /// What was found in the data directory; nothing if all is in memory.
    #[must_use]
    pub const fn restored(&self) -> Option<&Restored> {
        self.restored.as_ref()
    }

    /// Ends if the broker has to stop because its data directory fails: nothing is acknowledged any more, and every
    /// connection is closed. Otherwise it never ends, not even with the broker.
    pub fn failed(&self) -> impl Future<Output = Failure> + Send + 'static {
        let mut failure = self.shared.failed();
        async move {
            match failure.wait_for(Option::is_some).await.map(|failure| failure.clone()) {
                Ok(Some(failure)) => failure,
                _ => std::future::pending().await,
            }
        }
    }

    /// Stops listening, tells every 5.0 client 0x8B, writes what waits for the sockets and closes them: within
    /// `grace`; false when connections had to be cut then. At last everything there is to know is made durable, also
    /// the acknowledgements of the last moment; if that goes wrong, [`Broker::failed`] ends.
    pub async fn shutdown(mut self, grace: Duration) -> bool {
        let is_done = tokio::time::timeout(grace, self.say_good_bye()).await.is_ok();
        self.shared.end();
        let _ = tokio::time::timeout(CUT, self.shared.census.all_ended()).await;
        if self.closer.is_some() {
            // Whatever was heard meanwhile, and what the grace did not suffice for. A log that fails ends the waiting.
            let _ = self.shared.ask(Question::Shutdown).await;
            let (done, closed) = oneshot::channel();
            // Who asked may have gone.
            self.close_log(move || _ = done.send(()));
            let _ = closed.await;
        }
        is_done
    }

    /// Makes the log durable and closes it, on a thread of its own: a device that does not answer holds nobody up. `done`
    /// hears of the end.
    fn close_log(&mut self, done: impl FnOnce() + Send + 'static) {
        self.shared.end_log();
        let (closer, shared) = (self.closer.take(), self.shared.clone());
        let close = move || {
            if let (Some(Err(fault)), Some(log)) = (closer.map(Closer::close), &shared.log) {
                shared.fail(Failure::new(&log.directory, fault));
            }
            done();
        };
        // Without a thread it is done by whoever drops it, which is this one.
        let _ = std::thread::Builder::new().name("postrider-closing".to_owned()).spawn(close);
    }

    async fn say_good_bye(&self) {
        self.listeners.end().await;
        self.shared.refuse_newcomers();
        let _ = self.shared.ask(Question::Shutdown).await;
        self.shared.deadlines.close(Which::Unnamed);
        self.shared.census.all_ended().await;
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.listeners.abort();
        for task in self.deadlines.iter().chain(&self.memory) {
            task.abort();
        }
        self.shared.end();
        self.workers.stop();
        if let Some(log) = &self.shared.log {
            log.end();
        }
        if self.closer.is_some() {
            let (done, closed) = mpsc::channel();
            // Who asked may have gone.
            self.close_log(move || _ = done.send(()));
            let _ = closed.recv_timeout(DROPPED);
        }
    }
}

impl Builder {
    /// Listens on a TCP address; may be called several times. Port 0 takes a free one.
    #[must_use]
    pub fn listen(self, address: SocketAddr) -> Self {
        self.listen_on(Listen::tcp(address))
    }

    /// Listens as it is described; may be called several times.
    #[must_use]
    pub fn listen_on(mut self, listen: Listen) -> Self {
        self.listens.push(listen);
        self
    }

    /// Replaces everything that clients are allowed; begin with [`defaults::limits`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Serves connections on this many threads of the broker's own. Default 0: on the runtime that calls
    /// [`Builder::start`].
    #[must_use]
    pub const fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// At most this many connections. Default: what the process's limit of open files leaves.
    #[must_use]
    pub const fn connections_max(mut self, connections: u64) -> Self {
        self.connections_max = Some(connections);
        self
    }

    /// At most this much memory for the whole process: when it becomes short, newcomers wait outside, messages with QoS 0
    /// for clients that do not keep up are dropped, and what would need memory waits or is refused. Default: any.
    #[must_use]
    pub const fn memory_bytes_max(mut self, bytes: u64) -> Self {
        self.memory_bytes_max = bytes;
        self
    }

    /// Lets a plugin decide who clients are. Default: everybody is let in, anonymously.
    #[must_use]
    pub fn authenticate(mut self, plugin: impl Authenticate) -> Self {
        self.authenticate = Some(Box::new(plugin));
        self
    }

    /// Lets a plugin decide what clients may do. Default: everything.
    #[must_use]
    pub fn authorize(mut self, plugin: impl Authorize) -> Self {
        self.authorize = Some(Box::new(plugin));
        self
    }

    /// Gives a plugin what clients publish to `$CONTROL/NAME/v1`; may be called for several names. Only those get
    /// there whom the plugin of [`Builder::authorize`] allows it, and nobody if there is none.
    #[must_use]
    pub fn control(mut self, name: &str, plugin: impl Control) -> Self {
        self.controls.retain(|(served, _)| **served != *name);
        self.controls.push((name.into(), Box::new(plugin)));
        self
    }

    /// Lets somebody watch. Default: nobody, and no event is made.
    #[must_use]
    pub fn observe(mut self, observer: impl Observe) -> Self {
        self.observe = Some(Box::new(move || Observer::start(observer)));
        self
    }

    /// Keeps sessions and messages in this directory, which is made if it is not there: what is acknowledged is there
    /// after a restart. Default: in memory.
    #[must_use]
    pub fn data_directory(mut self, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        self.open = Some(Box::new(move |settings, making| store::open_directory(&path, settings, making)));
        self
    }

    /// Keeps them in a storage of the embedder's own, which people know as `name`.
    #[must_use]
    pub fn data_storage<S: postrider_journal::Storage>(mut self, storage: S, name: impl Into<PathBuf>) -> Self {
        let name = name.into();
        self.open = Some(Box::new(move |settings, making| store::open(storage, &name, settings, making)));
        self
    }

    /// What an acknowledgement promises if there is a data directory. Default: [`Durability::Fsync`].
    #[must_use]
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.store.durability = durability;
        self
    }

    /// Starts with what is whole if the data is damaged; what is not is put aside, and [`Restored::losses`] tells what
    /// that was. Default: the broker does not start.
    #[must_use]
    pub const fn accept_loss(mut self) -> Self {
        self.store.damage = OnDamage::AcceptLoss;
        self
    }

    /// Does not start if there is no data yet: then the directory is the wrong one. Default: it is begun.
    #[must_use]
    pub const fn data_must_exist(mut self) -> Self {
        self.store.is_new_allowed = false;
        self
    }

    /// How large the files of the log are; three of them take their room on the device at once. Default: 64 MiB.
    #[must_use]
    pub const fn log_file_bytes(mut self, bytes: u64) -> Self {
        self.store.file_bytes = Some(bytes);
        self
    }

    /// Hears now and then, while the data is read, how many records that were.
    #[must_use]
    pub fn on_progress(mut self, hear: impl FnMut(u64) + 'static) -> Self {
        self.store.progress = Some(Box::new(hear));
        self
    }

    /// Starts the broker. Must be called within a tokio runtime. It reads the data directory, which takes a second or
    /// two for each gigabyte.
    ///
    /// # Errors
    /// [`ErrorKind::Listen`], [`ErrorKind::ListenElsewhere`], [`ErrorKind::Tls`], [`ErrorKind::Thread`]; with a data directory also [`ErrorKind::InUse`],
    /// [`ErrorKind::NoStore`], [`ErrorKind::Newer`], [`ErrorKind::Damaged`], [`ErrorKind::Device`].
    pub fn start(mut self) -> Result<Broker, Error> {
        let thread = |source| Error::new(ErrorKind::Thread, source);
        let observer = self.observe.take().map(|start| start()).transpose().map_err(thread)?;
        let who = |is_plugin| if is_plugin { Who::Plugin } else { Who::Nobody };
        self.limits.authenticate = who(self.authenticate.is_some());
        self.limits.authorize = who(self.authorize.is_some());
        self.limits.controls = self.controls.iter().map(|(name, _)| name.clone()).collect();
        self.limits.is_observed = observer.is_some();
        self.limits.partitions = 1;
        self.limits.durability = match (&self.open, self.store.durability) {
            (None, _) => Promise::Memory,
            (Some(_), Durability::Os) => Promise::Os,
            (Some(_), Durability::Fsync) => Promise::Fsync,
        };
        let (clock, seeds) = (Clock::new(), seeds::random());
        let (core, closer, restored) = match self.open.take() {
            None => (Core::in_memory(Engine::new(self.limits, PartitionId(0), seeds)), None, None),
            Some(open) => {
                let Opened { core, closer, restored } =
                    open(self.store, Making { limits: self.limits, seeds, now: clock.now() })?;
                (core, Some(closer), Some(restored))
            }
        };
        let (authenticate, authorize, controls) = (self.authenticate, self.authorize, self.controls);
        let plugins = Plugins { authenticate, authorize, controls, observer };
        let descriptors = match self.connections_max {
            Some(maximum) => Descriptors::with_maximum(maximum),
            None => Descriptors::within_limit(),
        };
        let shared = Shared::new(core, clock, plugins, descriptors);
        shared.memory.set_bytes_max(self.memory_bytes_max);
        let workers = Arc::new(Workers::start(self.threads, &shared).map_err(thread)?);
        // From here on whatever goes wrong ends what has begun.
        let listeners = Listeners::default();
        let mut broker = Broker { shared, listeners, deadlines: None, memory: None, workers, closer, restored };
        broker.begin(self.listens)?;
        Ok(broker)
    }
}

impl Broker {
    fn begin(&mut self, listens: Vec<Listen>) -> Result<(), Error> {
        let (shared, workers) = (&self.shared, &self.workers);
        log_threads::start(shared).map_err(|source| Error::new(ErrorKind::Thread, source))?;
        // What the broker says of itself is there before the first client, and what sessions of an earlier run may not
        // have any more is gone.
        scratch::with(|scratch| {
            shared.tick(scratch);
            shared.review(scratch);
        });
        let bound = {
            let _guard = workers.acceptors().enter();
            // All of them have their addresses before the first takes somebody.
            listens.into_iter().map(Bound::new).collect::<Result<Vec<_>, _>>()?
        };
        self.deadlines = Some(tokio::spawn(deadlines::run(shared.clone())));
        self.memory = Some(tokio::spawn(memory::run(shared.clone())));
        for bound in bound {
            self.listeners.begin(bound, shared, workers)?;
        }
        Ok(())
    }
}

/// How long a broker that is dropped waits for its data directory.
const DROPPED: Duration = Duration::from_secs(1);
/// How long connections that are cut may take to notice.
const CUT: Duration = Duration::from_millis(100);
