//! Connected sockets.
//!
//! Owns: the promise of one system call a read and one a write.

use rustix::net::{RecvFlags, Shutdown};
use std::io::{self, IoSlice};
use std::net::TcpStream;
use std::task::{Context, Poll, ready};
use tokio::io::Interest;

/// A connection. One task reads it; any thread may write. It is TCP or a Unix socket: of all that a TCP stream can do, only
/// what both can is used, so that nobody has to ask which it is.
#[derive(Debug)]
pub struct Socket(tokio::net::TcpStream);

impl From<tokio::net::TcpStream> for Socket {
    fn from(stream: tokio::net::TcpStream) -> Self {
        Self(stream)
    }
}

impl From<Socket> for tokio::net::TcpStream {
    fn from(socket: Socket) -> Self {
        socket.0
    }
}

impl Socket {
    /// Takes over a nonblocking stream. Must be called within the runtime that is to serve it.
    ///
    /// # Errors
    /// What the system says when the socket is registered.
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        tokio::net::TcpStream::from_std(stream).map(Self)
    }

    /// Leaves the runtime it was served by.
    ///
    /// # Errors
    /// What the system says.
    pub fn into_std(self) -> io::Result<TcpStream> {
        self.0.into_std()
    }

    /// Reads what is there into `buffer`; 0 is the end of the stream.
    ///
    /// When less came than there was room for, the socket is known to be empty and is not read again before
    /// the system reports more: so a message costs one `recv`.
    ///
    /// # Errors
    /// What the system says.
    pub fn poll_read(&self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_read_ready(context))?;
            let mut count = None;
            let result = self.0.try_io(Interest::READABLE, || {
                let (got, _) = rustix::net::recv(&self.0, &mut *buffer, RecvFlags::empty())?;
                count = Some(got);
                // Partly filled: the error makes tokio wait for news of the socket.
                if got > 0 && got < buffer.len() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
            });
            match (count, result) {
                (Some(count), _) => return Poll::Ready(Ok(count)),
                (None, Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
                (None, Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                (None, Err(error)) => return Poll::Ready(Err(error)),
                (None, Ok(())) => return Poll::Ready(Ok(0)),
            }
        }
    }

    /// Writes as much as the socket takes at once and says how much that was.
    ///
    /// # Errors
    /// `WouldBlock` when it takes nothing now; otherwise what the system says.
    #[inline]
    pub fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match slices {
            [only] => self.0.try_write(only),
            slices => self.0.try_write_vectored(slices),
        }
    }

    /// Ready when [`Socket::try_write`] is worth trying.
    ///
    /// # Errors
    /// What the system says.
    pub fn poll_writable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_write_ready(context)
    }

    /// Says that nothing more will be written; what was written is still delivered.
    pub fn shut_down(&self) {
        // A connection that is gone already needs no good-bye.
        let _ = rustix::net::shutdown(&self.0, Shutdown::Write);
    }
}
