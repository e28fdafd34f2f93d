//! What was found, as a data directory.
//!
//! Owns: what sessions and messages of mosquitto are called here.
//! Never: holds more than one message in memory.

use super::chunk::{Chunk, MessageChunk};
use super::found::{Client, Found, Place};
use super::held::{Held, Target};
use super::plan::Plan;
use super::scan::{Flaw, Scan, Stopped};
use super::{MARK, MosquittoFile, NotTaken, TakeOver, TakenOver};
use crate::{DataWriter, DeliveryData, MessageData, SessionData, Stage, WriteError, Written};
use postrider_ports::{ClientId, Principal, Subject};
use std::collections::BTreeMap;
use std::io::{self, Read, Seek};
use std::path::Path;

pub(super) fn write<R: Read + Seek>(
    file: MosquittoFile<R>,
    new: &Path,
    how: TakeOver,
    mark: &str,
) -> Result<TakenOver, NotTaken> {
    let MosquittoFile { scan, mut found, flaws, flawed } = file;
    let (is_last, of_qos_0) = (found.is_last, found.of_qos_0);
    let before = found.clients.len();
    // Their connections have ended.
    found.clients.retain(|_, client| client.expiry_s > 0);
    let ended = (before - found.clients.len()) as u64;
    let counts = TakenOver { is_last, of_qos_0, ended, flaws, flawed, ..TakenOver::default() };
    let writer = DataWriter::create(new)?;
    let mut pen = Pen { scan, writer, sessions: Vec::new(), groups: BTreeMap::new(), counts };
    pen.sessions(&found, how)?;
    let held = Held::of(&mut pen.scan, &found)?;
    pen.groups(&held)?;
    let plan = Plan::of(&found, &held);
    pen.counts.without_message = plan.absent;
    pen.counts.held = held.count;
    let mut owed: Vec<Vec<DeliveryData>> =
        found.clients.values_mut().map(|client| std::mem::take(&mut client.owed)).collect();
    let charges = pen.messages(&found, &plan, &held, &mut owed)?;
    pen.flows(owed, &charges)?;
    let Pen { writer, counts, .. } = pen;
    writer.leave_beside(MARK, &format!("{mark}{counts}\n"))?;
    writer.finish()?;
    Ok(counts)
}

struct Pen<R> {
    scan: Scan<R>,
    writer: DataWriter,
    sessions: Vec<(Written, SessionData)>,
    groups: BTreeMap<String, Written>,
    counts: TakenOver,
}

/// By record: what a message that waits is charged.
type Charges = BTreeMap<u64, u64>;

impl<R: Read + Seek> Pen<R> {
    fn sessions(&mut self, found: &Found, how: TakeOver) -> Result<(), NotTaken> {
        for client in found.clients.values() {
            let session = session(client, how);
            let written = self.writer.session(&session).map_err(refused)?;
            self.counts.without_user += u64::from(session.subject.principal.is_none());
            self.sessions.push((written, session));
        }
        for (client, (written, _)) in found.clients.values().zip(&self.sessions) {
            for subscription in client.subscriptions.values() {
                self.writer.subscription(*written, subscription).map_err(refused)?;
                self.counts.subscriptions += 1;
            }
        }
        self.counts.sessions = self.sessions.len() as u64;
        Ok(())
    }

    fn groups(&mut self, held: &Held) -> Result<(), NotTaken> {
        for group in &held.groups {
            let written = self.writer.group(group).map_err(refused)?;
            self.groups.insert(group.clone(), written);
        }
        Ok(())
    }

    /// Writes the messages, and the numbers of their records into what is owed.
    fn messages(
        &mut self,
        found: &Found,
        plan: &Plan,
        held: &Held,
        owed: &mut [Vec<DeliveryData>],
    ) -> Result<Charges, NotTaken> {
        let mut charges = Charges::new();
        let mut records = BTreeMap::new();
        for id in &plan.order {
            let Some(place) = found.messages.get(id) else { continue };
            let (mut message, is_new) = self.read(*place)?;
            let held_back = held.retained.get(&message.topic);
            let is_retained = plan.retained.contains(id) && is_new && held_back.is_none_or(|newest| newest == id);
            let owners = plan.owed.get(id).map_or(&[][..], Vec::as_slice);
            let mut waiting: Vec<(Written, DeliveryData)> = Vec::new();
            for (client, at) in owners {
                let known = self.sessions.get(*client).zip(owed.get(*client).and_then(|all| all.get(*at)));
                waiting.extend(known.map(|((written, _), delivery)| (*written, delivery.clone())));
            }
            for (target, delivery) in held.targets.get(id).map_or(&[][..], Vec::as_slice) {
                waiting.extend(self.written(target).map(|written| (written, delivery.clone())));
            }
            if waiting.is_empty() && !is_retained {
                continue;
            }
            // `upgrade_outgoing_qos` delivers with more than was published.
            let highest = waiting.iter().map(|(_, delivery)| delivery.qos).max();
            message.qos = message.qos.max(highest.unwrap_or(message.qos));
            let written = self.writer.message(&message, is_retained, &waiting);
            let written = written.map_err(|error| refused_at(*place, error))?;
            charges.insert(written.record, written.charge);
            records.insert(*id, written.record);
            self.counts.retained += u64::from(is_retained);
        }
        rename(owed, &records);
        self.hand_out(held, &records, owed);
        Ok(charges)
    }

