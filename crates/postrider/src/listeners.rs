//! The listeners of a running broker.
//!
//! Owns: their numbers, their tasks, and reading their certificates again.

use crate::acceptor;
use crate::door::Door;
use crate::error::{Error, ErrorKind};
use crate::listen::{Bind, Listen, ListenerInfo};
use crate::shared::Shared;
use crate::workers::Workers;
use postrider_net::tls::{Fresh, TlsOptions, TlsServer, Turns};
use postrider_net::{Address, Descriptors, Listener};
use postrider_ports::ListenerId;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::JoinHandle;

/// All that are listened on.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    entries: Vec<Entry>,
    next: u16,
    is_over: bool,
}

#[derive(Debug)]
struct Entry {
    door: Arc<Door>,
    address: Address,
    task: JoinHandle<()>,
}

/// A listener that has its address, and takes nobody yet.
#[derive(Debug)]
pub(crate) struct Bound {
    listener: Listener,
    listen: Listen,
    tls: Option<TlsServer>,
}

impl Bound {
    /// Reads its certificates, then takes the address. Within the runtime that is to accept.
    pub(crate) fn new(mut listen: Listen) -> Result<Self, Error> {
        let tls = listen.tls.take().map(TlsServer::new).transpose().map_err(Error::of_tls)?;
        let listener = match &mut listen.bind {
            Bind::Tcp(address) => {
                let bound = Listener::bind_with(*address, &listen.socket);
                bound.map_err(|source| Error::new(ErrorKind::Listen(*address), source))?
            }
            Bind::Unix(path, mode) => {
                let bound = Listener::bind_unix(path, *mode, &listen.socket);
                bound.map_err(|source| Error::of_listener(&format!("unix:{}", path.display()), source))?
            }
            Bind::Inherited(socket) => {
                let bound = socket.try_clone().and_then(|socket| Listener::inherit(socket, &listen.socket));
                bound.map_err(|source| Error::of_listener("an inherited socket", source))?
            }
        };
        Ok(Self { listener, listen, tls })
    }
}

impl Listeners {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nobody panics while the list is in pieces.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes connections from now on.
    pub(crate) fn begin(
        &self,
        bound: Bound,
        shared: &Arc<Shared>,
        workers: &Arc<Workers>,
    ) -> Result<ListenerId, Error> {
        let Bound { listener, listen, tls } = bound;
        let mut state = self.state();
        if state.is_over {
            return Err(Error::stopped());
        }
        let id = state.free_id().ok_or_else(|| Error::of_listener("one listener more", full()))?;
        let address = listener.address().clone();
        let door = Arc::new(Door {
            id,
            name: listen.name.unwrap_or_else(|| address.to_string()),
            port: address.tcp().map_or(0, |address| address.port()),
            places: listen.connections_max.map(|maximum| Descriptors::with_maximum(maximum.into())),
            proxy: listen.proxy,
            tls,
            websocket: listen.websocket,
            http: listen.http,
            turns: Turns::for_this_machine(),
        });
        let task = acceptor::run(listener, door.clone(), shared.clone(), workers.clone());
        let task = workers.acceptors().spawn(task);
        state.entries.push(Entry { door, address, task });
        Ok(id)
    }

    pub(crate) fn all(&self) -> Vec<ListenerInfo> {
        let info = |entry: &Entry| {
            let (id, name, address) = (entry.door.id, entry.door.name.clone(), entry.address.clone());
            ListenerInfo { id, name, address }
        };
        self.state().entries.iter().map(info).collect()
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.state().entries.iter().filter_map(|entry| entry.address.tcp()).collect()
    }

    /// Stops accepting at one; false if there is none of this number.
    pub(crate) async fn remove(&self, id: ListenerId) -> bool {
        let entry = {
            let mut state = self.state();
            let at = state.entries.iter().position(|entry| entry.door.id == id);
            at.map(|at| state.entries.remove(at))
        };
        let Some(entry) = entry else { return false };
        end(vec![entry]).await;
        true
    }

    /// Stops accepting everywhere, for good.
    pub(crate) async fn end(&self) {
        end(self.take_all()).await;
    }

    /// The same, without waiting for it.
    pub(crate) fn abort(&self) {
        self.take_all().iter().for_each(|entry| entry.task.abort());
    }

    fn take_all(&self) -> Vec<Entry> {
        let mut state = self.state();
        state.is_over = true;
        core::mem::take(&mut state.entries)
    }

    /// Other options for the TLS of one listener.
    pub(crate) fn replace_tls(&self, id: ListenerId, options: TlsOptions) -> Result<bool, Error> {
        let door = self.state().entries.iter().find(|entry| entry.door.id == id).map(|entry| entry.door.clone());
        let Some(server) = door.as_ref().and_then(|door| door.tls.as_ref()) else { return Ok(false) };
        server.replace(Fresh::read(options).map_err(Error::of_tls)?);
        Ok(true)
    }

    /// Reads the certificates of all listeners again: all of them are good, or none is used. Returns how many there are.
    pub(crate) fn reload_tls(&self) -> Result<usize, Error> {
        let doors: Vec<Arc<Door>> = self.state().entries.iter().map(|entry| entry.door.clone()).collect();
        let servers: Vec<&TlsServer> = doors.iter().filter_map(|door| door.tls.as_ref()).collect();
        let fresh = servers.iter().map(|server| server.read_again()).collect::<Result<Vec<_>, _>>();
        for (server, fresh) in servers.iter().zip(fresh.map_err(Error::of_tls)?) {
            server.replace(fresh);
        }
        Ok(servers.len())
    }
}

/// An acceptor that was stopped has closed its listener.
async fn end(entries: Vec<Entry>) {
    entries.iter().for_each(|entry| entry.task.abort());
    for entry in entries {
        let _ = entry.task.await;
    }
}

fn full() -> io::Error {
    io::Error::other("there are as many as a broker can have")
}

impl State {
    /// A number that nobody has; those of listeners that are gone come last, as their connections may live.
    fn free_id(&mut self) -> Option<ListenerId> {
        let is_taken = |id: u16| self.entries.iter().any(|entry| entry.door.id.0 == id);
        let ids = (0..ListenerId::ATTACHED.0).map(|step| (self.next + step) % ListenerId::ATTACHED.0);
        let id = ids.into_iter().find(|id| !is_taken(*id))?;
        self.next = (id + 1) % ListenerId::ATTACHED.0;
        Some(ListenerId(id))
    }
}
