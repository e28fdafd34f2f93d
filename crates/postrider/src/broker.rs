//! The broker as an embedder sees it.
//!
//! Owns: starting, stopping, and the threads in between.

use crate::acceptor;
use crate::conn::{Conn, Exit};
use crate::deadlines::{self, Which};
use crate::error::{Error, ErrorKind};
use crate::link_task::LinkTask;
use crate::observer::Observer;
use crate::shared::{Plugins, Shared};
use crate::transport::Transport;
use crate::workers::Workers;
use crate::{defaults, scratch, seeds};
use postrider_engine::{Engine, Limits, Who};
use postrider_net::{Descriptors, Listener};
use postrider_ports::{
    Answer, Authenticate, Authorize, ClientId, Counters, ListenerId, Observe, PartitionId, Peer, Question, SessionInfo,
};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;

/// A running MQTT broker. Dropping it ends it at once; [`Broker::shutdown`] says good-bye first.
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
    addresses: Vec<SocketAddr>,
    tasks: Vec<JoinHandle<()>>,
    workers: Arc<Workers>,
}

/// What a broker is to be like; see [`Broker::builder`].
pub struct Builder {
    addresses: Vec<SocketAddr>,
    limits: Limits,
    threads: usize,
    authenticate: Option<Box<dyn Authenticate>>,
    authorize: Option<Box<dyn Authorize>>,
    observe: Option<Box<dyn FnOnce() -> std::io::Result<Observer>>>,
    connections_max: Option<u64>,
}

impl Broker {
    /// A broker with the defaults: no listener, everybody allowed, nothing kept on disk.
    #[must_use]
    pub fn builder() -> Builder {
        Builder {
            addresses: Vec::new(),
            limits: defaults::limits(),
            threads: 0,
            authenticate: None,
            authorize: None,
            observe: None,
            connections_max: None,
        }
    }

    /// Where it listens, in the order the listeners were asked for, with the ports that were chosen.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Serves a connection of the embedder's own, such as one end of a pipe or a TLS stream. `peer` is what
    /// logs call the far end. Must be called within a tokio runtime.
    pub fn attach(&self, stream: impl AsyncRead + AsyncWrite + Send + 'static, peer: &str) {
        let conn = Arc::new(Conn::new(Exit::Task));
        let task = LinkTask::new(self.shared.clone(), conn, Transport::task(stream), Peer::from(peer), None);
        tokio::spawn(task);
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

    /// Stops listening, tells every 5.0 client 0x8B, writes what waits for the sockets and closes them. Ends
    /// after `grace` at the latest; false when connections had to be cut then.
    pub async fn shutdown(mut self, grace: Duration) -> bool {
        let is_done = tokio::time::timeout(grace, self.say_good_bye()).await.is_ok();
        self.shared.end();
        let _ = tokio::time::timeout(CUT, self.shared.census.all_ended()).await;
        is_done
    }

    async fn say_good_bye(&mut self) {
        let acceptors = self.tasks.split_off(1);
        acceptors.iter().for_each(JoinHandle::abort);
        for acceptor in acceptors {
            // An acceptor that was stopped has closed its listener.
            let _ = acceptor.await;
        }
        self.shared.refuse_newcomers();
        let _ = self.shared.ask(Question::Shutdown).await;
        self.shared.deadlines.close(Which::Unnamed);
        self.shared.census.all_ended().await;
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
        }
        self.shared.end();
        self.workers.stop();
    }
}

impl Builder {
    /// Listens on a TCP address; may be called several times. Port 0 takes a free one.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.addresses.push(address);
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

    /// Lets somebody watch. Default: nobody, and no event is made.
    #[must_use]
    pub fn observe(mut self, observer: impl Observe) -> Self {
        self.observe = Some(Box::new(move || Observer::start(observer)));
        self
    }

    /// Starts the broker. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`ErrorKind::Listen`], [`ErrorKind::Thread`].
    pub fn start(mut self) -> Result<Broker, Error> {
        let thread = |source| Error::new(ErrorKind::Thread, source);
        let observer = self.observe.take().map(|start| start()).transpose().map_err(thread)?;
        let who = |is_plugin| if is_plugin { Who::Plugin } else { Who::Nobody };
        self.limits.authenticate = who(self.authenticate.is_some());
        self.limits.authorize = who(self.authorize.is_some());
        self.limits.is_observed = observer.is_some();
        self.limits.partitions = 1;
        let engine = Engine::new(self.limits, PartitionId(0), seeds::random());
        let plugins = Plugins { authenticate: self.authenticate, authorize: self.authorize, observer };
        let descriptors = match self.connections_max {
            Some(maximum) => Descriptors::with_maximum(maximum),
            None => Descriptors::within_limit(),
        };
        let shared = Shared::new(engine, plugins, descriptors);
        // What the broker says of itself is there before the first client.
        scratch::with(|scratch| shared.tick(scratch));
        let workers = Arc::new(Workers::start(self.threads, &shared).map_err(thread)?);
        let acceptors = workers.acceptors();
        let listen = |address| {
            let _guard = acceptors.enter();
            Listener::bind(address).map_err(|source| Error::new(ErrorKind::Listen(address), source))
        };
        let listeners = self.addresses.into_iter().map(listen).collect::<Result<Vec<_>, _>>()?;
        let addresses = listeners.iter().map(Listener::address).collect();
        let mut tasks = vec![tokio::spawn(deadlines::run(shared.clone()))];
        for (id, listener) in (0..).map(ListenerId).zip(listeners) {
            tasks.push(acceptors.spawn(acceptor::run(listener, id, shared.clone(), workers.clone())));
        }
        Ok(Broker { shared, addresses, tasks, workers })
    }
}

/// How long connections that are cut may take to notice.
const CUT: Duration = Duration::from_millis(100);
