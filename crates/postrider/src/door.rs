//! What a connection passes on its way in: PROXY header, TLS, WebSocket.
//!
//! Owns: their order, and what is learnt of the far end on the way.

use crate::charges::{TLS_BYTES, WEBSOCKET_BYTES};
use crate::http::Http;
use crate::transport::Stream;
use postrider_net::proxy::{self, Forwarded, ProxyOptions};
use postrider_net::tls::{Proved, TlsServer, Turns};
use postrider_net::websocket::{self, WebSocketOptions};
use postrider_net::{Address, Descriptors};
use postrider_ports::{Certificate, ListenerId, Peer};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use tokio::net::TcpStream;

/// One listener as its connections see it.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) id: ListenerId,
    pub(crate) name: String,
    /// 0 where there is none.
    pub(crate) port: u16,
    /// Its own maximum of connections.
    pub(crate) places: Option<Arc<Descriptors>>,
    pub(crate) proxy: Option<ProxyOptions>,
    pub(crate) tls: Option<TlsServer>,
    pub(crate) websocket: Option<WebSocketOptions>,
    /// Instead of MQTT.
    pub(crate) http: Option<Http>,
    pub(crate) turns: Turns,
}

/// A connection that is in.
pub(crate) enum Entered {
    /// Nothing is wrapped around it.
    Plain(TcpStream, Peer),
    Wrapped(Pin<Box<dyn Stream>>, Peer),
    /// It wanted something else than MQTT and was answered.
    Served,
}

impl Door {
    /// Nothing has to be said before MQTT.
    pub(crate) const fn is_plain(&self) -> bool {
        self.proxy.is_none() && self.tls.is_none() && self.websocket.is_none() && self.http.is_none()
    }

    /// What a connection keeps around its socket when it is in.
    pub(crate) const fn stream_bytes(&self) -> u32 {
        let tls = if self.tls.is_some() { TLS_BYTES } else { 0 };
        if self.websocket.is_some() { tls + WEBSOCKET_BYTES } else { tls }
    }

    pub(crate) fn peer(&self, address: &Address) -> Peer {
        Peer::through(self.id, &address.to_string())
    }

    /// Goes through all that has to be said before MQTT.
    pub(crate) async fn enter(&self, mut stream: TcpStream, address: Address) -> io::Result<Entered> {
        let mut peer = self.peer(&address);
        if let Some(options) = &self.proxy {
            let forwarded = proxy::read(&mut stream, &address, options).await?;
            peer = self.peer_behind(address, forwarded);
        }
        match &self.tls {
            None if self.websocket.is_none() && self.http.is_none() => Ok(Entered::Plain(stream, peer)),
            None => self.unwrap(stream, peer).await,
            Some(tls) => {
                let (stream, proved) = tls.accept(stream, &self.turns).await?;
                if let Some(proved) = proved {
                    peer = peer.with_certificate(certificate(*proved));
                }
                self.unwrap(stream, peer).await
            }
        }
    }

    /// What is within TLS, or bare.
    async fn unwrap(&self, stream: impl Stream + Unpin + 'static, peer: Peer) -> io::Result<Entered> {
        if let Some(http) = &self.http {
            http.serve(stream, peer).await?;
            return Ok(Entered::Served);
        }
        match &self.websocket {
            None => Ok(Entered::Wrapped(Box::pin(stream), peer)),
            Some(options) => enter_websocket(stream, options, peer).await,
        }
    }

    fn peer_behind(&self, address: Address, forwarded: Forwarded) -> Peer {
        let peer = self.peer(&forwarded.source.map_or(address, Address::Tcp));
        let name = forwarded.tls.and_then(|tls| tls.common_name);
        match name {
            Some(name) => {
                peer.with_certificate(Certificate { common_name: Some(name.into()), ..Certificate::default() })
            }
            None => peer,
        }
    }
}

async fn enter_websocket(
    stream: impl Stream + Unpin + 'static,
    options: &WebSocketOptions,
    peer: Peer,
) -> io::Result<Entered> {
    Ok(match websocket::accept(stream, options).await? {
        Some(stream) => Entered::Wrapped(Box::pin(stream), peer),
        None => Entered::Served,
    })
}

fn certificate(proved: Proved) -> Certificate {
    let Proved { common_name, subject, dns, uri, email } = proved;
    let boxed = |name: Option<String>| name.map(Into::into);
    Certificate {
        common_name: boxed(common_name),
        subject: Some(subject.into()),
        dns: boxed(dns),
        uri: boxed(uri),
        email: boxed(email),
    }
}
