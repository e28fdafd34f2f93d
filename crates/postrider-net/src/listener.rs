//! Listening sockets, TCP and Unix.
//!
//! Owns: accepting, and the options that accepted sockets inherit.

use crate::socket_file::SocketFile;
use crate::{Address, Descriptors, Permit, SocketOptions};
use rustix::net::{SocketFlags, acceptfrom_with};
use socket2::{Domain, Protocol, SockAddr, Type};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A socket that is listened on.
#[derive(Debug)]
pub struct Listener {
    socket: AsyncFd<OwnedFd>,
    address: Address,
    /// Removed with the listener.
    _file: Option<SocketFile>,
}

/// A connection as it was accepted, known to no runtime yet.
#[derive(Debug)]
pub struct Accepted {
    /// Nonblocking, and without Nagle's delay unless that was asked for. The type says TCP, but it may be a Unix socket:
    /// reading and writing are the same for both, and neither pays for the other.
    pub stream: TcpStream,
    /// The far end.
    pub peer: Address,
}

impl Listener {
    /// Listens on `address`; port 0 takes a free one. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// What the system says, such as an address in use.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::bind_with(address, &SocketOptions::default())
    }

    /// The same, with options.
    ///
    /// # Errors
    /// What the system says, such as an address in use.
    pub fn bind_with(address: SocketAddr, options: &SocketOptions) -> io::Result<Self> {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(!options.takes_ipv4_too)?;
        }
        options.apply_to_tcp(&socket)?;
        socket.bind(&address.into())?;
        socket.listen(options.backlog)?;
        let address = local_address(&socket)?;
        Self::over(socket.into(), address, None)
    }

    /// Listens on a Unix socket at `path`, which only those may use whom `mode` allows to write. A file that is left of
    /// somebody who listens no more is replaced; the file is removed with the listener.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::AddrInUse`] when somebody listens there.
    pub fn bind_unix(path: &Path, mode: Option<u32>, options: &SocketOptions) -> io::Result<Self> {
        SocketFile::make_room(path)?;
        let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.bind(&SockAddr::unix(path)?)?;
        let file = SocketFile::at(path)?;
        if let Some(mode) = mode {
            // Nobody gets in before: it is not listened on yet.
            file.set_mode(mode)?;
        }
        socket.listen(options.backlog)?;
        Self::over(socket.into(), Address::Unix(path.to_owned()), Some(file))
    }

    /// Takes over a socket that somebody else listens on already, such as systemd. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::InvalidInput`] if it is no stream socket.
    pub fn inherit(socket: OwnedFd, options: &SocketOptions) -> io::Result<Self> {
        let socket = socket2::Socket::from(socket);
        if socket.r#type()? != Type::STREAM {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the inherited socket is no stream socket"));
        }
        let address = local_address(&socket)?;
        if address.tcp().is_some() {
            options.apply_to_tcp(&socket)?;
        }
        Self::over(socket.into(), address, None)
    }

    fn over(socket: OwnedFd, address: Address, file: Option<SocketFile>) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&socket, true)?;
        #[expect(deprecated, reason = "it owns the socket, so the descriptor stays open; the new function is unsafe")]
        let socket = AsyncFd::with_interest(socket, Interest::READABLE)?;
        Ok(Self { socket, address, _file: file })
    }

    /// Where it listens, with the port that was chosen.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
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
            let accept = |socket: &AsyncFd<OwnedFd>| Ok(acceptfrom_with(socket.get_ref(), flags)?);
            // An error of the guard means that nobody is calling any more.
            if let Ok(result) = guard.try_io(accept) {
                let (stream, peer) = result?;
                let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
                let peer = peer.map_or_else(|| self.address.clone(), |peer| Address::Tcp(canonical(peer)));
                return Ok((Accepted { stream: stream.into(), peer }, permit));
            }
        }
    }
}

fn local_address(socket: &socket2::Socket) -> io::Result<Address> {
    let address = socket.local_addr()?;
    match (address.as_socket(), address.as_pathname()) {
        (Some(address), _) => Ok(Address::Tcp(address)),
        (None, Some(path)) => Ok(Address::Unix(path.to_owned())),
        (None, None) => Err(io::Error::new(io::ErrorKind::InvalidInput, "the socket is neither TCP nor Unix")),
    }
}

/// IPv4 clients of an IPv6 socket under the name that people know.
fn canonical(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}

/// True for the errors that mean there are too many open files.
#[must_use]
pub fn is_out_of_descriptors(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE, rustix::io::Errno::NOBUFS, rustix::io::Errno::NOMEM]
        .iter()
        .any(|errno| code == Some(errno.raw_os_error()))
}
