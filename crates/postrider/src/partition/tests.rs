//! What leaves when: a partition whose log is as far as the test says.

use super::*;
use crate::conn::Exit;
use crate::log::Journal;
use crate::{defaults, seeds};
use bytes::Bytes;
use postrider_engine::{Body, Importance, Urgency};
use postrider_journal::{Appended, NewRecord, ReadError, Refused, Standing};
use postrider_ports::PartitionId;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;

/// A log that is durable up to where the test says.
#[derive(Debug, Default)]
struct Slow(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    kinds: Vec<u8>,
    durable: u64,
    written: u64,
    tells_written: bool,
    together_from: u64,
    is_refusing: bool,
}

impl Slow {
    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock().expect("no test panics in here"));
    }
}

impl Journal for Slow {
    fn append(&self, records: &mut dyn Iterator<Item = NewRecord<'_>>) -> Result<Appended, Refused> {
        let mut state = self.0.lock().expect("as above");
        if state.is_refusing {
            return Err(Refused::Full);
        }
        state.kinds.extend(records.map(|record| record.kind));
        let name = postrider_journal::Sequence::new;
        let (last, from) = (state.kinds.len() as u64, state.together_from.max(1));
        Ok(Appended { last: name(last), together_from: name(from), needs_ring: true })
    }

    fn waiting_bytes(&self) -> u64 {
        0
    }

    fn ring(&self) {}

    fn standing(&self) -> Standing {
        let state = self.0.lock().expect("as above");
        let name = postrider_journal::Sequence::new;
        let (durable, written) = (name(state.durable), name(state.written.max(state.durable)));
        Standing { durable, written, room: 1 << 20, is_full: false, fault: None }
    }

    fn want_room(&self) {}

    fn tell_written(&self) {
        self.set(|state| state.tells_written = true);
    }

    fn release(&self, _sequence: Sequence) {}

    fn read(&self, _sequence: Sequence, _payload: &mut Vec<u8>) -> Result<u8, ReadError> {
        Err(ReadError::Absent)
    }
}

struct Stage {
    journal: Arc<Slow>,
    partition: Partition,
    scratch: Scratch,
}

const PUBACK: [u8; 4] = [0x40, 2, 0, 1];
const PUBLISH: [u8; 6] = [0x30, 4, 0, 1, b't', b'x'];
const DISCONNECT: [u8; 2] = [0xE0, 0];

impl Stage {
    fn new() -> Self {
        let journal = Arc::new(Slow::default());
        let engine = Engine::new(defaults::limits(), PartitionId(0), seeds::random());
        let log = Log::new(journal.clone(), Sequence::NONE, 0);
        Self { journal, partition: Partition::new(engine, Tray::new(), Some(log)), scratch: Scratch::default() }
    }

    fn conn(&mut self) -> (Arc<Conn>, LinkId) {
        let conn = Arc::new(Conn::new(Exit::TASK));
        let link = self.partition.link(&conn);
        (conn, link)
    }

    fn record(&mut self, kind: u8) {
        let (urgency, importance) = (Urgency::Now, Importance::Ordinary);
        self.partition.tray.effects.push(Effect::Append { kind, range: 0..0, urgency, importance });
    }

    fn after(&mut self, sequence: u64) {
        self.partition.tray.effects.push(Effect::After(Sequence(sequence)));
    }

    fn send(&mut self, link: LinkId, packet: &[u8], lane: Lane) {
        let tray = &mut self.partition.tray;
        let start = u32::try_from(tray.bytes.len()).expect("few");
        tray.bytes.extend_from_slice(packet);
        let end = u32::try_from(tray.bytes.len()).expect("few");
        tray.effects.push(Effect::Send { link, range: start..end, lane });
    }

    fn apply(&mut self) {
        self.partition.apply(None, &mut self.scratch);
    }

    fn advance(&mut self, durable: u64) {
        self.journal.set(|state| state.durable = durable);
        self.partition.on_advance(Now::default(), &mut self.scratch);
        self.apply();
    }
}

/// Three links, each with another promise, and an answer for each after the next record.
fn promised(stage: &mut Stage) -> [Arc<Conn>; 3] {
    [Durability::Fsync, Durability::Os, Durability::Memory].map(|durability| {
        let (conn, link) = stage.conn();
        stage.partition.tray.effects.push(Effect::Promised { link, durability });
        stage.record(7);
        stage.after(u64::from(link.slot) + 1);
        stage.send(link, &PUBACK, Lane::Control);
        stage.after(0);
        conn
    })
}

#[test]
fn a_link_waits_for_no_more_than_it_is_promised() {
    let mut stage = Stage::new();
    let conns = promised(&mut stage);
    stage.apply();
    stage.journal.set(|state| assert!(state.tells_written));
    let left = |conns: &[Arc<Conn>; 3]| conns.each_ref().map(|conn| leaving(conn).len());
    assert_eq!(left(&conns), [0, 0, 4]);
    stage.journal.set(|state| state.written = 3);
    stage.advance(0);
    assert_eq!(left(&conns), [0, 4, 0]);
    // What is written already is not waited for there.
    stage.after(3);
    for conn in &conns {
        stage.send(conn.link().expect("named"), &PUBACK, Lane::Control);
    }
    stage.apply();
    assert_eq!(left(&conns), [0, 4, 4]);
    stage.advance(3);
    assert_eq!(left(&conns), [8, 0, 0]);
}

