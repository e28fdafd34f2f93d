//! An owner of a log in its simplest form: it keeps payloads and deletes them, and remembers what it was told.
//!
//! It is the model too: what must be there after a crash follows from what it appended.

use postrider_journal::{
    Creation, Fault, Handle, Kinds, Log, Options, ReadError, Recovered, Refused, Sequence, Storage, StoreId, Urgency,
};
use std::collections::BTreeMap;

pub(crate) const DATA: u8 = 1;
/// Its payload names a record that is deleted.
pub(crate) const DELETE: u8 = 2;

pub(crate) fn options() -> Options {
    Options {
        segment_bytes: 8192,
        reserve_bytes: 4096,
        group_bytes_max: 1500,
        group_records_max: 8,
        index_bytes_max: 1_000_000,
        keep_while_older: Kinds::none().with(DELETE),
        ..Options::new(Creation::Allowed(StoreId([9; 16])))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Appended {
    pub(crate) kind: u8,
    pub(crate) payload: Vec<u8>,
}

/// Everything that was ever appended and not lost, and what a commit has promised.
#[derive(Clone, Debug, Default)]
pub(crate) struct Owner {
    pub(crate) history: BTreeMap<Sequence, Appended>,
    pub(crate) live: BTreeMap<Sequence, Vec<u8>>,
    /// The last record that a write has returned for.
    pub(crate) written: Sequence,
    /// The last record that a commit has returned for.
    pub(crate) promised: Sequence,
}

impl Owner {
    pub(crate) fn add<S: Storage>(&mut self, log: &mut Log<S>, payload: Vec<u8>) -> Option<Sequence> {
        let (head, tail) = payload.split_at(payload.len() / 3);
        let sequence = log.append(DATA, &[head, tail]).ok()?;
        self.remember(sequence, DATA, &payload);
        self.live.insert(sequence, payload);
        Some(sequence)
    }

    pub(crate) fn delete<S: Storage>(&mut self, log: &mut Log<S>, target: Sequence) -> Option<()> {
        let payload = target.number().to_le_bytes();
        let sequence = log.append_essential(DELETE, &[&payload]).ok()?;
        self.remember(sequence, DELETE, &payload);
        self.live.remove(&target);
        let _ = log.release(target);
        let _ = log.release(sequence);
        Some(())
    }

    pub(crate) fn commit<S: Storage>(&mut self, log: &mut Log<S>) -> Result<(), Fault> {
        self.promised = log.commit()?;
        self.written = self.promised;
        Ok(())
    }

    pub(crate) fn write<S: Storage>(&mut self, log: &mut Log<S>) -> Result<(), Fault> {
        self.written = log.write()?;
        Ok(())
    }

    /// The same through a queue; nothing if it is refused.
    pub(crate) fn put<S: Storage>(&mut self, handle: &Handle<S>, payload: Vec<u8>) -> Result<(), Refused> {
        let sequence = handle.try_append(DATA, &[&payload], Urgency::Now)?;
        self.remember(sequence, DATA, &payload);
        self.live.insert(sequence, payload);
        Ok(())
    }

    /// The same through a queue.
    pub(crate) fn take<S: Storage>(&mut self, handle: &Handle<S>, target: Sequence) -> Result<(), Refused> {
        let payload = target.number().to_le_bytes();
        let sequence = handle.try_append_essential(DELETE, &[&payload], Urgency::Lazy)?;
        self.remember(sequence, DELETE, &payload);
        self.live.remove(&target);
        let _ = handle.release(target);
        let _ = handle.release(sequence);
        Ok(())
    }

    /// Remembers a record that somebody else has appended.
    pub(crate) fn expect(&mut self, number: u64, payload: Vec<u8>) {
        self.remember(Sequence::new(number), DATA, &payload);
    }

    fn remember(&mut self, sequence: Sequence, kind: u8, payload: &[u8]) {
        let last = self.history.last_key_value().map_or(0, |(last, _)| last.number());
        assert_eq!(sequence.number(), last + 1, "sequences are 1, 2, 3 ...");
        self.history.insert(sequence, Appended { kind, payload: payload.to_vec() });
    }

    /// What should be live if the log ends with `last`.
    fn live_at(&self, last: Sequence) -> BTreeMap<Sequence, Vec<u8>> {
        let mut live = BTreeMap::new();
        for (sequence, appended) in self.history.range(..=last) {
            if appended.kind == DATA {
                live.insert(*sequence, appended.payload.clone());
            } else {
                live.remove(&target_of(&appended.payload));
            }
        }
        live
    }

    /// Replays a log that was opened, and checks that it is a prefix of what was appended, with all that must be there.
    pub(crate) fn replay<S: Storage>(&mut self, log: &Log<S>, recovered: &mut Recovered<S>) -> Result<(), ReadError> {
        let last = recovered.last();
        assert!(last >= self.written, "promised up to {}, found up to {last}", self.written);
        let known = self.history.last_key_value().map_or(0, |(last, _)| last.number());
        assert!(last.number() <= known, "found {last}, appended up to {known}");
        let mut found = BTreeMap::new();
        let (mut payload, mut before) = (Vec::new(), Sequence::NONE);
        while let Some((sequence, kind)) = recovered.next(&mut payload)? {
            assert!(sequence > before, "{sequence} behind {before}");
            before = sequence;
            let record = Appended { kind, payload: std::mem::take(&mut payload) };
            assert_eq!(self.history.get(&sequence), Some(&record), "record {sequence}");
            if kind == DATA {
                found.insert(sequence, record.payload);
            } else {
                let target = target_of(&record.payload);
                found.remove(&target);
                log.release(target)?;
                log.release(sequence)?;
            }
        }
        let expected = self.live_at(last);
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "live records up to {last}");
        assert!(found == expected, "payloads of live records");
        self.history.split_off(&Sequence::new(last.number() + 1));
        (self.live, self.written, self.promised) = (found, last, last);
        Ok(())
    }

    /// Some segments of records, of which all but every sixth are deleted after a while; everything is durable.
    pub(crate) fn fill<S: Storage>(&mut self, log: &mut Log<S>, count: u64) {
        for number in 1..=count {
            let payload = format!("record {number} ").repeat(usize::try_from(number % 9).expect("small")).into_bytes();
            self.add(log, payload).expect("room");
            let is_old = |target: &&Sequence| !target.number().is_multiple_of(6) && target.number() + 100 < number;
            if let Some(target) = self.live.keys().find(is_old).copied() {
                self.delete(log, target).expect("room");
            }
            if number % 7 == 0 {
                self.commit(log).expect("commit");
                log.compact(600).expect("compact");
            }
        }
        self.commit(log).expect("commit");
    }

    /// All that is live and written can be read.
    pub(crate) fn check_reads<S: Storage>(&self, log: &Log<S>) -> Result<(), ReadError> {
        for (sequence, expected) in self.live.range(..=log.written()) {
            let mut payload = b"before".to_vec();
            assert_eq!(log.read(*sequence, &mut payload)?, DATA, "record {sequence}");
            assert_eq!(&payload[6..], expected, "record {sequence}");
        }
        Ok(())
    }
}

fn target_of(payload: &[u8]) -> Sequence {
    Sequence::new(u64::from_le_bytes(payload.try_into().expect("eight bytes")))
}
