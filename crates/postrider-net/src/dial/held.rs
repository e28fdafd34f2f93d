//! Sockets that a tokio runtime watches.

use rustix::net::{RecvFlags, Shutdown};
use std::io::{self, IoSlice, Read, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

/// A connected socket that never blocks; clones are the same socket.
#[derive(Clone, Debug)]
pub(super) struct Held(Arc<Kind>);

#[derive(Debug)]
enum Kind {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl From<TcpStream> for Held {
    fn from(stream: TcpStream) -> Self {
        Self(Arc::new(Kind::Tcp(stream)))
    }
}

impl From<UnixStream> for Held {
    fn from(stream: UnixStream) -> Self {
        Self(Arc::new(Kind::Unix(stream)))
    }
}

impl Held {
    pub(super) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &*self.0 {
            Kind::Tcp(stream) => stream.poll_read_ready(context),
            Kind::Unix(stream) => stream.poll_read_ready(context),
        }
    }

    pub(super) fn poll_writable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &*self.0 {
            Kind::Tcp(stream) => stream.poll_write_ready(context),
            Kind::Unix(stream) => stream.poll_write_ready(context),
        }
    }

    /// Says that nothing more will be written; what was written is still delivered.
    pub(super) fn shut_down(&self) {
        // A connection that is gone already needs no good-bye.
        let _ = match &*self.0 {
            Kind::Tcp(stream) => rustix::net::shutdown(stream, Shutdown::Write),
            Kind::Unix(stream) => rustix::net::shutdown(stream, Shutdown::Write),
        };
    }
}

impl Read for Held {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &*self.0 {
            Kind::Tcp(stream) => receive(stream, buffer, |receive| stream.try_io(Interest::READABLE, receive)),
            Kind::Unix(stream) => receive(stream, buffer, |receive| stream.try_io(Interest::READABLE, receive)),
        }
    }
}

impl Write for Held {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &*self.0 {
            Kind::Tcp(stream) => stream.try_write(bytes),
            Kind::Unix(stream) => stream.try_write(bytes),
        }
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match &*self.0 {
            Kind::Tcp(stream) => stream.try_write_vectored(slices),
            Kind::Unix(stream) => stream.try_write_vectored(slices),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads once. When less came than there was room for, the socket is known to be empty, and tokio is told so: a
/// message costs one `recv`.
fn receive(
    socket: impl AsFd,
    buffer: &mut [u8],
    within: impl FnOnce(&mut dyn FnMut() -> io::Result<()>) -> io::Result<()>,
) -> io::Result<usize> {
    let mut count = None;
    let result = within(&mut || {
        let (got, _) = rustix::net::recv(&socket, &mut *buffer, RecvFlags::empty())?;
        count = Some(got);
        if got > 0 && got < buffer.len() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
    });
    match count {
        Some(count) => Ok(count),
        None => result.map(|()| 0),
    }
}
