//! The persistence file of mosquitto: sessions, messages and what is retained, into a data directory of ours.
//!
//! Owns: what comes along and what does not; [`TakenOver`] counts both.
//! Never: changes the file, or leaves half a directory behind.

mod chunk;
mod cursor;
mod found;
mod held;
mod plan;
mod scan;
mod write;

pub use scan::Flaw;

use crate::error::{Error, ErrorKind};
use crate::store::unusable;
use found::Found;
use scan::{Scan, Step, Stopped};
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::time::UNIX_EPOCH;

/// What to do about a place that makes no sense.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFlaw {
    /// Take nothing over.
    #[default]
    Refuse,
    /// Take over what can be read.
    Skip,
}

/// How a file of mosquitto is taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakeOver {
    /// About places that make no sense.
    pub on_flaw: OnFlaw,
    /// Seconds that a session lives without its client where the file says for ever; `u32::MAX` is for ever here too.
    pub for_ever_s: u32,
}

impl Default for TakeOver {
    fn default() -> Self {
        Self { on_flaw: OnFlaw::Refuse, for_ever_s: u32::MAX }
    }
}

/// What was taken over, and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TakenOver {
    /// Sessions.
    pub sessions: u64,
    /// Those of them whose clients came without a user name, as far as the file says.
    pub without_user: u64,
    /// Subscriptions.
    pub subscriptions: u64,
    /// Messages that wait for a session.
    pub queued: u64,
    /// Messages that were sent and not acknowledged to the end.
    pub in_flight: u64,
    /// Messages with QoS 2 from clients that had not sent PUBREL, and went to nobody before.
    pub held: u64,
    /// Retained messages.
    pub retained: u64,
    /// Sessions that ended with their connection.
    pub ended: u64,
    /// Messages of QoS 0 that waited; they survive no restart here.
    pub of_qos_0: u64,
    /// Deliveries and retained topics whose message the file does not have, as when it had expired.
    pub without_message: u64,
    /// Whether mosquitto wrote the file when it ended; otherwise it lacks what came after it was saved.
    pub is_last: bool,
    /// What was not readable, up to a hundred of them.
    pub flaws: Vec<Flaw>,
    /// How many of them there are.
    pub flawed: u64,
}

impl fmt::Display for TakenOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sessions, subscriptions, queued, in_flight, held, retained, .. } = self;
        write!(
            f,
            "sessions {sessions}, subscriptions {subscriptions}, messages waiting {queued}, in flight {in_flight}, \
             held until PUBREL {held}, retained {retained}"
        )?;
        let rest = [
            ("sessions that ended with their connection", self.ended),
            ("waiting messages of QoS 0", self.of_qos_0),
            ("entries whose message is not in the file", self.without_message),
            ("damaged places", self.flawed),
        ];
        let mut before = "; left out: ";
        for (what, count) in rest.into_iter().filter(|(_, count)| *count > 0) {
            write!(f, "{before}{what} {count}")?;
            before = ", ";
        }
        Ok(())
    }
}

/// A file of mosquitto that was read to its end.
pub struct MosquittoFile<R> {
    scan: Scan<R>,
    found: Found,
    flaws: Vec<Flaw>,
    flawed: u64,
}

/// Makes a data directory of a file of mosquitto, in one that is empty or not there yet. The file stays as it is; what
/// is known of it is written down in the directory, for [`taken_from`].
///
/// # Errors
/// One of the two cannot be used, or the file is damaged and that was not accepted.
pub fn take_over_mosquitto(file: &Path, new: &Path, how: TakeOver) -> Result<TakenOver, Error> {
    let source = File::open(file).map_err(|error| unusable(file, error))?;
    let mark = Mark::of(file).map_err(|error| unusable(file, error))?;
    let read = MosquittoFile::read(source, how.on_flaw);
    read.and_then(|read| read.write(new, how, &mark.text(file))).map_err(|stopped| explain(file, new, stopped))
}

/// Whether a file begins as those of mosquitto do.
#[must_use]
pub fn is_of_mosquitto(file: &Path) -> bool {
    File::open(file).is_ok_and(|source| match Scan::begin(source) {
        Ok(_) => true,
        // A format that is not known is one of mosquitto's all the same.
        Err(Stopped::Flaw(flaw)) => flaw.offset > 0,
        Err(Stopped::Failed(_)) => false,
    })
}

