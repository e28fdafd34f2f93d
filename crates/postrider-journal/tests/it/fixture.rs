//! Stores that earlier versions have written open for ever.

use crate::owner::{Owner, options};
use crate::scratch::Scratch;
use postrider_journal::{Creation, Directory, Log, Options, StoreId};
use std::fs;
use std::path::Path;

/// What was done to make the fixture; without the crash it would have ended in order.
fn history() -> Owner {
    let mut owner = Owner::default();
    let (mut log, _) = Log::open(postrider_journal::SimulatedDisk::new(1), options()).expect("open");
    owner.fill(&mut log, 600);
    owner
}

#[test]
fn a_store_of_format_1_opens() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format-1");
    let scratch = Scratch::new("format-1");
    let directory = Directory::open(scratch.path()).expect("directory");
    for file in fs::read_dir(fixture).expect("the fixture") {
        let file = file.expect("entry");
        fs::copy(file.path(), scratch.path().join(file.file_name())).expect("copy");
    }
    let (log, mut recovered) =
        Log::open(directory, Options { creation: Creation::Refused, ..options() }).expect("open");
    assert_eq!(log.store_id(), StoreId([9; 16]));
    assert_eq!(log.epoch(), 2);
    let mut owner = history();
    owner.replay(&log, &mut recovered).expect("replay");
    owner.check_reads(&log).expect("read");
}
