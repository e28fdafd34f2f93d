//! A socket in its envelopes.
//!
//! Owns: which layer lies in which. Nothing here waits: what cannot be done now is `WouldBlock`, as the socket says.

use super::Route;
use super::secure::Secure;
use super::web::Framed;
use std::io::{self, Read, Write};

/// Bytes to and from a server. The layers open themselves as they are read and written.
#[derive(Debug)]
pub struct Line<S: Read + Write>(Layers<S>);

#[derive(Debug)]
enum Layers<S: Read + Write> {
    Plain(S),
    Tls(Box<Secure<S>>),
    Web(Box<Framed<S>>),
    WebInTls(Box<Framed<Secure<S>>>),
}

impl<S: Read + Write> Line<S> {
    /// The layers of `route` around a connected socket.
    pub(super) fn new(socket: S, route: &Route) -> io::Result<Self> {
        Ok(Self(match (&route.tls, &route.web) {
            (None, None) => Layers::Plain(socket),
            (Some(tls), None) => Layers::Tls(Box::new(Secure::new(socket, tls, route.host())?)),
            (None, Some(web)) => Layers::Web(Box::new(Framed::new(socket, web, route)?)),
            (Some(tls), Some(web)) => {
                let secure = Secure::new(socket, tls, route.host())?;
                Layers::WebInTls(Box::new(Framed::new(secure, web, route)?))
            }
        }))
    }

    /// Goes on with opening all layers; done when it succeeds.
    ///
    /// # Errors
    /// `WouldBlock` when the far end has to answer first; otherwise why there is no connection.
    pub fn open(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Layers::Plain(_) => Ok(()),
            Layers::Tls(layer) => layer.open(),
            Layers::Web(layer) => layer.open(),
            Layers::WebInTls(layer) => layer.open(),
        }
    }

    /// Whether a layer holds bytes that the socket did not take: [`Write::flush`] when it takes more.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        match &self.0 {
            Layers::Plain(_) => false,
            Layers::Tls(layer) => layer.is_behind(),
            Layers::Web(layer) => layer.is_behind(),
            Layers::WebInTls(layer) => layer.is_behind(),
        }
    }

    /// Whether what was not taken waits for the socket to take more, rather than for the far end to answer.
    #[must_use]
    pub fn awaits_room(&self) -> bool {
        matches!(self.0, Layers::Plain(_)) || self.is_behind()
    }

    /// Whether bytes that the socket has given up may lie in a layer: then a reader goes on until `WouldBlock`.
    #[must_use]
    pub const fn is_layered(&self) -> bool {
        !matches!(self.0, Layers::Plain(_))
    }

    /// Says good-bye in the layers' own words, as far as the socket takes it at once.
    pub fn close(&mut self) {
        match &mut self.0 {
            Layers::Plain(_) => {}
            Layers::Tls(layer) => layer.close(),
            Layers::Web(layer) => layer.close(),
            Layers::WebInTls(layer) => layer.close(),
        }
    }
}

impl<S: Read + Write> Read for Line<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Layers::Plain(socket) => socket.read(buffer),
            Layers::Tls(layer) => layer.read(buffer),
            Layers::Web(layer) => layer.read(buffer),
            Layers::WebInTls(layer) => layer.read(buffer),
        }
    }
}

impl<S: Read + Write> Write for Line<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Layers::Plain(socket) => socket.write(bytes),
            Layers::Tls(layer) => layer.write(bytes),
            Layers::Web(layer) => layer.write(bytes),
            Layers::WebInTls(layer) => layer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Layers::Plain(socket) => socket.flush(),
            Layers::Tls(layer) => layer.flush(),
            Layers::Web(layer) => layer.flush(),
            Layers::WebInTls(layer) => layer.flush(),
        }
    }
}
