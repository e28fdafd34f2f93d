//! What is printed of a message, and until when.

use crate::output::Format;
use clap::Args as Group;

#[derive(Clone, Debug, Group)]
pub(crate) struct Output {
    /// Print the topic before each message
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// How a message is printed: `%t %p`, `%j` for JSON and many more; see docs/commands.md
    #[arg(short = 'F', long, value_name = "FORMAT", value_parser = Format::parse, allow_hyphen_values = true)]
    pub(crate) format: Option<Format>,
    /// Print the JSON of %j and %J over several lines
    #[arg(long)]
    pub(crate) pretty: bool,
    /// No line end after each message
    #[arg(short = 'N', long)]
    pub(crate) no_line_end: bool,
    /// Leave out retained messages
    #[arg(short = 'R', long)]
    pub(crate) no_retained: bool,
    /// Keep one line for each topic and write its latest message there
    #[arg(short, long)]
    pub(crate) watch: bool,
    /// End after this many seconds, with exit code 27
    #[arg(short = 'W', long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: Option<u64>,
}
