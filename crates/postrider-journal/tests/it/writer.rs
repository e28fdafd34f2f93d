//! The thread in front of the log.

use crate::owner::{Owner, options};
use crate::random::{Random, seeds};
use postrider_journal::{
    Durability, Handle, Importance, Log, Loss, NewRecord, Options, Refused, Sequence, SimulatedDisk, Standing, Urgency,
    Waker, Writer, WriterOptions,
};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

fn spawn(disk: &SimulatedDisk, options: Options, writer: WriterOptions) -> (Writer<SimulatedDisk>, Receiver<()>) {
    let (log, _) = Log::open(disk.clone(), options).expect("open");
    let (wake, woken) = channel();
    // Who does not listen any more is not told.
    let waker = Waker::new(move || _ = wake.send(()));
    (Writer::spawn(log, writer, waker).expect("spawn"), woken)
}

fn small() -> WriterOptions {
    WriterOptions { queue_bytes: 4000, compaction_bytes: 500, ..WriterOptions::default() }
}

fn wait_until_durable(handle: &Handle<SimulatedDisk>, woken: &Receiver<()>, sequence: Sequence) {
    while handle.durable() < sequence {
        woken.recv_timeout(PATIENCE).expect("the waker is called");
    }
}

#[test]
fn records_of_many_threads_are_named_in_the_order_of_the_queue_and_can_be_read() {
    let disk = SimulatedDisk::new(1);
    let (writer, woken) = spawn(&disk, options(), small());
    let threads: Vec<_> = (0..4_u8)
        .map(|thread| {
            let handle = writer.handle().clone();
            std::thread::spawn(move || {
                let mut own = Vec::new();
                while own.len() < 500 {
                    match handle.try_append(thread, &[&own.len().to_le_bytes()], Urgency::Now) {
                        Ok(sequence) => own.push(sequence),
                        Err(Refused::Busy) => std::thread::yield_now(),
                        Err(other) => panic!("{other}"),
                    }
                }
                own
            })
        })
        .collect();
    let named: Vec<Vec<Sequence>> = threads.into_iter().map(|thread| thread.join().expect("thread")).collect();
    let mut all: Vec<Sequence> = named.concat();
    all.sort();
    assert!(all.iter().zip(1..).all(|(sequence, number)| sequence.number() == number) && all.len() == 2000);
    wait_until_durable(writer.handle(), &woken, Sequence::new(2000));
    for (thread, own) in named.iter().enumerate() {
        for (at, sequence) in own.iter().enumerate() {
            let mut payload = Vec::new();
            let kind = writer.handle().read(*sequence, &mut payload).expect("read");
            assert_eq!((usize::from(kind), payload), (thread, at.to_le_bytes().to_vec()));
        }
    }
    writer.close().expect("close");
    let (_, recovered) = Log::open(disk, options()).expect("open");
    assert_eq!(recovered.last(), Sequence::new(2000));
}

#[test]
fn the_queue_is_bounded_and_the_waker_says_when_there_is_room() {
    let disk = SimulatedDisk::new(2);
    let lazy = WriterOptions { lazy: PATIENCE, ..small() };
    let (writer, woken) = spawn(&disk, options(), lazy);
    let handle = writer.handle();
    let payload = [7; 400];
    let count = (0..100).take_while(|_| handle.try_append(1, &[&payload], Urgency::Lazy).is_ok()).count();
    assert!((8..=10).contains(&count), "{count} records of 400 bytes in a queue of 4000");
    assert_eq!(handle.try_append(1, &[&payload], Urgency::Now), Err(Refused::Busy));
    // Something small and urgent takes the lazy ones along.
    let last = handle.try_append(1, &[b"go"], Urgency::Now).expect("room for a small one");
    wait_until_durable(handle, &woken, last);
    assert!(handle.try_append(1, &[&payload], Urgency::Now).is_ok());
}

#[test]
fn a_lazy_record_is_durable_when_its_time_is_over() {
    let disk = SimulatedDisk::new(3);
    let (writer, woken) = spawn(&disk, options(), WriterOptions { lazy: Duration::from_millis(20), ..small() });
    let sequence = writer.handle().try_append(1, &[b"lazy"], Urgency::Lazy).expect("room");
    wait_until_durable(writer.handle(), &woken, sequence);
}

#[test]
fn closing_makes_everything_durable_and_takes_no_more() {
    let disk = SimulatedDisk::new(4);
    let (writer, _woken) = spawn(&disk, options(), WriterOptions { lazy: PATIENCE, ..small() });
    let handle = writer.handle().clone();
    let sequence = handle.try_append(1, &[b"last"], Urgency::Lazy).expect("room");
    writer.close().expect("close");
    assert_eq!(handle.durable(), sequence);
    assert_eq!(handle.try_append(1, &[b"late"], Urgency::Now), Err(Refused::Closed));
    assert_eq!(handle.read(sequence, &mut Vec::new()), Ok(1));
}

