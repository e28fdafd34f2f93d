//! What the broker asks of the world, and what the world may ask of it.
//!
//! Owns: the powers a plugin can have, one small trait each, and the plain data they exchange.
//! Never: uses a future or a runtime; an answer comes when it comes, through a [`Reply`].
//!
//! The engine uses the data alone. The driver calls the traits, and never while it holds the engine.

mod admin;
mod authenticate;
mod authorize;
mod control;
mod names;
mod observe;
mod reply;

pub use admin::{Answer, Counters, Drops, Question, SessionInfo, Traffic};
pub use authenticate::{Authenticate, AuthenticateAnswer, AuthenticateRequest};
pub use authorize::{Access, Action, Authorize, AuthorizeRequest, Sieve};
pub use control::{Control, ControlRequest};
pub use names::{Certificate, ClientId, ListenerId, PartitionId, Peer, Principal, Subject, Ticket};
pub use observe::{Cause, DropReason, Event, Observe};
pub use reply::Reply;
