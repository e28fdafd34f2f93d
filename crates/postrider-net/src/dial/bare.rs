//! Sockets of the standard library, which block or say so.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

/// A connected socket; clones are the same socket.
#[derive(Clone, Debug)]
pub struct Bare(Arc<Kind>);

#[derive(Debug)]
enum Kind {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl From<TcpStream> for Bare {
    fn from(stream: TcpStream) -> Self {
        Self(Arc::new(Kind::Tcp(stream)))
    }
}

impl From<UnixStream> for Bare {
    fn from(stream: UnixStream) -> Self {
        Self(Arc::new(Kind::Unix(stream)))
    }
}

impl Bare {
    /// Whether reads and writes fail rather than wait.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_nonblocking(&self, is_nonblocking: bool) -> io::Result<()> {
        match &*self.0 {
            Kind::Tcp(stream) => stream.set_nonblocking(is_nonblocking),
            Kind::Unix(stream) => stream.set_nonblocking(is_nonblocking),
        }
    }

    /// How long a read waits; none is for ever.
    ///
    /// # Errors
    /// What the system says; a time of zero.
    pub fn set_read_timeout(&self, time: Option<Duration>) -> io::Result<()> {
        match &*self.0 {
            Kind::Tcp(stream) => stream.set_read_timeout(time),
            Kind::Unix(stream) => stream.set_read_timeout(time),
        }
    }

    /// How long a write waits; none is for ever.
    ///
    /// # Errors
    /// What the system says; a time of zero.
    pub fn set_write_timeout(&self, time: Option<Duration>) -> io::Result<()> {
        match &*self.0 {
            Kind::Tcp(stream) => stream.set_write_timeout(time),
            Kind::Unix(stream) => stream.set_write_timeout(time),
        }
    }

    /// Ends one direction or both.
    ///
    /// # Errors
    /// What the system says.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match &*self.0 {
            Kind::Tcp(stream) => stream.shutdown(how),
            Kind::Unix(stream) => stream.shutdown(how),
        }
    }
}

impl AsFd for Bare {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &*self.0 {
            Kind::Tcp(stream) => stream.as_fd(),
            Kind::Unix(stream) => stream.as_fd(),
        }
    }
}

impl Read for Bare {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &*self.0 {
            Kind::Tcp(stream) => { stream }.read(buffer),
            Kind::Unix(stream) => { stream }.read(buffer),
        }
    }
}

impl Write for Bare {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &*self.0 {
            Kind::Tcp(stream) => { stream }.write(bytes),
            Kind::Unix(stream) => { stream }.write(bytes),
        }
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match &*self.0 {
            Kind::Tcp(stream) => { stream }.write_vectored(slices),
            Kind::Unix(stream) => { stream }.write_vectored(slices),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
