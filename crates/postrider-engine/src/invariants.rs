//! What must hold between any two inputs, whatever came before.
//!
//! Tests and the simulator ask after every step; the product never does.

use crate::Engine;
use crate::groups::Group;
use crate::leave::is_ours;
use crate::links::LinkState;
use crate::sessions::filter_bytes;
use crate::share::{LEFT, is_of};
use crate::timers::Timer;
use postrider_proto::Qos;
use postrider_router::{FilterId, SessionKey};
use postrider_session::Sequence;
use std::collections::{BTreeMap, BTreeSet};

/// Looks at everything the engine holds and says what does not fit together.
///
/// Linear in the engine's size.
///
/// # Errors
/// A sentence naming the first invariant that is broken.
pub fn check_all(engine: &Engine) -> Result<(), String> {
    check_asks(engine)?;
    check_links(engine)?;
    check_sessions(engine)?;
    check_subscriptions(engine)?;
    check_groups(engine)?;
    check_counters(engine)?;
    check_timers(engine)?;
    check_retained(engine)?;
    check_holders(engine)
}

/// Nothing that there is to ask of a PUBLISH is passed over.
fn check_asks(engine: &Engine) -> Result<(), String> {
    if engine.asks || !engine.asks_of_publish() {
        return Ok(());
    }
    Err("there is something to ask of a PUBLISH and nobody would".to_owned())
}

/// One live owner a session, and each open link serves the session that names it.
fn check_links(engine: &Engine) -> Result<(), String> {
    let mut serving: BTreeMap<SessionKey, _> = BTreeMap::new();
    for (link, state) in engine.links.iter() {
        match state {
            LinkState::Open(key, _) => {
                let online = engine.sessions.get(*key).and_then(|session| session.online);
                if online.map(|online| online.link) != Some(link) {
                    return Err(format!("{link:?} serves a session that does not know it"));
                }
                if serving.insert(*key, link).is_some() {
                    return Err(format!("{key:?} has two links"));
                }
            }
            LinkState::Asking(_, ticket) if !engine.pending.contains_key(ticket) => {
                return Err(format!("{link:?} waits for an answer to no question"));
            }
            LinkState::Asking(..) | LinkState::Exchanging(_) | LinkState::Vacant => {}
        }
    }
    if serving.len() as u64 != engine.counters.clients_connected {
        return Err(format!("{} clients counted, {} found", engine.counters.clients_connected, serving.len()));
    }
    let online = engine.sessions.iter().filter(|(_, session)| session.online.is_some()).count();
    if online == serving.len() { Ok(()) } else { Err(format!("{online} sessions say they are online")) }
}

fn check_sessions(engine: &Engine) -> Result<(), String> {
    let limits = &engine.limits;
    for (key, session) in engine.sessions.iter() {
        let name = &session.subject.client_id;
        if engine.sessions.find(name.as_str()) != Some(key) {
            return Err(format!("{name} is not found under its identifier"));
        }
        if session.online.is_none() && !session.is_durable() {
            return Err(format!("{name} outlived its connection"));
        }
        if session.online.is_some() && session.expiry_timer.is_some() {
            return Err(format!("{name} expires while connected"));
        }
        if session.online.is_none() && session.expiry_timer.is_none() && session.expiry_s != u32::MAX {
            return Err(format!("{name} will never expire"));
        }
        if let Some(online) = &session.online
            && (online.credit > i64::from(online.outbox_bytes_max) || online.outbox_bytes_max > limits.outbox_bytes_max)
        {
            return Err(format!("{name} has more credit than its outbox has room"));
        }
        let Some(flows) = &session.flows else { continue };
        let bounds = &engine.highest.mailbox;
        let qos0 = flows.mailbox.qos0_len();
        // What was in flight at a crash waits again, beside as much as there may be.
        let waiting = flows.mailbox.len() - qos0 as usize;
        let is_over = waiting > bounds.messages_max as usize || flows.mailbox.bytes() > bounds.bytes_max;
        if qos0 > bounds.qos0_max || (is_over && session.stored.is_none()) {
            return Err(format!("the mailbox of {name} is over its bounds"));
        }
        if let Some(online) = &session.online
            && flows.outbound.unacknowledged() > u32::from(online.receive_maximum)
        {
            return Err(format!("{name} was sent more than its receive maximum"));
        }
        let ids: BTreeSet<_> = flows.outbound.iter().map(|(packet_id, _)| packet_id).collect();
        if ids.len() != flows.outbound.len() {
            return Err(format!("{name} has a packet identifier in use twice"));
        }
        if !flows.outbound.is_weighed_well() {
            return Err(format!("{name} has another weight in flight than was counted"));
        }
        if session.online.is_none() && flows.mailbox.qos0_len() > 0 && !limits.queues_qos0 {
            return Err(format!("{name} keeps QoS 0 while it is away"));
        }
        if flows.replays.len() > 2 * engine.highest.subscriptions as usize {
            return Err(format!("{name} piles up replays"));
        }
        check_nothing_stuck(engine, key, name.as_str())?;
    }
    Ok(())
}

