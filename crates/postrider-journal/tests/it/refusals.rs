//! What the simulated disk refuses on request, as a program meets it.

use postrider_journal::{Call, Loss, Refusal, RefusedCall, SimulatedDisk, Storage, StorageFile};

/// A file whose first bytes are durable, on a disk that refuses the next change.
fn refusing(refusal: Refusal) -> (SimulatedDisk, postrider_journal::SimulatedFile) {
    let disk = SimulatedDisk::new(1);
    let file = disk.create("a").expect("room");
    file.write_all_at(0, &[b"kept"]).expect("room");
    file.sync_data().expect("well");
    disk.sync_directory().expect("well");
    disk.refuse(1, refusal);
    (disk, file)
}

fn content(disk: &SimulatedDisk) -> Vec<u8> {
    let mut bytes = vec![0; 100];
    let count = disk.open("a").and_then(|file| file.read_at(0, &mut bytes)).expect("readable");
    bytes.truncate(count);
    bytes
}

#[test]
fn one_change_of_any_kind_is_refused_and_the_disk_says_which() {
    type Change = fn(&SimulatedDisk, &postrider_journal::SimulatedFile) -> std::io::Result<()>;
    let changes: [(Call, &str, Change); 8] = [
        (Call::Create, "b", |disk, _| disk.create("b").map(drop)),
        (Call::Rename, "a", |disk, _| disk.rename("a", "b")),
        (Call::Remove, "a", |disk, _| disk.remove("a")),
        (Call::Write, "a", |_, file| file.write_all_at(0, &[b"other"])),
        (Call::Sync, "a", |_, file| file.sync_data()),
        (Call::SyncDirectory, "", |disk, _| disk.sync_directory()),
        (Call::SetLength, "a", |_, file| file.set_length(1)),
        (Call::Preallocate, "a", |_, file| file.preallocate(100)),
    ];
    for (refusal, code) in [(Refusal::Broken, 5), (Refusal::Full, 28)] {
        for (call, name, change) in changes {
            let (disk, file) = refusing(refusal);
            let refused = change(&disk, &file).expect_err("refused").raw_os_error();
            assert_eq!(refused, Some(code), "{call:?}");
            assert_eq!(disk.refused(), Some(RefusedCall { call, file: name.to_owned(), refusal }));
            change(&disk, &file).expect("only once");
            disk.restart(Loss::Unsynced);
            assert_eq!((content(&disk), disk.refused()), (b"kept".to_vec(), None));
        }
    }
}

#[test]
fn a_short_write_says_how_much_it_wrote_and_whoever_wants_all_writes_the_rest() {
    let (disk, file) = refusing(Refusal::Short);
    disk.sync_directory().expect("not a write");
    assert_eq!(file.write_at(0, b"longer").expect("half"), 3);
    assert_eq!(content(&disk), b"lont");
    disk.refuse(1, Refusal::Short);
    file.write_all_at(0, &[b"long", b"er"]).expect("completed");
    assert_eq!(content(&disk), b"longer");
}

#[test]
fn nothing_happens_without_power() {
    let (disk, file) = refusing(Refusal::Broken);
    disk.cut_power();
    assert!(disk.is_off() && file.write_at(0, b"x").is_err() && file.sync_data().is_err() && disk.list().is_err());
    disk.restart(Loss::Nothing);
    assert_eq!(content(&disk), b"kept");
}
