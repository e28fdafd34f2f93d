//! Changes of a password file: all of it or none, one after another.
//!
//! Owns: the lock against a second writer, which is one on the directory and so leaves nothing behind.
//! Never: changes a line that it was not asked to change.

use super::error::{FileError, FileFault};
use super::file::read_bytes;
use super::hash::{Hash, NewHash};
use super::lines::{LINE_BYTES_MAX, Line, read_line};
use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// A password file that nobody else rewrites meanwhile.
#[derive(Debug)]
pub struct Rewrite {
    path: PathBuf,
    directory: File,
    before: Option<Metadata>,
    lines: Vec<Vec<u8>>,
}

/// A password file that cannot be rewritten.
#[derive(Debug)]
#[non_exhaustive]
pub enum RewriteError {
    /// It cannot be read.
    File(FileError),
    /// The system refused something.
    System {
        /// What was to be done, with the file.
        what: String,
        /// Why not.
        error: io::Error,
    },
    /// A user name that a password file cannot hold.
    Name,
    /// A line of plain passwords has a hash already.
    Hashed(PathBuf, usize),
}

impl Rewrite {
    /// Takes a file that is there, and waits until nobody else has it.
    ///
    /// # Errors
    /// [`RewriteError::File`], [`RewriteError::System`].
    pub fn begin(path: &Path) -> Result<Self, RewriteError> {
        let path = path.canonicalize().map_err(|error| unreadable(path, error))?;
        let directory = lock(&path)?;
        let bytes = read_bytes(&path).map_err(RewriteError::File)?;
        let before = Some(path.metadata().map_err(|error| unreadable(&path, error))?);
        let mut lines: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(Vec::from).collect();
        // What is behind the last end of a line is no line.
        lines.pop_if(|last| last.is_empty());
        Ok(Self { path, directory, before, lines })
    }

    /// Begins with nothing, whatever is there.
    ///
    /// # Errors
    /// [`RewriteError::System`].
    pub fn begin_anew(path: &Path) -> Result<Self, RewriteError> {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let directory = lock(&path)?;
        let before = path.metadata().ok();
        Ok(Self { path, directory, before, lines: Vec::new() })
    }

    /// Gives a user this hash; true if the user was not there before.
    ///
    /// # Errors
    /// [`RewriteError::Name`].
    pub fn set(&mut self, user: &str, hash: &str) -> Result<bool, RewriteError> {
        let line = format!("{user}:{hash}").into_bytes();
        if !is_name(user) || line.len() > LINE_BYTES_MAX {
            return Err(RewriteError::Name);
        }
        let first = self.lines.iter().position(|line| is_of(line, user));
        let mut at = 0;
        self.lines.retain(|line| {
            at += 1;
            first == Some(at - 1) || !is_of(line, user)
        });
        match first.and_then(|first| self.lines.get_mut(first)) {
            Some(old) => *old = line,
            None => self.lines.push(line),
        }
        Ok(first.is_none())
    }

    /// Takes a user out; false if the user was not there. When nobody is left, a comment says that this is meant.
    pub fn remove(&mut self, user: &str) -> bool {
        let before = self.lines.len();
        self.lines.retain(|line| !is_of(line, user));
        let is_removed = self.lines.len() < before;
        if is_removed && self.lines.iter().all(|line| line.trim_ascii().is_empty()) {
            self.lines.push(b"# nobody".to_vec());
        }
        is_removed
    }

