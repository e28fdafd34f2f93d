//! The listeners, for those who ask which there are.
//!
//! Owns: the list as it is now, which a reload changes.

use postrider::{Address, ListenerInfo};
use postrider_config::model::{ClientCertificate, Config, Listener, Protocol};
use std::sync::{Arc, PoisonError, RwLock};

/// One list; clones of it are the same.
#[derive(Clone, Default)]
pub(crate) struct Roster(Arc<RwLock<Arc<[Seat]>>>);

/// One listener.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    /// 0 where there is none.
    pub(crate) port: u16,
    /// Of a Unix socket.
    pub(crate) path: Option<String>,
    pub(crate) protocol: Protocol,
    pub(crate) has_tls: bool,
    pub(crate) needs_certificate: bool,
    pub(crate) lets_anonymous_in: bool,
}

impl Seat {
    pub(crate) fn of(info: &ListenerInfo, listener: &Listener, config: &Config) -> Self {
        let (port, path) = match &info.address {
            Address::Tcp(address) => (address.port(), None),
            other => (0, Some(other.to_string())),
        };
        let needs = |tls: &postrider_config::model::Tls| tls.client_certificate == ClientCertificate::Required;
        Self {
            port,
            path,
            protocol: listener.protocol,
            has_tls: listener.tls.is_some(),
            needs_certificate: listener.tls.as_ref().is_some_and(needs),
            lets_anonymous_in: config.lets_anonymous_in(listener),
        }
    }
}

impl Roster {
    /// From now on these are the listeners.
    pub(crate) fn set(&self, seats: Vec<Seat>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = seats.into();
    }

    pub(crate) fn seats(&self) -> Arc<[Seat]> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
