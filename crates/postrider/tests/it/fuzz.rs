//! Fuzz targets; each is an ordinary test that replays its corpus and then tries random input.

use crate::data::Folder;
use postrider::{Data, MosquittoFile, OnFlaw, TakeOver};
use std::io::Cursor;

/// Whatever stands in a file of mosquitto: reading it ends, what can be read becomes a data directory in which all makes
/// sense, and of what was counted nothing is missing there.
#[test]
fn mosquitto_db() {
    let folder = Folder::new("fuzz-mosquitto");
    bolero::check!().with_iterations(500).with_max_len(4096).for_each(|input: &[u8]| {
        // Chance does not get past the head; a byte in front chooses one, unless the input has its own.
        let bytes = match input.split_first() {
            Some((format, rest)) if *format > 0 => {
                [b"\x00\xB5\x00mosquitto db\0\0\0\0\0\0\0", &[format % 8][..], rest].concat()
            }
            _ => input.to_vec(),
        };
        let is_whole = MosquittoFile::read(Cursor::new(&bytes), OnFlaw::Refuse).is_ok();
        let Ok(file) = MosquittoFile::read(Cursor::new(&bytes), OnFlaw::Skip) else {
            assert!(!is_whole, "what is whole can be read with loss accepted");
            return;
        };
        let taken = file.write(folder.path(), TakeOver::default(), "").expect("what was read can be written");
        assert_eq!(is_whole, taken.flawed == 0, "{taken}");
        {
            let data = Data::open(folder.path()).expect("data");
            assert!(data.damage().is_empty() && data.senseless().is_empty(), "{:?}", data.senseless());
            let owed = data.sessions().map(|(name, _)| data.deliveries(name).count()).sum::<usize>();
            let shared = data.groups().iter().map(|group| data.group_deliveries(group).count()).sum::<usize>();
            assert_eq!(data.sessions().count() as u64, taken.sessions);
            assert_eq!((owed + shared) as u64, taken.queued + taken.in_flight, "{taken}");
            let subscriptions = data.sessions().map(|(name, _)| data.subscriptions(name).len()).sum::<usize>();
            assert_eq!(subscriptions as u64, taken.subscriptions);
        }
        std::fs::remove_dir_all(folder.path()).expect("it is there");
    });
}
