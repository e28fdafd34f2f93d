//! WebSocket around a stream.
//!
//! Owns: the upgrade, and MQTT's bytes as binary messages. [6.0]
//! Never: waits.

use super::Route;
use super::tls::invalid;
use std::io::{self, Read, Write};
use tungstenite::error::ProtocolError;
use tungstenite::handshake::client::{ClientHandshake, Request, generate_key};
use tungstenite::handshake::{HandshakeError, MidHandshake};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Bytes, Error, Message};

/// How the server is asked for a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocket {
    /// With its slash. Default: `/mqtt`.
    pub path: String,
    /// Further headers of the request, such as `Authorization`.
    pub headers: Vec<(String, String)>,
}

impl Default for WebSocket {
    fn default() -> Self {
        Self { path: "/mqtt".to_owned(), headers: Vec::new() }
    }
}

/// A stream whose bytes go in messages of WebSocket.
#[derive(Debug)]
pub(super) struct Framed<S: Read + Write> {
    state: State<S>,
    /// Of the last message, what nobody has read yet.
    rest: Bytes,
    /// The stream did not take everything.
    is_behind: bool,
    has_ended: bool,
}

#[derive(Debug)]
enum State<S: Read + Write> {
    /// None only while it is worked on, or after it failed.
    Opening(Option<MidHandshake<ClientHandshake<S>>>),
    Open(tungstenite::WebSocket<S>),
}

/// The largest packet of MQTT with its header, should a server put it into one message. [2.1.4]
const MESSAGE_BYTES_MAX: usize = 268_435_460;
const BUFFER_BYTES: usize = 16 * 1024;

impl<S: Read + Write> Framed<S> {
    pub(super) fn new(stream: S, web: &WebSocket, route: &Route) -> io::Result<Self> {
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(BUFFER_BYTES)
            .max_frame_size(Some(MESSAGE_BYTES_MAX))
            .max_message_size(Some(MESSAGE_BYTES_MAX));
        let handshake = ClientHandshake::start(stream, request(web, route)?, Some(config)).map_err(broken)?;
        Ok(Self { state: State::Opening(Some(handshake)), rest: Bytes::new(), is_behind: false, has_ended: false })
    }

    /// Goes on with the upgrade; done when it succeeds.
    pub(super) fn open(&mut self) -> io::Result<()> {
        let State::Opening(opening) = &mut self.state else { return Ok(()) };
        let Some(handshake) = opening.take() else { return Err(io::ErrorKind::NotConnected.into()) };
        match handshake.handshake() {
            Ok((socket, _)) => {
                self.state = State::Open(socket);
                Ok(())
            }
            Err(HandshakeError::Interrupted(handshake)) => {
                *opening = Some(handshake);
                Err(io::ErrorKind::WouldBlock.into())
            }
            Err(HandshakeError::Failure(error)) => Err(broken(error)),
        }
    }

    pub(super) const fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Says good-bye; the answer is not waited for.
    pub(super) fn close(&mut self) {
        if let State::Open(socket) = &mut self.state {
            let _ = socket.close(None);
            let _ = socket.flush();
        }
    }

    fn socket(&mut self) -> io::Result<&mut tungstenite::WebSocket<S>> {
        self.open()?;
        match &mut self.state {
            State::Open(socket) => Ok(socket),
            State::Opening(_) => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl<S: Read + Write> Read for Framed<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            if self.has_ended {
                return Ok(0);
            }
            match self.socket()?.read() {
                Ok(Message::Binary(bytes)) => self.rest = bytes,
                Ok(Message::Close(_)) => self.has_ended = true,
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                // [MQTT-6.0.0-1]
                Ok(Message::Text(_)) => return Err(io::Error::new(io::ErrorKind::InvalidData, TEXT)),
                Err(error) if is_end(&error) => self.has_ended = true,
                Err(error) => return Err(broken(error)),
            }
        }
        let count = self.rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.rest.split_to(count));
        Ok(count)
    }
}

impl<S: Read + Write> Write for Framed<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_behind {
            self.flush()?;
        }
        let bytes = &bytes[..bytes.len().min(MESSAGE_BYTES)];
        match self.socket()?.write(Message::Binary(Bytes::copy_from_slice(bytes))).map_err(broken) {
            Ok(()) => {}
            // It has the message; what is left of it goes out with the next flush.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.is_behind = true,
            Err(error) => return Err(error),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.socket()?.flush().map_err(broken);
        self.is_behind = result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        result
    }
}

/// As much as goes into one message of ours.
const MESSAGE_BYTES: usize = 64 * 1024;

fn request(web: &WebSocket, route: &Route) -> io::Result<Request> {
    let scheme = if route.tls.is_some() { "wss" } else { "ws" };
    let host = match route.place {
        super::Place::Tcp { .. } => route.to_string(),
        super::Place::Unix(_) => route.host().to_owned(),
    };
    let mut builder = Request::builder()
        .uri(format!("{scheme}://{host}{}", web.path))
        .header("Host", host)
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", generate_key())
        // [MQTT-6.0.0-3]
        .header("Sec-WebSocket-Protocol", "mqtt");
    for (name, value) in &web.headers {
        builder = builder.header(name, value);
    }
    builder.body(()).map_err(|error| invalid(format!("no request for a WebSocket can be made of this: {error}")))
}

/// The far end has gone, with or without a word.
const fn is_end(error: &Error) -> bool {
    matches!(
        error,
        Error::ConnectionClosed | Error::AlreadyClosed | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
    )
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all others are said in the words of the library")]
fn broken(error: Error) -> io::Error {
    let text = match error {
        Error::Io(error) => return error,
        Error::Http(response) => format!(
            "the server answers the request for a WebSocket with HTTP {}: look at the path and the port",
            response.status()
        ),
        Error::HttpFormat(_) | Error::Protocol(ProtocolError::HttparseError(_)) => NO_HTTP.to_owned(),
        Error::Protocol(ProtocolError::HandshakeIncomplete) => NO_HTTP.to_owned(),
        error => format!("WebSocket: {error}"),
    };
    io::Error::new(io::ErrorKind::InvalidData, text)
}

const TEXT: &str = "the server sends text where MQTT is binary";
const NO_HTTP: &str = "the server does not answer as a WebSocket does: use the port of its WebSocket listener";
