//! Who wants this topic, and which retained topics match this filter.
//!
//! Owns: the filter index (a hash map of filters, a trie of those with wildcards), the retained store.
//! Never: knows what a link is, delivers anything, recurses on the depth of a topic.
//! Spec: 3.3.1.3, 3.3.4, 4.7.

mod filters;
mod hash;
mod levels;
mod matches;
mod retained;
mod router;
mod subscribers;
mod trie;

pub use filters::FilterId;
pub use matches::{Hit, Matches};
pub use retained::{Cursor, Keyed, Retained, Scan};
pub use router::{Router, Subscribed};
pub use subscribers::{Grant, SessionKey};