/// With room, quota and nothing to wait for, nothing waits.
fn check_nothing_stuck(engine: &Engine, key: SessionKey, name: &str) -> Result<(), String> {
    let Some(session) = engine.sessions.get(key) else { return Ok(()) };
    let (Some(online), Some(flows)) = (&session.online, &session.flows) else { return Ok(()) };
    if online.credit <= 0 || !flows.outbound.is_open() {
        return Ok(());
    }
    let is_reading = session.stored.as_ref().is_some_and(|stored| stored.fetch.is_some());
    if !flows.mailbox.is_empty() && !is_reading {
        return Err(format!("{name} has room and quota, but its mailbox is not sent"));
    }
    let is_held = flows.is_asking || engine.relief.is_full();
    if !flows.replays.is_empty() && !is_reading && !is_held && !engine.replaying.contains(&key) {
        return Err(format!("{name} has room and quota, but its replay stands still"));
    }
    Ok(())
}

/// The router and the sessions tell the same story.
fn check_subscriptions(engine: &Engine) -> Result<(), String> {
    let mut count = 0;
    for (key, session) in engine.sessions.iter() {
        count += session.filters.len();
        let distinct: BTreeSet<_> = session.filters.iter().collect();
        if distinct.len() != session.filters.len() {
            return Err(format!("{} has a filter twice", session.subject.client_id));
        }
        let charged: u32 = session.filters.iter().filter_map(|id| engine.router.text(*id)).map(filter_bytes).sum();
        if charged != session.filters_bytes || charged > engine.highest.subscription_bytes {
            return Err(format!("{} is charged wrongly for its filters", session.subject.client_id));
        }
        if let Some(filter) = session.filters.iter().find(|filter| engine.router.grant(**filter, key).is_none()) {
            return Err(format!("{} is not in the router for {filter:?}", session.subject.client_id));
        }
    }
    if count == engine.router.len() {
        Ok(())
    } else {
        Err(format!("sessions have {count} subscriptions, the router {}", engine.router.len()))
    }
}

