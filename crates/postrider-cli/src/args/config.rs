//! What can be typed behind `postrider config`.
//!
//! Owns: its verbs and their options.

use clap::{Args as Group, Subcommand, ValueEnum};
use postrider_config::Format;
use std::path::PathBuf;

/// `postrider config`
#[derive(Debug, Group)]
pub(crate) struct Configure {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What can be done with a configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Tell everything that is wrong with a configuration, open nothing; ends with 1 if something is
    Check {
        #[command(flatten)]
        said: Said,
        /// One object of JSON
        #[arg(long)]
        json: bool,
    },
    /// Print every value that holds, as a configuration; secrets are hidden
    Print {
        #[command(flatten)]
        said: Said,
        /// Behind each value, where it comes from
        #[arg(long)]
        origins: bool,
    },
    /// Say what a key means, what it takes, its default and why; without a key, name them all
    Explain {
        /// A key such as `limits.max_packet_size`, its last part, or mosquitto's name for it
        key: Option<String>,
    },
    /// Make a configuration of one of another broker: mosquitto.conf, sol.conf, YAML of the Python system
    Import {
        file: PathBuf,
        /// Whose it is [default: what its name and its lines say]
        #[arg(long, value_enum)]
        from: Option<Form>,
        /// A new file for it [default: standard output]
        #[arg(short, long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// Everything that is said: a file, and beside it.
#[derive(Debug, Group)]
pub(crate) struct Said {
    /// The file; for `print`, none prints what holds without one
    pub(crate) file: Option<PathBuf>,
    /// Whose format it is [default: what its name and its lines say]
    #[arg(long, value_enum)]
    pub(crate) from: Option<Form>,
    /// A key and its value, as they would be set on the command line; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
}

/// Formats of configurations.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Form {
    Toml,
    Mosquitto,
    Sol,
    Yaml,
}

impl From<Form> for Format {
    fn from(form: Form) -> Self {
        match form {
            Form::Toml => Self::Toml,
            Form::Mosquitto => Self::Mosquitto,
            Form::Sol => Self::Sol,
            Form::Yaml => Self::Moat,
        }
    }
}
