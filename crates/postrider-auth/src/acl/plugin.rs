//! Rules as a plugin of the broker.
//!
//! Owns: which rules hold now.
//! Never: lets go of rules that hold before others were read without a fault.

use super::error::AclError;
use super::judge::{Asker, Verdict, Wish};
use super::rules::Rules;
use postrider_ports::{Access, Action, Authorize, AuthorizeRequest, ListenerId, Peer, Reply};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

/// The rules that hold; clones of it speak of the same ones.
#[derive(Clone, Debug)]
pub struct Acl {
    current: Arc<RwLock<Snapshot>>,
}

/// Rules that do not change, and how many there were before them.
#[derive(Clone, Debug)]
struct Snapshot {
    rules: Arc<Rules>,
    version: u64,
}

impl Acl {
    /// Begins with these rules, as version 1.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self { current: Arc::new(RwLock::new(Snapshot { rules: Arc::new(rules), version: 1 })) }
    }

    /// The rules that hold now.
    #[must_use]
    pub fn rules(&self) -> Arc<Rules> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).rules.clone()
    }

    /// How often they were replaced, and one.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.current.read().unwrap_or_else(PoisonError::into_inner).version
    }

    /// From now on these hold. What was allowed before has to be judged again: see `Broker::review`.
    pub fn replace(&self, rules: Rules) {
        let rules = Arc::new(rules);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let version = current.version + 1;
        let old = std::mem::replace(&mut *current, Snapshot { rules, version });
        drop(current);
        // Many rules take a while to be dropped.
        drop(old);
    }

    /// Reads a file and lets it hold from now on; with a fault in it everything stays as it is.
    ///
    /// # Errors
    /// As [`Rules::read`].
    pub fn reload(&self, path: &Path) -> Result<Arc<Rules>, AclError> {
        self.replace(Rules::read(path)?);
        Ok(self.rules())
    }
}

impl Authorize for Acl {
    fn begin(&self, request: AuthorizeRequest, reply: Reply<Vec<Access>>) {
        let rules = self.rules();
        let peer = request.peer.as_ref();
        let asker = Asker {
            user: request.subject.principal.as_ref().map(|principal| principal.as_str()),
            client: request.subject.client_id.as_str(),
            address: peer.filter(|_| rules.asks_for_addresses).and_then(address_of),
            listener: peer.map(Peer::listener).filter(|listener| *listener != ListenerId::ATTACHED).map(|id| id.0),
        };
        reply.send(request.actions.iter().map(|action| access(&rules, &asker, action)).collect());
    }
}

fn access(rules: &Rules, asker: &Asker<'_>, action: &Action) -> Access {
    let wish = match action {
        Action::Publish { topic, qos, retain } => Wish::Publish { topic, qos: *qos, retain: *retain },
        Action::Subscribe { filter, qos } => Wish::Subscribe { filter, qos: *qos },
        // These files have no rules about it.
        Action::Unsubscribe { .. } => return Access::Allow,
    };
    let decision = rules.judge(asker, &wish);
    match decision.verdict {
        Verdict::Denied => Access::DenyFor(decision.sentence(rules.file()).into()),
        Verdict::Allowed if decision.except.is_empty() => Access::Allow,
        Verdict::Allowed => Access::AllowExcept(decision.except.into_iter().map(|(filter, _)| filter).collect()),
    }
}

fn address_of(peer: &Peer) -> Option<IpAddr> {
    let name = peer.as_str();
    name.parse::<SocketAddr>().map(|address| address.ip()).or_else(|_| name.parse()).ok()
}
