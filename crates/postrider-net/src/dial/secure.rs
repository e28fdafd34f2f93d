//! TLS around a socket.
//!
//! Owns: rustls' state of one connection, and what it has not handed to the socket yet.
//! Never: waits.

use super::Tls;
use super::advice::explain;
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use std::io::{self, Read, Write};
use std::sync::Arc;

/// A socket whose bytes are encrypted. The handshake goes on with every read and write.
#[derive(Debug)]
pub(super) struct Secure<S> {
    session: ClientConnection,
    socket: S,
    trust: Arc<str>,
    host: Box<str>,
}

impl<S: Read + Write> Secure<S> {
    pub(super) fn new(socket: S, tls: &Tls, host: &str) -> io::Result<Self> {
        let host = tls.server_name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            let text = format!("{host:?} is no host name that a certificate could name: give the server's own name");
            io::Error::new(io::ErrorKind::InvalidInput, text)
        })?;
        let session = ClientConnection::new(tls.config.clone(), name).map_err(io::Error::other)?;
        Ok(Self { session, socket, trust: tls.trust.clone(), host: host.into() })
    }

    /// Goes on with the handshake; done when it succeeds.
    pub(super) fn open(&mut self) -> io::Result<()> {
        if !self.session.is_handshaking() {
            return Ok(());
        }
        while self.session.is_handshaking() {
            self.push()?;
            match self.pull() {
                Ok(count) if count > 0 => {}
                Err(error) if error.kind() != io::ErrorKind::ConnectionReset => return Err(error),
                Ok(_) | Err(_) => return Err(io::Error::new(io::ErrorKind::ConnectionReset, NO_HANDSHAKE)),
            }
        }
        // Our last word, and with it what was written before there were keys.
        self.push_what_fits()
    }

    pub(super) fn is_behind(&self) -> bool {
        self.session.wants_write()
    }

    /// Says that nothing more comes, so that the server knows it has everything.
    pub(super) fn close(&mut self) {
        self.session.send_close_notify();
        // Whoever does not take it learns it from the socket's end.
        let _ = self.push();
    }

    /// Reads from the socket once; 0 at its end.
    fn pull(&mut self) -> io::Result<usize> {
        let count = self.session.read_tls(&mut self.socket)?;
        if let Err(error) = self.session.process_new_packets() {
            // The far end is told what is wrong with it, if it listens.
            let _ = self.push();
            return Err(io::Error::new(io::ErrorKind::InvalidData, explain(&error, &self.trust, &self.host)));
        }
        Ok(count)
    }

    /// [`Secure::push`], and whatever the socket does not take stays for the next time.
    fn push_what_fits(&mut self) -> io::Result<()> {
        match self.push() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            result => result,
        }
    }

    /// Hands everything encrypted to the socket.
    fn push(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            if self.session.write_tls(&mut self.socket)? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }
}

impl<S: Read + Write> Read for Secure<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.open()?;
        loop {
            match self.session.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Brokers close without a good-bye of TLS; MQTT itself knows where a packet ends.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                result => return result,
            }
            self.pull()?;
            // Such as the answer to a new key.
            self.push_what_fits()?;
        }
    }
}

impl<S: Read + Write> Write for Secure<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.session.writer().write(bytes)?;
        self.push_what_fits()?;
        // Nothing is taken while much waits for the socket.
        if count == 0 && !bytes.is_empty() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(count) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.push()
    }
}

const NO_HANDSHAKE: &str = "the server closed the connection in the middle of the TLS handshake: does this port speak TLS, and does it ask \
     for a client's certificate?";
