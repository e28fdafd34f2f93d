//! Which requests become WebSocket connections, and what the others are answered.

use super::head::Request;
use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;
use tungstenite::handshake::derive_accept_key;

/// Answers requests that do not ask for WebSocket. It is called on a thread where it may block.
pub type Handler = Arc<dyn Fn(&Request) -> Response + Send + Sync>;

/// What WebSocket is to be like.
#[derive(Clone)]
pub struct WebSocketOptions {
    /// The path that clients have to ask for, such as `/mqtt`. `None`: any.
    pub path: Option<String>,
    /// Origins of pages that may connect, such as `https://example.org`. Clients that are no browsers name none, and come
    /// in. `None`: any.
    pub origins: Option<Vec<String>>,
    /// The largest frame that is taken.
    pub frame_bytes_max: u64,
    /// Who answers requests for something else. `None`: 426.
    pub handler: Option<Handler>,
}

impl Default for WebSocketOptions {
    fn default() -> Self {
        // The largest packet of MQTT, its header with it.
        Self { path: None, origins: None, frame_bytes_max: 268_435_455 + 5, handler: None }
    }
}

impl fmt::Debug for WebSocketOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketOptions")
            .field("path", &self.path)
            .field("origins", &self.origins)
            .field("frame_bytes_max", &self.frame_bytes_max)
            .field("has_handler", &self.handler.is_some())
            .finish()
    }
}

/// An answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Such as 200.
    pub status: u16,
    /// Such as `text/html`.
    pub content_type: &'static str,
    /// Headers more: name and value.
    pub headers: Vec<(&'static str, String)>,
    /// What was asked for; left out where the request was HEAD.
    pub body: Vec<u8>,
}

impl Response {
    /// One sentence for people.
    #[must_use]
    pub fn error(status: u16, sentence: &str) -> Self {
        let body = format!("{sentence}\n").into_bytes();
        Self { status, content_type: "text/plain; charset=utf-8", headers: Vec::new(), body }
    }

    /// With one header more.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// As bytes; the connection is closed behind it.
    pub(super) fn bytes(&self, has_body: bool) -> Vec<u8> {
        let mut text = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        // A string takes everything.
        let _ = write!(text, "Content-Type: {}\r\nContent-Length: {}\r\n", self.content_type, self.body.len());
        for (name, value) in &self.headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        text.push_str("X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n");
        let body = if has_body { &self.body[..] } else { &[] };
        [text.as_bytes(), body].concat()
    }
}

const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        426 => "Upgrade Required",
        503 => "Service Unavailable",
        431 => "Request Header Fields Too Large",
        _ => "Error",
    }
}

/// Whether a request asks for WebSocket at all.
pub(super) fn is_upgrade(request: &Request) -> bool {
    request.lists("upgrade", "websocket")
}

/// The answer with which a connection becomes WebSocket, or why it does not. [MQTT-6.0.0-3], [MQTT-6.0.0-4]
pub(super) fn answer(request: &Request, options: &WebSocketOptions) -> Result<String, Response> {
    if request.method != "GET" {
        return Err(Response::error(405, "WebSocket begins with GET").with("Allow", "GET"));
    }
    if options.path.as_deref().is_some_and(|path| path != request.path()) {
        return Err(Response::error(404, "there is no WebSocket under this path"));
    }
    if !request.lists("connection", "upgrade") {
        return Err(Response::error(400, "the header Connection does not say Upgrade"));
    }
    if request.header("sec-websocket-version") != Some("13") {
        return Err(upgrade_required("only version 13 of WebSocket is spoken"));
    }
    let key = request.header("sec-websocket-key").filter(|key| is_key(key));
    let key = key.ok_or_else(|| Response::error(400, "the header Sec-WebSocket-Key is wrong"))?;
    if let (Some(allowed), Some(origin)) = (&options.origins, origin(request))
        && !allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(&origin))
    {
        return Err(Response::error(403, "pages of this origin may not connect"));
    }
    let protocol = request.words("sec-websocket-protocol").find(|name| PROTOCOLS.contains(name));
    let protocol =
        protocol.ok_or_else(|| Response::error(400, "the subprotocol mqtt is not among those that are offered"))?;
    Ok(format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    ))
}

/// The origin; one that is no text is one that nobody allows.
fn origin(request: &Request) -> Option<String> {
    let header = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("origin"))?;
    Some(String::from_utf8_lossy(&header.1).trim().to_owned())
}

/// What a request that is none for WebSocket is answered if there is no handler.
pub(super) fn upgrade_required(sentence: &str) -> Response {
    Response::error(426, sentence).with("Upgrade", "websocket").with("Sec-WebSocket-Version", "13")
}

/// Sixteen bytes in base64. RFC 6455, 4.2.1
fn is_key(key: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    key.len() == 24 && key.ends_with("==") && key.bytes().take(22).all(is_digit)
}

/// In MQTT 3.1 it had another name.
const PROTOCOLS: [&str; 2] = ["mqtt", "mqttv3.1"];
