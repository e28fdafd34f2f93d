//! What `postrider torture` can be told.

use crate::bench::Edition;
use anyhow::bail;
use clap::{Args, ValueEnum};
use postrider_client::Qos;
use rustix::process::Signal;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// Loads a broker, kills it and starts it again, over and over, and counts what was acknowledged and is gone: messages,
/// retained messages, sessions, subscriptions; and messages of QoS 2 that came twice.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Torture {
    /// How the broker is started, in the foreground. `{port}` becomes a free port, `{dir}` a fresh directory that stays
    /// the same over all starts, `{config}` the file made of --template
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
    /// A file of settings for the broker; `{config}` names a copy in which {port} and {dir} are replaced
    #[arg(long, value_name = "FILE")]
    pub(crate) template: Option<PathBuf>,
    /// The port on 127.0.0.1, if the command line or the settings name it [default: a free one]
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// Where the fresh directory is made: a folder on the device that is to be tried [default: that of temporary files]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) scratch: Option<PathBuf>,
    /// Leave the fresh directory there at the end
    #[arg(long)]
    pub(crate) keep: bool,
    /// How often the broker is killed
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) kills: u32,
    /// Milliseconds of load before each kill: a number, or a range of which one is chosen each time
    #[arg(long = "for", value_name = "MS", default_value = "50-2000", value_parser = range)]
    pub(crate) load_ms: RangeInclusive<u64>,
    /// Stop publishing, wait until everything is acknowledged and for so many milliseconds more, and only then kill;
    /// without it the kill meets the load
    #[arg(long, value_name = "MS")]
    pub(crate) settle: Option<u64>,
    /// `kill` gives the broker no time for anything; `term` asks it to stop in its own way
    #[arg(long, default_value = "kill")]
    pub(crate) signal: Death,
    /// For the same times and choices again [default: by chance]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// Clients that publish
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) publishers: u16,
    /// Durable sessions that every message goes to: the first connected at each kill, the second away, the third
    /// connected, and so on
    #[arg(long, value_name = "COUNT", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) subscribers: u16,
    /// What is published: 1, 2, or both, publisher by publisher
    #[arg(long, default_value = "both")]
    pub(crate) qos: Qualities,
    /// Messages that a publisher may have unacknowledged
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) window: u16,
    /// Messages before each kill at most, of all publishers together, spread over the time. It is what waits for a
    /// session that is away: keep it below the broker's limit of queued messages
    #[arg(long, value_name = "COUNT", default_value_t = 800, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) per_kill: u32,
    /// Bytes of payload
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = clap::value_parser!(u32).range(24..=1_000_000))]
    pub(crate) size: u32,
    /// Seconds that the broker may take from its start until it lets a client in, to answer, and to stop
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    wait: u64,
    /// Milliseconds of silence after which what has not come back is counted as lost
    #[arg(long, value_name = "MS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(10..=600_000))]
    patience: u64,
    /// The edition of MQTT: 5 or 311
    #[arg(short = 'V', long = "protocol-version", value_name = "EDITION", default_value = "5")]
    pub(crate) edition: Edition,
    /// User name
    #[arg(short, long, value_name = "NAME")]
    pub(crate) username: Option<String>,
    /// Password
    #[arg(short = 'P', long, value_name = "PASSWORD", requires = "username")]
    pub(crate) password: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Print no line for each kill
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

const AFTER_HELP: &str = "\
Examples:
  postrider torture -- postrider serve -p {port} --data-dir {dir}
  postrider torture --template mosquitto.conf -- mosquitto -c {config}

Exit code 0: nothing that was acknowledged was lost or doubled. 1: something was, or the broker did not come back. \
2: the broker could not be started.

A broker may drop what exceeds its limit of messages for one session, and that would be counted as lost here. Between \
two kills all sessions take what waits for them, so a session is owed --per-kill messages at most, and those that were \
under way. Most limits are 1000 and above.";

/// How the broker ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Death {
    Kill,
    Term,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Qualities {
    #[value(name = "1")]
    Once,
    #[value(name = "2")]
    Twice,
    Both,
}

impl Death {
    pub(crate) const fn signal(self) -> Signal {
        match self {
            Self::Kill => Signal::KILL,
            Self::Term => Signal::TERM,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kill => "SIGKILL",
            Self::Term => "SIGTERM",
        }
    }
}

impl Qualities {
    /// The QoS of a publisher.
    pub(crate) const fn of(self, publisher: usize) -> Qos {
        match self {
            Self::Once => Qos::AtLeastOnce,
            Self::Twice => Qos::ExactlyOnce,
            Self::Both if publisher.is_multiple_of(2) => Qos::AtLeastOnce,
            Self::Both => Qos::ExactlyOnce,
        }
    }

    pub(crate) const fn highest(self) -> Qos {
        match self {
            Self::Once => Qos::AtLeastOnce,
            Self::Twice | Self::Both => Qos::ExactlyOnce,
        }
    }
}

impl Torture {
    pub(crate) const fn wait(&self) -> Duration {
        Duration::from_secs(self.wait)
    }

    pub(crate) const fn patience(&self) -> Duration {
        Duration::from_millis(self.patience)
    }

    /// What every publisher may send before a kill.
    pub(crate) fn share(&self) -> u32 {
        self.per_kill.div_ceil(u32::from(self.publishers))
    }

    /// What cannot be done together.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let mentions = |name: &str| self.command.iter().any(|word| word.contains(name));
        match &self.template {
            Some(template) if !mentions("{config}") => {
                bail!(
                    "the command line does not use {}: put {{config}} where it names its settings",
                    template.display()
                )
            }
            None if mentions("{config}") => bail!("{{config}} needs --template FILE with the text of the settings"),
            Some(_) | None => Ok(()),
        }
    }
}

/// `MS` or `MS-MS`.
fn range(text: &str) -> Result<RangeInclusive<u64>, String> {
    let number = |text: &str| text.trim().parse().map_err(|_| "it is MS or MS-MS, such as 50-2000".to_owned());
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(text)?, number(text)?),
    };
    if (1..=LOAD_MS_MAX).contains(&first) && (first..=LOAD_MS_MAX).contains(&last) {
        Ok(first..=last)
    } else {
        Err(format!("it is between 1 and {LOAD_MS_MAX}, the smaller number first"))
    }
}

/// An hour.
const LOAD_MS_MAX: u64 = 3_600_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_one_number_or_two() {
        assert_eq!(range("50-2000"), Ok(50..=2000));
        assert_eq!(range("300"), Ok(300..=300));
        for text in ["", "0", "9-8", "x", "1-", "1-9999999", "-5"] {
            assert!(range(text).is_err(), "{text}");
        }
    }
}
