//! Bridges: complete, consistent, and not started yet.
//!
//! Owns: what excludes what, identifiers that must differ.

use super::{note, notice};
use crate::model::Bridge;
use crate::mosquitto::draft::{BridgeDraft, Draft};
use crate::mosquitto::fault::Faults;

/// Puts all bridges into the tree, with one notice each.
pub(super) fn translate(draft: &mut Draft, faults: &mut Faults) {
    let config = &mut draft.global.config;
    for from in std::mem::take(&mut draft.bridges) {
        if let Some(what) = fault(&from, &config.bridges) {
            faults.add(&from.at, format!("connection {}: {what}", from.bridge.name));
        }
        let what = format!("connection {}", from.bridge.name);
        notice(config, &from.at, &what, "bridges come later: this one was read and checked, and does not connect");
        let above = format!("bridge.{}.", from.bridge.name);
        config.origins.note(above.trim_end_matches('.'), from.at.origin());
        note(config, &above, &from.origins);
        config.bridges.push(settle(from));
    }
}

fn settle(from: BridgeDraft) -> Bridge {
    let has_tls = from.tls.system_ca || TLS.iter().any(|name| from.has(name));
    let mut bridge = from.bridge;
    if has_tls {
        let mut tls = from.tls;
        (tls.psk_identity, tls.psk) = (from.identity, from.psk);
        bridge.tls = Some(tls);
    }
    bridge
}

fn fault(from: &BridgeDraft, others: &[Bridge]) -> Option<&'static str> {
    let has = |name| from.has(name);
    let has_psk = has("bridge_identity") || has("bridge_psk");
    let has_certificates = from.tls.system_ca || CERTIFICATES.iter().any(|name| from.has(name));
    let mine = from.bridge.local.client_id.as_ref().or(from.bridge.remote.client_id.as_ref());
    let theirs = |other: &Bridge| other.local.client_id.clone().or_else(|| other.remote.client_id.clone());
    let is_taken = mine.is_some() && others.iter().any(|other| theirs(other).as_ref() == mine);
    let cases = [
        (from.bridge.addresses.is_empty(), "has no `address`"),
        (from.bridge.rules.is_empty(), "has no `topic`"),
        (has_psk && has_certificates, "`bridge_identity` and certificates exclude each other"),
        (has("bridge_identity") && !has("bridge_psk"), "`bridge_identity` needs `bridge_psk`"),
        (has("bridge_psk") && !has("bridge_identity"), "`bridge_psk` needs `bridge_identity`"),
        (!from.is_psk_hex, "`bridge_psk` has hexadecimal digits only"),
        (
            has("bridge_certfile") != has("bridge_keyfile"),
            "a certificate needs both `bridge_certfile` and `bridge_keyfile`",
        ),
        (is_taken, "another bridge has its client identifier here; say another `local_clientid`"),
    ];
    cases.into_iter().find(|(is_so, _)| *is_so).map(|(_, what)| what)
}

const CERTIFICATES: [&str; 4] = ["bridge_cafile", "bridge_capath", "bridge_certfile", "bridge_keyfile"];
/// Any of these turns TLS on.
const TLS: [&str; 5] = ["bridge_cafile", "bridge_capath", "bridge_certfile", "bridge_keyfile", "bridge_identity"];
