//! A stream that says what a test has written down, in the pieces it asks for, and keeps what it hears.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) says: Vec<u8>,
    /// Bytes that one read gives at most; 0 for all.
    pub(crate) piece: usize,
    pub(crate) at: usize,
    pub(crate) heard: Vec<u8>,
    pub(crate) writes: usize,
    /// Nothing is taken any more.
    pub(crate) is_stuck: bool,
}

impl Script {
    pub(crate) fn new(says: impl Into<Vec<u8>>, piece: usize) -> Self {
        Self { says: says.into(), piece, ..Self::default() }
    }
}

impl AsyncRead for Script {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let own = self.get_mut();
        let rest = &own.says[own.at..];
        let piece = if own.piece == 0 { rest.len() } else { own.piece };
        let count = piece.min(rest.len()).min(buffer.remaining());
        buffer.put_slice(&rest[..count]);
        own.at += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let own = self.get_mut();
        if own.is_stuck {
            return Poll::Pending;
        }
        own.heard.extend_from_slice(bytes);
        own.writes += 1;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
