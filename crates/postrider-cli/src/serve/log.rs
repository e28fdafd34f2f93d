//! Where lines for people go: terminal, file, syslog, topic.
//!
//! Owns: the destinations, what is written down, how a line begins.
//! Never: stops the broker because nobody reads.

mod speech;

use anyhow::Context;
use jiff::{Timestamp, tz::TimeZone};
use postrider::Handle;
use postrider_config::model::{Facility, Log as Wanted, LogDestination, LogFormat, LogType, TimestampFormat};
use speech::Speech;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// A log that everybody in the process writes to; clones of it are the same.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    state: Arc<Mutex<State>>,
    /// Whom lines are published through, once there is a broker.
    voice: Arc<OnceLock<Handle>>,
}

#[derive(Debug)]
struct State {
    sinks: Vec<Sink>,
    /// Nothing if no lines are published.
    speech: Option<Speech>,
    wanted: Wanted,
}

#[derive(Debug)]
enum Sink {
    Stdout,
    Stderr,
    Syslog(UnixDatagram),
    File(File),
}

const SYSLOG: &str = "/dev/log";

impl Log {
    /// Opens all destinations.
    ///
    /// # Errors
    /// Which cannot be had, and why.
    pub(crate) fn open(wanted: &Wanted) -> anyhow::Result<Self> {
        Ok(Self { state: Arc::new(Mutex::new(State::open(wanted)?)), voice: Arc::default() })
    }

    /// Writes to the destinations of another log from now on: the files of the old one may have been renamed.
    pub(crate) fn become_like(&self, other: Self) {
        std::mem::swap(&mut *self.state(), &mut *other.state());
    }

    /// From now on lines can be published.
    pub(crate) fn speak_through(&self, broker: Handle) {
        // There is one broker.
        let _ = self.voice.set(broker);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a line, if lines of its type are wanted.
    pub(crate) fn write(&self, kind: LogType, text: &str) {
        let spoken = {
            let mut state = self.state();
            let line = state.wanted.types.contains(&kind).then(|| state.write(kind, text));
            line.and_then(|line| state.speech.as_mut()?.words(kind, line))
        };
        // The broker may write lines while it publishes this one.
        if let (Some(words), Some(voice)) = (spoken, self.voice.get()) {
            words.into_iter().for_each(|(topic, line)| voice.say(topic, line.as_bytes()));
        }
    }

    /// The same for what publishing a line may lead to: it is never published itself.
    pub(crate) fn write_silently(&self, kind: LogType, text: &str) {
        let mut state = self.state();
        if state.wanted.types.contains(&kind) {
            state.write(kind, text);
        }
    }

    pub(crate) fn wants(&self, kind: LogType) -> bool {
        self.state().wanted.types.contains(&kind)
    }

    /// Whether connects and disconnects are written down.
    pub(crate) fn wants_connections(&self) -> bool {
        self.state().wanted.connection_messages
    }
}

impl State {
    fn open(wanted: &Wanted) -> anyhow::Result<Self> {
        let sinks = wanted.destinations.iter().filter_map(|place| Sink::open(place).transpose());
        let speech = wanted.destinations.contains(&LogDestination::Topic).then(Speech::default);
        Ok(Self { sinks: sinks.collect::<anyhow::Result<_>>()?, speech, wanted: wanted.clone() })
    }

    /// Returns the whole line.
    fn write(&mut self, kind: LogType, text: &str) -> String {
        let now = Timestamp::now();
        let line = match self.wanted.format {
            LogFormat::Text => format!("{}{text}\n", self.stamp(now)),
            LogFormat::Json => {
                let line = serde_json::json!({ "time": now.to_string(), "type": kind.name(), "text": text });
                format!("{line}\n")
            }
        };
        let priority = facility(self.wanted.facility) * 8 + severity(kind);
        for sink in &mut self.sinks {
            sink.write(&line, priority, text);
        }
        line
    }

    fn stamp(&self, now: Timestamp) -> String {
        match &self.wanted.timestamp {
            TimestampFormat::Off => String::new(),
            TimestampFormat::Epoch => format!("{}: ", now.as_second()),
            TimestampFormat::Pattern(pattern) => {
                let zoned = now.to_zoned(TimeZone::system());
                // A pattern that jiff does not know is shown as it is, so that somebody sees it.
                let text = jiff::fmt::strtime::format(pattern, &zoned).unwrap_or_else(|_| pattern.clone());
                format!("{text}: ")
            }
        }
    }
}

impl Sink {
    fn open(place: &LogDestination) -> anyhow::Result<Option<Self>> {
        Ok(match place {
            LogDestination::Stdout => Some(Self::Stdout),
            LogDestination::Stderr => Some(Self::Stderr),
            LogDestination::Syslog => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(SYSLOG).with_context(|| format!("the system's log is not at {SYSLOG}"))?;
                Some(Self::Syslog(socket))
            }
            // What speaks is no place to write to.
            LogDestination::Topic => None,
            LogDestination::File(path) => Some(Self::File(append(path)?)),
        })
    }

    fn write(&mut self, line: &str, priority: u8, text: &str) {
        // Nobody reads, or the disk is full: the broker serves all the same.
        let _ = match self {
            Self::Stdout => std::io::stdout().lock().write_all(line.as_bytes()),
            Self::Stderr => std::io::stderr().lock().write_all(line.as_bytes()),
            Self::Syslog(socket) => {
                let line = format!("<{priority}>postrider[{}]: {text}", std::process::id());
                socket.send(line.as_bytes()).map(drop)
            }
            Self::File(file) => file.write_all(line.as_bytes()),
        };
    }
}

fn append(path: &Path) -> anyhow::Result<File> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.with_context(|| format!("the log file {} cannot be opened", path.display()))
}

const fn facility(facility: Facility) -> u8 {
    match facility {
        Facility::Daemon => 3,
        Facility::Local(number) => 16 + number,
    }
}

/// As syslog(3) counts.
const fn severity(kind: LogType) -> u8 {
    match kind {
        LogType::Error => 3,
        LogType::Warning => 4,
        LogType::Notice => 5,
        LogType::Information | LogType::Subscribe | LogType::Unsubscribe | LogType::Websockets => 6,
        LogType::Debug | LogType::Internal => 7,
    }
}
