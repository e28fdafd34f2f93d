//! All sessions of a partition.
//!
//! Owns: what is kept of each session, and where it is found by key and by client identifier.

use crate::LinkId;
use crate::aliases::Aliases;
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use postrider_ports::{DropReason, Drops, ListenerId, Peer, Subject};
use postrider_proto::{Filter, Qos, Version};
use postrider_router::{FilterId, SessionKey};
use postrider_session::flow::{Inbound, Outbound};
use postrider_session::{Mailbox, Parcel, TimerKey};
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::sync::Arc;

use crate::replay::Replay;
use crate::review::Guard;
use crate::stored::Stored;
use crate::will::Will;

/// What survives a connection, and who serves it while there is one. [4.1]
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) subject: Arc<Subject>,
    pub(crate) online: Option<Online>,
    /// Flows, mailbox and replays; absent while nothing above QoS 0 has passed and nothing waits.
    pub(crate) flows: Option<Box<Flows>>,
    pub(crate) filters: SmallVec<[FilterId; 4]>,
    /// What the filters are charged, see [`filter_bytes`].
    pub(crate) filters_bytes: u32,
    pub(crate) will: Option<Box<Will>>,
    /// Seconds the session outlives its connection; `u32::MAX` is for ever.
    pub(crate) expiry_s: u32,
    pub(crate) expiry_timer: Option<TimerKey>,
    pub(crate) drops: Option<Box<Drops>>,
    /// What the log has of it.
    pub(crate) stored: Option<Box<Stored>>,
    /// Where its connection comes from, or its last one, if a plugin says what clients may do.
    pub(crate) peer: Option<Peer>,
    /// What it may not get although it subscribes to it.
    pub(crate) guard: Option<Box<Guard>>,
}

/// The connection that a session has now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Online {
    pub(crate) link: LinkId,
    /// Bytes that may still be put into the outbox; a large packet may take it below 0.
    pub(crate) credit: i64,
    /// The most that may be in the outbox; less while memory is short.
    pub(crate) outbox_bytes_max: u32,
    /// The client's Maximum Packet Size. [MQTT-3.1.2-24]
    pub(crate) packet_bytes_max: u32,
    /// The client's Receive Maximum, within our own limit.
    pub(crate) receive_maximum: u16,
    /// Topic aliases that we use: the client's Topic Alias Maximum, within our own limit. [3.1.2.11.5]
    pub(crate) topic_alias_max: u16,
    /// The Receive Maximum that the client was told; 0 if nothing is counted. [3.2.2.3.3]
    pub(crate) our_receive_maximum: u16,
    pub(crate) listener: ListenerId,
    /// The highest QoS that the client was told. [3.2.2.3.4]
    pub(crate) qos_max: Qos,
    /// Whether it was told that messages can be retained. [3.2.2.3.5]
    pub(crate) may_retain: bool,
    /// Topics are another thing to this client than to us; see [`crate::mount`].
    pub(crate) is_mounted: bool,
    /// It gets topics in our words, and the bytes in flight to it are not limited: no mount, no aliases, no weights.
    pub(crate) is_plain: bool,
    /// Whether the bytes in flight to it are limited, and not their number alone.
    pub(crate) is_weighed: bool,
    pub(crate) version: Version,
    /// Request Problem Information. [MQTT-3.1.2-29]
    pub(crate) wants_problems: bool,
    /// What the client publishes does not come back to it, and retain flags are kept: a bridge of 3.1.1.
    pub(crate) is_bridge: bool,
}

/// Everything about messages above QoS 0, and whatever waits.
#[derive(Debug, Default)]
pub(crate) struct Flows {
    pub(crate) outbound: Outbound<Parcel>,
    pub(crate) inbound: Inbound,
    pub(crate) mailbox: Mailbox,
    pub(crate) replays: VecDeque<Replay>,
    /// Where the client allows topic aliases, those of this connection.
    pub(crate) aliases: Option<Box<Aliases>>,
    /// Shared subscriptions that it is a member of.
    pub(crate) shares: Vec<FilterId>,
    /// Stands in the engine's list of work for its replays.
    pub(crate) is_replaying: bool,
    /// Its replays wait for an answer about somebody who retained a message.
    pub(crate) is_asking: bool,
}

/// What a subscription costs in memory, more or less. A5, A8
pub(crate) fn filter_bytes(filter: Filter<'_>) -> u32 {
    let levels = if filter.has_wildcard() { filter.level_count() } else { 0 };
    u32::try_from(filter.as_bytes().len() + 64 * (levels + 1)).unwrap_or(u32::MAX)
}

impl Session {
    /// Whether unfinished deliveries have to be kept for another connection.
    #[inline]
    pub(crate) const fn is_durable(&self) -> bool {
        self.expiry_s > 0
    }

    /// Where its connection comes from, or its last one. Of one that was there before anybody was asked what clients may
    /// do the listener alone is known.
    pub(crate) fn whence(&self) -> Option<Peer> {
        let through = |online: &Online| Peer::through(online.listener, "");
        self.peer.clone().or_else(|| self.online.as_ref().map(through))
    }