/// Groups, their members and what is marked as theirs tell the same story, and nothing waits for a member that
/// could take it.
fn check_groups(engine: &Engine) -> Result<(), String> {
    for (share, group) in engine.groups.iter() {
        let members: BTreeSet<_> = engine.router.members(share).collect();
        let connected = members.iter().filter(|key| engine.sessions.get(**key).is_some_and(|s| s.online.is_some()));
        if connected.copied().collect::<BTreeSet<_>>() != group.online().iter().copied().collect() {
            return Err(format!("{share:?} is wrong about which members are connected"));
        }
        // With something to be read, that may be the oldest.
        if let Some((_, qos)) = group.queue().peek().filter(|_| group.queue().ready_len() == group.queue().len())
            && group.online().iter().any(|key| engine.sessions.get(*key).is_some_and(|session| session.may_send(qos)))
        {
            let filter = engine.router.text(share).map_or("", |filter| filter.as_str());
            return Err(format!("{filter} has a message with QoS {qos} and a member that can take it"));
        }
    }
    for (key, session) in engine.sessions.iter() {
        let Some(flows) = &session.flows else { continue };
        let marks = flows.outbound.iter().filter_map(|(_, parcel)| Some(parcel?.share?.number));
        let marks = marks.filter(|number| *number != LEFT);
        if marks
            .map(FilterId::from_bits)
            .chain(flows.shares.iter().copied())
            .any(|share| !engine.groups.contains(share) || engine.router.member(share, key).is_none())
        {
            return Err(format!("{} holds something of a group that it is not in", session.subject.client_id));
        }
    }
    let is_waiting = engine.groups.iter().any(|(_, group)| !group.queue().is_empty());
    if is_waiting == engine.groups.is_waiting() {
        Ok(())
    } else {
        Err("the count of waiting groups is wrong".to_owned())
    }
}

/// Everything owed was sent, waits, or is counted as dropped.
fn check_counters(engine: &Engine) -> Result<(), String> {
    let counters = engine.counters();
    let flows = || engine.sessions.iter().filter_map(|(_, session)| session.flows.as_ref());
    let mailboxes = flows().map(|flows| &flows.mailbox).chain(engine.groups.iter().map(|(_, group)| group.queue()));
    let (queued, bytes) =
        mailboxes.fold((0, 0), |(queued, bytes), mailbox| (queued + mailbox.len() as u64, bytes + mailbox.bytes()));
    if (queued, bytes) != (counters.deliveries_queued, counters.queued_bytes) {
        let counted = (counters.deliveries_queued, counters.queued_bytes);
        return Err(format!("{queued} deliveries wait with {bytes} bytes, {counted:?} are counted"));
    }
    let memberships: u64 = flows().map(|flows| flows.shares.len() as u64).sum();
    if memberships != counters.shared_subscriptions {
        return Err(format!("{memberships} memberships, {} are counted", counters.shared_subscriptions));
    }
    let accounted = counters.deliveries_sent + queued + counters.drops.total();
    if accounted != counters.deliveries_owed {
        return Err(format!("{} deliveries owed, {accounted} accounted for", counters.deliveries_owed));
    }
    if engine.sessions.has_resting() && engine.fanouts.is_empty() {
        return Err("session keys rest without a fan-out that names them".to_owned());
    }
    Ok(())
}

/// Each timer has a reason that is still there, and each reason one timer.
fn check_timers(engine: &Engine) -> Result<(), String> {
    let mut counts = [0; 5];
    for timer in engine.timers.iter() {
        counts[match timer {
            Timer::Will(_) => 0,
            Timer::Session(_) => 1,
            Timer::Retained(_) => 2,
            Timer::Held(_) => 3,
            Timer::Relief => 4,
        }] += 1;
    }
    let sessions = || engine.sessions.iter().map(|(_, session)| session);
    let reasons = [
        sessions().filter(|session| session.will.as_ref().is_some_and(|will| will.is_armed())).count(),
        sessions().filter(|session| session.expiry_timer.is_some()).count(),
        engine.retained.iter().filter(|kept| kept.timer.is_some()).count(),
        engine.links.iter().filter(|(link, _)| engine.links.extra(*link).is_some_and(|e| e.held.is_some())).count(),
        usize::from(engine.relief.is_full()),
    ];
    if counts == reasons { Ok(()) } else { Err(format!("timers {counts:?}, reasons for them {reasons:?}")) }
}

fn check_retained(engine: &Engine) -> Result<(), String> {
    let (ours, theirs): (Vec<_>, Vec<_>) = engine.retained.iter().partition(|kept| is_ours(kept.message.topic()));
    if ours.len() as u64 != engine.sys.kept {
        return Err(format!("{} retained messages are our own, {} are counted", ours.len(), engine.sys.kept));
    }
    let bytes: u64 = theirs.iter().map(|kept| kept.message.size() as u64).sum();
    if bytes == engine.retained_bytes && bytes <= engine.highest.retained_bytes {
        Ok(())
    } else {
        Err(format!("retained messages take {bytes} bytes, {} are counted", engine.retained_bytes))
    }
}

