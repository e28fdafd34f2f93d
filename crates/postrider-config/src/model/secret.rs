//! A value that nobody may read in a log or a printed configuration.
//!
//! Owns: the text, overwritten when it is done with, or where to find it.
//! Never: shows it.

use crate::Files;
use std::fmt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A password or passphrase, or where it stands: `file:/path`, `env:NAME` or `credential:NAME`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>, Place);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Here,
    File,
    Environment,
    Credential,
}

impl Secret {
    /// The value itself, whatever it looks like.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text), Place::Here)
    }

    /// What a configuration says: the value itself, or where it stands.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let found = PLACES.iter().find_map(|(prefix, place)| Some((text.strip_prefix(prefix)?, *place)));
        let (rest, place) = found.unwrap_or((text, Place::Here));
        Self(Zeroizing::new(rest.to_owned()), place)
    }

    /// The value, for whoever has to use it; one line break at the end of a file is none of it.
    ///
    /// # Errors
    ///
    /// Where it stands, and why it could not be had.
    pub fn resolve(
        &self,
        files: &dyn Files,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Zeroizing<String>, String> {
        let unset = |name: &str| format!("the environment variable {name} is not set");
        let read = |path: &Path| {
            let text = Zeroizing::new(files.read(path).map_err(|error| format!("{}: {error}", path.display()))?);
            Ok(Zeroizing::new(text.strip_suffix('\n').unwrap_or(&text).to_owned()))
        };
        match self.1 {
            Place::Here => Ok(self.0.clone()),
            Place::File => read(Path::new(self.0.as_str())),
            Place::Environment => environment(&self.0).map(Zeroizing::new).ok_or_else(|| unset(&self.0)),
            Place::Credential => {
                let directory = environment(CREDENTIALS).ok_or_else(|| unset(CREDENTIALS))?;
                read(&Path::new(&directory).join(self.0.as_str()))
            }
        }
    }

    /// The file that it stands in, if it does.
    #[must_use]
    pub fn file(&self, environment: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
        match self.1 {
            Place::File => Some(PathBuf::from(self.0.as_str())),
            Place::Credential => Some(Path::new(&environment(CREDENTIALS)?).join(self.0.as_str())),
            Place::Here | Place::Environment => None,
        }
    }

    /// Where it stands, or `None` where it is the value itself.
    #[must_use]
    pub fn reference(&self) -> Option<String> {
        let (prefix, _) = PLACES.iter().find(|(_, place)| *place == self.1)?;
        Some(format!("{prefix}{}", self.0.as_str()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(HIDDEN)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(HIDDEN)
    }
}

pub(crate) const HIDDEN: &str = "(hidden)";
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
const PLACES: [(&str, Place); 3] =
    [("file:", Place::File), ("env:", Place::Environment), ("credential:", Place::Credential)];