#[test]
fn a_fault_is_told_to_all_and_nothing_is_durable_behind_it() {
    let disk = SimulatedDisk::new(5);
    let (writer, woken) = spawn(&disk, options(), small());
    let handle = writer.handle();
    let first = handle.try_append(1, &[b"good"], Urgency::Now).expect("room");
    wait_until_durable(handle, &woken, first);
    disk.fail_sync(1);
    handle.try_append(1, &[b"lost"], Urgency::Now).expect("room");
    while handle.fault().is_none() {
        woken.recv_timeout(PATIENCE).expect("the waker is called");
    }
    let fault = handle.fault().expect("a fault");
    assert_eq!(fault.code, Some(5), "{fault}");
    assert_eq!(handle.try_append(1, &[b"more"], Urgency::Now), Err(Refused::Fault(fault.clone())));
    assert_eq!(handle.durable(), first);
    assert_eq!(writer.close(), Err(fault));
}

#[test]
fn written_records_are_reported_before_the_device_is_asked_to_sync() {
    let disk = SimulatedDisk::new(6);
    let durability = Durability::Written { sync_after: PATIENCE };
    let (writer, woken) = spawn(&disk, options(), WriterOptions { durability, ..small() });
    disk.slow_sync(1);
    // The first record begins a segment, which is synced.
    let first = writer.handle().try_append(1, &[b"first"], Urgency::Now).expect("room");
    wait_until_durable(writer.handle(), &woken, first);
    let before = disk.waited_us();
    let second = writer.handle().try_append(1, &[b"second"], Urgency::Now).expect("room");
    wait_until_durable(writer.handle(), &woken, second);
    assert_eq!(disk.waited_us(), before, "no sync was waited for");
}

#[test]
fn where_somebody_asks_what_is_written_is_told_before_it_is_synced() {
    let disk = SimulatedDisk::new(6);
    let (writer, woken) = spawn(&disk, options(), small());
    let handle = writer.handle();
    let first = handle.try_append(1, &[b"first"], Urgency::Now).expect("room");
    wait_until_durable(handle, &woken, first);
    assert_eq!(handle.standing().written, first);
    handle.tell_written();
    disk.fail_sync(1);
    let second = handle.try_append(1, &[b"second"], Urgency::Now).expect("room");
    while handle.fault().is_none() {
        woken.recv_timeout(PATIENCE).expect("the waker is called");
    }
    let Standing { durable, written, .. } = handle.standing();
    assert_eq!((durable, written), (first, second));
    assert!(writer.close().is_err());
}

#[test]
fn a_full_device_refuses_ordinary_records_takes_essential_ones_and_recovers() {
    let disk = SimulatedDisk::new(7);
    let options = options();
    let (writer, woken) = spawn(&disk, options, small());
    let handle = writer.handle();
    disk.limit_space(Some(disk.used_bytes()));
    let mut taken = Vec::new();
    loop {
        match handle.try_append(1, &[&[1; 300]], Urgency::Now) {
            Ok(sequence) => taken.push(sequence),
            Err(Refused::Busy) => woken.recv_timeout(PATIENCE).expect("the waker is called"),
            Err(Refused::Full) => break,
            Err(other) => panic!("{other}"),
        }
    }
    let essential = handle.try_append_essential(2, &[b"delete"], Urgency::Now).expect("the reserve is there");
    wait_until_durable(handle, &woken, essential);
    assert_eq!(handle.fault(), None);
    disk.limit_space(None);
    let mut refused = 0;
    while let Err(error) = handle.try_append(1, &[b"again"], Urgency::Now) {
        assert!(matches!(error, Refused::Full | Refused::Busy), "{error}");
        refused += 1;
        assert!(refused < 10_000, "space is back");
        let _ = woken.recv_timeout(Duration::from_millis(10));
    }
}

fn record(kind: u8, payload: &[u8], urgency: Urgency) -> NewRecord<'_> {
    NewRecord { kind, payload, urgency, importance: Importance::Ordinary }
}