#[test]
fn what_a_link_waited_for_before_it_was_promised_less_stays_in_front() {
    let mut stage = Stage::new();
    let (conn, link) = stage.conn();
    stage.record(7);
    stage.after(1);
    stage.send(link, &DISCONNECT, Lane::Control);
    stage.partition.tray.effects.push(Effect::Promised { link, durability: Durability::Memory });
    stage.record(7);
    stage.after(2);
    stage.send(link, &PUBACK, Lane::Control);
    stage.apply();
    assert!(leaving(&conn).is_empty());
    stage.advance(2);
    assert_eq!(leaving(&conn), [&DISCONNECT[..], &PUBACK[..]].concat());
}

/// What may leave for a connection now.
fn leaving(conn: &Conn) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(batch) = conn.outbox().take_batch() {
        let mut pieces = [std::io::IoSlice::new(&[]); 64];
        let count = batch.slices(&mut pieces);
        pieces[..count].iter().for_each(|piece| bytes.extend_from_slice(piece));
    }
    bytes
}

#[test]
fn an_answer_leaves_when_its_record_is_durable_and_not_before() {
    let mut stage = Stage::new();
    let (conn, link) = stage.conn();
    stage.record(7);
    stage.after(1);
    stage.send(link, &PUBACK, Lane::Control);
    stage.apply();
    assert!(stage.scratch.must_ring, "the log does not know yet");
    assert!(stage.scratch.dirty.is_empty() && leaving(&conn).is_empty());
    stage.advance(0);
    assert!(stage.scratch.dirty.is_empty() && leaving(&conn).is_empty());
    stage.advance(1);
    assert_eq!((stage.scratch.dirty.len(), leaving(&conn)), (1, PUBACK.to_vec()));
}

#[test]
fn records_of_a_tray_are_appended_in_order_and_others_wait_for_nothing() {
    let mut stage = Stage::new();
    let (first, first_link) = stage.conn();
    let (second, second_link) = stage.conn();
    stage.record(7);
    stage.after(1);
    stage.send(first_link, &PUBACK, Lane::Control);
    stage.after(0);
    stage.send(second_link, &PUBLISH, Lane::Data);
    stage.record(8);
    stage.apply();
    stage.journal.set(|state| assert_eq!(state.kinds, [7, 8]));
    assert_eq!(leaving(&second), PUBLISH);
    assert!(leaving(&first).is_empty());
    // What waits for a record that is durable does not wait.
    stage.advance(2);
    assert_eq!(leaving(&first), PUBACK);
    stage.after(1);
    stage.send(first_link, &PUBACK, Lane::Control);
    stage.apply();
    assert_eq!(leaving(&first), PUBACK);
}

#[test]
fn whatever_comes_behind_something_that_waits_waits_too() {
    let mut stage = Stage::new();
    let (conn, link) = stage.conn();
    stage.record(7);
    stage.after(1);
    stage.send(link, &PUBACK, Lane::Control);
    stage.after(0);
    stage.send(link, &PUBLISH, Lane::Data);
    stage.apply();
    stage.record(7);
    stage.after(2);
    stage.journal.set(|state| state.together_from = 2);
    stage.send(link, &PUBACK, Lane::Control);
    stage.apply();
    // The driver's own answers are no exception.
    assert_eq!(conn.push(&[0xD0, 0], Lane::Control, Wait::NOT, &mut stage.scratch), Pushed::Noted);
    assert!(leaving(&conn).is_empty());
    stage.advance(1);
    assert_eq!(leaving(&conn), [&PUBACK[..], &PUBLISH].concat());
    stage.advance(2);
    assert_eq!(leaving(&conn), [&PUBACK[..], &[0xD0, 0]].concat());
}

#[test]
fn a_link_that_is_parted_gets_its_last_word_and_nothing_that_waits() {
    for (farewell, heard) in [(Some(DISCONNECT), DISCONNECT.to_vec()), (None, Vec::new())] {
        let mut stage = Stage::new();
        let (conn, link) = stage.conn();
        stage.record(7);
        stage.after(1);
        stage.send(link, &PUBACK, Lane::Control);
        if let Some(farewell) = farewell {
            stage.send(link, &farewell, Lane::Control);
        }
        stage.partition.tray.effects.push(Effect::Part { link, cause: Cause::TakenOver });
        stage.apply();
        assert_eq!(stage.scratch.dirty.len(), usize::from(farewell.is_some()));
        assert_eq!(leaving(&conn), heard);
        stage.advance(1);
        assert!(leaving(&conn).is_empty());
    }
}

