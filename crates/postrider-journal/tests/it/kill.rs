//! A process that is killed while it appends.

use crate::owner::{Owner, options};
use crate::random::Random;
use crate::scratch::Scratch;
use postrider_journal::{Directory, Log};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

const DIRECTORY: &str = "POSTRIDER_JOURNAL_CHILD";

fn payload(number: u64) -> Vec<u8> {
    number.to_string().repeat(40).into_bytes()
}

/// Part of the next test: in a process of its own it appends until it is killed.
#[test]
fn a_child_reports_what_is_durable() {
    let Ok(path) = std::env::var(DIRECTORY) else { return };
    let (mut log, recovered) = Log::open(Directory::open(path).expect("directory"), options()).expect("open");
    let mut next = recovered.last().number() + 1;
    for round in 0..1_000_000_u64 {
        for _ in 0..=round % 20 {
            let sequence = log.append(1, &[&payload(next)]).expect("room");
            assert_eq!(sequence.number(), next);
            next += 1;
        }
        let durable = log.commit().expect("commit");
        writeln!(std::io::stdout(), "durable {durable}").expect("the parent listens");
    }
}

#[test]
fn a_killed_process_loses_nothing_that_it_has_reported() {
    let scratch = Scratch::new("kill");
    let mut random = Random::new(3);
    let mut promised = 0;
    for _ in 0..5 {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "kill::a_child_reports_what_is_durable", "--nocapture"])
            .env(DIRECTORY, scratch.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let enough = 20 + random.index(100);
        let mut reported = 0;
        for line in lines {
            let line = line.expect("a line");
            let Some(number) = line.rsplit_once("durable ").map(|(_, number)| number.parse::<u64>()) else { continue };
            promised = number.expect("a number");
            reported += 1;
            if reported == enough {
                child.kill().expect("kill");
            }
        }
        child.wait().expect("the end of the child");
        assert!(reported >= enough, "the child ended by itself");
        check(&scratch, promised);
    }
}

fn check(scratch: &Scratch, promised: u64) {
    let directory = Directory::open(scratch.path()).expect("directory");
    let (log, mut recovered) = Log::open(directory, options()).expect("open");
    let mut owner = Owner::default();
    let last = recovered.last().number();
    assert!(last >= promised, "promised {promised}, found {last}");
    for number in 1..=last {
        owner.expect(number, payload(number));
    }
    owner.replay(&log, &mut recovered).expect("replay");
}
