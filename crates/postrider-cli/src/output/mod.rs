//! What is printed of the messages that come.
//!
//! Owns: the choice between payload, topic and payload, and a format; the one line of a topic that is watched.
//! Never: decides whether a message is for printing at all.

mod clock;
mod field;
mod format;
mod json;

pub(crate) use format::Format;

use crate::args::Output;
use jiff::Zoned;
use json::Layout;
use postrider_client::Message;
use std::collections::HashMap;
use std::io::{self, Write};

/// Writes messages to standard output.
#[derive(Debug)]
pub(crate) struct Printer<'a> {
    output: &'a Output,
    /// The line of each topic that is watched; none are when it is `None`.
    lines: Option<HashMap<Box<str>, usize>>,
    bytes: Vec<u8>,
}

/// The line below the head of the screen.
const FIRST_LINE: usize = 2;

impl<'a> Printer<'a> {
    /// Clears the screen when topics are to be watched.
    pub(crate) fn new(output: &'a Output, address: &str) -> io::Result<Self> {
        if output.watch {
            writeln!(io::stdout().lock(), "\x1b[2J\x1b[1;1HBroker: {address}")?;
        }
        Ok(Self { output, lines: output.watch.then(HashMap::new), bytes: Vec::new() })
    }

    /// Prints one message; what of it cannot be printed is in the errors.
    pub(crate) fn print(&mut self, message: &Message) -> io::Result<Vec<String>> {
        self.bytes.clear();
        if let Some(lines) = &mut self.lines {
            let next = FIRST_LINE + lines.len();
            let line = *lines.entry(message.topic.clone()).or_insert(next);
            self.bytes.extend_from_slice(format!("\x1b[{line};1H\x1b[2K").as_bytes());
        }
        let errors = self.message(message);
        if let Some(lines) = &self.lines {
            let below = FIRST_LINE + lines.len();
            self.bytes.extend_from_slice(format!("\x1b[{below};1H").as_bytes());
        }
        let mut stdout = io::stdout().lock();
        stdout.write_all(&self.bytes)?;
        stdout.flush()?;
        Ok(errors)
    }

    fn message(&mut self, message: &Message) -> Vec<String> {
        let mut errors = Vec::new();
        if let Some(format) = &self.output.format {
            let layout = if self.output.pretty { Layout::Tabs } else { Layout::OneLine };
            errors = format.write(message, &Zoned::now(), layout, &mut self.bytes);
        } else if !message.payload.is_empty() {
            if self.output.verbose {
                self.bytes.extend_from_slice(message.topic.as_bytes());
                self.bytes.push(b' ');
            }
            self.bytes.extend_from_slice(&message.payload);
        } else if self.output.verbose && !self.output.no_line_end {
            self.bytes.extend_from_slice(message.topic.as_bytes());
            self.bytes.extend_from_slice(b" (null)");
        } else {
            // Nothing is printed of nothing, not even a line.
            return errors;
        }
        if !self.output.no_line_end {
            self.bytes.push(b'\n');
        }
        errors
    }
}
