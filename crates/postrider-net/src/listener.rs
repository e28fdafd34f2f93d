//! Listening sockets.

use crate::{Descriptors, Permit};
use rustix::net::{SocketFlags, acceptfrom_with};
use socket2::{Domain, Protocol, Type};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A TCP port that is listened on.
#[derive(Debug)]
pub struct Listener {
    socket: AsyncFd<TcpListener>,
    address: SocketAddr,
}

/// A connection as it was accepted, known to no runtime yet.
#[derive(Debug)]
pub struct Accepted {
    /// Nonblocking and without Nagle's delay.
    pub stream: TcpStream,
    /// The far end.
    pub peer: SocketAddr,
}

/// Connections that wait to be accepted; the system caps it at its own maximum.
const BACKLOG: i32 = 4096;

impl Listener {
    /// Listens on `address`; port 0 takes a free one. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// What the system says, such as an address in use.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        // Accepted sockets inherit this, which saves a system call for each.
        socket.set_tcp_nodelay(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let socket = TcpListener::from(socket);
        let address = socket.local_addr()?;
        #[expect(deprecated, reason = "it owns the socket, so the descriptor stays open; the new function is unsafe")]
        let socket = AsyncFd::with_interest(socket, Interest::READABLE)?;
        Ok(Self { socket, address })
    }

    /// Where it listens, with the port that was chosen.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next connection, as soon as there is a place for it. A listener that nobody calls holds no place.
    ///
    /// # Errors
    /// What the system says; see [`is_out_of_descriptors`].
    pub async fn accept(&self, descriptors: &Arc<Descriptors>) -> io::Result<(Accepted, Permit)> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        loop {
            let mut guard = self.socket.readable().await?;
            let permit = descriptors.acquire().await;
            let accept = |socket: &AsyncFd<TcpListener>| Ok(acceptfrom_with(socket.get_ref(), flags)?);
            // An error of the guard means that nobody is calling any more.
            if let Ok(result) = guard.try_io(accept) {
                let (stream, peer) = result?;
                let peer = peer.and_then(|peer| peer.try_into().ok()).unwrap_or(self.address);
                return Ok((Accepted { stream: stream.into(), peer }, permit));
            }
        }
    }
}

/// True for the errors that mean there are too many open files.
#[must_use]
pub fn is_out_of_descriptors(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE, rustix::io::Errno::NOBUFS, rustix::io::Errno::NOMEM]
        .iter()
        .any(|errno| code == Some(errno.raw_os_error()))
}
