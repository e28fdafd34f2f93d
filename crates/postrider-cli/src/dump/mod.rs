//! `postrider dump`: what a data directory holds, for people and for programs.
//!
//! Owns: what is printed in which order.
//! Never: holds more than one message in memory.

mod json;
mod text;

#[cfg(feature = "sqlite")]
pub(crate) use json::state;

use crate::args::Dump;
use crate::check::explain;
use postrider::{Data, DeliveryData, MessageData, SessionData, StoreData, SubscriptionData, WillData};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::process::ExitCode;

/// One thing that is printed.
pub(crate) enum Item<'a> {
    Store(&'a StoreData, &'a Data),
    Session(&'a SessionData),
    Will(&'a SessionData, &'a WillData),
    Subscription(&'a SessionData, &'a SubscriptionData),
    /// Without a message, it is over for the broker, or cannot be read.
    Delivery(Owner<'a>, &'a DeliveryData, Option<&'a MessageData>),
    Retained(u64, &'a MessageData),
}

/// Who is owed something.
#[derive(Clone, Copy)]
pub(crate) enum Owner<'a> {
    Session(&'a SessionData),
    Share(&'a str),
}

/// Prints everything, or what is asked for.
pub(crate) fn run(args: &Dump) -> anyhow::Result<ExitCode> {
    let data = Data::open(&args.directory).map_err(explain)?;
    let mut out = Out::new(args, BufWriter::with_capacity(OUT_BYTES, io::stdout().lock()));
    match print(&data, &Wanted::of(args), &mut out) {
        Ok(()) => {}
        Err(Stopped::Output(error)) if error.kind() == ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
        Err(Stopped::Output(error)) => return Err(error.into()),
        Err(Stopped::Data(error)) => return Err(explain(error)),
    }
    let is_whole = data.damage().is_empty() && data.senseless().is_empty();
    if !is_whole {
        let shown = args.directory.display();
        let what = "something is damaged and missing here";
        crate::print_error(&anyhow::anyhow!("{what}; `postrider check {shown}` lists it"));
    }
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is asked for; everything if nothing is.
struct Wanted {
    sessions: bool,
    messages: bool,
    retained: bool,
}

impl Wanted {
    const fn of(args: &Dump) -> Self {
        let all = !(args.sessions || args.messages || args.retained);
        Self { sessions: all || args.sessions, messages: all || args.messages, retained: all || args.retained }
    }
}

enum Stopped {
    Data(postrider::Error),
    Output(io::Error),
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

fn print<W: Write>(data: &Data, wanted: &Wanted, out: &mut Out<W>) -> Result<(), Stopped> {
    out.put(&Item::Store(&data.store(), data))?;
    let mut reader = Reader::default();
    for (name, session) in data.sessions() {
        if wanted.sessions {
            out.put(&Item::Session(&session))?;
            if let Some(will) = &session.will {
                out.put(&Item::Will(&session, will))?;
            }
            for subscription in data.subscriptions(name) {
                out.put(&Item::Subscription(&session, &subscription))?;
            }
        }
        if wanted.messages {
            for delivery in data.deliveries(name) {
                let message = reader.read(data, delivery.record)?;
                out.put(&Item::Delivery(Owner::Session(&session), &delivery, message))?;
            }
        }
    }
    for share in data.groups().iter().filter(|_| wanted.messages) {
        for delivery in data.group_deliveries(share) {
            let message = reader.read(data, delivery.record)?;
            out.put(&Item::Delivery(Owner::Share(share), &delivery, message))?;
        }
    }
    if wanted.retained {
        for record in data.retained() {
            if let Some(message) = reader.read(data, Some(record))? {
                out.put(&Item::Retained(record, message))?;
            }
        }
    }
    out.writer.flush()?;
    Ok(())
}

/// The message that was read last.
#[derive(Default)]
struct Reader(Option<MessageData>);

impl Reader {
    fn read(&mut self, data: &Data, record: Option<u64>) -> Result<Option<&MessageData>, Stopped> {
        self.0 = match record {
            Some(record) => data.message(record).map_err(Stopped::Data)?,
            None => None,
        };
        Ok(self.0.as_ref())
    }
}

struct Out<W> {
    writer: W,
    is_json: bool,
    /// Of each payload.
    bytes_max: usize,
}

impl<W: Write> Out<W> {
    fn new(args: &Dump, writer: W) -> Self {
        let usual = if args.json { usize::MAX } else { SHOWN_BYTES };
        Self { writer, is_json: args.json, bytes_max: args.payloads.unwrap_or(usual) }
    }

    fn put(&mut self, item: &Item<'_>) -> io::Result<()> {
        if self.is_json {
            serde_json::to_writer(&mut self.writer, &json::document(item, self.bytes_max))?;
            self.writer.write_all(b"\n")
        } else {
            writeln!(self.writer, "{}", text::line(item, self.bytes_max))
        }
    }
}

/// A payload that is text, up to so many bytes of it; nothing if it is not.
fn shown(payload: &[u8], bytes_max: usize) -> Option<&str> {
    let text = std::str::from_utf8(payload).ok()?;
    let end = (0..=bytes_max.min(text.len())).rev().find(|end| text.is_char_boundary(*end))?;
    text.get(..end)
}

const SHOWN_BYTES: usize = 64;
const OUT_BYTES: usize = 256 * 1024;
