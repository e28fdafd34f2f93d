//! Golden packets: hexadecimal, dialect, what it decodes to. Data in `testdata/*.txt`.
//!
//! A case is three lines: `# sentence`, `<3.1|3.1.1|5.0> <hex>`, `=> <packet or error>`. After a change that
//! is meant, `POSTRIDER_BLESS=1` writes the third lines anew; read the diff before committing it.

use crate::hex;
use postrider_proto::{Packet, Version, split};
use std::fs;
use std::path::{Path, PathBuf};

const BYTES_MAX: usize = 1 << 28;

fn version_of(word: &str) -> Version {
    match word {
        "3.1" => Version::V3_1,
        "3.1.1" => Version::V3_1_1,
        "5.0" => Version::V5,
        other => panic!("unknown version {other:?}"),
    }
}

/// What the golden line says of these bytes. A packet that decodes must also encode to what decodes the same.
fn describe(version: Version, bytes: &[u8]) -> String {
    let frame = match split(bytes, BYTES_MAX) {
        Ok(Some(frame)) => frame,
        Ok(None) => return "incomplete".to_owned(),
        Err(error) => return format!("error {error:?} {:?} {}", error.reason(), error.clause()),
    };
    assert_eq!(frame.len, bytes.len(), "a golden case is one frame");
    match Packet::decode(frame, version) {
        Ok(packet) => {
            let mut again = Vec::new();
            packet.encode(version, &mut again);
            let frame = split(&again, BYTES_MAX).expect("own encoding").expect("own encoding is whole");
            assert_eq!(Packet::decode(frame, version).as_ref(), Ok(&packet), "{packet:?} does not survive encoding");
            format!("{packet:?}")
        }
        Err(error) => format!("error {error:?} {:?} {}", error.reason(), error.clause()),
    }
}

fn check(path: &Path) {
    let text = fs::read_to_string(path).expect("golden file");
    let bless = std::env::var_os("POSTRIDER_BLESS").is_some();
    let mut out = String::new();
    let mut wrong = Vec::new();
    let mut pending: Option<(usize, String)> = None;
    for (number, line) in text.lines().enumerate() {
        if let Some(expected) = line.strip_prefix("=> ") {
            let (_, actual) = pending.take().expect("=> stands behind a case");
            if actual != expected {
                wrong.push(format!("{}:{}: is {actual}", path.display(), number + 1));
            }
            out.push_str(&format!("=> {actual}\n"));
            continue;
        }
        if let Some((number, actual)) = pending.take() {
            wrong.push(format!("{}:{}: has no => line; is {actual}", path.display(), number + 1));
            out.push_str(&format!("=> {actual}\n"));
        }
        out.push_str(line);
        out.push('\n');
        if let Some((version, bytes)) = line.split_once(' ').filter(|_| !line.starts_with('#')) {
            pending = Some((number, describe(version_of(version), &hex::parse(bytes))));
        }
    }
    if let Some((_, actual)) = pending {
        wrong.push(format!("{}: last case has no => line", path.display()));
        out.push_str(&format!("=> {actual}\n"));
    }
    if bless {
        fs::write(path, out).expect("golden file is writable");
    } else {
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

pub(crate) fn files() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut files: Vec<PathBuf> =
        fs::read_dir(dir).expect("testdata").map(|entry| entry.expect("entry").path()).collect();
    // Shapes for the fuzz targets, in a form of their own.
    files.retain(|path| !path.ends_with("hostile.txt"));
    files.sort();
    files
}

/// Every whole packet of the golden files, legal or not.
pub(crate) fn packets() -> Vec<(Version, Vec<u8>)> {
    let mut all = Vec::new();
    for path in files() {
        for line in fs::read_to_string(path).expect("golden file").lines() {
            if let Some((version, bytes)) = line.split_once(' ').filter(|_| !line.starts_with(['#', '='])) {
                all.push((version_of(version), hex::parse(bytes)));
            }
        }
    }
    all
}

#[test]
fn golden_packets_decode_to_what_the_files_say() {
    for path in files() {
        check(&path);
    }
}
