//! Small servers that stand between a client and a broker: WebSocket with TLS or without, and SOCKS5.

use crate::authority::Identity;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::spawn;
use std::time::Duration;
use tungstenite::handshake::server::{Request, Response};
use tungstenite::{Bytes, Error, Message, accept_hdr};

/// Listens as long as the test runs; notes what it was asked for.
pub(crate) struct Relay {
    pub(crate) port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Relay {
    fn listen(serve: impl Fn(TcpStream, &Mutex<Vec<String>>) + Send + Clone + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let notes = asked.clone();
        spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (serve, notes) = (serve.clone(), notes.clone());
                spawn(move || serve(stream, &notes));
            }
        });
        Self { port, asked }
    }

    /// WebSocket in front of `broker`, within TLS if there is an identity.
    pub(crate) fn web(broker: SocketAddr, identity: Option<&Identity>) -> Self {
        let tls = identity.map(|identity| Arc::new(server(identity)));
        Self::listen(move |stream, notes| {
            stream.set_nodelay(true).expect("TCP");
            match &tls {
                Some(tls) => {
                    let session = ServerConnection::new(tls.clone()).expect("a configuration");
                    let socket = stream.try_clone().expect("a socket");
                    carry(StreamOwned::new(session, stream), &socket, broker, notes);
                }
                None => {
                    let socket = stream.try_clone().expect("a socket");
                    carry(stream, &socket, broker, notes);
                }
            }
        })
    }

    /// A SOCKS5 proxy that lets in whoever says `user` and `password`.
    pub(crate) fn socks() -> Self {
        Self::listen(|stream, notes| {
            // Whoever is refused is gone.
            let _ = negotiate(stream, notes);
        })
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nobody panics with it").clone()
    }
}

fn server(identity: &Identity) -> ServerConfig {
    let chain = CertificateDer::pem_file_iter(&identity.certificate).expect("a file");
    let chain = chain.collect::<Result<Vec<_>, _>>().expect("certificates");
    let key = PrivateKeyDer::from_pem_file(&identity.key).expect("a key");
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("ciphers");
    builder.with_no_client_auth().with_single_cert(chain, key).expect("they fit")
}

/// How long one side is listened to before the other.
const LOOK: Duration = Duration::from_millis(1);

/// Carries bytes both ways, three to a message, so that no packet is alone in one. [6.0]
fn carry(stream: impl Read + Write, socket: &TcpStream, broker: SocketAddr, notes: &Mutex<Vec<String>>) {
    #[expect(clippy::result_large_err, reason = "the library's signature")]
    let answer = |request: &Request, mut response: Response| {
        let protocol = request.headers().get("Sec-WebSocket-Protocol").and_then(|value| value.to_str().ok());
        let note = format!("{} {}", request.uri(), protocol.unwrap_or("-"));
        notes.lock().expect("nobody panics with it").push(note);
        response.headers_mut().insert("Sec-WebSocket-Protocol", "mqtt".parse().expect("a header"));
        Ok(response)
    };
    let Ok(mut client) = accept_hdr(stream, answer) else { return };
    let mut server = TcpStream::connect(broker).expect("it listens");
    server.set_read_timeout(Some(LOOK)).expect("TCP");
    socket.set_read_timeout(Some(LOOK)).expect("TCP");
    let mut bytes = [0; 4096];
    loop {
        match client.read() {
            Ok(Message::Binary(data)) => server.write_all(&data).expect("it listens"),
            Ok(Message::Close(_)) | Err(Error::ConnectionClosed) => return,
            Ok(_) => {}
            Err(Error::Io(error)) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
        match server.read(&mut bytes) {
            Ok(0) => return,
            Ok(count) => {
                for part in bytes[..count].chunks(3) {
                    if client.write(Message::Binary(Bytes::copy_from_slice(part))).is_err() {
                        return;
                    }
                }
                let _ = client.write(Message::Ping(Bytes::new()));
                let _ = client.flush();
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
    }
}

fn negotiate(mut client: TcpStream, notes: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let bytes = |stream: &mut TcpStream, len: usize| {
        let mut bytes = vec![0; len];
        stream.read_exact(&mut bytes).map(|()| bytes)
    };
    let methods = bytes(&mut client, 2)?;
    let offers = bytes(&mut client, usize::from(methods[1]))?;
    if !offers.contains(&2) {
        return client.write_all(&[5, 0xFF]);
    }
    client.write_all(&[5, 2])?;
    let head = bytes(&mut client, 2)?;
    let user = bytes(&mut client, usize::from(head[1]))?;
    let len = bytes(&mut client, 1)?;
    let password = bytes(&mut client, usize::from(len[0]))?;
    if (&*user, &*password) != (b"user", b"password") {
        return client.write_all(&[1, 1]);
    }
    client.write_all(&[1, 0])?;
    let request = bytes(&mut client, 4)?;
    let host = match request[3] {
        1 => bytes(&mut client, 4)?.iter().map(u8::to_string).collect::<Vec<_>>().join("."),
        _ => {
            let len = bytes(&mut client, 1)?;
            String::from_utf8_lossy(&bytes(&mut client, usize::from(len[0]))?).into_owned()
        }
    };
    let port = bytes(&mut client, 2)?;
    let port = u16::from_be_bytes([port[0], port[1]]);
    notes.lock().expect("nobody panics with it").push(format!("{host}:{port}"));
    // Its names are its own: nobody else can look them up.
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
        return client.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]);
    };
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    std::io::copy(&mut { server }, &mut client).map(drop)
}
