//! Going the way.
//!
//! Owns: the order of things: the socket, the proxy, the layers.

use super::bare::Bare;
use super::held::Held;
use super::proxy::Negotiation;
use super::{Line, Place, Route, Stream};
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::task::Poll;
use std::time::Duration;
use tokio::net::TcpSocket;

impl Route {
    /// Connects, and opens every layer. Needs a tokio runtime with I/O.
    ///
    /// # Errors
    /// Why there is no connection, and what to do about it.
    pub async fn open(&self) -> io::Result<Stream> {
        let socket = match (&self.place, self.entrance()) {
            (Place::Unix(path), _) => {
                let connected = tokio::net::UnixStream::connect(path).await;
                Held::from(connected.map_err(|error| named(path, &error))?)
            }
            (Place::Tcp { .. }, (host, port)) => Held::from(connect(host, port, self.bind).await?),
        };
        if let (Some(proxy), Place::Tcp { host, port }) = (&self.proxy, &self.place) {
            let mut negotiation = Negotiation::new(proxy, host, *port)?;
            let mut end = socket.clone();
            poll_fn(|context| {
                loop {
                    match negotiation.go_on(&mut end) {
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        result => return Poll::Ready(result),
                    }
                    std::task::ready!(socket.poll_readable(context))?;
                }
            })
            .await?;
        }
        let mut stream = Stream::new(socket.clone(), Line::new(socket, self)?);
        poll_fn(|context| stream.poll_open(context)).await?;
        Ok(stream)
    }

    /// Connects without a runtime; each step may take `patience`. The layers open with the first bytes, or with
    /// [`Line::open`]. The socket blocks until it is told otherwise.
    ///
    /// # Errors
    /// Why there is no connection, and what to do about it.
    pub fn open_blocking(&self, patience: Duration) -> io::Result<(Bare, Line<Bare>)> {
        let mut socket = match (&self.place, self.entrance()) {
            (Place::Unix(path), _) => Bare::from(UnixStream::connect(path).map_err(|error| named(path, &error))?),
            (Place::Tcp { .. }, (host, port)) => Bare::from(connect_blocking(host, port, patience)?),
        };
        socket.set_read_timeout(Some(patience))?;
        socket.set_write_timeout(Some(patience))?;
        if let (Some(proxy), Place::Tcp { host, port }) = (&self.proxy, &self.place) {
            Negotiation::new(proxy, host, *port)?.go_on(&mut socket)?;
        }
        let line = Line::new(socket.clone(), self)?;
        Ok((socket, line))
    }

    /// Which host and port the socket itself connects to.
    fn entrance(&self) -> (&str, u16) {
        match (&self.proxy, &self.place) {
            (Some(proxy), _) => (&proxy.host, proxy.port),
            (None, Place::Tcp { host, port }) => (host, *port),
            (None, Place::Unix(_)) => ("", 0),
        }
    }
}

/// The first of the host's addresses that answers.
async fn connect(host: &str, port: u16, from: Option<IpAddr>) -> io::Result<tokio::net::TcpStream> {
    let stream = match from {
        None => tokio::net::TcpStream::connect((host, port)).await?,
        Some(from) => connect_from(from, host, port).await?,
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn connect_from(from: IpAddr, host: &str, port: u16) -> io::Result<tokio::net::TcpStream> {
    let mut last =
        io::Error::new(io::ErrorKind::AddrNotAvailable, "no address of the server is of the kind to bind to");
    for to in tokio::net::lookup_host((host, port)).await?.filter(|to| to.is_ipv4() == from.is_ipv4()) {
        let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.bind(SocketAddr::new(from, 0))?;
        match socket.connect(to).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn connect_blocking(host: &str, port: u16, patience: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address"));
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, patience) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
