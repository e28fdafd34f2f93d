//! The same program under mosquitto's name: its command line, its exit codes.

use super::settings::Faults;
use super::{run, say};
use crate::args::Serve;
use postrider_config::mosquitto::{
    self, Asked, CommandLine, EXIT_MISUSED, EXIT_NOT_STARTED, EXIT_SIDE_FILE, is_called_mosquitto,
};
use std::process::ExitCode;

/// A file of passwords or rules that cannot be used.
#[derive(Debug)]
pub(super) struct SideFile;

impl std::fmt::Display for SideFile {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("a file that the configuration names cannot be used")
    }
}

impl std::error::Error for SideFile {}

/// Whether the program was called by that name.
pub(crate) fn is_asked() -> bool {
    std::env::args().next().is_some_and(|name| is_called_mosquitto(&name))
}

/// Does what mosquitto does with the same arguments.
pub(crate) fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let line = match mosquitto::command_line(args.iter().map(String::as_str)) {
        Ok(Asked::Broker(line)) => line,
        Ok(Asked::Help) => {
            HELP.iter().for_each(|text| say(text));
            return ExitCode::from(EXIT_MISUSED);
        }
        Ok(Asked::Version) => {
            say(&format!("postrider version {} in place of mosquitto", env!("CARGO_PKG_VERSION")));
            return ExitCode::SUCCESS;
        }
        Err(what) => {
            crate::print_error(&anyhow::anyhow!(what));
            return ExitCode::from(EXIT_MISUSED);
        }
    };
    run(&serve(line)).unwrap_or_else(|error| {
        crate::print_error(&error);
        let code = match &error {
            error if error.is::<Faults>() => EXIT_MISUSED,
            error if error.is::<SideFile>() => EXIT_SIDE_FILE,
            _ => EXIT_NOT_STARTED,
        };
        ExitCode::from(code)
    })
}

fn serve(line: CommandLine) -> Serve {
    Serve {
        config: line.config_file.map(Into::into),
        port: line.ports,
        verbose: line.is_verbose,
        quiet: line.is_quiet,
        daemon: line.is_daemon,
        test_config: line.tests_config,
        tls_keylog: line.tls_key_log,
        is_mosquitto: true,
        ..Serve::default()
    }
}

const HELP: [&str; 10] = [
    "mosquitto is postrider here: an MQTT 3.1, 3.1.1 and 5.0 broker. `postrider --help` shows all that it can do.",
    "",
    "  -c, --config-file FILE  mosquitto.conf",
    "  -p, --port PORT         a port of this machine, where the file says none; up to ten",
    "  -d, --daemon            in the background",
    "  -v, --verbose           log everything",
    "  -q, --quiet             log nothing",
    "      --test-config       look at the file and open nothing",
    "      --tls-keylog FILE   write the secrets of TLS connections into a file",
    "  -h, --help; --version",
];
