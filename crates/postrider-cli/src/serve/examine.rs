//! What is wrong with the files and directories that a configuration names, before anything is opened.
//!
//! Owns: which key names which file.
//! Never: writes anything, or stops at the first fault.

use super::{listens, secrecy};
use crate::data;
use postrider_auth::PasswordFile;
use postrider_auth::acl::Rules;
use postrider_auth::dynamic::{self, Dynamic};
use postrider_auth::people::People;
use postrider_config::model::{Bind, Config, Listener, LogDestination, Origin, Tls};
use postrider_config::{Fault, mosquitto};
use postrider_net::tls::{TlsError, examine};
use rustix::fs::{Access, access};
use std::path::Path;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// A broker with any of these does not start, or does not do what it is told.
    pub(crate) faults: Vec<Fault>,
    /// It starts, and somebody should know.
    pub(crate) warnings: Vec<Fault>,
}

/// Looks at all of them.
pub(crate) fn files(config: &Config) -> Found {
    let mut found = Found::default();
    for listener in &config.listeners {
        let of = Of { config, above: format!("listener.{}.", listener.name) };
        found.listener(&of, listener);
    }
    let of = Of { config, above: String::new() };
    found.broker(&of);
    if let Err(error) = secrecy::refuse_links(config) {
        found.add(of.fault("auth.password_file", error.to_string()));
    }
    for concern in secrecy::concerns(config) {
        found.warnings.push(of.fault(concern.key, concern.what));
    }
    found
}

/// Keys of the broker or of one listener, and where their values come from.
struct Of<'a> {
    config: &'a Config,
    above: String,
}

impl Of<'_> {
    /// A listener that says nothing of a key has it from the broker.
    fn fault(&self, key: impl AsRef<str>, what: impl Into<String>) -> Fault {
        let own = format!("{}{}", self.above, key.as_ref());
        let origin = self.config.origins.of(&own);
        let shared = self.config.origins.of(key.as_ref());
        let is_shared = shared != Origin::Default && (origin == Origin::Default || origin == shared);
        let (key, origin) = if is_shared { (key.as_ref().to_owned(), shared) } else { (own, origin) };
        Fault { origin, column: 0, key, what: what.into() }
    }
}

impl Found {
    /// Listeners that share a file share its fault.
    fn add(&mut self, fault: Fault) {
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    fn listener(&mut self, of: &Of<'_>, listener: &Listener) {
        if let Some(tls) = &listener.tls {
            self.tls(of, tls);
        }
        let security = &listener.security;
        if let Some(Err(error)) = security.password_file.as_ref().map(PasswordFile::open) {
            self.add(of.fault("auth.password_file", error.to_string()));
        }
        if let Some(Err(error)) = security.acl_file.as_deref().map(Rules::read) {
            self.add(of.fault("acl.file", error.to_string()));
        }
        if let Some(path) = &security.user_store {
            match People::open(path, postrider_auth::Settings::default()) {
                Ok(_) => self.room_for(of, "auth.user_store", path),
                Err(error) => self.add(of.fault("auth.user_store", error.to_string())),
            }
        }
        if let Some(path) = &security.psk_file {
            self.shared_keys(of, path);
        }
        if let Some(directory) = listener.websocket.http_directory.as_deref().filter(|path| !path.is_dir()) {
            self.add(of.fault("websocket.http_directory", format!("{} is no directory", directory.display())));
        }
        if let Bind::Unix { path, .. } = &listener.bind {
            self.room_for(of, "bind", path);
        }
    }

    fn tls(&mut self, of: &Of<'_>, tls: &Tls) {
        let options = match listens::tls_options(tls) {
            Ok(options) => options,
            Err(error) => return self.add(of.fault("tls.certificate", format!("{error:#}"))),
        };
        let key = |file: Option<&Path>| match file {
            Some(file) if file == tls.certificate => "tls.certificate",
            Some(file) if file == tls.key => "tls.key",
            Some(file) if tls.client_ca_file.as_deref() == Some(file) => "tls.client_ca_file",
            Some(file) if tls.crl.as_deref().is_some_and(|list| file.starts_with(list)) => "tls.crl",
            Some(_) => "tls.client_ca_directory",
            None if tls.client_ca_inline.is_some() => "tls.client_ca",
            None => "tls.ciphers",
        };
        let examined = examine(&options);
        for error in examined.faults {
            let at = key(TlsError::file(&error));
            self.add(of.fault(at, error.to_string()));
        }
        for ending in examined.ending {
            let what = format!("{}: {}", ending.file.display(), ending.what);
            self.warnings.push(of.fault(key(Some(&ending.file)), what));
        }
        if let Some(log) = &tls.key_log {
            self.room_for(of, "tls.key_log", log);
        }
    }

    fn shared_keys(&mut self, of: &Of<'_>, path: &Path) {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Err(error) => self.add(of.fault("auth.psk_file", format!("{name}: {error}"))),
            Ok(text) => {
                for fault in mosquitto::psk_file(&name, &text).err().into_iter().flatten() {
                    self.add(of.fault("auth.psk_file", fault.to_string()));
                }
            }
        }
    }

    fn broker(&mut self, of: &Of<'_>) {
        let config = of.config;
        match data::directory(config) {
            Ok(Some(directory)) => self.data(of, &directory),
            Ok(None) => {}
            Err(error) => self.add(of.fault("data.directory", format!("{error:#}"))),
        }
        if let Some(path) = &config.sys.dynamic_security {
            match Dynamic::open(path, dynamic::Settings::default()) {
                Ok(_) => self.room_for(of, "sys.dynamic_security", path),
                Err(error) => self.add(of.fault("sys.dynamic_security", error.to_string())),
            }
        }
        if let Some(path) = &config.process.pid_file {
            self.room_for(of, "process.pid_file", path);
        }
        for destination in &config.log.destinations {
            if let LogDestination::File(path) = destination {
                self.room_for(of, "log.destinations", path);
            }
        }
    }

    /// The directory is made at the start, so what counts is the nearest one above it that is there.
    fn data(&mut self, of: &Of<'_>, directory: &Path) {
        let shown = directory.display();
        let mut above = directory.ancestors().filter(|path| !path.as_os_str().is_empty());
        let what = match above.find(|path| path.exists()) {
            Some(there) if there != directory && of.config.data.must_exist => {
                format!("{shown} is not there, and data.must_exist says that it is; is its disk mounted?")
            }
            Some(there) if !there.is_dir() => format!("{} is no directory", there.display()),
            Some(there) if !is_writable(there) => format!("nothing can be written into {}", there.display()),
            Some(_) => return,
            None if of.config.data.must_exist => format!("{shown} is not there"),
            None if is_writable(Path::new(".")) => return,
            None => "nothing can be written into the working directory".to_owned(),
        };
        self.add(of.fault("data.directory", what));
    }

    /// A file that is written: it can be, or can be made.
    fn room_for(&mut self, of: &Of<'_>, key: &str, path: &Path) {
        let directory = path.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        let what = if !directory.is_dir() {
            format!("{}: there is no directory {}", path.display(), directory.display())
        } else if path.is_file() && access(path, Access::WRITE_OK).is_err() {
            format!("{} cannot be written", path.display())
        } else if !path.exists() && !is_writable(directory) {
            format!("nothing can be written into {}", directory.display())
        } else {
            return;
        };
        self.add(of.fault(key, what));
    }
}

fn is_writable(directory: &Path) -> bool {
    access(directory, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}
