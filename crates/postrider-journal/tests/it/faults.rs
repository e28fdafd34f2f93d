//! What happens when the device refuses.

use crate::owner::{DATA, DELETE, Owner, options};
use postrider_journal::{
    AppendError, Compaction, Log, Loss, OpenError, Operation, Options, SimulatedDisk, Storage, StorageFile, check,
};

fn open(disk: &SimulatedDisk) -> Log<SimulatedDisk> {
    Log::open(disk.clone(), options()).expect("open").0
}

/// Opens again after a restart, and checks that what was promised is there.
fn reopen(disk: &SimulatedDisk, owner: &mut Owner) -> Log<SimulatedDisk> {
    let (log, mut recovered) = Log::open(disk.clone(), options()).expect("open");
    owner.replay(&log, &mut recovered).expect("replay");
    log
}

/// Works with a fault ahead until the log is over, and checks that it stays so.
fn work_until_fault(disk: &SimulatedDisk, nth_sync: u64) -> Owner {
    let mut owner = Owner::default();
    let mut log = open(disk);
    disk.fail_sync(nth_sync);
    for number in 0..400_u64 {
        owner.add(&mut log, vec![1; 150]);
        if number % 3 == 0 && owner.commit(&mut log).is_err() {
            break;
        }
    }
    let fault = log.fault().cloned().expect("the fault was met");
    assert_eq!(fault.code, Some(5));
    assert!(matches!(fault.operation, Operation::Write | Operation::Sync | Operation::Open), "{fault}");
    // Whatever is asked now, the answer is the same, and the device is not asked again.
    let (changes, durable) = (disk.changes(), log.durable());
    for _ in 0..3 {
        assert_eq!(log.append(DATA, &[b"more"]), Err(AppendError::Fault(fault.clone())));
        assert_eq!(log.append_essential(DATA, &[b"more"]), Err(AppendError::Fault(fault.clone())));
        assert_eq!(log.commit(), Err(fault.clone()));
        assert_eq!(log.write(), Err(fault.clone()));
        assert_eq!(log.compact(1000), Err(fault.clone()));
    }
    assert!(durable >= owner.promised && log.durable() == durable, "nothing is durable behind a fault");
    assert_eq!(disk.changes(), changes);
    assert_eq!(log.close(), Err(fault));
    // The beginning of a segment makes the one before durable without being asked.
    owner.promised = durable;
    owner
}

#[test]
fn a_refused_sync_ends_the_log_and_what_was_promised_is_there_after_a_restart() {
    for nth in 1..60 {
        for loss in Loss::ALL {
            let disk = SimulatedDisk::new(nth);
            let mut owner = work_until_fault(&disk, nth);
            owner.written = owner.promised;
            disk.restart(loss);
            reopen(&disk, &mut owner);
        }
    }
}

#[test]
fn what_a_refused_sync_left_in_the_cache_is_durable_once_it_was_opened_again() {
    for nth in 1..60 {
        for loss in Loss::ALL {
            let disk = SimulatedDisk::new(nth);
            let mut owner = work_until_fault(&disk, nth);
            disk.restart(Loss::Nothing);
            let mut log = reopen(&disk, &mut owner);
            owner.add(&mut log, vec![1; 150]).expect("room");
            owner.commit(&mut log).expect("commit");
            drop(log);
            disk.restart(loss);
            reopen(&disk, &mut owner);
        }
    }
}

#[test]
fn a_write_that_breaks_off_ends_the_log_and_what_was_promised_is_there_after_a_restart() {
    for nth in 1..60 {
        for loss in Loss::ALL {
            let disk = SimulatedDisk::new(nth);
            let mut owner = work_until_fault_or_index(&disk, nth);
            owner.written = owner.promised;
            disk.restart(loss);
            reopen(&disk, &mut owner);
        }
    }
}

