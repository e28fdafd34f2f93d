//! Packets that are nearly right.
//!
//! Owns: a generator that makes the same bytes of the same seed, and the shapes other servers died of.

use postrider_proto::{AckKind, Property, PropertyId, ReasonCode, Version, write_varint};
use postrider_testkit::{Hello, ack, disconnect, pingreq, publish, subscribe, unsubscribe};
use std::path::Path;

pub(crate) const VERSIONS: [Version; 3] = [Version::V3_1, Version::V3_1_1, Version::V5];

/// Numbers that only look random (splitmix64).
pub(crate) struct Dice(u64);

impl Dice {
    /// Those of one packet, whoever sends it and when.
    pub(crate) fn new(seed: u64, number: usize) -> Self {
        let mut dice = Self(seed ^ (number as u64).rotate_left(32));
        dice.next();
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Less than `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("less than a usize")
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    pub(crate) fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    fn bytes(&mut self, count_max: usize) -> Vec<u8> {
        (0..self.below(count_max + 1)).map(|_| self.byte()).collect()
    }
}

/// The seed of this run: `POSTRIDER_SEED`, or another each time.
pub(crate) fn seed() -> u64 {
    let clock = || {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        u64::from(since.subsec_nanos()) ^ since.as_secs()
    };
    let given = std::env::var("POSTRIDER_SEED").ok();
    given.map_or_else(clock, |text| text.parse().expect("POSTRIDER_SEED is a number"))
}

/// Everything a client may send, as it should be.
fn valid(dice: &mut Dice, version: Version) -> Vec<u8> {
    let expiry = Property::FourBytes(PropertyId::MessageExpiryInterval, 60);
    let pair = Property::Pair("name".into(), "value".into());
    let topic = *dice.pick(&["a", "a/b", "abuse/one/two/three"]);
    match dice.below(14) {
        0 => Hello::new("mutant").version(version).bytes(),
        1 => Hello::new("mutant").version(version).user("name", "word").will(publish("w", "gone")).bytes(),
        2 => Hello::new("mutant").version(version).keep_alive(9).expiry(0).property(pair).bytes(),
        3 => publish(topic, "payload").bytes(version),
        4 => publish(topic, "payload").q1(1).property(expiry).bytes(version),
        5 => publish(topic, "payload").q2(2).property(pair).bytes(version),
        6 => subscribe(3, "abuse/+/#", 2).and("a", 1).bytes(version),
        7 => subscribe(4, "a/b", 1).identifier(5).bytes(version),
        8 => unsubscribe(5, &["a", "abuse/#"], version),
        9 => ack(AckKind::Puback, 1, ReasonCode::Success, version),
        10 => ack(*dice.pick(&[AckKind::Pubrec, AckKind::Pubrel, AckKind::Pubcomp]), 2, ReasonCode::Success, version),
        11 => pingreq(),
        12 => disconnect(ReasonCode::Success, version),
        _ => b"\xf0\x07\x18\x05\x15\x00\x02me".to_vec(),
    }
}

/// A packet with something wrong in it, or in very few cases a packet that is right in another way.
pub(crate) fn malformed(dice: &mut Dice, version: Version) -> Vec<u8> {
    let mut bytes = valid(dice, version);
    match dice.below(8) {
        0 => bytes.truncate(dice.below(bytes.len())),
        1 => {
            for _ in 0..=dice.below(4) {
                let at = dice.below(bytes.len());
                bytes[at] ^= 1 << dice.below(8);
            }
        }
        2 => bytes = reframed(&bytes, dice.below(6)),
        3 => bytes[0] = bytes[0] & 0xF0 | dice.byte() & 0x0F,
        4 => bytes = overlong(&bytes, dice.below(4)),
        5 => bytes = with_inserted(dice, &bytes),
        6 => bytes = with_bad_text(dice, &bytes),
        _ => bytes = [&[dice.byte()][..], &dice.bytes(40)].concat(),
    }
    bytes
}

/// First byte and body of a short packet whose length takes one byte.
fn parts(bytes: &[u8]) -> (u8, &[u8]) {
    (bytes[0], bytes.get(2..).unwrap_or_default())
}

fn framed(first: u8, len: usize, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    write_varint(u32::try_from(len).expect("short"), &mut bytes);
    bytes.extend_from_slice(body);
    bytes
}

/// A remaining length that is not the body's.
fn reframed(bytes: &[u8], which: usize) -> Vec<u8> {
    let (first, body) = parts(bytes);
    let len = body.len();
    let wrong = [len + 1, len.saturating_sub(1), 0, len * 2, 2_000_001, 268_435_455][which];
    framed(first, wrong, body)
}

/// A remaining length of more bytes than it needs, or than there may be.
fn overlong(bytes: &[u8], more: usize) -> Vec<u8> {
    let (first, body) = parts(bytes);
    let len = u8::try_from(body.len() & 0x7F).expect("seven bits");
    let zeros = vec![0x80; more];
    [&[first, len | 0x80], &zeros[..], &[0], body].concat()
}

/// Garbage in the middle, the length right: as properties, lengths of texts, or codes.
fn with_inserted(dice: &mut Dice, bytes: &[u8]) -> Vec<u8> {
    let (first, body) = parts(bytes);
    let at = dice.below(body.len() + 1);
    let garbage = match dice.below(3) {
        0 => dice.bytes(20),
        1 => vec![dice.byte(); 1 + dice.below(300)],
        _ => {
            let id = *dice.pick(&[0x01, 0x02, 0x03, 0x08, 0x09, 0x0B, 0x11, 0x15, 0x21, 0x23, 0x26, 0x27, 0x7F]);
            [&[dice.byte() & 0x1F, id][..], &dice.bytes(8)].concat()
        }
    };
    let body = [&body[..at], &garbage, &body[at..]].concat();
    framed(first, body.len(), &body)
}

/// A piece of the body replaced by what is no UTF-8, or none that MQTT allows.
fn with_bad_text(dice: &mut Dice, bytes: &[u8]) -> Vec<u8> {
    let (first, body) = parts(bytes);
    let wrong = *dice.pick(&[
        &b"\xc0\xaf"[..],
        b"\x00",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xff",
        b"\xe2\x82",
        b"\xc3\x28",
        b"#",
    ]);
    let mut body = body.to_vec();
    let at = dice.below(body.len() + 1);
    let end = (at + wrong.len()).min(body.len());
    body.splice(at..end, wrong.iter().copied());
    framed(first, body.len(), &body)
}

/// The named shapes of `hostile.txt`, with the dialects they are for.
pub(crate) fn shapes() -> Vec<(String, Vec<Version>, Vec<u8>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../postrider-proto/testdata/hostile.txt");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let shape = |line: &str| {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let versions = match columns[1] {
            "3.1" => vec![Version::V3_1],
            "3.1.1" => vec![Version::V3_1_1],
            "5.0" => vec![Version::V5],
            "all" => VERSIONS.to_vec(),
            "filter" => return None,
            other => panic!("{other} in {line}"),
        };
        Some((columns[0].to_owned(), versions, columns[2].split_whitespace().flat_map(repeated).collect()))
    };
    lines.filter_map(shape).collect()
}

/// `2f*100` is a hundred times 2f.
fn repeated(word: &str) -> Vec<u8> {
    let (hex, count) = word.split_once('*').unwrap_or((word, "1"));
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    bytes.repeat(count.parse().expect("a count"))
}
