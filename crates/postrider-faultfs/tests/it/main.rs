//! A mounted disk, as a program that knows nothing of it meets it.

use postrider_faultfs::Mount;
use postrider_journal::{
    Call, Creation, Directory, Log, Loss, Options, Refusal, SimulatedDisk, Storage, StorageFile, StoreId,
};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("faultfs-{name}"))
}

fn mount(name: &str) -> Mount {
    Mount::new(place(name), &SimulatedDisk::new(1)).expect("a mount")
}

#[test]
fn files_are_what_they_are_anywhere_else() {
    let mount = mount("files");
    let storage = Directory::open(mount.path()).unwrap();
    let file = storage.create("a").unwrap();
    assert!(storage.create("a").is_err() && storage.open("b").is_err());
    file.preallocate(64 << 20).unwrap();
    file.write_all_at(1 << 20, &[&[1; 300_000], &[2; 300_000]]).unwrap();
    let mut read = vec![0; 600_001];
    assert_eq!(file.read_at((1 << 20) - 1, &mut read).unwrap(), 600_001);
    assert!(read[0] == 0 && read[1..300_001] == [1; 300_000] && read[300_001..] == [2; 300_000]);
    storage.rename("a", "b").unwrap();
    file.set_length(5).unwrap();
    let found = mount.path().join("b").metadata().unwrap();
    assert_eq!((found.len(), found.mode() & 0o7777, storage.list().unwrap()), (5, 0o600, vec!["b".to_owned()]));
    storage.remove("b").unwrap();
    assert_eq!(file.read_at(0, &mut read).unwrap(), 5, "who has it open still reads it");
    let lock = storage.lock("lock").unwrap();
    assert!(storage.lock("lock").is_err());
    drop(lock);
    assert_eq!(mount.disk().list().unwrap(), ["lock"]);
}

#[test]
fn whatever_was_not_synced_is_gone_after_the_power_was() {
    let mount = mount("power");
    let store =
        Options { segment_bytes: 65_536, reserve_bytes: 0, ..Options::new(Creation::Allowed(StoreId([1; 16]))) };
    let open = || Log::open(Directory::open(mount.path()).unwrap(), store.clone()).unwrap();
    let (mut log, _) = open();
    let kept = log.append(1, &[b"kept"]).unwrap();
    log.commit().unwrap();
    let lost = log.append(1, &[b"lost"]).unwrap();
    assert_eq!(log.write().unwrap(), lost);
    mount.disk().cut_power();
    mount.thaw();
    drop(log);
    mount.restart(Loss::Unsynced);
    let (log, recovered) = open();
    assert_eq!(recovered.last(), kept);
    assert!(log.read(lost, &mut Vec::new()).is_err());
}

#[test]
fn calls_hang_without_power_and_fail_when_the_process_is_to_end() {
    let mount = mount("hang");
    let file = File::create(mount.path().join("a")).unwrap();
    mount.freeze();
    let (sender, receiver) = channel();
    let writer = std::thread::spawn(move || sender.send(file.write_at(b"x", 0).is_err()).unwrap());
    assert!(receiver.recv_timeout(Duration::from_millis(50)).is_err(), "it hangs");
    mount.thaw();
    assert!(receiver.recv().unwrap(), "it fails");
    writer.join().unwrap();
    mount.restart(Loss::Unsynced);
    assert!(File::open(mount.path().join("a")).is_err(), "its name was never synced");
}

#[test]
fn a_program_is_told_of_a_refusal_and_the_time_is_kept() {
    let mount = mount("refusal");
    let mut file = OpenOptions::new().write(true).create_new(true).open(mount.path().join("a")).unwrap();
    mount.disk().refuse(1, Refusal::Short);
    assert_eq!(file.write(b"four").unwrap(), 2);
    assert_eq!(mount.disk().refused().map(|refused| refused.call), Some(Call::Write));
    mount.disk().refuse(2, Refusal::Full);
    file.write_all(b"ur").unwrap();
    let refused = file.sync_data().unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::StorageFull);
    assert!(mount.refused_at().is_some_and(|at| at <= Instant::now()));
}

#[test]
fn a_slow_sync_takes_its_time_and_holds_up_nobody_else() {
    let mount = mount("slow");
    let file = File::create(mount.path().join("a")).unwrap();
    mount.slow_sync(Duration::from_millis(200));
    let started = Instant::now();
    let syncing = std::thread::spawn(move || file.sync_all().map(|()| started.elapsed()).unwrap());
    std::fs::write(mount.path().join("b"), b"x").unwrap();
    assert!(started.elapsed() < Duration::from_millis(150));
    assert!(syncing.join().unwrap() >= Duration::from_millis(200));
}

/// Where a child is to mount a disk.
const PLACE: &str = "POSTRIDER_FAULTFS_CHILD";

/// Part of the next test: in a process of its own it mounts a disk and waits to be killed.
#[test]
fn a_child_mounts_a_disk() {
    let Some(path) = std::env::var_os(PLACE) else { return };
    let _mount = Mount::new(path, &SimulatedDisk::new(1)).unwrap();
    writeln!(std::io::stdout(), "mounted").unwrap();
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

#[test]
fn what_a_killed_run_has_left_mounted_is_taken_away_and_what_lives_is_not() {
    let path = place("stale");
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "a_child_mounts_a_disk", "--nocapture"]).env(PLACE, &path);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("mounted")), "the child has ended");
    let refused = Mount::new(&path, &SimulatedDisk::new(1)).expect_err("somebody has it").to_string();
    assert!(refused.contains("something is mounted"), "{refused}");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(path.metadata().is_err(), "its other end is gone");
    drop(Mount::new(&path, &SimulatedDisk::new(1)).unwrap());
    assert!(!path.exists());
}

#[test]
fn a_file_that_somebody_has_open_does_not_keep_it_mounted() {
    let first = mount("open");
    let path = first.path().to_owned();
    let open = File::create(path.join("a")).unwrap();
    drop(first);
    assert!(!path.exists());
    assert!(open.metadata().is_err());
}