    /// The flows, made if need be for the connection there is.
    #[inline]
    pub(crate) fn flows_mut(&mut self) -> &mut Flows {
        let online = &self.online;
        self.flows.get_or_insert_with(|| Flows::first(online.as_ref()))
    }

    /// Messages sent and not acknowledged, and those behind them.
    pub(crate) fn in_flight(&self) -> usize {
        self.flows.as_ref().map_or(0, |flows| flows.outbound.unacknowledged() as usize + flows.mailbox.len())
    }

    pub(crate) fn count_drop(&mut self, reason: DropReason, count: u64) -> u64 {
        let drops = self.drops.get_or_insert_default();
        drops.add(reason, count);
        drops.of(reason)
    }
}

impl Flows {
    /// Those of a session that had none.
    #[cold]
    #[inline(never)]
    fn first(online: Option<&Online>) -> Box<Self> {
        let mut flows = Box::<Self>::default();
        if let Some(online) = online {
            flows.connect(online);
        }
        flows
    }

    /// A new connection: quotas anew.
    pub(crate) fn connect(&mut self, online: &Online) {
        // They end with their connection. [MQTT-3.3.2-7]
        let maximum = online.topic_alias_max;
        self.aliases = (maximum > 0).then(|| Box::new(Aliases::new(maximum)));
        self.outbound.connect(online.receive_maximum);
        self.inbound.connect(online.our_receive_maximum);
    }

    /// True when nothing would be lost with it.
    pub(crate) fn is_idle(&self) -> bool {
        self.shares.is_empty()
            && self.outbound.is_empty()
            && self.inbound.is_empty()
            && self.mailbox.is_empty()
            && self.replays.is_empty()
    }
}

/// Sessions by key and by client identifier.
#[derive(Debug)]
pub(crate) struct Sessions {
    all: Vec<Option<Session>>,
    free: Vec<u32>,
    /// Keys of ended sessions that a sliced fan-out may still name.
    resting: Vec<u32>,
    by_client: HashTable<u32>,
    hasher: FixedState,
}

impl Sessions {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            all: Vec::new(),
            free: Vec::new(),
            resting: Vec::new(),
            by_client: HashTable::new(),
            hasher: FixedState::with_seed(seed),
        }
    }

    pub(crate) fn find(&self, client_id: &str) -> Option<SessionKey> {
        let all = &self.all;
        let same = |at: &u32| {
            all[*at as usize].as_ref().is_some_and(|session| session.subject.client_id.as_str() == client_id)
        };
        self.by_client.find(self.hasher.hash_one(client_id), same).map(|at| SessionKey(*at))
    }

    #[inline]
    pub(crate) fn get(&self, key: SessionKey) -> Option<&Session> {
        self.all.get(key.0 as usize)?.as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, key: SessionKey) -> Option<&mut Session> {
        self.all.get_mut(key.0 as usize)?.as_mut()
    }

    /// Adds a session whose client identifier [`Sessions::find`] did not find.
    pub(crate) fn insert(&mut self, session: Session) -> SessionKey {
        let hash = self.hasher.hash_one(session.subject.client_id.as_str());
        let at = match self.free.pop() {
            Some(at) => {
                self.all[at as usize] = Some(session);
                at
            }
            None => {
                self.all.push(Some(session));
                u32::try_from(self.all.len() - 1).unwrap_or(u32::MAX)
            }
        };
        let (hasher, all) = (self.hasher.clone(), &self.all);
        let rehash = |at: &u32| {
            all[*at as usize].as_ref().map_or(0, |session| hasher.hash_one(session.subject.client_id.as_str()))
        };
        self.by_client.insert_unique(hash, at, rehash);
        SessionKey(at)
    }

    /// Takes a session out. Its key is not given to another before [`Sessions::release`].
    pub(crate) fn remove(&mut self, key: SessionKey) -> Option<Session> {
        let session = self.all.get_mut(key.0 as usize)?.take()?;
        let hash = self.hasher.hash_one(session.subject.client_id.as_str());
        if let Ok(found) = self.by_client.find_entry(hash, |at| *at == key.0) {
            found.remove();
        }
        self.resting.push(key.0);
        Some(session)
    }

    /// No fan-out names an ended session any more.
    pub(crate) fn release(&mut self) {
        self.free.append(&mut self.resting);
    }

    pub(crate) fn has_resting(&self) -> bool {
        !self.resting.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.by_client.len()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.all.iter_mut().flatten()
    }

    pub(crate) fn iter_mut_with_keys(&mut self) -> impl Iterator<Item = (SessionKey, &mut Session)> {
        (0u32..).zip(&mut self.all).filter_map(|(key, session)| Some((SessionKey(key), session.as_mut()?)))
    }

    /// No key is this or more.
    pub(crate) fn keys_end(&self) -> u32 {
        u32::try_from(self.all.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (SessionKey, &Session)> {
        (0u32..).zip(&self.all).filter_map(|(key, session)| Some((SessionKey(key), session.as_ref()?)))
    }
}
