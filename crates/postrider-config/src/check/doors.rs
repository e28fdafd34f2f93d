//! Who can reach a listener, and who is asked for something there.
//!
//! Owns: the rule of what is safe without a word.

use super::Finder;
use crate::model::{Bind, ClientCertificate, Config, Listener};
use std::net::IpAddr;

impl Bind {
    /// Whether others than this machine can reach it. A socket of systemd may be any.
    #[must_use]
    pub fn reaches_others(&self) -> bool {
        match self {
            Self::Tcp { host, .. } => {
                let is_loopback = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
                !is_loopback && !host.eq_ignore_ascii_case("localhost")
            }
            Self::Unix { .. } => false,
            Self::Systemd { .. } => true,
        }
    }
}

/// Whether whoever comes to a listener is asked for nothing: no password, no certificate, no key.
#[must_use]
pub fn nobody_is_asked(config: &Config, listener: &Listener) -> bool {
    let by_tls = listener
        .tls
        .as_ref()
        .is_some_and(|tls| tls.client_certificate == ClientCertificate::Required || tls.psk_hint.is_some());
    let security = &listener.security;
    security.password_file.is_none()
        && security.user_store.is_none()
        && config.sys.dynamic_security.is_none()
        && !by_tls
}

impl Config {
    /// Whether a listener lets clients in that name no user.
    #[must_use]
    pub fn lets_anonymous_in(&self, listener: &Listener) -> bool {
        let safe = || !listener.bind.reaches_others() && nobody_is_asked(self, listener);
        listener.security.allow_anonymous.unwrap_or_else(safe)
    }
}

impl Finder<'_> {
    pub(super) fn door(&mut self, listener: &Listener) {
        let is_open = listener.bind.reaches_others() && nobody_is_asked(self.config, listener);
        if is_open && listener.security.allow_anonymous.is_none() {
            let what = "other machines reach this listener and nobody is asked for anything; set auth.password_file, \
                        tls.client_certificate = \"required\" or sys.dynamic_security, or auth.allow_anonymous = true \
                        if everybody may come in";
            self.found(format!("listener.{}.auth.allow_anonymous", listener.name), what);
        }
    }
}