/// The same; but the refused write may have been that of an index, which nothing depends on.
fn work_until_fault_or_index(disk: &SimulatedDisk, nth_write: u64) -> Owner {
    let mut owner = Owner::default();
    let mut log = open(disk);
    disk.fail_write(nth_write);
    for _ in 0..200 {
        owner.add(&mut log, vec![1; 150]);
        if owner.commit(&mut log).is_err() {
            break;
        }
    }
    owner.promised = log.durable();
    owner
}

#[test]
fn an_opening_that_the_device_refuses_says_so_and_changes_nothing() {
    let disk = SimulatedDisk::new(1);
    let mut owner = Owner::default();
    owner.fill(&mut open(&disk), 100);
    for nth in 1..6 {
        disk.fail_sync(nth);
        if let Err(error) = Log::open(disk.clone(), options()) {
            assert!(matches!(&error, OpenError::Fault(fault) if fault.code == Some(5)), "{error}");
        }
        disk.restart(Loss::Nothing);
    }
    let (log, mut recovered) = Log::open(disk, options()).expect("open");
    owner.replay(&log, &mut recovered).expect("replay");
}

#[test]
fn a_full_device_leaves_room_for_what_is_essential_and_takes_all_again_when_there_is_room() {
    let disk = SimulatedDisk::new(1);
    let mut owner = Owner::default();
    let mut log = open(&disk);
    let payload = vec![7; 300];
    for _ in 0..40 {
        owner.add(&mut log, payload.clone()).expect("room");
        owner.commit(&mut log).expect("commit");
    }
    disk.limit_space(Some(disk.used_bytes() + 1000));
    while owner.add(&mut log, payload.clone()).is_some() {
        owner.commit(&mut log).expect("a full device is no fault");
    }
    assert_eq!(log.append(DATA, &[&payload]), Err(AppendError::Full));
    assert_eq!(log.room().ordinary, 0);
    // Half of everything can be deleted: that needs records, and makes room.
    let targets: Vec<_> = owner.live.keys().copied().collect();
    for target in &targets[..targets.len() - 5] {
        owner.delete(&mut log, *target).expect("the reserve");
        owner.commit(&mut log).expect("commit");
        assert!(matches!(log.compact(500), Ok(Compaction::Idle | Compaction::Copied(_) | Compaction::Full)));
    }
    let mut refused = 0;
    while owner.add(&mut log, payload.clone()).is_none() {
        refused += 1;
        assert!(refused < 100, "segments have gone: {:?}", log.usage());
        log.compact(500).expect("compact");
        owner.commit(&mut log).expect("commit");
    }
    owner.commit(&mut log).expect("commit");
    owner.check_reads(&log).expect("read");
    drop(log);
    let (log, mut recovered) = Log::open(disk, options()).expect("open");
    owner.replay(&log, &mut recovered).expect("replay");
}

#[test]
fn a_store_opens_on_a_device_without_a_free_byte() {
    let disk = SimulatedDisk::new(1);
    let mut owner = Owner::default();
    owner.fill(&mut open(&disk), 50);
    disk.limit_space(Some(disk.used_bytes()));
    let (mut log, mut recovered) = Log::open(disk.clone(), options()).expect("open");
    owner.replay(&log, &mut recovered).expect("replay");
    let target = owner.live.keys().next().copied().expect("something is live");
    owner.delete(&mut log, target).expect("the reserve, or a file made ahead");
    owner.commit(&mut log).expect("commit");
}

#[test]
fn records_beyond_the_largest_are_refused_and_large_ones_have_a_segment_that_fits() {
    let disk = SimulatedDisk::new(1);
    let options = Options { record_bytes_max: 100_000, ..options() };
    let (mut log, _) = Log::open(disk.clone(), options.clone()).expect("open");
    let mut owner = Owner::default();
    assert_eq!(log.append(DATA, &[&vec![1; 100_000]]), Err(AppendError::TooLarge));
    for bytes in [99_990, 5, 30_000, 0, 8192] {
        owner.add(&mut log, vec![2; bytes]).expect("room");
    }
    owner.commit(&mut log).expect("commit");
    owner.check_reads(&log).expect("read");
    drop(log);
    let (log, mut recovered) = Log::open(disk, options).expect("open");
    owner.replay(&log, &mut recovered).expect("replay");
}

