//! What the broker is told: a file, the environment, the command line, in this order.
//!
//! Owns: the one tree that the rest of the server reads.
//! Never: decides what is allowed; see `postrider_config`.

use crate::args::{Durability, Serve};
use postrider_config::model::{Bind, LogDestination, LogType, Origin, Place, TimestampFormat};
use postrider_config::mosquitto::{self, CommandLine};
use postrider_config::native::Beside;
use postrider_config::{Config, Disk, Fault, Format, check, defaults, load, native};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

/// The port that is registered for MQTT.
const PORT: u16 = 1883;

/// What the broker is told, and by whom.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    /// Nothing where there is no file.
    pub(crate) file: Option<PathBuf>,
    /// It speaks to those who know mosquitto.
    pub(crate) is_like_mosquitto: bool,
}

/// Everything that is wrong.
#[derive(Debug)]
pub(crate) struct Faults(Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        to.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Faults {}

impl Settings {
    /// Reads all there is. The same again at SIGHUP.
    ///
    /// # Errors
    /// Every fault with its place.
    pub(crate) fn read(args: &Serve) -> Result<Self, Faults> {
        let environment: Vec<(String, String)> = std::env::vars().collect();
        let typed = typed(args);
        let beside = Beside { environment: &environment, command_line: &typed };
        if let Some(fault) = contradiction(args) {
            return Err(Faults(vec![fault]));
        }
        match &args.config {
            None if args.is_mosquitto => Self::of_mosquitto(args, mosquitto::without_file()),
            None => Self::without_file(args, beside),
            Some(file) => Self::of_file(args, file, beside),
        }
    }

    fn without_file(args: &Serve, beside: Beside<'_>) -> Result<Self, Faults> {
        let mut config = native::read("the command line", "", beside).map_err(Faults)?;
        // What people type they see: on the terminal, without a date before it.
        config.log.destinations = vec![LogDestination::Stdout];
        config.log.timestamp = TimestampFormat::Epoch;
        config.log.types = vec![LogType::Error, LogType::Warning, LogType::Notice];
        apply(&mut config, args);
        let addresses = if args.bind.is_empty() { &[IpAddr::V4(Ipv4Addr::LOCALHOST)][..] } else { &args.bind };
        let ports = if args.port.is_empty() { &[PORT][..] } else { &args.port };
        config.listeners.clear();
        for (address, port) in addresses.iter().flat_map(|address| ports.iter().map(move |port| (address, *port))) {
            let name = if config.listeners.is_empty() { "default".to_owned() } else { format!("{address}-{port}") };
            let bind = Bind::Tcp { host: address.to_string(), port };
            config.listeners.push(defaults::listener(&name, bind, &config));
        }
        Self { config, file: None, is_like_mosquitto: false }.checked(args)
    }

    fn of_file(args: &Serve, file: &Path, beside: Beside<'_>) -> Result<Self, Faults> {
        // Who calls it mosquitto has no other files.
        let format = args.is_mosquitto.then_some(Format::Mosquitto);
        let (mut config, format) = load(file, format, &Disk, beside).map_err(Faults)?;
        apply(&mut config, args);
        if format != Format::Toml {
            overrule(&mut config, args);
        }
        Self { config, file: Some(file.to_owned()), is_like_mosquitto: format == Format::Mosquitto }.checked(args)
    }

    /// Without a file, under mosquitto's name.
    fn of_mosquitto(args: &Serve, mut config: Config) -> Result<Self, Faults> {
        apply(&mut config, args);
        Self { config, file: None, is_like_mosquitto: true }.checked(args)
    }

    fn checked(self, args: &Serve) -> Result<Self, Faults> {
        let mut faults = check::faults(&self.config);
        if self.file.is_none() && faults.iter().any(|fault| fault.key.ends_with("auth.allow_anonymous")) {
            // Whoever types knows no keys.
            let open = args.bind.iter().find(|address| !address.is_loopback());
            let address = open.map(ToString::to_string).unwrap_or_default();
            faults = vec![of_command_line(format!(
                "{address} can be reached from other machines and nobody is asked for a password; add --allow-anonymous \
                 if that is wanted, or --password-file"
            ))];
        }
        if faults.is_empty() { Ok(self) } else { Err(Faults(faults)) }
    }

    /// What can be said without opening anything: where values come from that are not what their writer may think.
    pub(crate) fn notices(&self) -> impl Iterator<Item = String> {
        let unheeded = super::unheeded::sentences(&self.config);
        self.config.notices.iter().map(ToString::to_string).chain(unheeded)
    }
}

/// What mosquitto's command line changes in any file.
fn apply(config: &mut Config, args: &Serve) {
    let line = CommandLine {
        config_file: args.config.as_ref().map(|file| file.display().to_string()),
        ports: args.port.clone(),
        is_verbose: args.verbose,
        is_quiet: args.quiet,
        is_daemon: args.daemon,
        tests_config: args.test_config,
        tls_key_log: args.tls_keylog.clone(),
    };
    line.apply(config);
}

fn of_command_line(what: impl Into<String>) -> Fault {
    Fault { origin: Origin::CommandLine, column: 0, key: String::new(), what: what.into() }
}

/// What cannot be meant.
fn contradiction(args: &Serve) -> Option<Fault> {
    let is_memory = args.data_dir.as_ref().is_some_and(|path| path.as_os_str() == "memory");
    if is_memory && matches!(args.durability, Some(Durability::Fsync | Durability::Os)) {
        let what = "memory survives nothing; name a directory with --data-dir, or leave --durability out";
        return Some(of_command_line(what));
    }
    if let Some(directory) = args.data_dir.as_ref().filter(|_| !is_memory)
        && args.durability == Some(Durability::Memory)
    {
        let directory = directory.display();
        let what = format!("with --durability memory nothing is kept in {directory}; leave one of the two out");
        return Some(of_command_line(what));
    }
    if !args.bind.is_empty() && args.config.is_some() {
        return Some(of_command_line("--bind is for a broker without a file; the file says where to listen"));
    }
    None
}

/// Options as keys and values.
fn typed(args: &Serve) -> Vec<(String, String)> {
    let path = |path: &PathBuf| path.display().to_string();
    let durability = args.durability.map(|durability| match durability {
        Durability::Fsync => "fsync",
        Durability::Os => "os",
        Durability::Memory => "memory",
    });
    let directory = match (&args.data_dir, args.durability) {
        // There is nothing else that it could mean.
        (None, Some(Durability::Memory)) => Some("memory".to_owned()),
        (directory, _) => directory.as_ref().map(path),
    };
    let is_memory = directory.as_deref() == Some("memory") && args.durability == Some(Durability::Memory);
    let said = [
        ("data.directory", directory),
        ("data.durability", durability.filter(|_| !is_memory).map(str::to_owned)),
        ("data.must_exist", args.data_must_exist.then(|| "true".to_owned())),
        ("process.threads", args.threads.map(|threads| threads.to_string())),
        ("sys.interval", args.sys_interval.map(|seconds| seconds.to_string())),
        ("auth.password_file", args.password_file.as_ref().map(path)),
        ("auth.allow_anonymous", args.allow_anonymous.then(|| "true".to_owned())),
        ("acl.file", args.acl_file.as_ref().map(path)),
    ];
    said.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// The same in a tree of another broker's file.
fn overrule(config: &mut Config, args: &Serve) {
    use postrider_config::model;
    if let Some(directory) = &args.data_dir {
        let is_memory = directory.as_os_str() == "memory";
        config.data.place = if is_memory { Place::Memory } else { Place::Directory(directory.clone()) };
        config.data.durability = if is_memory { model::Durability::Memory } else { model::Durability::Fsync };
    }
    if let Some(durability) = args.durability {
        config.data.durability = match durability {
            Durability::Fsync => model::Durability::Fsync,
            Durability::Os => model::Durability::Os,
            Durability::Memory => model::Durability::Memory,
        };
    }
    config.data.must_exist |= args.data_must_exist;
    config.process.threads = args.threads.map_or(config.process.threads, |threads| u16::from(threads.get()));
    config.sys.interval_s = args.sys_interval.or(config.sys.interval_s);
    for security in config.listeners.iter_mut().map(|listener| &mut listener.security) {
        security.password_file = args.password_file.clone().or_else(|| security.password_file.take());
        security.acl_file = args.acl_file.clone().or_else(|| security.acl_file.take());
        if args.allow_anonymous {
            security.allow_anonymous = Some(true);
        }
    }
}
