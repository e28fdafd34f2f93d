//! Copies of a store that is being written: each is the store as it was at one moment.

use crate::owner::{Owner, options};
use crate::random::{Random, seeds};
use crate::scratch::Scratch;
use postrider_journal::{
    Creation, Directory, Log, OpenError, Options, SimulatedDisk, SimulatedFile, SimulatedLock, Storage, StorageFile,
    StoreId, View, check, copy_live, restore,
};
use std::io;
use std::sync::{Arc, Mutex};

/// An owner at work.
#[derive(Debug)]
struct Work {
    log: Log<SimulatedDisk>,
    owner: Owner,
    random: Random,
    steps: u64,
    /// Of a thousand calls, before how many something happens.
    haste: u64,
}

impl Work {
    fn new(seed: u64, disk: &SimulatedDisk) -> Self {
        let (log, _) = Log::open(disk.clone(), options()).expect("empty");
        let mut random = Random::new(seed);
        let haste = [1000, 200, 30][random.index(3)];
        Self { log, owner: Owner::default(), random, steps: 0, haste }
    }

    fn step(&mut self) {
        self.steps += 1;
        match self.random.below(20) {
            0..=8 => {
                let length = self.random.below(300);
                let payload = self.random.bytes(length);
                self.owner.add(&mut self.log, payload).expect("room");
            }
            9..=14 => {
                let at = self.random.index(self.owner.live.len().min(40)) + usize::from(self.owner.live.len() > 3) * 2;
                if let Some(target) = self.owner.live.keys().nth(at).copied() {
                    self.owner.delete(&mut self.log, target).expect("room");
                }
            }
            15..=16 => self.owner.commit(&mut self.log).expect("commit"),
            17 => self.owner.write(&mut self.log).expect("write"),
            _ => _ = self.log.compact(1500).expect("compact"),
        }
    }
}

/// The disk as it is seen by somebody during whose every call the owner goes on.
#[derive(Clone, Debug)]
struct Busy {
    disk: SimulatedDisk,
    work: Arc<Mutex<Work>>,
}

#[derive(Debug)]
struct BusyFile(SimulatedFile, Busy);

impl Busy {
    fn go_on(&self) {
        let mut work = self.work.lock().expect("one thread");
        if work.random.below(1000) < work.haste {
            (0..work.random.below(60)).for_each(|_| work.step());
        }
    }
}

impl Storage for Busy {
    type File = BusyFile;
    type Lock = SimulatedLock;

    fn list(&self) -> io::Result<Vec<String>> {
        self.go_on();
        self.disk.list()
    }

    fn create(&self, name: &str) -> io::Result<BusyFile> {
        panic!("nothing is made in a store that is copied, and not {name}")
    }

    fn open(&self, name: &str) -> io::Result<BusyFile> {
        self.go_on();
        Ok(BusyFile(self.disk.open(name)?, self.clone()))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        panic!("{from} is not {to}")
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        panic!("{name} stays")
    }

    fn sync_directory(&self) -> io::Result<()> {
        panic!("there is nothing to sync")
    }

    fn lock(&self, _: &str) -> Result<SimulatedLock, postrider_journal::LockError> {
        panic!("the owner has the lock")
    }
}

impl StorageFile for BusyFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.1.go_on();
        // A write that is under way is seen in part.
        let half = if self.1.work.lock().expect("one thread").random.below(4) == 0 {
            buffer.len().div_ceil(2)
        } else {
            buffer.len()
        };
        self.0.read_at(offset, &mut buffer[..half])
    }

    fn write_all_at(&self, offset: u64, _: &[&[u8]]) -> io::Result<()> {
        panic!("nothing is written at {offset}")
    }

    fn sync_data(&self) -> io::Result<()> {
        panic!("there is nothing to sync")
    }

    fn length(&self) -> io::Result<u64> {
        self.0.length()
    }

    fn set_length(&self, bytes: u64) -> io::Result<()> {
        panic!("nothing is cut at {bytes}")
    }

    fn preallocate(&self, bytes: u64) -> io::Result<()> {
        panic!("{bytes} bytes are not needed")
    }
}

/// Opens a copy and compares it with what its owner knows: what was written before it was begun is there, and whatever
/// is there is a prefix. Says how many records were appended meanwhile and are in it.
fn judge<S: Storage>(copy: S, owner: &Owner, written_before: postrider_journal::Sequence) -> u64 {
    let mut owner = owner.clone();
    (owner.written, owner.promised) = (written_before, written_before);
    let (log, mut recovered) = Log::open(copy, options()).expect("whole");
    owner.replay(&log, &mut recovered).expect("readable");
    owner.check_reads(&log).expect("readable");
    recovered.last().number() - written_before.number()
}

