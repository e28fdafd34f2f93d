//! Contradictions within a listener and between two.
//!
//! Owns: what TLS needs, which addresses collide.

use super::Finder;
use crate::model::{Bind, ClientCertificate, Durability, Listener, Tls, UsernameFrom};
use std::net::IpAddr;

impl Finder<'_> {
    pub(super) fn listener(&mut self, at: usize) {
        let Some(listener) = self.config.listeners.get(at) else { return };
        self.address(at, listener);
        self.door(listener);
        self.limits(listener);
        self.user(listener);
        self.proxy(listener);
        if let Some(tls) = &listener.tls {
            self.tls(&listener.name, tls);
        }
    }

    fn address(&mut self, at: usize, listener: &Listener) {
        let before = self.config.listeners.iter().take(at);
        let is_free = matches!(listener.bind, Bind::Tcp { port: 0, .. });
        if let Some(twin) = before.clone().find(|other| other.bind == listener.bind && !is_free) {
            let what = format!("the listener {} has the same address", twin.name);
            self.found(format!("listener.{}.bind", listener.name), what);
        }
        if before.clone().any(|other| other.name == listener.name) {
            self.found(format!("listener.{}.name", listener.name), "another listener has the same name");
        }
    }

    fn limits(&mut self, listener: &Listener) {
        let rank = |durability| match durability {
            Durability::Memory => 0,
            Durability::Os => 1,
            Durability::Fsync => 2,
        };
        let limits = &listener.limits;
        if limits.durability.is_some_and(|wanted| rank(wanted) > rank(self.config.data.durability)) {
            let what = "it promises more than `data.durability`, which is what the disk is asked for";
            self.found(format!("listener.{}.limits.durability", listener.name), what);
        }
        if limits.mount_point.contains(['#', '+', '\0']) {
            let what = "it is the beginning of topics, so it has no wildcard";
            self.found(format!("listener.{}.limits.mount_point", listener.name), what);
        }
        if !(limits.versions.v3_1 || limits.versions.v3_1_1 || limits.versions.v5) {
            let what = "no edition is left; name one of 3.1, 3.1.1, 5";
            self.found(format!("listener.{}.limits.versions", listener.name), what);
        }
    }

    fn user(&mut self, listener: &Listener) {
        let has_certificate =
            listener.tls.as_ref().is_some_and(|tls| tls.client_certificate != ClientCertificate::None);
        let has_psk = listener.tls.as_ref().is_some_and(|tls| tls.psk_hint.is_some());
        let what = match listener.security.username_from {
            UsernameFrom::CommonName | UsernameFrom::Subject | UsernameFrom::AlternativeName if !has_certificate => {
                "clients are not asked for a certificate; set tls.client_certificate"
            }
            UsernameFrom::PskIdentity if !has_psk => "there are no shared keys; set tls.psk_hint",
            UsernameFrom::Connect
            | UsernameFrom::CommonName
            | UsernameFrom::Subject
            | UsernameFrom::AlternativeName
            | UsernameFrom::PskIdentity => return,
        };
        self.found(format!("listener.{}.auth.username_from", listener.name), what);
    }

    fn proxy(&mut self, listener: &Listener) {
        let Some(proxy) = &listener.proxy else { return };
        if let Some(wrong) = proxy.trusted.iter().find(|network| !is_network(network)) {
            let what = format!("{wrong:?} is no network; write 10.0.0.0/8 or fd00::/8");
            self.found(format!("listener.{}.proxy.trusted", listener.name), what);
        }
    }

    fn tls(&mut self, name: &str, tls: &Tls) {
        let key = |key: &str| format!("listener.{name}.tls.{key}");
        let (has_certificate, has_key) = (!tls.certificate.as_os_str().is_empty(), !tls.key.as_os_str().is_empty());
        let has_ca =
            tls.client_ca_file.is_some() || tls.client_ca_directory.is_some() || tls.client_ca_inline.is_some();
        if has_certificate && !has_key {
            self.found(key("key"), "it is missing; the certificate needs its key");
        }
        if has_key && !has_certificate {
            self.found(key("certificate"), "it is missing; the key needs its certificate");
        }
        if !has_certificate && !has_key && tls.psk_hint.is_none() {
            self.found(key("certificate"), "it is missing; TLS needs a certificate and its key, or tls.psk_hint");
        }
        if (has_certificate || has_key) && tls.psk_hint.is_some() {
            self.found(key("psk_hint"), "a listener has certificates or shared keys; make another for one of them");
        }
        if tls.client_certificate != ClientCertificate::None && !has_ca {
            self.found(key("client_certificate"), "nobody could vouch for one; set tls.client_ca_file");
        }
        if tls.version_min > tls.version_max {
            self.found(key("min_version"), "it is newer than tls.max_version");
        }
    }
}

fn is_network(text: &str) -> bool {
    let (address, bits) = text.split_once('/').unwrap_or((text, "0"));
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let bits_max = if address.is_ipv4() { 32 } else { 128 };
    bits.parse::<u8>().is_ok_and(|bits| bits <= bits_max)
}
