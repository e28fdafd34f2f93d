//! The handshake of WebSocket, and requests that have nothing to do with it.

use super::head::{self, Head};
use super::stream::WebSocket;
use super::upgrade::{self, Response, WebSocketOptions};
use crate::websocket::Request;
use std::future::Future;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// What of a refused request is read and forgotten: closing with bytes unread would throw the answer away.
const FORGOTTEN_BYTES_MAX: usize = 64 * 1024;

/// Reads the request of the far end, and makes a WebSocket of the stream or answers something else and closes it: then
/// `None` is returned.
///
/// # Errors
/// What the stream says.
pub async fn accept<S>(mut stream: S, options: &WebSocketOptions) -> io::Result<Option<WebSocket<S>>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (request, ahead) = match head::read(&mut stream).await? {
        Head::Whole(request, ahead) => (request, ahead),
        Head::Wrong(response) => return refuse(stream, &response, true).await,
    };
    let has_body = request.method != "HEAD";
    if upgrade::is_upgrade(&request) {
        return match upgrade::answer(&request, options) {
            Ok(answer) => {
                stream.write_all(answer.as_bytes()).await?;
                stream.flush().await?;
                Ok(Some(WebSocket::new(stream, ahead, options.frame_bytes_max)))
            }
            Err(response) => refuse(stream, &response, has_body).await,
        };
    }
    let response = match options.handler.clone() {
        // It may read files, for which nobody else shall wait.
        Some(handler) => tokio::task::spawn_blocking(move || handler(&request)).await.map_err(io::Error::other)?,
        None => upgrade::upgrade_required("this is a WebSocket of MQTT"),
    };
    refuse(stream, &response, has_body).await
}

/// Reads one request, sends what `answer` makes of it, and closes the stream.
///
/// # Errors
/// What the stream says, or `answer`.
pub async fn serve<S, F>(mut stream: S, answer: impl FnOnce(Request) -> F) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Future<Output = io::Result<Response>>,
{
    let (response, has_body) = match head::read(&mut stream).await? {
        Head::Whole(request, _) => {
            let has_body = request.method != "HEAD";
            (answer(request).await?, has_body)
        }
        Head::Wrong(response) => (response, true),
    };
    refuse(stream, &response, has_body).await.map(drop)
}

async fn refuse<S>(mut stream: S, response: &Response, has_body: bool) -> io::Result<Option<WebSocket<S>>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(&response.bytes(has_body)).await?;
    stream.shutdown().await?;
    let (mut forgotten, mut buffer) = (0, [0; 1024]);
    while forgotten < FORGOTTEN_BYTES_MAX {
        match stream.read(&mut buffer).await {
            Ok(count) if count > 0 => forgotten += count,
            Ok(_) | Err(_) => break,
        }
    }
    Ok(None)
}
