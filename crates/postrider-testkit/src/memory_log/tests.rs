//! What a crash may leave, in small.

use super::{MemoryLog, Released, Remains};
use postrider_engine::{Importance, KINDS_KEPT, Urgency};
use postrider_session::Sequence;

const KEPT: u8 = KINDS_KEPT[0];
const OTHER: u8 = 1;

fn log_of(kinds: &[u8]) -> MemoryLog {
    let mut log = MemoryLog::default();
    for kind in kinds {
        log.append(*kind, b"", Urgency::Now, Importance::Ordinary);
    }
    log
}

fn numbers(log: &MemoryLog, remains: Remains) -> Vec<u64> {
    log.remains(remains).0.keys().map(|sequence| sequence.0).collect()
}

#[test]
fn what_is_durable_is_found_and_of_the_rest_a_prefix() {
    let mut log = log_of(&[OTHER; 5]);
    log.commit(Sequence(2));
    assert_eq!(numbers(&log, Remains::LEAST), [1, 2]);
    assert_eq!(numbers(&log, Remains { unsynced: 2, released: Released::Kept }), [1, 2, 3, 4]);
    assert_eq!(log.remains(Remains { unsynced: 1, released: Released::Kept }).1, Sequence(3));
    assert_eq!(numbers(&log, Remains::MOST), [1, 2, 3, 4, 5]);
}

#[test]
fn what_was_released_is_there_as_long_as_its_reason_is_not_durable() {
    let mut log = log_of(&[OTHER, OTHER, OTHER]);
    log.commit(Sequence(2));
    log.release(Sequence(1)).expect("it is there");
    assert_eq!(numbers(&log, Remains::LEAST), [1, 2], "record 3 may be the reason");
    log.commit(Sequence(3));
    assert_eq!(numbers(&log, Remains::LEAST), [2, 3]);
}

#[test]
fn what_says_that_something_is_over_stays_as_long_as_that_may_come_back() {
    let mut log = log_of(&[OTHER, OTHER, KEPT, OTHER]);
    [1, 2, 3].map(Sequence).into_iter().for_each(|sequence| log.release(sequence).expect("it is there"));
    log.commit(Sequence(4));
    assert_eq!(numbers(&log, Remains::LEAST), [4]);
    for seed in 0..200 {
        let left = numbers(&log, Remains { unsynced: 0, released: Released::Some(seed * 0x9E37_79B9) });
        assert!(left.contains(&3) || !(left.contains(&1) || left.contains(&2)), "{left:?}");
    }
}

#[test]
fn a_record_is_released_once() {
    let mut log = log_of(&[OTHER]);
    assert!(log.release(Sequence(2)).is_err());
    assert!(log.release(Sequence(1)).is_ok());
    assert!(log.release(Sequence(1)).is_err());
}
