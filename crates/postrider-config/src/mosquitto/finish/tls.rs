//! TLS of a listener: when it is on, what belongs together.
//!
//! Owns: certificates, PSK, where a user name comes from.
//! Never: lets a listener that asks for TLS be opened without.

use super::notice;
use crate::model::{ClientCertificate, Config, Listener, ProxyVersion, UsernameFrom};
use crate::mosquitto::draft::ListenerDraft;
use crate::mosquitto::fault::Faults;

/// Whether its lines ask for TLS.
pub(super) fn is_asked(from: &ListenerDraft) -> bool {
    ["certfile", "keyfile", "psk_hint"].iter().any(|name| from.has(name))
}

/// Whether only clients of PSK could come in.
pub(super) fn is_psk(listener: &Listener) -> bool {
    listener.tls.as_ref().is_some_and(|tls| tls.psk_hint.is_some())
}

/// mosquitto prefers the common name where both are asked for.
pub(super) fn username_from(from: &ListenerDraft) -> UsernameFrom {
    match (from.own.identity, from.own.subject) {
        _ if !is_asked(from) => UsernameFrom::Connect,
        (true, _) if from.has("psk_hint") => UsernameFrom::PskIdentity,
        (true, _) => UsernameFrom::CommonName,
        (false, true) => UsernameFrom::Subject,
        (false, false) => UsernameFrom::Connect,
    }
}

/// Gives the listener its TLS; says whether it can be opened.
pub(super) fn settle(config: &mut Config, listener: &mut Listener, from: ListenerDraft, faults: &mut Faults) -> bool {
    if let Some(what) = contradiction(&from) {
        faults.add(&from.at, format!("{}: {what}", listener.name));
        return false;
    }
    if !is_asked(&from) {
        if TLS_ONLY.iter().any(|name| from.has(name)) {
            notice(config, &from.at, &listener.name, "has no TLS: `certfile` and `keyfile` turn it on");
        }
        return true;
    }
    let mut tls = from.tls;
    if from.requires_certificate {
        tls.client_certificate = ClientCertificate::Required;
    }
    listener.tls = Some(tls);
    true
}

/// What cannot be meant together.
fn contradiction(from: &ListenerDraft) -> Option<&'static str> {
    let has = |name| from.has(name);
    let is_v2 = from.listener.proxy.as_ref().is_some_and(|proxy| proxy.version == ProxyVersion::V2);
    let cases = [
        (has("certfile") != has("keyfile"), "TLS needs both `certfile` and `keyfile`"),
        (has("psk_hint") && has("certfile"), "`psk_hint` and `certfile` exclude each other; use two listeners"),
        (
            from.requires_certificate && !has("certfile") && !has("psk_hint"),
            "`require_certificate true` needs `certfile` and `keyfile`; without them there is no TLS",
        ),
        (
            from.requires_certificate && has("certfile") && !has("cafile") && !has("capath"),
            "`require_certificate true` needs the authorities, `cafile` or `capath`",
        ),
        (
            (from.own.identity || from.own.subject) && has("certfile") && !from.requires_certificate,
            "user names from certificates need `require_certificate true`; without it clients are not asked for one",
        ),
        (is_v2 && has("certfile"), "`enable_proxy_protocol 2` excludes `certfile`: the proxy has the TLS"),
        (is_v2 && from.own.subject, "`enable_proxy_protocol 2` excludes `use_subject_as_username`"),
        (
            from.proxy_requires_tls && !is_v2,
            "`proxy_protocol_v2_require_tls` needs `enable_proxy_protocol 2`: the other form does not say it",
        ),
    ];
    cases.into_iter().find(|(is_so, _)| *is_so).map(|(_, what)| what)
}

/// Without effect where there is no TLS.
const TLS_ONLY: [&str; 8] = [
    "cafile",
    "capath",
    "crlfile",
    "ciphers",
    "ciphers_tls1.3",
    "tls_version",
    "use_identity_as_username",
    "use_subject_as_username",
];
