//! mosquitto's command line, and what it changes in a configuration.
//!
//! Owns: its options, its exit codes.
//! Never: reads a file, prints.

use crate::defaults;
use crate::model::{Bind, Config, LogType, Notice, Origin};
use std::path::PathBuf;

/// What the command line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// `-c`: the file; the last one holds.
    pub config_file: Option<String>,
    /// `-p`: ports on this machine.
    pub ports: Vec<u16>,
    /// `-v`: everything is logged.
    pub is_verbose: bool,
    /// `-q`: nothing is logged.
    pub is_quiet: bool,
    /// `-d`: in the background.
    pub is_daemon: bool,
    /// `--test-config`: the file is looked at, and nothing is opened.
    pub tests_config: bool,
    /// `--tls-keylog`: a file for the keys of TLS sessions.
    pub tls_key_log: Option<PathBuf>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Be a broker, or look at a file.
    Broker(CommandLine),
    /// Show the help, and end with [`EXIT_MISUSED`], as 2.0 does.
    Help,
    /// Show the version, and end with success.
    Version,
}

/// The command line or the configuration is wrong, or the file is not there.
pub const EXIT_MISUSED: u8 = 3;
/// Something that was asked for cannot be had: a port is taken, a user unknown, a certificate unreadable.
pub const EXIT_NOT_STARTED: u8 = 1;
/// A file of passwords, rules or PSK keys cannot be read, or a plugin cannot be had.
pub const EXIT_SIDE_FILE: u8 = 13;
/// It was asked to end, by SIGINT or SIGTERM.
pub const EXIT_STOPPED: u8 = 0;

/// Reads the arguments behind the program's name.
///
/// # Errors
///
/// What is wrong with them, in one line; the exit code is [`EXIT_MISUSED`].
pub fn command_line<'a>(args: impl IntoIterator<Item = &'a str>) -> Result<Asked, String> {
    let mut args = args.into_iter();
    let mut line = CommandLine::default();
    while let Some(arg) = args.next() {
        let mut value = |what: &str| args.next().ok_or_else(|| format!("{arg} needs {what} behind it"));
        match arg {
            "-c" | "--config-file" => line.config_file = Some(value("a file")?.to_owned()),
            "-p" | "--port" => line.ports.push(port(value("a port")?)?),
            "-v" | "--verbose" => line.is_verbose = true,
            "-q" | "--quiet" => line.is_quiet = true,
            "-d" | "--daemon" => line.is_daemon = true,
            "--test-config" => line.tests_config = true,
            "--tls-keylog" => line.tls_key_log = Some(PathBuf::from(value("a file")?)),
            "-h" | "--help" => return Ok(Asked::Help),
            "--version" => return Ok(Asked::Version),
            _ => return Err(format!("there is no option `{arg}`; -h lists them")),
        }
        if line.ports.len() > PORTS_MAX {
            return Err(format!("{PORTS_MAX} ports at most; put `listener` lines into a file"));
        }
    }
    Ok(Asked::Broker(line))
}

fn port(text: &str) -> Result<u16, String> {
    let port = text.parse::<u16>().ok().filter(|port| *port > 0);
    port.ok_or_else(|| format!("a port is between 1 and 65535, not `{text}`"))
}

impl CommandLine {
    /// Changes what the file says, or what holds without one.
    pub fn apply(&self, config: &mut Config) {
        self.apply_ports(config);
        if self.is_quiet {
            config.log.types.clear();
        }
        if self.is_verbose {
            config.log.types = LogType::all().to_vec();
        }
        if self.is_quiet || self.is_verbose {
            config.origins.note("log.types", Origin::CommandLine);
        }
        config.process.daemonize |= self.is_daemon;
        for tls in config.listeners.iter_mut().filter_map(|listener| listener.tls.as_mut()) {
            tls.key_log = self.tls_key_log.clone().or_else(|| tls.key_log.take());
        }
    }

    /// Ports are for a configuration that says nothing of where to listen.
    fn apply_ports(&self, config: &mut Config) {
        if self.ports.is_empty() {
            return;
        }
        let default = defaults::loopback();
        let is_default = |bind: &Bind, name: &str| *bind == default.bind && name == default.name;
        let [only] = &config.listeners[..] else { return self.ignore_ports(config) };
        if !is_default(&only.bind, &only.name) {
            return self.ignore_ports(config);
        }
        let only = only.clone();
        let local = |port: u16| {
            let mut listener = only.clone();
            listener.name = format!("tcp-{port}");
            listener.bind = Bind::Tcp { host: "localhost".to_owned(), port };
            listener
        };
        let mut ports = self.ports.clone();
        ports.sort_unstable();
        ports.dedup();
        config.listeners = ports.into_iter().map(local).collect();
        config.listeners.iter().for_each(|listener| {
            config.origins.note(format!("listener.{}.bind", listener.name), Origin::CommandLine);
        });
    }

    fn ignore_ports(&self, config: &mut Config) {
        let file = self.config_file.clone().unwrap_or_default();
        let reason = "has no effect: the file says where to listen".to_owned();
        config.notices.push(Notice { file, line: 0, what: "-p".to_owned(), reason });
    }
}

/// Whether the program was called by mosquitto's name, and should take its command line.
#[must_use]
pub fn is_called_mosquitto(program: &str) -> bool {
    program.rsplit('/').next() == Some("mosquitto")
}

const PORTS_MAX: usize = 10;
