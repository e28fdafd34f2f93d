//! Events in the words of mosquitto's log.
//!
//! Owns: which of its lines says what an event says.

use super::shown;
use postrider::{Cause, Event, Peer, ReasonCode, Version};
use postrider_config::mosquitto::wording::{self, Parting};

/// The lines that people search mosquitto's logs for.
#[expect(clippy::wildcard_enum_match_arm, reason = "for everything else there are words of our own")]
pub(super) fn in_other_words(event: &Event) -> Option<String> {
    match event {
        Event::Connected { client_id, peer, version, is_clean, keep_alive_s, principal, .. } => {
            let (address, port) = place(peer);
            let edition = match version {
                Version::V3_1 => 1,
                Version::V3_1_1 => 2,
                Version::V5 => 5,
            };
            let username = principal.as_ref().map(|principal| shown(principal.as_str()));
            Some(wording::new_client(&wording::Connected {
                address,
                port,
                client_id: &shown(client_id.as_str()),
                edition,
                is_clean: *is_clean,
                keep_alive_s: *keep_alive_s,
                username: username.as_deref(),
            }))
        }
        Event::Disconnected { client_id, cause } => {
            Some(wording::parted(Some(&shown(client_id.as_str())), parting(*cause)))
        }
        Event::Opened { peer, port: to } => {
            let (address, port) = place(peer);
            Some(wording::new_connection(address, port, *to))
        }
        Event::Left { cause, .. } => Some(wording::parted(None, parting(*cause))),
        Event::Refused { reason, .. } => refused(*reason),
        Event::Dropped { client_id, .. } => Some(wording::dropping(&shown(client_id.as_str()))),
        Event::Subscribed { client_id, filter, granted: Ok(qos), .. } => {
            Some(wording::subscribed(&shown(client_id.as_str()), qos.as_u8(), &shown(filter)))
        }
        Event::Unsubscribed { client_id, filter } => {
            Some(wording::unsubscribed(&shown(client_id.as_str()), &shown(filter)))
        }
        _ => None,
    }
}

/// How the CONNECT was answered that an event tells of.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other event answers one")]
pub(super) fn answered(event: &Event) -> Option<String> {
    match event {
        Event::Connected { client_id, session_present, .. } => {
            Some(wording::sending_connack(&shown(client_id.as_str()), *session_present, 0))
        }
        Event::Refused { peer, version, reason, .. } => {
            let code = if version.is_v5() { reason.as_u8() } else { reason.v3_connack() };
            Some(wording::sending_connack(&place(peer).0, false, code))
        }
        _ => None,
    }
}

/// Address and port, as far as there are any.
fn place(peer: &Peer) -> (String, u16) {
    let name = shown(peer.as_str());
    let (address, port) = name.rsplit_once(':').unwrap_or((&name, "0"));
    (address.trim_matches(['[', ']']).to_owned(), port.parse().unwrap_or_default())
}

const fn parting(cause: Cause) -> Parting {
    match cause {
        Cause::Disconnect(_) => Parting::Disconnected,
        Cause::Closed | Cause::Slow | Cause::Memory | Cause::Shutdown => Parting::Closed,
        Cause::Administrative(ReasonCode::NotAuthorized) | Cause::Violation(ReasonCode::NotAuthorized, _) => {
            Parting::NotAuthorised
        }
        Cause::Administrative(_) => Parting::ByAdministrator,
        Cause::Violation(ReasonCode::MalformedPacket, _) => Parting::Malformed,
        Cause::Violation(ReasonCode::PacketTooLarge, _) => Parting::Oversize,
        Cause::Violation(..) => Parting::ProtocolError,
        Cause::KeepAlive => Parting::TimedOut,
        Cause::TakenOver => Parting::TakenOver,
    }
}

/// Nothing where mosquitto knows no such reason.
fn refused(reason: ReasonCode) -> Option<String> {
    const KEPT_OUT: [ReasonCode; 4] = [
        ReasonCode::BadUserNameOrPassword,
        ReasonCode::NotAuthorized,
        ReasonCode::Banned,
        ReasonCode::BadAuthenticationMethod,
    ];
    const WRONG: [ReasonCode; 4] = [
        ReasonCode::MalformedPacket,
        ReasonCode::ProtocolError,
        ReasonCode::UnsupportedProtocolVersion,
        ReasonCode::ClientIdentifierNotValid,
    ];
    let parting = match reason {
        reason if KEPT_OUT.contains(&reason) => Parting::NotAuthorised,
        reason if WRONG.contains(&reason) => Parting::ProtocolError,
        _ => return None,
    };
    Some(wording::parted(None, parting))
}