    /// What was held waits behind all else.
    fn hand_out(&mut self, held: &Held, records: &BTreeMap<u64, u64>, owed: &mut [Vec<DeliveryData>]) {
        for (id, targets) in &held.targets {
            for (target, delivery) in targets {
                match target {
                    Target::Client(number) => {
                        let record = records.get(id).copied();
                        let all = owed.get_mut(*number).into_iter();
                        all.for_each(|all| all.push(DeliveryData { record, ..delivery.clone() }));
                    }
                    Target::Group(_) => self.counts.queued += 1,
                }
            }
        }
    }

    fn flows(&mut self, owed: Vec<Vec<DeliveryData>>, charges: &Charges) -> Result<(), NotTaken> {
        for ((written, session), mut owed) in self.sessions.iter().zip(owed) {
            owed.sort_by_key(|delivery| delivery.stage == Stage::Queued);
            let waiting = owed.iter().filter(|delivery| delivery.stage == Stage::Queued).count() as u64;
            self.counts.queued += waiting;
            self.counts.in_flight += owed.len() as u64 - waiting;
            let charge = |delivery: &DeliveryData| delivery.record.and_then(|record| charges.get(&record)).copied();
            let owed = owed.into_iter().map(|delivery| (charge(&delivery).unwrap_or_default(), delivery));
            let owed = owed.map(|(charge, delivery)| (delivery, charge));
            self.writer.flows(*written, session, owed).map_err(refused)?;
        }
        Ok(())
    }

    /// A message, and whether it may be retained.
    fn read(&mut self, place: Place) -> io::Result<(MessageData, bool)> {
        let Chunk::Message(chunk) = self.scan.message(place)? else { return Err(io::ErrorKind::InvalidData.into()) };
        let may_stay = !chunk.payload.is_empty() && !chunk.topic.starts_with(OURS);
        Ok((message(&chunk), may_stay))
    }

    fn written(&self, target: &Target) -> Option<Written> {
        match target {
            Target::Client(number) => self.sessions.get(*number).map(|(written, _)| *written),
            Target::Group(group) => self.groups.get(group).copied(),
        }
    }
}

/// Messages get their records in place of the numbers they had; what has no message is owed no more.
fn rename(owed: &mut [Vec<DeliveryData>], records: &BTreeMap<u64, u64>) {
    for all in owed {
        all.retain_mut(|delivery| {
            let Some(id) = delivery.record else { return true };
            delivery.record = records.get(&id).copied();
            delivery.record.is_some()
        });
    }
}

fn session(client: &Client, how: TakeOver) -> SessionData {
    let expiry_s = if client.expiry_s == u32::MAX { how.for_ever_s.max(1) } else { client.expiry_s };
    let ends = client.expires_s.filter(|_| expiry_s < u32::MAX);
    let away_since_s = ends.map(|ends| ends.saturating_sub(u64::from(expiry_s))).or(client.away_since_s);
    SessionData {
        subject: client.subject.clone(),
        expiry_s,
        away_since_ms: away_since_s.map(|since| since * 1000).filter(|since| *since > 0),
        next_packet_id: client.last_packet_id.checked_add(1).unwrap_or(1),
        awaiting_pubrel: client.held.keys().copied().collect(),
        will: None,
    }
}

fn message(chunk: &MessageChunk<'_>) -> MessageData {
    let principal = Some(chunk.author_user).filter(|user| !user.is_empty()).map(Principal::from);
    let author = Some(chunk.author).filter(|author| !author.is_empty());
    MessageData {
        topic: chunk.topic.to_owned(),
        qos: chunk.qos,
        properties: chunk.properties.clone(),
        payload: chunk.payload.to_vec(),
        expires_at_ms: chunk.expires_s.map(|seconds| seconds * 1000),
        author: author.map(|author| Subject { client_id: ClientId::from(author), principal }),
    }
}

fn refused(error: WriteError) -> NotTaken {
    refused_at(Place { offset: 0, bytes: 0 }, error)
}

fn refused_at(place: Place, error: WriteError) -> NotTaken {
    match error {
        WriteError::Invalid(error) => Stopped::Flaw(Flaw { offset: place.offset, what: error.to_string() }).into(),
        WriteError::Failed(error) => error.into(),
    }
}

/// What the broker says about itself.
const OURS: &str = "$SYS";