#[test]
fn a_socket_that_is_stuck_gets_answers_first_when_the_log_lets_them_go() {
    let mut stage = Stage::new();
    let (conn, link) = stage.conn();
    stage.record(7);
    stage.after(1);
    stage.send(link, &PUBLISH, Lane::Data);
    stage.send(link, &PUBACK, Lane::Control);
    stage.apply();
    conn.outbox().is_blocked = true;
    stage.advance(1);
    assert_eq!(leaving(&conn), [&PUBACK[..], &PUBLISH].concat());
}

#[test]
fn a_payload_that_waits_holds_no_read_buffer_and_is_copied_once_for_all() {
    let mut stage = Stage::new();
    let (links, conns): (Vec<_>, Vec<_>) = (0..3).map(|_| stage.conn()).map(|(conn, link)| (link, conn)).unzip();
    let read = Bytes::from(vec![0; 64 * 1024]);
    stage.record(7);
    stage.after(1);
    stage.partition.tray.bodies.push(Body { bytes: read.slice(..4096), is_borrowed: true });
    stage.partition.tray.bytes.extend_from_slice(b"\x30\x83\x20\0\x01t");
    for link in links {
        stage.partition.tray.effects.push(Effect::SendShared { link, head: 0..6, body: 0 });
    }
    stage.apply();
    assert!(read.is_unique(), "somebody holds a part of the buffer");
    stage.advance(1);
    let addresses: Vec<usize> = conns
        .iter()
        .map(|conn| {
            let batch = conn.outbox().take_batch().expect("it leaves");
            let mut pieces = [std::io::IoSlice::new(&[]); 4];
            assert_eq!(batch.slices(&mut pieces), 2);
            pieces[1].as_ptr() as usize
        })
        .collect();
    assert!(addresses.windows(2).all(|pair| pair[0] == pair[1]), "it was copied for each");
}

#[test]
fn what_has_to_wait_for_a_record_of_one_input_is_no_affair_of_the_next() {
    let mut stage = Stage::new();
    let (first, first_link) = stage.conn();
    let (second, second_link) = stage.conn();
    stage.record(7);
    stage.after(1);
    stage.send(first_link, &PUBACK, Lane::Control);
    stage.partition.end_input(0);
    stage.send(second_link, &PUBACK, Lane::Control);
    stage.apply();
    assert_eq!((leaving(&first), leaving(&second)), (Vec::new(), PUBACK.to_vec()));
}

#[test]
fn records_are_read_back_when_they_are_durable() {
    let mut stage = Stage::new();
    stage.record(7);
    stage.partition.tray.effects.push(Effect::Load { ticket: Ticket(1), sequences: [Sequence(1)].into() });
    stage.apply();
    assert!(stage.scratch.loads.is_empty());
    stage.advance(1);
    assert_eq!(stage.scratch.loads.len(), 1);
}

#[test]
fn records_that_nobody_needs_are_released_even_if_the_log_does_not_advance() {
    let mut stage = Stage::new();
    stage.record(7);
    stage.partition.tray.effects.push(Effect::Release(Sequence(1)));
    stage.apply();
    assert!(!stage.scratch.must_release, "the log is about to advance");
    stage.journal.set(|state| state.durable = 1);
    let released = stage.partition.on_advance(Now::default(), &mut stage.scratch);
    assert_eq!(released, [Sequence(1)]);
    stage.partition.tray.effects.push(Effect::Release(Sequence(1)));
    stage.apply();
    assert!(stage.scratch.must_release);
}

#[test]
fn after_a_record_was_refused_nothing_leaves_that_waits() {
    let mut stage = Stage::new();
    let (conn, link) = stage.conn();
    stage.journal.set(|state| state.is_refusing = true);
    stage.record(7);
    stage.after(1);
    stage.send(link, &PUBACK, Lane::Control);
    stage.apply();
    assert_eq!(stage.scratch.refused, Some(Refused::Full));
    stage.journal.set(|state| state.is_refusing = false);
    stage.advance(1);
    assert!(leaving(&conn).is_empty());
    stage.record(8);
    stage.apply();
    stage.journal.set(|state| assert!(state.kinds.is_empty(), "records would have holes between them"));
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_client_whose_answers_wait_is_not_read_until_they_leave() {
    let mut stage = Stage::new();
    let (conn, link) = stage.conn();
    let woken = Arc::new(Woken::default());
    conn.outbox().waker = Some(woken.clone().into());
    stage.record(7);
    stage.after(1);
    for _ in 0..crate::outbox::CONTROL_BYTES_MAX / 4 {
        stage.send(link, &PUBACK, Lane::Control);
    }
    stage.apply();
    assert!(!conn.outbox().check_held(), "not beyond the bound");
    stage.after(1);
    stage.send(link, &PUBACK, Lane::Control);
    stage.apply();
    assert!(conn.outbox().check_held() && !woken.0.load(Ordering::Relaxed));
    stage.advance(1);
    assert!(!conn.outbox().check_held() && woken.0.load(Ordering::Relaxed));
}
