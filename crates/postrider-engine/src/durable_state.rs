//! What an engine and one that was recovered from its log have in common, as text.
//!
//! Tests and the simulator compare it; the product never does.

use crate::Engine;
use crate::invariants::owed_to_group;
use crate::sessions::Session;
use core::fmt::Write as _;
use std::collections::BTreeSet;

/// Everything that outlives the process: sessions, subscriptions, what waits and is in flight, wills, what is retained.
/// Two engines with the same text keep the same promises.
#[must_use]
pub fn durable_state(engine: &Engine) -> String {
    let mut text = String::new();
    let mut sessions: Vec<_> = engine.sessions.iter().filter(|(_, session)| session.stored.is_some()).collect();
    sessions.sort_by_key(|(_, session)| session.subject.client_id.clone());
    for (key, session) in sessions {
        let _ = writeln!(text, "session {} of {:?}", session.subject.client_id, session.subject.principal);
        let _ = writeln!(text, "  expires after {} s", session.expiry_s);
        if let Some(will) = &session.will {
            let parts = will.message.parts();
            let _ = writeln!(text, "  will {} q{} {} bytes", parts.topic, parts.qos, parts.payload.len());
        }
        let filters: BTreeSet<_> = session
            .filters
            .iter()
            .filter_map(|id| {
                Some(format!("{} {:?}", engine.router.text(*id)?.as_str(), engine.router.grant(*id, key)?))
            })
            .collect();
        for filter in filters {
            let _ = writeln!(text, "  subscription {filter}");
        }
        write_flows(&mut text, session);
    }
    let is_kept = |share| engine.router.members(share).any(|key| engine.is_stored(key));
    let groups = engine.groups.iter().filter(|(share, group)| group.stored.is_some() && is_kept(*share));
    let groups: BTreeSet<_> = groups
        .filter_map(|(share, group)| {
            let owed: Vec<_> = owed_to_group(engine, share, group).iter().map(|sequence| sequence.0).collect();
            Some(format!("group {} is owed {owed:?}", engine.router.text(share)?.as_str()))
        })
        .collect();
    for group in groups {
        let _ = writeln!(text, "{group}");
    }
    let kept = engine.retained.iter().filter(|kept| kept.message.sequence().is_some());
    let kept: BTreeSet<_> =
        kept.map(|kept| format!("{} {}", kept.message.topic(), kept.message.sequence().0)).collect();
    for kept in kept {
        let _ = writeln!(text, "retained {kept}");
    }
    text
}

/// Whether the log says all there is: no session has changed in a way that it is told of later.
#[must_use]
pub fn is_settled(engine: &Engine) -> bool {
    engine.log.as_ref().is_none_or(|log| log.is_settled())
}

fn write_flows(text: &mut String, session: &Session) {
    let Some(flows) = &session.flows else { return };
    for (sequence, qos, retain) in flows.mailbox.recorded() {
        let _ = writeln!(text, "  waiting {} q{qos} retain {retain}", sequence.0);
    }
    for (packet_id, awaits, parcel) in flows.outbound.unfinished() {
        let Some(sequence) = parcel.map_or(Some(0), |parcel| Some(parcel.recorded().0).filter(|number| *number > 0))
        else {
            continue;
        };
        let _ = writeln!(text, "  in flight {packet_id} {awaits:?} {sequence}");
    }
    let admitted: BTreeSet<_> = flows.inbound.identifiers().collect();
    for packet_id in admitted {
        let _ = writeln!(text, "  admitted {packet_id}");
    }
}