    /// Takes what is behind each colon as a plain password, and hashes it. Returns how many.
    ///
    /// # Errors
    /// [`RewriteError::Hashed`], [`RewriteError::File`] if a line is no user with a password, [`RewriteError::System`].
    pub fn hash_all(&mut self, kind: NewHash) -> Result<usize, RewriteError> {
        let mut count = 0;
        for index in 0..self.lines.len() {
            let line = self.lines[index].strip_suffix(b"\r").unwrap_or(&self.lines[index]);
            let wrong = |fault| FileError { path: self.path.clone(), line: Some(index + 1), fault };
            let Line::User(user, _) = read_line(line).map_err(|fault| RewriteError::File(wrong(fault)))? else {
                continue;
            };
            // Blanks are part of a password.
            let password = line.splitn(2, |byte| *byte == b':').nth(1).unwrap_or_default();
            if std::str::from_utf8(password).is_ok_and(|text| Hash::parse(text.trim()).is_ok()) {
                return Err(RewriteError::Hashed(self.path.clone(), index + 1));
            }
            let hash = kind.make(password).map_err(|error| RewriteError::System {
                what: format!("hashing the password in {}:{}", self.path.display(), index + 1),
                error,
            })?;
            self.lines[index] = format!("{user}:{hash}").into_bytes();
            count += 1;
        }
        Ok(count)
    }

    /// Puts the new file in the place of the old one: with the same owner, readable by nobody else, and durable. Returns
    /// the permissions it had before if they were others.
    ///
    /// # Errors
    /// [`RewriteError::System`]; then the old one is still there.
    pub fn commit(self) -> Result<Option<u32>, RewriteError> {
        let mut new = self.path.clone().into_os_string();
        new.push(".new");
        let new = PathBuf::from(new);
        let written = self.write(&new).and_then(|()| std::fs::rename(&new, &self.path));
        if let Err(error) = written.and_then(|()| self.directory.sync_all()) {
            // Nothing is left of what was not finished.
            let _ = std::fs::remove_file(&new);
            return Err(RewriteError::System { what: format!("writing {}", self.path.display()), error });
        }
        let mode = self.before.map(|before| before.permissions().mode() & 0o777);
        Ok(mode.filter(|mode| *mode != MODE))
    }

    fn write(&self, new: &Path) -> io::Result<()> {
        // One that an earlier writer left when it was killed; nobody else writes now.
        let _ = std::fs::remove_file(new);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(new)?;
        if let Some(before) = &self.before {
            let made = file.metadata()?;
            if (made.uid(), made.gid()) != (before.uid(), before.gid()) {
                fchown(&file, Some(before.uid()), Some(before.gid()))?;
            }
        }
        let mut bytes = zeroize::Zeroizing::new(Vec::new());
        for line in &self.lines {
            bytes.extend_from_slice(line);
            bytes.push(b'\n');
        }
        file.write_all(&bytes)?;
        file.sync_all()
    }
}

fn lock(path: &Path) -> Result<File, RewriteError> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let locked = File::open(parent).and_then(|directory| directory.lock().map(|()| directory));
    locked.map_err(|error| RewriteError::System { what: format!("locking {}", parent.display()), error })
}

fn unreadable(path: &Path, error: io::Error) -> RewriteError {
    RewriteError::File(FileError::whole(path, FileFault::Unreadable(error)))
}

fn is_of(line: &[u8], user: &str) -> bool {
    matches!(read_line(line), Ok(Line::User(name, _)) if name == user)
}

/// Whether it comes back from a file as it went in.
fn is_name(user: &str) -> bool {
    let is_plain = !user.contains(':') && !user.chars().any(char::is_control);
    is_plain && !user.starts_with('#') && !user.is_empty() && user.trim() == user
}

/// The cause is part of the sentence, so it is no source of its own.
impl std::error::Error for RewriteError {}

impl fmt::Display for RewriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::System { what, error } => write!(f, "{what}: {error}"),
            Self::Name => write!(
                f,
                "a user name in a password file is not empty, has no colon and no control characters, and does not begin \
                 with # nor begin or end with a blank"
            ),
            Self::Hashed(path, line) => write!(
                f,
                "{}:{line}: there is a hash already, so this is no file of plain passwords; nothing was changed",
                path.display()
            ),
        }
    }
}

const MODE: u32 = 0o600;
