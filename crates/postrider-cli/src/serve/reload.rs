//! A broker that runs, and what it is told anew.
//!
//! Owns: the order of a reload: everything is read and tried first, then everything holds.
//! Never: disconnects anybody who may still come in, or leaves half of a configuration behind.

use super::fence::Fence;
use super::files::Files;
use super::gate::{Gate, Lock};
use super::http_api::Api;
use super::log::Log;
use super::roster::Seat;
use super::settings::Settings;
use super::watch::Watch;
use super::{limits, listens, watch};
use crate::args::Serve;
use anyhow::anyhow;
use postrider::{Broker, Connections, Limits, ListenerId, ListenerInfo};
use postrider_config::model::{Config, Listener, LogType, Tls};
use postrider_config::mosquitto::wording;

/// A broker and everything that it was made of.
pub(crate) struct Running {
    pub(super) broker: Broker,
    pub(super) log: Log,
    pub(super) gate: Gate,
    pub(super) files: Files,
    pub(super) settings: Settings,
    pub(super) api: Api,
    /// The broker's listeners, and which of the tree each is.
    pub(super) places: Vec<(ListenerId, usize)>,
    /// What its clients are allowed now.
    pub(super) limits: Limits,
    pub(super) watch: Watch,
    /// What its process may reach.
    pub(super) fence: Fence,
}

/// A listener of the tree, and what the broker opens for it.
type Fresh = (usize, Vec<postrider::Listen>);

/// What is to become of the listeners.
struct Plan {
    /// The same socket as before, under another number of the tree perhaps.
    kept: Vec<(ListenerId, usize)>,
    gone: Vec<ListenerId>,
    new: Vec<usize>,
}

impl Running {
    /// Whether there are files to look at now and then.
    pub(super) fn watches(&self) -> bool {
        !self.watch.is_idle()
    }

    /// Looks at the files of TLS and takes up those that have changed. A listener whose files are not good keeps what
    /// it has, and others get what is theirs.
    pub(super) fn look(&mut self) {
        for name in self.watch.look() {
            let listener = self.settings.config.listeners.iter().find(|listener| listener.name == name);
            let Some(tls) = listener.and_then(|listener| listener.tls.as_ref()) else { continue };
            match self.renew(&name, tls) {
                Ok(()) => {
                    self.note(&format!("listener {name}: its TLS files have changed and hold for new connections"))
                }
                Err(error) => {
                    let text = format!("listener {name}: {error:#}; what was read before stays in use");
                    self.log.write(LogType::Error, &text);
                }
            }
        }
    }

    /// New TLS for a listener; all its sockets have the same.
    fn renew(&self, name: &str, tls: &Tls) -> anyhow::Result<()> {
        self.fence.check_files(watch::paths(tls).iter().map(AsRef::as_ref))?;
        let options = listens::tls_options(tls)?;
        let is_it = |at: usize| self.settings.config.listeners.get(at).is_some_and(|listener| listener.name == name);
        for (id, _) in self.places.iter().filter(|(_, at)| is_it(*at)) {
            self.broker.replace_tls(*id, options.clone())?;
        }
        Ok(())
    }

    /// The broker's listeners and what the tree says of them.
    pub(super) fn listeners(&self) -> Vec<(ListenerInfo, &Listener)> {
        let infos = self.broker.listeners();
        let of = |info: ListenerInfo| {
            let (_, at) = self.places.iter().find(|(id, _)| *id == info.id)?;
            Some((info, self.settings.config.listeners.get(*at)?))
        };
        infos.into_iter().filter_map(of).collect()
    }

    pub(super) fn note(&self, text: &str) {
        self.log.write(LogType::Notice, text);
    }

    /// Whoever asks nobody anything is not asked.
    pub(super) fn consult(&self) {
        self.broker.consult(self.gate.asks_who(), self.gate.has_rules());
    }

