//! Ways to a broker other than TCP, as streams that a `Wire` can be put over.

use crate::authority::{Authority, Identity, handshake};
use crate::wire::{Stream, Wire, patiently};
use futures_util::{SinkExt, StreamExt};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

pub(crate) async fn tcp(address: SocketAddr) -> TcpStream {
    let stream = patiently(TcpStream::connect(address)).await.expect("the broker listens");
    stream.set_nodelay(true).expect("a socket");
    stream
}

pub(crate) async fn tls(address: SocketAddr, authority: &Authority, identity: Option<&Identity>) -> Wire {
    let stream = handshake(authority.client(identity), tcp(address).await).await.expect("a handshake");
    Wire::over(stream)
}

/// MQTT in frames of `frame_bytes`, whatever its packets are; somebody else's WebSocket.
pub(crate) async fn websocket(stream: impl Stream + 'static, frame_bytes: usize) -> Wire {
    let mut request = "ws://localhost/mqtt".into_client_request().expect("a request");
    request.headers_mut().insert("Sec-WebSocket-Protocol", "mqtt".parse().expect("a value"));
    let (socket, response) = patiently(client_async(request, stream)).await.expect("it becomes a WebSocket");
    assert_eq!(response.headers()["sec-websocket-protocol"], "mqtt");
    let (near, far) = tokio::io::duplex(1 << 16);
    tokio::spawn(pump(socket, far, frame_bytes));
    Wire::over(near)
}

async fn pump(
    socket: tokio_tungstenite::WebSocketStream<impl Stream + 'static>,
    pipe: DuplexStream,
    frame_bytes: usize,
) {
    let (mut sink, mut source) = socket.split();
    let (mut read, mut write) = tokio::io::split(pipe);
    let up = async move {
        let mut buffer = vec![0; frame_bytes];
        loop {
            let count = read.read(&mut buffer).await.unwrap_or(0);
            if count == 0 || sink.send(Message::binary(buffer[..count].to_vec())).await.is_err() {
                let _ = sink.close().await;
                return;
            }
        }
    };
    let down = async move {
        while let Some(Ok(message)) = source.next().await {
            if message.is_binary() && write.write_all(&message.into_data()).await.is_err() {
                return;
            }
        }
        let _ = write.shutdown().await;
    };
    tokio::join!(up, down);
}
