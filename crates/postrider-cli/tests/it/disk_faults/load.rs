//! Clients that do one thing after another, each of which needs the disk.
//!
//! Owns: what was acknowledged, and when what it answers was sent.

use super::Count;
use crate::town::lasting;
use crate::town::line::Line;
use postrider_faultfs::Mount;
use postrider_proto::{AckKind, Packet, ReasonCode, Version};
use postrider_testkit::{Hello, ack, publish, subscribe};
use std::collections::BTreeMap;
use std::io::Result;
use std::time::{Duration, Instant};

#[derive(Default)]
pub(super) struct Load {
    /// Somebody who is owed all of `owed/#` has subscribed.
    pub(super) has_reader: bool,
    /// Messages for the reader.
    pub(super) taken: Vec<(&'static str, u32)>,
    /// What each topic retains at least, and at most.
    pub(super) retained: BTreeMap<String, (u32, u32)>,
    /// Sessions that are there.
    pub(super) sessions: Vec<String>,
    pub(super) refused: Count,
    /// When that was sent which was acknowledged.
    sent: Vec<Instant>,
}

/// So much goes well after the refusal before it counts as over.
const MORE: Count = 4;
/// A disk that had no room is asked again some time later.
const PAUSE: Duration = Duration::from_millis(20);
/// Messages that are published when all others were.
const LATER: std::ops::Range<u32> = 30_000..30_004;
/// Retained topics.
const TOPICS: u32 = 3;

impl Load {
    pub(super) fn acknowledged(&self) -> Count {
        self.sent.len() as Count
    }

    /// How much was acknowledged that was sent after some moment.
    pub(super) fn sent_after(&self, at: Instant) -> Count {
        self.sent.iter().filter(|sent| **sent > at).count() as Count
    }

    /// Ends well some time after the refusal, and with an error when the server hangs up.
    pub(super) fn run(&mut self, port: u16, mount: &Mount) -> Result<()> {
        self.subscribe(port, "reader", "owed/#")?;
        self.has_reader = true;
        let mut line = Line::enter(port, &Hello::new("writer"))?.0;
        for number in 1_u32.. {
            match number % 8 {
                0 => self.make_session(port, number)?,
                1 | 5 => self.publish_twice(&mut line, number)?,
                2 | 6 => self.retain(&mut line, number)?,
                _ => self.publish_once(&mut line, number)?,
            }
            let is_over = |at| self.sent_after(at) >= MORE;
            if mount.refused_at().is_some_and(is_over) {
                return Ok(());
            }
            assert!(number < 20_000, "the disk was never asked");
        }
        Ok(())
    }

    /// Some more of it, with a server that has started again.
    pub(super) fn add_some(&mut self, port: u16) {
        let mut line = Line::enter(port, &Hello::new("writer")).expect("it runs").0;
        for number in LATER {
            self.publish_once(&mut line, number).expect("it runs");
        }
    }

    fn make_session(&mut self, port: u16, number: u32) -> Result<()> {
        let id = format!("session-{number}");
        self.subscribe(port, &id, "other/#")?;
        self.sessions.push(id);
        Ok(())
    }

    /// As often as it takes: a disk that had no room has some later.
    fn subscribe(&mut self, port: u16, id: &str, filter: &str) -> Result<()> {
        loop {
            let sent = Instant::now();
            if try_subscribe(port, id, filter)? {
                self.sent.push(sent);
                return Ok(());
            }
            self.refused += 1;
            std::thread::sleep(PAUSE);
        }
    }

    fn publish_once(&mut self, line: &mut Line, number: u32) -> Result<()> {
        let message = publish("owed/once", &number.to_string()).q1(id(number)).bytes(Version::V5);
        if self.exchange(line, &message)? {
            self.taken.push(("owed/once", number));
        }
        Ok(())
    }

    fn publish_twice(&mut self, line: &mut Line, number: u32) -> Result<()> {
        let message = publish("owed/twice", &number.to_string()).q2(id(number)).bytes(Version::V5);
        if self.exchange(line, &message)? {
            self.taken.push(("owed/twice", number));
            let release = ack(AckKind::Pubrel, id(number), ReasonCode::Success, Version::V5);
            self.exchange(line, &release)?;
        }
        Ok(())
    }

    fn retain(&mut self, line: &mut Line, number: u32) -> Result<()> {
        let topic = format!("retained/{}", number % TOPICS);
        let message = publish(&topic, &number.to_string()).q1(id(number)).retain().bytes(Version::V5);
        let bounds = self.retained.entry(topic.clone()).or_default();
        let before = std::mem::replace(&mut bounds.1, number);
        let is_taken = self.exchange(line, &message)?;
        let bounds = self.retained.entry(topic).or_default();
        if is_taken {
            bounds.0 = number
        } else {
            bounds.1 = before
        }
        Ok(())
    }

    /// Whether the answer is a good one.
    fn exchange(&mut self, line: &mut Line, bytes: &[u8]) -> Result<bool> {
        let sent = Instant::now();
        line.send(bytes)?;
        let reason = line.wait(|packet| match packet {
            Packet::Ack(ack) => ack.reason,
            _ => panic!("{packet:?} is no answer"),
        })?;
        if !reason.is_error() {
            self.sent.push(sent);
            return Ok(true);
        }
        assert_eq!(reason, ReasonCode::QuotaExceeded);
        self.refused += 1;
        std::thread::sleep(PAUSE);
        Ok(false)
    }
}

/// Whether a lasting client comes in and its subscription is taken.
fn try_subscribe(port: u16, id: &str, filter: &str) -> Result<bool> {
    let mut line = match Line::try_enter(port, &lasting(id))? {
        Ok((line, _)) => line,
        Err(reason) => {
            assert_eq!(reason, ReasonCode::QuotaExceeded);
            return Ok(false);
        }
    };
    line.send(&subscribe(1, filter, 2).bytes(Version::V5))?;
    line.wait(|packet| match packet {
        Packet::Suback(suback) => suback.codes.iter().all(|code| *code < 0x80),
        _ => panic!("{packet:?} is no answer"),
    })
}

fn id(number: u32) -> u16 {
    u16::try_from(number % 60_000 + 1).expect("small enough")
}
