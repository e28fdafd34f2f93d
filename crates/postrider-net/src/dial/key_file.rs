//! Keys of connections in a file, as tools that read captures of the wire take them.
//!
//! Owns: the format, a line for each secret: its label, the client's random, the secret, in hexadecimal.

use rustls::KeyLog;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

#[derive(Debug)]
pub(super) struct KeyFile(File);

impl KeyFile {
    /// For the owner's eyes only, if it is new.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        file.map(Self).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
    }
}

impl KeyLog for KeyFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let mut line = label.to_owned();
        for bytes in [client_random, secret] {
            line.push(' ');
            for byte in bytes {
                // A string takes everything.
                let _ = write!(line, "{byte:02x}");
            }
        }
        line.push('\n');
        // The connection is worth more than its record; one write is one line, whoever else writes.
        let _ = (&self.0).write_all(line.as_bytes());
    }
}