#[test]
fn a_copy_made_while_the_owner_writes_removes_and_compacts_is_a_prefix_with_all_that_was_written_before() {
    let (mut copies, mut gone, mut newer) = (0, 0, 0);
    for seed in seeds(24) {
        let run = std::panic::catch_unwind(|| {
            let disk = SimulatedDisk::new(seed);
            let work = Arc::new(Mutex::new(Work::new(seed, &disk)));
            let busy = Busy { disk: disk.clone(), work: work.clone() };
            let (mut gone, mut newer) = (0, 0);
            for round in 0..4 {
                let before = {
                    let mut work = work.lock().expect("one thread");
                    (0..300).for_each(|_| work.step());
                    (work.owner.written, disk.list().expect("readable"))
                };
                let copy = SimulatedDisk::new(seed + round);
                copy_live(&busy, &copy).expect("a copy");
                let after = disk.list().expect("readable");
                gone += before.1.iter().filter(|name| name.ends_with("segment") && !after.contains(name)).count();
                newer += judge(copy, &work.lock().expect("one thread").owner, before.0);
            }
            (gone, newer)
        });
        let (more_gone, more_newer) = run.unwrap_or_else(|_| panic!("POSTRIDER_SEED={seed} repeats this"));
        (copies, gone, newer) = (copies + 4, gone + more_gone, newer + more_newer);
    }
    println!("{copies} copies, {gone} segments removed meanwhile, {newer} records that came meanwhile");
    if copies > 4 {
        assert!(gone > 100 && newer > 1000, "too little happened meanwhile: {gone} removed, {newer} new");
    }
}

#[test]
fn a_copy_of_a_real_directory_needs_no_lock_and_is_a_store_like_any_other() {
    let (from, to, again) = (Scratch::new("copied"), Scratch::new("copy"), Scratch::new("copy-of-copy"));
    let (mut log, _) = Log::open(Directory::open(from.path()).expect("ours"), options()).expect("empty");
    let mut owner = Owner::default();
    owner.fill(&mut log, 500);
    let out = Directory::open(to.path()).expect("ours");
    let report = copy_live(&Directory::existing(from.path()).expect("there"), &out).expect("a copy");
    assert_eq!((report.last, report.store_id), (owner.written, Some(StoreId([9; 16]))));
    assert_eq!(check(&out).expect("whole").damage, []);
    let copy_of_copy = Directory::open(again.path()).expect("ours");
    copy_live(&out, &copy_of_copy).expect("nobody has it, which is no matter");
    for copy in [out, copy_of_copy] {
        assert_eq!(judge(copy, &owner, owner.written), 0);
    }
    owner.fill(&mut log, 10);
}

#[test]
fn damage_is_never_copied_in_silence() {
    let disk = SimulatedDisk::new(3);
    let (mut log, _) = Log::open(disk.clone(), options()).expect("empty");
    let mut owner = Owner::default();
    owner.fill(&mut log, 300);
    let names = disk.list().expect("readable");
    for name in names.iter().filter(|name| name.ends_with("segment")) {
        assert!(disk.flip(name, 320, 1), "{name}");
        let refused = copy_live(&disk, &SimulatedDisk::new(4));
        assert!(matches!(&refused, Err(OpenError::Damaged(damage)) if damage[0].file == *name), "{refused:?}");
        assert!(disk.flip(name, 320, 1), "{name}");
    }
    copy_live(&disk, &SimulatedDisk::new(5)).expect("as it was");
}

#[test]
fn where_there_is_no_store_there_is_nothing_to_copy_and_what_is_not_empty_is_left_alone() {
    let (disk, other) = (SimulatedDisk::new(1), SimulatedDisk::new(2));
    assert_eq!(copy_live(&disk, &other).map(|_| ()), Err(OpenError::NoStore));
    assert!(other.list().expect("readable").is_empty());
    drop(Log::open(disk.clone(), options()).expect("empty"));
    copy_live(&disk, &other).expect("a store without records");
    assert!(matches!(copy_live(&disk, &other), Err(OpenError::Fault(_))));
    assert_eq!(check(&other).expect("whole").segments, []);
}

#[test]
fn a_restored_store_has_the_same_records_and_another_name() {
    let (disk, restored) = (SimulatedDisk::new(1), SimulatedDisk::new(2));
    let (mut log, _) = Log::open(disk.clone(), options()).expect("empty");
    let mut owner = Owner::default();
    owner.fill(&mut log, 400);
    drop(log);
    let other = Options { ..Options::new(Creation::Allowed(StoreId([5; 16]))) };
    let other = Options { segment_bytes: 8192, reserve_bytes: 4096, ..other };
    restore(disk.clone(), restored.clone(), other).expect("whole");
    let view = View::open(restored.clone()).expect("a store");
    assert_eq!(view.report().store_id, Some(StoreId([5; 16])));
    let (sequence, payload) = owner.live.first_key_value().expect("some live");
    let mut read = Vec::new();
    view.read(*sequence, &mut read).expect("it is there");
    assert_eq!(&read, payload);
    drop(view);
    assert_eq!(judge(restored, &owner, owner.written), 0);
    let segment = disk.list().expect("readable").into_iter().find(|name| name.ends_with("segment")).expect("some");
    assert!(disk.flip(&segment, 60, 1));
    assert!(matches!(restore(disk, SimulatedDisk::new(6), options()), Err(OpenError::Damaged(_))));
}
