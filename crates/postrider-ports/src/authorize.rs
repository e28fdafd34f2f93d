//! The power to say what a client may do.

use crate::{Peer, Reply, Subject};
use postrider_proto::Qos;
use std::sync::Arc;

/// Decides what a client may do. Verdicts are remembered for the life of a connection, or until
/// [`Question::Review`](crate::Question::Review).
pub trait Authorize: Send + Sync + 'static {
    /// Looks at `request` and answers through `reply`, at once or later: one verdict for each action, in
    /// order; a missing one denies. Must not block.
    fn begin(&self, request: AuthorizeRequest, reply: Reply<Vec<Access>>);
}

/// What somebody wants to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizeRequest {
    /// Who.
    pub subject: Subject,
    /// Where its connection comes from, or its last one; nothing for a session that was read from a log.
    pub peer: Option<Peer>,
    /// What: one for a PUBLISH or will, one for each filter of a SUBSCRIBE.
    pub actions: Vec<Action>,
}

/// One thing to be allowed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// To publish to a topic, by PUBLISH or by a will.
    Publish {
        /// The topic name.
        topic: Box<str>,
        /// The message's QoS.
        qos: Qos,
        /// Whether it is retained.
        retain: bool,
    },
    /// To subscribe to a filter.
    Subscribe {
        /// The filter, without `$share/{name}/`.
        filter: Box<str>,
        /// The QoS asked for.
        qos: Qos,
    },
    /// To end a subscription. Asked only of a plugin whose owner says that it has rules about that.
    Unsubscribe {
        /// The filter, without `$share/{name}/`.
        filter: Box<str>,
    },
}

/// A verdict.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Go on.
    Allow,
    /// A subscription is made, and what these filters match is not delivered through it or any other of the session.
    /// A shared subscription is not made: its group would lose messages. To publish, it denies.
    AllowExcept(Arc<[Box<str>]>),
    /// A subscription is made, and what the session gets of anything it subscribes to is what these rules let through;
    /// they take the place of earlier ones. Otherwise as [`Access::AllowExcept`].
    AllowBy(Arc<Sieve>),
    /// 0x87, not authorized.
    Deny,
    /// The same with a sentence for logs, and for clients that want to know.
    DenyFor(Arc<str>),
}

/// Which messages a session gets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sieve {
    /// Filters, and whether what they match is let through. The first that matches decides.
    pub rules: Box<[(Box<str>, bool)]>,
    /// Whether the rest is.
    pub otherwise: bool,
}
