//! Data directories that cannot be used, and what is said about them.

use crate::ground::broker;
use crate::wire::Wire;
use postrider::{Broker, Durability, Error, ErrorKind, check_data, salvage_data};
use postrider_testkit::Hello;
use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A directory that goes with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("data-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn start(path: &Path) -> Result<Broker, Error> {
    broker().data_directory(path).start()
}

/// What, why and what to do, in one line.
fn text(error: &Error) -> String {
    let source = error.source().expect("there is a reason");
    format!("{error}: {source}; {}", error.advice().expect("there is something to do"))
}

fn refusal(path: &Path) -> (ErrorKind, String) {
    let error = start(path).map(drop).expect_err("it cannot be used");
    (error.kind(), text(&error))
}

#[tokio::test]
async fn a_directory_that_is_in_use_is_refused_with_the_process_that_uses_it() {
    let folder = Folder::new("in-use");
    let first = start(folder.path()).expect("a broker");
    let (kind, text) = refusal(folder.path());
    assert_eq!(kind, ErrorKind::InUse);
    assert!(text.contains(&format!("stop process {}", std::process::id())), "{text}");
    assert!(first.shutdown(Duration::from_secs(5)).await);
    drop(start(folder.path()).expect("it is free again"));
    drop(start(folder.path()).expect("a broker that is dropped has closed it, too"));
}

#[tokio::test]
async fn a_file_is_no_data_directory() {
    let folder = Folder::new("file");
    std::fs::write(folder.path(), "x").expect("written");
    let (kind, text) = refusal(folder.path());
    assert_eq!(kind, ErrorKind::Device);
    assert!(text.contains("is a file; name a directory"), "{text}");
    std::fs::remove_file(folder.path()).expect("ours");
}

#[tokio::test]
async fn a_directory_without_data_is_refused_if_there_must_be_some() {
    let folder = Folder::new("empty");
    for is_there in [false, true] {
        if is_there {
            std::fs::create_dir(folder.path()).expect("made");
        }
        let error =
            broker().data_directory(folder.path()).data_must_exist().start().map(drop).expect_err("nothing there");
        assert_eq!(error.kind(), ErrorKind::NoStore, "{error}");
        assert_eq!(folder.path().exists(), is_there, "it is not made");
        assert_eq!(check_data(folder.path()).expect_err("as above").kind(), ErrorKind::NoStore);
    }
    drop(start(folder.path()).expect("a broker"));
    drop(broker().data_directory(folder.path()).data_must_exist().start().expect("there is some now"));
}

#[tokio::test]
async fn foreign_bytes_are_refused_and_left_alone() {
    let folder = Folder::new("foreign");
    let broker = start(folder.path()).expect("a broker");
    Wire::client(&broker, &Hello::new("lasts").expiry(1000)).await;
    assert!(broker.shutdown(Duration::from_secs(5)).await);
    let store = folder.path().join("store");
    let bytes = std::fs::read(&store).expect("it is there");
    // Neither slot says what it should.
    let mut random = bytes.clone();
    random.iter_mut().enumerate().for_each(|(at, byte)| *byte ^= u8::try_from(at % 251).expect("small") | 1);
    std::fs::write(&store, &random).expect("written");
    let (kind, text) = refusal(folder.path());
    assert_eq!(kind, ErrorKind::Damaged);
    assert!(text.contains("store: the store's identity cannot be read at byte 0"), "{text}");
    assert_eq!(std::fs::read(&store).expect("it is there"), random);
    // A format of the future: its version is the one thing that it keeps in its place.
    let mut newer = bytes;
    for slot in [0, 4096] {
        newer[slot + 8] = 9;
        let sum = crc32c::crc32c(&newer[slot..slot + 40]).to_le_bytes();
        newer[slot + 40..slot + 44].copy_from_slice(&sum);
    }
    std::fs::write(&store, &newer).expect("written");
    let (kind, text) = refusal(folder.path());
    assert_eq!(kind, ErrorKind::Newer);
    assert!(text.contains("format 9") && text.contains("use the version of postrider that wrote it"), "{text}");
}

#[tokio::test]
async fn an_address_that_is_taken_leaves_the_directory_free() {
    let folder = Folder::new("taken");
    let other = broker().start().expect("a broker");
    let taken = Broker::builder().listen(other.addresses()[0]).data_directory(folder.path()).start();
    assert!(taken.map(drop).expect_err("it is taken").is_address_in_use());
    drop(start(folder.path()).expect("nobody uses it"));
}

#[tokio::test]
async fn a_new_directory_is_whole_and_can_be_copied() {
    let (folder, copy) = (Folder::new("new"), Folder::new("new-copy"));
    let broker = broker().data_directory(folder.path()).durability(Durability::Os).start().expect("a broker");
    let restored = broker.restored().expect("it has a directory").clone();
    assert_eq!((restored.directory.as_path(), restored.records, restored.sessions), (folder.path(), 0, 0));
    assert!(broker.shutdown(Duration::from_secs(5)).await);
    assert!(check_data(folder.path()).expect("readable").is_whole());
    salvage_data(folder.path(), copy.path()).expect("copied");
    let error = salvage_data(folder.path(), copy.path()).expect_err("it is not empty");
    assert!(text(&error).contains("it is not empty; name a directory that is not there yet"), "{}", text(&error));
    drop(start(copy.path()).expect("a broker"));
}
