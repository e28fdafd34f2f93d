//! Contradictions within a bridge.
//!
//! Owns: what a bridge must say.

use super::Finder;
use crate::model::Bridge;

impl Finder<'_> {
    pub(super) fn bridge(&mut self, bridge: &Bridge) {
        let key = |key: &str| format!("bridge.{}.{key}", bridge.name);
        if bridge.addresses.is_empty() {
            self.found(key("addresses"), "it is missing; say where the other broker is");
        }
        if bridge.restart.base_s > bridge.restart.cap_s {
            self.found(key("restart.base"), "it is more than restart.cap");
        }
        if bridge.remote.password.is_some() && bridge.remote.username.is_none() {
            self.found(key("remote.password"), "3.1.1 has no password without a user; set remote.username");
        }
        let Some(tls) = &bridge.tls else { return };
        if tls.certificate.is_some() != tls.key.is_some() {
            self.found(key("tls.certificate"), "a certificate and its key go together");
        }
        if tls.psk.is_some() != tls.psk_identity.is_some() {
            self.found(key("tls.psk"), "a shared key and its identity go together");
        }
        if tls.psk.is_some() && tls.certificate.is_some() {
            self.found(key("tls.psk"), "a bridge has a certificate or a shared key");
        }
    }
}
