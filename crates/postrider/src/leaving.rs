//! The end of connections that the engine never heard of.

use crate::conn::Conn;
use crate::scratch::Scratch;
use crate::shared::Shared;
use postrider_engine::{Input, LinkId};
use postrider_ports::{Cause, Event, Peer};
use postrider_session::Now;
use std::sync::Arc;

/// Stands for a link without a name.
const NAMELESS: LinkId = LinkId { slot: u32::MAX, epoch: u32::MAX };

/// Writes what is left for one, and tells the observer what would have been said to the engine, as nobody else does.
#[cold]
pub(crate) fn end(
    now: Now,
    (conn, peer): (&Arc<Conn>, Option<&Peer>),
    input: impl FnOnce(LinkId) -> Input<'static>,
    shared: &Arc<Shared>,
    scratch: &mut Scratch,
) {
    shared.flush_one(now, conn, scratch);
    #[expect(clippy::wildcard_enum_match_arm, reason = "these two are all that ends a link")]
    let cause = match input(NAMELESS) {
        Input::Parted { cause, .. } => cause,
        Input::Broke { violation, .. } => Cause::Violation(violation.reason(), violation.clause()),
        _ => return,
    };
    if let Some(peer) = peer {
        shared.observe(|| Event::Left { peer: peer.clone(), cause });
    }
}