#[test]
fn a_batch_is_named_in_order_becomes_durable_at_one_moment_and_the_bell_is_the_callers() {
    let disk = SimulatedDisk::new(8);
    let options = Options { group_records_max: 4096, ..options() };
    let (writer, woken) = spawn(&disk, options, WriterOptions { lazy: PATIENCE, ..small() });
    let handle = writer.handle();
    let batch = || [1, 2, 3].map(|kind| record(kind, b"x", Urgency::Now));
    let mut last = Sequence::NONE;
    for _ in 0..20 {
        let appended = handle.append_all(batch()).expect("room");
        assert_eq!(appended.last.number(), last.number() + 3);
        assert!(appended.together_from.number() <= last.number() + 1);
        last = appended.last;
        if appended.needs_ring {
            handle.ring();
        }
    }
    while handle.durable() < last {
        woken.recv_timeout(PATIENCE).expect("the waker is called");
        // Nobody saw a part of a batch.
        assert_eq!(handle.durable().number() % 3, 0);
    }
    let standing = handle.standing();
    assert_eq!((standing.durable, standing.is_full, standing.fault), (last, false, None));
}

#[test]
fn nothing_is_rung_for_when_only_lazy_records_wait_already() {
    let disk = SimulatedDisk::new(9);
    let (writer, _woken) = spawn(&disk, options(), WriterOptions { lazy: PATIENCE, ..small() });
    let handle = writer.handle();
    handle.try_append(1, &[b"lazy"], Urgency::Lazy).expect("room");
    let appended = handle.append_all([record(1, b"lazy", Urgency::Lazy)]).expect("room");
    assert!(!appended.needs_ring && appended.together_from.number() == 1);
}

#[test]
fn as_much_is_taken_as_was_promised() {
    for size in [0, 1, 50, 700] {
        let disk = SimulatedDisk::new(10);
        let (writer, _woken) = spawn(&disk, options(), WriterOptions { lazy: PATIENCE, ..small() });
        let payload = vec![7; size];
        let mut room = writer.handle().standing().room;
        let each = size as u64 + Standing::OVERHEAD_BYTES;
        assert!(room > 2 * each);
        while room >= each {
            let _ = writer.handle().append_all([record(1, &payload, Urgency::Lazy)]).expect("it was promised");
            room -= each;
        }
        // What was not used up by overhead is still there.
        let left = writer.handle().standing().room;
        assert!(left >= room, "{left} left, {room} promised");
    }
}

#[test]
fn a_full_device_is_asked_again_when_somebody_wants_room() {
    let disk = SimulatedDisk::new(11);
    let (writer, woken) = spawn(&disk, options(), small());
    let handle = writer.handle();
    disk.limit_space(Some(disk.used_bytes()));
    while !handle.standing().is_full {
        match handle.try_append(1, &[&[1; 300]], Urgency::Now) {
            Ok(_) | Err(Refused::Full) => {}
            Err(Refused::Busy) => woken.recv_timeout(PATIENCE).expect("the waker is called"),
            Err(other) => panic!("{other}"),
        }
    }
    disk.limit_space(None);
    // Once is enough: whoever asks knows how often that is worth it.
    handle.want_room();
    while handle.standing().is_full {
        woken.recv_timeout(PATIENCE).expect("the device is asked");
    }
    assert!(handle.standing().room > 0);
}

/// Works until the power goes or enough was done; what is durable then must be there.
fn live_once(disk: &SimulatedDisk, owner: &mut Owner, random: &mut Random) {
    let (log, mut recovered) = Log::open(disk.clone(), options()).expect("open");
    owner.replay(&log, &mut recovered).expect("replay");
    // Behind the opening and the first spare, so that it is the thread that meets it.
    let cut = random.below(60);
    let (wake, woken) = channel();
    let writer = Writer::spawn(log, small(), Waker::new(move || _ = wake.send(()))).expect("spawn");
    if cut > 0 {
        disk.cut_power_at(disk.changes() + cut);
    }
    let handle = writer.handle();
    for _ in 0..150 {
        let count = owner.live.len();
        let old = owner.live.keys().nth(random.index(count.min(30)).min(count.saturating_sub(1))).copied();
        let refused = match old.filter(|_| random.below(2) == 0) {
            Some(target) => owner.take(handle, target),
            None => {
                let length = random.below(300);
                owner.put(handle, random.bytes(length))
            }
        };
        match refused {
            Ok(()) => {}
            Err(Refused::Busy) => _ = woken.recv_timeout(PATIENCE),
            Err(Refused::Fault(_)) => break,
            Err(other) => panic!("{other}"),
        }
    }
    let ended = writer.handle().clone();
    assert!(writer.close().is_ok() || disk.is_off());
    owner.written = ended.durable();
}

#[test]
fn what_was_reported_by_the_thread_survives_a_loss_of_power_and_what_was_deleted_stays_so() {
    for seed in seeds(20) {
        let (disk, mut random, mut owner) = (SimulatedDisk::new(seed), Random::new(seed), Owner::default());
        for _ in 0..20 {
            live_once(&disk, &mut owner, &mut random);
            // Threads take turns as they like: the seed repeats the losses, not the turns.
            disk.restart(Loss::ALL[1 + random.index(4)]);
        }
    }
}