#[test]
fn a_later_format_is_refused_in_words() {
    let disk = SimulatedDisk::new(1);
    drop(open(&disk));
    let file = disk.open("store").expect("identity");
    for slot in [0, 4096] {
        let mut bytes = [0; 40];
        file.read_at(slot, &mut bytes).expect("read");
        bytes[8] = 2;
        let checksum = crc32c::crc32c(&bytes);
        file.write_all_at(slot, &[&bytes, &checksum.to_le_bytes()]).expect("write");
    }
    let error = Log::open(disk, options()).map(|_| ()).expect_err("refused");
    assert_eq!(error, OpenError::Newer { version: 2 });
    assert_eq!(error.to_string(), "the store has format 2, and this version reads formats up to 1");
}

#[test]
fn a_slow_device_gets_larger_groups_not_more_syncs() {
    let disk = SimulatedDisk::new(1);
    let mut log = open(&disk);
    log.append(DATA, &[b"the first begins a segment"]).expect("room");
    log.commit().expect("commit");
    disk.slow_sync(5_000_000);
    for _ in 0..8 {
        log.append(DATA, &[b"record"]).expect("room");
    }
    log.commit().expect("commit");
    assert_eq!(disk.waited_us(), 5_000_000, "one sync for all");
}

#[test]
fn a_tail_that_a_crash_has_torn_is_reported_and_cut() {
    let disk = SimulatedDisk::new(1);
    let mut owner = Owner::default();
    let mut log = open(&disk);
    owner.fill(&mut log, 20);
    owner.add(&mut log, vec![3; 1400]);
    disk.fail_write(1);
    assert!(owner.commit(&mut log).is_err(), "half of it is there");
    drop(log);
    let report = check(&disk).expect("check");
    assert!(report.tail.is_some() && report.damage.is_empty(), "{report:?}");
    let (log, mut recovered) = Log::open(disk, options()).expect("open");
    owner.replay(&log, &mut recovered).expect("replay");
    assert_eq!(log.durable(), owner.promised);
}

#[test]
fn a_tombstone_stays_as_long_as_a_copy_that_died_after_it() {
    let disk = SimulatedDisk::new(1);
    let mut owner = Owner::default();
    let mut log = open(&disk);
    // The only live record of the first segment.
    let target = owner.add(&mut log, vec![1; 200]).expect("room");
    let mut others = Vec::new();
    while log.usage().segments < 2 {
        others.extend(owner.add(&mut log, vec![2; 200]));
        owner.commit(&mut log).expect("commit");
    }
    for other in others {
        owner.delete(&mut log, other).expect("room");
    }
    // The tombstone is appended, but its owner is slow to release what it is about.
    let tombstone = log.append(DELETE, &[&target.number().to_le_bytes()]).expect("room");
    let before = log.usage().segments;
    let mut fillers = Vec::new();
    while log.usage().segments == before {
        fillers.push(log.append(DATA, &[&[3; 200]]).expect("room"));
        log.commit().expect("commit");
    }
    while matches!(log.compact(10_000), Ok(Compaction::Copied(_))) {
        log.commit().expect("commit");
    }
    log.release(target).expect("release");
    log.release(tombstone).expect("release");
    // Nothing else keeps the segment of the tombstone.
    fillers.iter().for_each(|filler| log.release(*filler).expect("release"));
    log.append(DATA, &[b"newer"]).expect("room");
    (0..4).for_each(|_| _ = log.commit().expect("commit"));
    // The bytes of the target are in the newest segment: without the tombstone they would come back.
    let sequences = |report: postrider_journal::Report| report.segments.last().map(|segment| segment.copies);
    drop(log);
    assert!(sequences(check(&disk).expect("check")) >= Some(1), "the copy is there");
    let (log, _) = Log::open(disk, options()).expect("open");
    assert_eq!(log.read(tombstone, &mut Vec::new()), Ok(DELETE));
}
