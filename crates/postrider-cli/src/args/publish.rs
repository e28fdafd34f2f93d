//! What `pub` publishes.

use super::{Connection, qos};
use anyhow::Context;
use clap::Args as Group;
use postrider_client::Qos;
use std::ffi::OsString;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug, Group)]
pub(crate) struct Pub {
    /// Topic to publish to
    #[arg(short, long, allow_hyphen_values = true)]
    pub(crate) topic: Option<String>,
    #[command(flatten)]
    pub(crate) source: Source,
    /// Standard input, each line a message
    #[arg(short = 'l', long, conflicts_with = "Source")]
    pub(crate) stdin_line: bool,
    /// 0, 1 or 2
    #[arg(short, long, default_value = "0", value_parser = qos)]
    pub(crate) qos: Qos,
    /// Have the server store the message for later subscribers
    #[arg(short, long)]
    pub(crate) retain: bool,
    /// Publish the message this many times; not with --stdin-line
    #[arg(long, value_name = "TIMES", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) repeat: u64,
    /// Seconds from one time to the next
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = pause, allow_negative_numbers = true)]
    pub(crate) repeat_delay: Duration,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// One message: at most one of these.
#[derive(Clone, Debug, Group)]
#[group(id = "Source", multiple = false)]
pub(crate) struct Source {
    /// This text
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    message: Option<OsString>,
    /// The contents of this file
    #[arg(short, long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// An empty message, which with --retain clears a retained one
    #[arg(short, long)]
    null_message: bool,
    /// Standard input, as one message
    #[arg(short, long)]
    stdin_file: bool,
}

impl Source {
    pub(crate) const fn is_given(&self) -> bool {
        self.message.is_some() || self.file.is_some() || self.null_message || self.stdin_file
    }

    pub(crate) fn read(&self) -> anyhow::Result<Vec<u8>> {
        if let Some(text) = &self.message {
            return Ok(text.as_bytes().to_vec());
        }
        if let Some(path) = &self.file {
            return std::fs::read(path).with_context(|| path.display().to_string());
        }
        let mut payload = Vec::new();
        if self.stdin_file {
            std::io::stdin().lock().read_to_end(&mut payload).context("standard input")?;
        }
        Ok(payload)
    }
}

fn pause(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|_| "it is a number of seconds, such as 0.5".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "it is a number of seconds, such as 0.5".to_owned())
}
