//! MQTT inside of WebSocket, as a stream of bytes.
//!
//! Owns: the handshake, the frames, and what is answered to a browser that wants something else.

mod accept;
mod files;
mod frames;
mod head;
mod stream;
mod upgrade;

pub use accept::{accept, serve};
pub use files::FileServer;
pub use frames::Refusal;
pub use head::Request;
pub use stream::WebSocket;
pub use upgrade::{Handler, Response, WebSocketOptions};