    /// Figures, for who sends SIGUSR2.
    pub(super) async fn show(&self) {
        let Ok(counters) = self.broker.counters().await else { return };
        let memory = self.broker.memory();
        self.note(&format!(
            "connected {}, sessions {}, subscriptions {}, retained {}, queued bytes {}, \
             memory in use {} of {}, resident {}",
            counters.clients_connected,
            counters.sessions,
            counters.subscriptions,
            counters.retained,
            counters.queued_bytes,
            memory.used,
            bytes_or_any(memory.bytes_max),
            memory.resident.map_or_else(|| "unknown".to_owned(), |bytes| bytes.to_string())
        ));
    }

    /// Reads everything again. With any fault in it everything stays as it is.
    pub(super) async fn reload(&mut self, args: &Serve) {
        if self.settings.is_like_mosquitto {
            self.log.write(LogType::Information, &wording::reloading());
        }
        match self.try_reload(args).await {
            Ok(what) => self.note(&what),
            Err(error) => {
                let advice = self.fence.advice(&error).unwrap_or_default();
                let text = format!("{error:#}{advice}; nothing has changed: everything is as it was");
                match self.settings.file {
                    Some(_) => self.log.write(LogType::Error, &text),
                    None => crate::print_error(&anyhow!(text)),
                }
            }
        }
    }

    async fn try_reload(&mut self, args: &Serve) -> anyhow::Result<String> {
        let settings = Settings::read(args)?;
        self.fence.check(&settings.config, args.config.as_deref())?;
        let watch = Watch::new(&settings.config);
        let again = self.files.read_again(&settings.config)?;
        let plan = self.plan(&settings.config.listeners);
        let fresh = plan.new.iter().map(|at| Ok((*at, listens::of(&settings.config.listeners[*at], &self.api)?)));
        let fresh: Vec<Fresh> = fresh.collect::<anyhow::Result<_>>()?;
        let log = Log::open(&settings.config.log)?;
        let (opened, gone) = (fresh.len(), plan.gone.clone());
        // Whoever comes through one of them is refused until its lock is there.
        let places = self.open(plan, fresh).await?;
        if let Err(error) = self.broker.reload_tls() {
            self.go_back(&gone, &places).await;
            return Err(error.into());
        }
        // Nothing can fail any more.
        self.log.become_like(log);
        self.places = places;
        self.files = again.files.clone();
        self.warn_of_restart(&settings.config);
        self.settings = settings;
        self.watch = watch;
        let changed = again.apply();
        self.settle();
        let mut ended = self.broker.dismiss(changed.revoked.iter().cloned()).await.unwrap_or_default();
        for client_id in &changed.kept_out {
            ended += u64::from(self.broker.disconnect(client_id).await.unwrap_or_default());
        }
        let sessions = self.broker.review().await.unwrap_or_default();
        Ok(format!(
            "configuration read again: listeners {}, new ones among them {opened}; users {}, gone or with another \
             password {}, connections of theirs that were ended {ended}; rules {}, sessions looked at {sessions}",
            self.places.len(),
            changed.users,
            changed.revoked.len() + changed.kept_out.len(),
            changed.rules
        ))
    }

    /// What holds only when the broker starts.
    fn warn_of_restart(&self, new: &Config) {
        let old = &self.settings.config;
        let changed = [
            (old.data != new.data, "data"),
            (old.process != new.process, "process"),
            (old.sys.dynamic_security != new.sys.dynamic_security, "sys.dynamic_security"),
            (old.sys.control_api != new.sys.control_api, "sys.control_api"),
            (old.limits.connections_max != new.limits.connections_max, "limits.max_connections"),
            (old.limits.outbox_bytes_max != new.limits.outbox_bytes_max, "limits.max_outbox"),
        ];
        for (_, key) in changed.into_iter().filter(|(is_other, _)| *is_other) {
            self.log.write(LogType::Warning, &format!("{key} has changed, and holds when the broker starts again"));
        }
    }