/// What a recorded group is owed, in ascending order: what waits and what its members have not acknowledged.
pub(crate) fn owed_to_group(engine: &Engine, share: FilterId, group: &Group) -> Vec<Sequence> {
    let mut owed: Vec<_> = group.queue().recorded().map(|(sequence, ..)| sequence).collect();
    for flows in engine.router.members(share).filter_map(|key| engine.sessions.get(key)?.flows.as_ref()) {
        let in_flight = flows.outbound.unfinished().filter_map(|(.., parcel)| parcel);
        let in_flight = in_flight.filter(|parcel| is_of(parcel, share));
        let given = in_flight.map(|parcel| &parcel.message);
        let given = given.chain(flows.mailbox.shared(share.to_bits()).map(|(message, _)| message));
        let given = given.filter(|message| message.sequence().is_some() && message.qos() > Qos::AtMostOnce);
        owed.extend(given.map(|message| message.sequence()));
    }
    owed.sort_unstable();
    owed
}

/// Who holds which message is counted as it is, and each recorded session knows its own place.
fn check_holders(engine: &Engine) -> Result<(), String> {
    let Some(log) = &engine.log else { return Ok(()) };
    let mut holders: BTreeMap<Sequence, u32> = BTreeMap::new();
    let mut stored_sessions = 0;
    for (key, session) in engine.sessions.iter() {
        let name = &session.subject.client_id;
        let Some(stored) = &session.stored else {
            if session.is_durable() && !engine.highest.has_forgetful {
                return Err(format!("{name} outlives its connection and is not recorded"));
            }
            continue;
        };
        stored_sessions += 1;
        if stored.key != key {
            return Err(format!("{name} is recorded under another key"));
        }
        if (stored.is_flows_dirty || stored.is_session_dirty) && !log.dirty.contains(&key) {
            return Err(format!("{name} is out of date in the log for ever"));
        }
        let flows = session.flows.iter();
        let held = flows.flat_map(|flows| {
            let in_flight = flows.outbound.unfinished().filter_map(|(.., parcel)| Some(parcel?.recorded()));
            in_flight.chain(flows.mailbox.recorded().map(|(sequence, ..)| sequence))
        });
        for sequence in held.chain(stored.pictures.pinned.iter().copied()).filter(|sequence| sequence.is_some()) {
            *holders.entry(sequence).or_default() += 1;
        }
    }
    for (share, group) in engine.groups.iter() {
        let Some(stored) = &group.stored else {
            if engine.router.members(share).any(|key| engine.is_stored(key)) {
                return Err(format!("{share:?} has a recorded member and is not recorded"));
            }
            continue;
        };
        if stored.is_dirty && !log.dirty_groups.contains(&share) {
            return Err(format!("{share:?} is out of date in the log for ever"));
        }
        for sequence in owed_to_group(engine, share, group).into_iter().chain(stored.pictures.pinned.iter().copied()) {
            *holders.entry(sequence).or_default() += 1;
        }
    }
    for kept in engine.retained.iter().filter(|kept| kept.message.sequence().is_some()) {
        *holders.entry(kept.message.sequence()).or_default() += 1;
    }
    for (sequence, count, mark) in log.shared() {
        if holders.get(&sequence).copied().unwrap_or(0) != count || (count < 2 && !mark.is_some()) {
            return Err(format!("{sequence:?} has {:?} holders, {count} are counted", holders.get(&sequence)));
        }
        holders.remove(&sequence);
    }
    if let Some((sequence, count)) = holders.iter().find(|(_, count)| **count > 1) {
        return Err(format!("{sequence:?} has {count} holders, one is counted"));
    }
    if stored_sessions == log.sessions { Ok(()) } else { Err("the count of recorded sessions is wrong".to_owned()) }
}
