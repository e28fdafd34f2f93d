//! Lines that are published below `$SYS/broker/log`.
//!
//! Owns: the topic of each type, and how many lines go out in a second.
//! Never: publishes what is written for each packet: every line would make another one.

use postrider_config::model::LogType;
use std::time::{SystemTime, UNIX_EPOCH};

/// More lines in a second are counted and not published: nobody can read them.
const LINES_PER_S: u32 = 500;

/// What was said in this second.
#[derive(Debug, Default)]
pub(super) struct Speech {
    second: u64,
    said: u32,
    left_out: u64,
}

impl Speech {
    /// What to publish where, for a line that was written; nothing for types that are not published.
    pub(super) fn words(&mut self, kind: LogType, line: String) -> Option<Vec<(&'static str, String)>> {
        let second = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.words_at(second, kind, line)
    }

    fn words_at(&mut self, second: u64, kind: LogType, mut line: String) -> Option<Vec<(&'static str, String)>> {
        let topic = topic(kind)?;
        let mut words = Vec::new();
        if second != self.second {
            let left_out = std::mem::replace(self, Self { second, ..Self::default() }).left_out;
            if left_out > 0 {
                words.push((WARNINGS, format!("{left_out} more lines were not published")));
            }
        }
        if self.said < LINES_PER_S {
            self.said += 1;
            line.truncate(line.trim_end().len());
            words.push((topic, line));
        } else {
            self.left_out += 1;
        }
        Some(words)
    }
}

const WARNINGS: &str = "$SYS/broker/log/W";

/// As mosquitto has them.
const fn topic(kind: LogType) -> Option<&'static str> {
    match kind {
        LogType::Error => Some("$SYS/broker/log/E"),
        LogType::Warning => Some(WARNINGS),
        LogType::Notice => Some("$SYS/broker/log/N"),
        LogType::Information => Some("$SYS/broker/log/I"),
        LogType::Subscribe => Some("$SYS/broker/log/M/subscribe"),
        LogType::Unsubscribe => Some("$SYS/broker/log/M/unsubscribe"),
        LogType::Websockets => Some("$SYS/broker/log/WS"),
        LogType::Debug | LogType::Internal => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_room_for_so_many_lines_and_the_next_one_says_how_many_more_there_were() {
        let mut speech = Speech::default();
        let mut say = |second, kind| speech.words_at(second, kind, "line\n".to_owned()).unwrap_or_default();
        let said: usize = (0..LINES_PER_S + 7).map(|_| say(3, LogType::Notice).len()).sum();
        assert_eq!(said, LINES_PER_S as usize);
        let words = say(4, LogType::Error);
        let told = (WARNINGS, "7 more lines were not published".to_owned());
        assert_eq!(words, [told, ("$SYS/broker/log/E", "line".to_owned())]);
        assert_eq!(say(5, LogType::Debug), []);
    }
}
