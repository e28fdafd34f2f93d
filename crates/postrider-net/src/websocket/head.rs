//! The head of an HTTP request.
//!
//! Owns: reading it within a bound, before anything is known of the far end.

use super::upgrade::Response;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// As much as browsers send with all their cookies.
const HEAD_BYTES_MAX: usize = 16 * 1024;
const HEADERS_MAX: usize = 64;
const CHUNK: usize = 1024;

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Such as `GET`.
    pub method: String,
    /// As it was sent: escaped, and with what stands behind a question mark.
    pub target: String,
    /// In their order, names as they were sent.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Request {
    /// The value of the first header of this name, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        header.and_then(|(_, value)| std::str::from_utf8(value).ok()).map(str::trim)
    }

    /// The target without what stands behind a question mark.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Whether a header that is a list, or several of that name, has this word in it.
    pub(super) fn lists(&self, name: &str, word: &str) -> bool {
        self.words(name).any(|item| item.eq_ignore_ascii_case(word))
    }

    /// The words of all headers of this name.
    pub(super) fn words<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.values(name).flat_map(|value| value.split(',')).map(str::trim).filter(|word| !word.is_empty())
    }

    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.headers.iter().filter(move |(own, _)| own.eq_ignore_ascii_case(name));
        named.filter_map(|(_, value)| std::str::from_utf8(value).ok()).map(str::trim)
    }
}

/// A request, what was read behind it, or what to answer to something that is none.
pub(super) enum Head {
    Whole(Request, Vec<u8>),
    Wrong(Response),
}

/// Reads a request head.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Head> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; CHUNK];
        let count = stream.read(&mut chunk).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // Only what is new, and three bytes before it, can have the end in it.
        let from = bytes.len().saturating_sub(3);
        bytes.extend_from_slice(&chunk[..count]);
        let is_first = from == 0;
        let is_whole = bytes[from..].windows(4).any(|four| four == b"\r\n\r\n");
        if bytes.len() > HEAD_BYTES_MAX {
            return Ok(Head::Wrong(Response::error(431, "the head of the request is too large")));
        }
        // Whoever does not speak HTTP is told at once; otherwise it is looked at when it is whole.
        if (is_whole || is_first)
            && let Some(head) = parse(&bytes, is_whole)
        {
            return Ok(head);
        }
    }
}

fn parse(bytes: &[u8], is_whole: bool) -> Option<Head> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Partial) if is_whole => Some(Head::Wrong(Response::error(400, "this is no request"))),
        Ok(httparse::Status::Partial) => None,
        Ok(httparse::Status::Complete(len)) => {
            let header = |header: &httparse::Header<'_>| (header.name.to_owned(), header.value.to_vec());
            let request = Request {
                method: request.method.unwrap_or_default().to_owned(),
                target: request.path.unwrap_or_default().to_owned(),
                headers: request.headers.iter().map(header).collect(),
            };
            Some(Head::Whole(request, bytes.get(len..).unwrap_or_default().to_vec()))
        }
        Err(httparse::Error::TooManyHeaders) => Some(Head::Wrong(Response::error(431, "there are too many headers"))),
        Err(_) => Some(Head::Wrong(Response::error(400, "this is no HTTP request"))),
    }
}