    /// Limits and locks by the numbers that the listeners have now.
    fn settle(&mut self) {
        let config = &self.settings.config;
        let most = self.places.iter().map(|(id, _)| usize::from(id.0) + 1).max().unwrap_or(0);
        let most = most.max(self.limits.listeners.len());
        let at = |slot: usize| self.places.iter().find(|(id, _)| usize::from(id.0) == slot).map(|(_, at)| *at);
        let order: Vec<usize> = (0..most).map(|slot| at(slot).unwrap_or(usize::MAX)).collect();
        let closed = |slot: usize| self.gate.lock_at(slot).unwrap_or_else(Lock::shut);
        let locks = order.iter().enumerate();
        let locks =
            locks.map(|(slot, at)| Lock::of(config, *at, &self.files).unwrap_or_else(|| closed(slot))).collect();
        self.gate.set(locks);
        let mut limits = limits::of(config, &order);
        for (slot, own) in limits.listeners.iter_mut().enumerate() {
            // Whoever came through a listener that is gone stays below its mount point.
            if at(slot).is_none()
                && let Some(old) = self.limits.listeners.get(slot)
            {
                own.clone_from(old);
            }
        }
        self.broker.adopt(limits.clone());
        self.limits = limits;
        self.broker.set_memory_bytes_max(limits::memory_bytes_max(&self.settings.config));
        self.consult();
        self.seat();
    }

    /// Whoever lists listeners lists these.
    pub(super) fn seat(&self) {
        let config = &self.settings.config;
        let seats = self.listeners().into_iter().map(|(info, listener)| Seat::of(&info, listener, config)).collect();
        self.api.roster().set(seats);
    }

    /// A listener is the same if its socket and what it wraps connections in is the same.
    fn plan(&self, listeners: &[Listener]) -> Plan {
        let mut plan = Plan { kept: Vec::new(), gone: Vec::new(), new: Vec::new() };
        for (id, at) in &self.places {
            let old = self.settings.config.listeners.get(*at);
            let same = listeners.iter().position(|new| old.is_some_and(|old| is_same_socket(old, new)));
            match same {
                Some(new) => plan.kept.push((*id, new)),
                None => plan.gone.push(*id),
            }
        }
        plan.new = (0..listeners.len()).filter(|at| plan.kept.iter().all(|(_, kept)| kept != at)).collect();
        plan
    }

    /// Stops listening where nobody listens any more, then listens where somebody is to. What cannot be had leaves
    /// everything as it was.
    async fn open(&mut self, plan: Plan, fresh: Vec<Fresh>) -> anyhow::Result<Vec<(ListenerId, usize)>> {
        for id in &plan.gone {
            self.broker.remove_listener(*id, Connections::Stay).await;
        }
        let mut places = plan.kept;
        for (at, listens) in fresh {
            for listen in listens {
                match self.broker.add_listener(listen) {
                    Ok(id) => places.push((id, at)),
                    Err(error) => {
                        self.go_back(&plan.gone, &places).await;
                        return Err(anyhow!("{:#}", anyhow::Error::new(error)));
                    }
                }
            }
        }
        Ok(places)
    }

    /// Listens again where it listened before.
    async fn go_back(&mut self, gone: &[ListenerId], places: &[(ListenerId, usize)]) {
        for (id, _) in places {
            if self.places.iter().all(|(old, _)| old != id) {
                self.broker.remove_listener(*id, Connections::End).await;
            }
        }
        let lost: Vec<usize> = self.places.iter().filter(|(id, _)| gone.contains(id)).map(|(_, at)| *at).collect();
        self.places.retain(|(id, _)| !gone.contains(id));
        let mut lost_once = lost;
        lost_once.dedup();
        for at in lost_once {
            let listens = self.settings.config.listeners.get(at).map(|listener| listens::of(listener, &self.api));
            for listen in listens.into_iter().flatten().flatten() {
                match self.broker.add_listener(listen) {
                    Ok(id) => self.places.push((id, at)),
                    Err(error) => self.log.write(LogType::Error, &format!("{:#}", anyhow::Error::new(error))),
                }
            }
        }
        self.settle();
    }
}

fn bytes_or_any(bytes: u64) -> String {
    if bytes == u64::MAX { "any".to_owned() } else { bytes.to_string() }
}

/// Whether a socket need not be closed to be another listener of the tree.
fn is_same_socket(old: &Listener, new: &Listener) -> bool {
    old.bind == new.bind
        && old.protocol == new.protocol
        && old.tcp == new.tcp
        && old.tls == new.tls
        && old.websocket == new.websocket
        && old.proxy == new.proxy
        && old.limits.connections_max == new.limits.connections_max
}
