//! The last lines that a process printed, on either of its streams.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::spawn;

#[derive(Clone, Debug, Default)]
pub(super) struct Tail(Arc<Mutex<VecDeque<String>>>);

const LINES_KEPT: usize = 12;
const LINE_BYTES_MAX: u64 = 4096;

impl Tail {
    /// Reads until the stream ends, and lets go of `reading` then.
    pub(super) fn follow(&self, stream: impl Read + Send + 'static, reading: Sender<()>) {
        let tail = self.clone();
        spawn(move || {
            let mut reader = BufReader::new(stream);
            let mut line = Vec::new();
            // A stream that cannot be read any more has ended.
            while reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                tail.add(String::from_utf8_lossy(&line).trim_end());
                line.clear();
            }
            drop(reading);
        });
    }

    fn add(&self, line: &str) {
        if line.is_empty() {
            return;
        }
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES_KEPT {
            lines.pop_front();
        }
        lines.push_back(crate::events::shown(line));
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept() {
        let tail = Tail::default();
        let text: String = (0..40).map(|number| format!("line {number}\n")).collect();
        let (reading, read) = std::sync::mpsc::channel();
        tail.follow(std::io::Cursor::new(text), reading);
        read.recv().expect_err("it hangs up");
        let lines = tail.lines();
        assert_eq!((lines.len(), lines.first().map(String::as_str)), (LINES_KEPT, Some("line 28")));
    }
}
