//! What every storage does, and a log on each.

use crate::owner::{Owner, options};
use crate::scratch::Scratch;
use postrider_journal::{Creation, Directory, LockError, Log, OpenError, Options, SimulatedDisk, Storage, StorageFile};
use std::io;
use std::os::unix::fs::PermissionsExt;

/// Runs a test on a real directory and on a simulated disk.
fn on_both(name: &str, directory: impl Fn(Box<dyn Fn() -> Directory>), disk: impl Fn(Box<dyn Fn() -> SimulatedDisk>)) {
    let scratch = Scratch::new(name);
    let path = scratch.path().to_owned();
    directory(Box::new(move || Directory::open(&path).expect("a directory")));
    let one = SimulatedDisk::new(1);
    disk(Box::new(move || one.clone()));
}

fn files_behave<S: Storage>(storage: &S) {
    let file = storage.create("a").expect("create");
    assert_eq!(storage.create("a").expect_err("exists").kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(storage.open("b").expect_err("missing").kind(), io::ErrorKind::NotFound);
    file.preallocate(100).expect("preallocate");
    assert_eq!(file.length().expect("length"), 100);
    file.write_all_at(90, &[b"one", b"", b"two three four"]).expect("write");
    assert_eq!(file.length().expect("length"), 107);
    let mut buffer = [1; 30];
    assert_eq!(file.read_at(85, &mut buffer).expect("read"), 22);
    assert_eq!(&buffer[..22], b"\0\0\0\0\0onetwo three four");
    assert_eq!(file.read_at(200, &mut buffer).expect("read"), 0);
    file.preallocate(50).expect("already there");
    file.set_length(93).expect("cut");
    assert_eq!(file.length().expect("length"), 93);
    file.sync_data().expect("sync");
    storage.create("b").expect("create");
    storage.rename("a", "b").expect("rename over");
    storage.sync_directory().expect("sync");
    assert_eq!(storage.list().expect("list"), ["b"]);
    storage.remove("b").expect("remove");
    assert_eq!(file.read_at(90, &mut buffer).expect("still readable"), 3);
    assert_eq!(storage.remove("b").expect_err("missing").kind(), io::ErrorKind::NotFound);
}

#[test]
fn files_are_made_written_renamed_and_removed() {
    on_both("files", |open| files_behave(&open()), |open| files_behave(&open()));
}

fn lock_is_exclusive<S: Storage>(open: &dyn Fn() -> S) {
    let lock = open().lock("lock").expect("free");
    match open().lock("lock") {
        Err(LockError::Held { process }) => assert_eq!(process, Some(std::process::id())),
        other => panic!("{other:?}"),
    }
    drop(lock);
    open().lock("lock").expect("free again");
}

#[test]
fn a_second_owner_is_told_which_process_is_the_first() {
    on_both("lock", |open| lock_is_exclusive(&open), |open| lock_is_exclusive(&open));
}

fn log_lives<S: Storage>(open: &dyn Fn() -> S) {
    let mut owner = Owner::default();
    for round in 0..4 {
        let (mut log, mut recovered) = Log::open(open(), options()).expect("open");
        assert_eq!(log.epoch(), round + 1);
        let process = Some(std::process::id());
        assert_eq!(Log::open(open(), options()).map(|_| ()), Err(OpenError::InUse { process }));
        owner.replay(&log, &mut recovered).expect("replay");
        owner.fill(&mut log, 300);
        owner.check_reads(&log).expect("read");
        assert_eq!(log.close().expect("close"), owner.promised);
    }
    // Most is deleted: what is live and the newest segments remain.
    let (log, _) = Log::open(open(), options()).expect("open");
    assert!(log.usage().segments < 30, "{:?}", log.usage());
}

#[test]
fn a_log_keeps_what_is_live_over_many_openings() {
    on_both("log", |open| log_lives(&open), |open| log_lives(&open));
}

#[test]
fn a_directory_without_a_store_is_refused_unless_one_may_be_made() {
    let refused = Options::new(Creation::Refused);
    assert_eq!(Log::open(SimulatedDisk::new(1), refused).map(|_| ()), Err(OpenError::NoStore));
}

#[test]
fn files_and_directory_are_for_their_owner_alone() {
    let scratch = Scratch::new("permissions");
    let (mut log, _) = Log::open(Directory::open(scratch.path()).expect("directory"), options()).expect("open");
    Owner::default().fill(&mut log, 100);
    let mode = |path: &std::path::Path| path.metadata().expect("metadata").permissions().mode() & 0o777;
    assert_eq!(mode(scratch.path()), 0o700);
    let entries: Vec<_> = scratch.path().read_dir().expect("list").map(|entry| entry.expect("entry").path()).collect();
    assert!(entries.len() >= 4);
    entries.iter().for_each(|path| assert_eq!(mode(path), 0o600, "{}", path.display()));
}