/// What is known of the file that a data directory was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Of that file, as it is now.
    Same,
    /// Of a file that has changed since, or another.
    Other,
    /// Of none, as far as is known.
    Unknown,
}

/// Whether a data directory was made of this file.
#[must_use]
pub fn taken_from(file: &Path, directory: &Path) -> Origin {
    match (std::fs::read_to_string(directory.join(MARK)), Mark::of(file)) {
        (Ok(text), Ok(mark)) if text.lines().any(|line| line == mark.line()) => Origin::Same,
        (Ok(_), _) => Origin::Other,
        (Err(_), _) => Origin::Unknown,
    }
}

impl<R: Read + Seek> MosquittoFile<R> {
    /// Reads all of it but the payloads, of which it remembers the places.
    ///
    /// # Errors
    /// It cannot be read, or is damaged and that is not accepted.
    pub fn read(source: R, on_flaw: OnFlaw) -> Result<Self, NotTaken> {
        let mut file = Self { scan: Scan::begin(source)?, found: Found::default(), flaws: Vec::new(), flawed: 0 };
        loop {
            let (flaw, is_over) = match file.scan.step(&mut file.found)? {
                Step::Taken => continue,
                Step::End => return Ok(file),
                Step::Skipped(flaw) => (flaw, false),
                Step::Broken(flaw) => (flaw, true),
            };
            if on_flaw == OnFlaw::Refuse {
                return Err(Stopped::Flaw(flaw).into());
            }
            file.flawed += 1;
            if file.flaws.len() < FLAWS_MAX {
                file.flaws.push(flaw);
            }
            if is_over {
                return Ok(file);
            }
        }
    }

    /// Writes it as a data directory. `mark` is what the directory remembers of its origin.
    ///
    /// # Errors
    /// One of the two cannot be used.
    pub fn write(self, new: &Path, how: TakeOver, mark: &str) -> Result<TakenOver, NotTaken> {
        write::write(self, new, how, mark)
    }
}

/// Why nothing was taken over.
#[derive(Debug)]
pub struct NotTaken(Why);

#[derive(Debug)]
enum Why {
    Flaw(Flaw),
    /// The file.
    Failed(std::io::Error),
    /// The directory.
    Refused(Error),
}

impl From<Stopped> for NotTaken {
    fn from(stopped: Stopped) -> Self {
        Self(match stopped {
            Stopped::Flaw(flaw) => Why::Flaw(flaw),
            Stopped::Failed(error) => Why::Failed(error),
        })
    }
}

impl From<std::io::Error> for NotTaken {
    fn from(error: std::io::Error) -> Self {
        Self(Why::Failed(error))
    }
}

impl From<Error> for NotTaken {
    fn from(error: Error) -> Self {
        Self(Why::Refused(error))
    }
}

impl fmt::Display for NotTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Why::Flaw(flaw) => flaw.fmt(f),
            Why::Failed(error) => error.fmt(f),
            Why::Refused(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for NotTaken {}

impl std::error::Error for Flaw {}

/// By which a file is known again.
struct Mark {
    bytes: u64,
    modified_ms: u128,
}

impl Mark {
    fn of(file: &Path) -> std::io::Result<Self> {
        let known = std::fs::metadata(file)?;
        let modified = known.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self { bytes: known.len(), modified_ms: modified.as_millis() })
    }

    fn line(&self) -> String {
        format!("bytes {}, modified {} ms after 1970", self.bytes, self.modified_ms)
    }

    fn text(&self, file: &Path) -> String {
        format!("taken over from {}\n{}\n", file.display(), self.line())
    }
}

fn explain(file: &Path, new: &Path, NotTaken(why): NotTaken) -> Error {
    let shown = file.display();
    match why {
        Why::Failed(error) => unusable(file, error),
        Why::Refused(error) => error,
        Why::Flaw(flaw) => {
            let what = format!("{shown} cannot be taken over as it is");
            let advice = format!(
                "nothing was written to {}; start again with --accept-loss to take over what can be read, put an older \
                 copy in its place, or move it away to begin with nothing",
                new.display()
            );
            Error::of_store(ErrorKind::Damaged, what, flaw, advice)
        }
    }
}

const MARK: &str = "taken-over";
const FLAWS_MAX: usize = 100;
