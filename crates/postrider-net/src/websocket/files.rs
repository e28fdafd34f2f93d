//! Files of one directory, for browsers.
//!
//! Owns: that nothing outside of the directory is given away.

use super::head::Request;
use super::upgrade::{Handler, Response};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Larger files are no pages.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Gives away the files below a directory.
#[derive(Clone, Debug)]
pub struct FileServer {
    root: PathBuf,
}

impl FileServer {
    /// Serves what is below `root`.
    ///
    /// # Errors
    /// What the system says of that directory.
    pub fn new(root: &Path) -> io::Result<Self> {
        let root = root.canonicalize()?;
        if !root.is_dir() {
            return Err(io::Error::new(io::ErrorKind::NotADirectory, format!("{} is no directory", root.display())));
        }
        Ok(Self { root })
    }

    /// Lets it answer the requests of a listener.
    #[must_use]
    pub fn handler(self) -> Handler {
        Arc::new(move |request| self.answer(request))
    }

    /// A file, or what to say instead.
    #[must_use]
    pub fn answer(&self, request: &Request) -> Response {
        if request.method != "GET" && request.method != "HEAD" {
            return Response::error(405, "only GET and HEAD").with("Allow", "GET, HEAD");
        }
        match self.find(request.path()) {
            Ok((path, body)) => Response { status: 200, content_type: kind(&path), headers: Vec::new(), body },
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Response::error(413, "the file is too large"),
            // Whether something is there that must not be seen is nobody's business.
            Err(_) => Response::error(404, "there is no such file"),
        }
    }

    fn find(&self, path: &str) -> io::Result<(PathBuf, Vec<u8>)> {
        let wrong = || io::Error::from(io::ErrorKind::NotFound);
        let path = unescape(path).ok_or_else(wrong)?;
        let relative = path.strip_prefix('/').ok_or_else(wrong)?;
        let is_plain = |name: &str| !name.starts_with('.') && !name.contains(['\0', '\\']);
        if !relative.split('/').all(is_plain) {
            return Err(wrong());
        }
        let mut found = self.root.join(relative);
        if found.is_dir() {
            found.push("index.html");
        }
        // Wherever links lead to: it has to be inside.
        let found = found.canonicalize()?;
        if !found.starts_with(&self.root) || !fs::metadata(&found)?.is_file() {
            return Err(wrong());
        }
        let mut body = Vec::new();
        File::open(&found)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut body)?;
        if body.len() as u64 > FILE_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok((found, body))
    }
}

/// The path without its escapes; `None` if they are wrong.
fn unescape(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            bytes.push(digit(rest.next()?)? << 4 | digit(rest.next()?)?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn kind(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()).unwrap_or_default() {
        "html" | "htm" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "ico" => "image/x-icon",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
