//! The power to take commands that clients publish.

use crate::{Peer, Reply, Subject};

/// Serves `$CONTROL/NAME/v1` for one name.
pub trait Control: Send + Sync + 'static {
    /// Looks at `request` and answers through `reply`, at once or later: with the payload of a response, or with
    /// nothing. Must not block.
    ///
    /// Only commands that an [`Authorize`](crate::Authorize) has allowed come here. The PUBLISH is acknowledged when the
    /// plugin has been given the request, so the acknowledgement does not say that it was carried out; the response does.
    fn begin(&self, request: ControlRequest, reply: Reply<Option<Box<[u8]>>>);
}

/// What a client published.
#[derive(Clone, PartialEq, Eq)]
pub struct ControlRequest {
    /// Where: `$CONTROL/NAME/v1`.
    pub topic: Box<str>,
    /// What.
    pub payload: Box<[u8]>,
    /// Who.
    pub subject: Subject,
    /// Where its connection comes from.
    pub peer: Option<Peer>,
}

impl core::fmt::Debug for ControlRequest {
    /// Without the payload: commands have passwords in them.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { topic, payload, subject, peer } = self;
        f.debug_struct("ControlRequest")
            .field("topic", topic)
            .field("payload_bytes", &payload.len())
            .field("subject", subject)
            .field("peer", peer)
            .finish()
    }
}
