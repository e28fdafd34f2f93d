//! Where the broker is and how its clients present themselves.
//!
//! Owns: client identifiers and topics, which begin with something that no other run uses.

use super::options::Torture;
use super::recipe::Recipe;
use crate::wire::hello::Hello;
use postrider_client::{Qos, Version};
use std::net::SocketAddr;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Place {
    pub(super) address: SocketAddr,
    pub(super) version: Version,
    user: Option<String>,
    password: Option<String>,
    tag: String,
    /// How long the broker may take to start, to answer and to stop.
    pub(super) wait: Duration,
    /// How long it may be silent while it owes something.
    pub(super) patience: Duration,
    /// Bytes of payload.
    pub(super) size: usize,
    /// The highest of any publisher.
    pub(super) qos: Qos,
}

impl Place {
    pub(super) fn new(args: &Torture, recipe: &Recipe) -> Self {
        Self {
            address: recipe.address(),
            version: args.edition.version(),
            user: args.username.clone(),
            password: args.password.clone(),
            tag: format!("t{:x}", std::process::id()),
            wait: args.wait(),
            patience: args.patience(),
            size: args.size as usize,
            qos: args.qos.highest(),
        }
    }

    /// A clean start.
    pub(super) fn hello(&self, who: &str) -> Hello {
        let mut hello = Hello::new(self.version, format!("{}{who}", self.tag)).keep_alive(0);
        hello.user = self.user.clone();
        hello.password = self.password.clone();
        hello
    }

    /// A session that outlives its connection.
    pub(super) fn lasting(&self, who: &str) -> Hello {
        let hello = self.hello(who).resume();
        if self.version.is_v5() { hello.expiry(SESSION_S) } else { hello }
    }

    pub(super) fn topic(&self, branch: &str, name: impl std::fmt::Display) -> String {
        format!("{}/{branch}/{name}", self.tag)
    }

    /// What says which message this is.
    pub(super) fn payload(&self, publisher: usize, number: u32) -> String {
        format!("{:.<size$}", format!("{publisher} {number} "), size = self.size)
    }
}

/// The publisher and the number in a payload.
pub(super) fn read_payload(payload: &[u8]) -> Option<(usize, u32)> {
    let mut words = str::from_utf8(payload).ok()?.split(' ');
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

/// A week.
const SESSION_S: u32 = 604_800;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_read_as_it_was_written() {
        let text = format!("{:.<24}", "7 4294967295 ");
        assert_eq!((text.len(), read_payload(text.as_bytes())), (24, Some((7, u32::MAX))));
        assert_eq!(read_payload(b"7"), None);
        assert_eq!(read_payload(b""), None);
    }
}
