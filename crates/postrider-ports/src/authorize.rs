//! The power to say what a client may do.

use crate::{Reply, Subject};
use postrider_proto::Qos;

/// Decides what a client may do. Verdicts are remembered for the life of a connection.
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
}

/// A verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Go on.
    Allow,
    /// 0x87, not authorized.
    Deny,
}
