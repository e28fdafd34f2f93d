//! What an idle connection and a message cost through each kind of listener: memory and processor time of the broker,
//! which is a process of its own.
//!
//! `cargo run --release -p postrider --example doors -- [CONNECTIONS] [MESSAGES]`

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program for figures")]

use postrider::{Broker, Listen, TlsOptions, Version, WebSocketOptions};
use postrider_testkit::{Hello, publish, subscribe};
use rustls::pki_types::{CertificateDer, ServerName};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

const KINDS: [&str; 4] = ["tcp", "tls", "ws", "wss"];
const PAYLOAD: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match arguments.first().map(String::as_str) {
        Some("serve") => runtime.block_on(serve(Path::new(&arguments[1]))),
        first => {
            let connections = first.and_then(|text| text.parse().ok()).unwrap_or(1_000);
            let messages = arguments.get(1).and_then(|text| text.parse().ok()).unwrap_or(300_000);
            runtime.block_on(measure(connections, messages));
        }
    }
}

/// The broker: says where it listens, and its figures whenever a line comes.
async fn serve(folder: &Path) {
    let tls = || TlsOptions::new(folder.join("own.pem"), folder.join("own.key"));
    let (local, websocket) = (SocketAddr::from(([127, 0, 0, 1], 0)), WebSocketOptions::default());
    let broker = Broker::builder()
        .threads(1)
        .listen(local)
        .listen_on(Listen::tcp(local).tls(tls()))
        .listen_on(Listen::tcp(local).websocket(websocket.clone()))
        .listen_on(Listen::tcp(local).tls(tls()).websocket(websocket))
        .start()
        .unwrap();
    for address in broker.addresses() {
        println!("{address}");
    }
    let lines = std::thread::spawn(move || {
        for _ in std::io::stdin().lock().lines() {
            println!("{} {}", resident_bytes(), processor_us());
        }
    });
    while !lines.is_finished() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

fn processor_us() -> u64 {
    // Nanoseconds on a processor, of each thread.
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let time = |path: &Path| std::fs::read_to_string(path.join("schedstat")).unwrap_or_default();
    tasks.map(|task| time(&task.unwrap().path()).split(' ').next().unwrap().parse::<u64>().unwrap_or(0)).sum::<u64>()
        / 1000
}

struct Server(Child, BufReader<std::process::ChildStdout>);

impl Server {
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.1.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    /// Resident bytes, and microseconds of processor time.
    fn figures(&mut self) -> (u64, u64) {
        writeln!(self.0.stdin.as_mut().unwrap()).unwrap();
        let line = self.line();
        let (bytes, time) = line.split_once(' ').unwrap();
        (bytes.parse().unwrap(), time.parse().unwrap())
    }
}

async fn measure(connections: usize, messages: usize) {
    let folder = std::env::temp_dir().join(format!("postrider-doors-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("own.pem"), own.cert.pem()).unwrap();
    std::fs::write(folder.join("own.key"), own.signing_key.serialize_pem()).unwrap();
    println!("{connections} idle connections; {messages} messages of {} bytes, QoS 0, one to one", PAYLOAD.len());
    for (number, kind) in KINDS.into_iter().enumerate() {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("serve").arg(&folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut server = Server(child, output);
        let addresses: Vec<SocketAddr> = KINDS.iter().map(|_| server.line().parse().unwrap()).collect();
        let door = Door { address: addresses[number], kind, certificate: own.cert.der().clone() };
        // So that what is allocated once is there.
        drop(door.idle(20).await);
        tokio::time::sleep(Duration::from_millis(300)).await;
        let before = server.figures();
        let idle = door.idle(connections).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let after = server.figures();
        let (bytes, connect_us) =
            ((after.0 - before.0) / connections as u64, (after.1 - before.1) / connections as u64);
        drop(idle);
        tokio::time::sleep(Duration::from_millis(500)).await;
        let before = server.figures().1;
        door.pour(messages).await;
        let message_ns = (server.figures().1 - before) * 1000 / messages as u64;
        println!("{kind:>4}: {bytes} bytes idle, {connect_us} us to connect, {message_ns} ns a message");
        drop(server.0.stdin.take());
        server.0.wait().unwrap();
    }
    std::fs::remove_dir_all(folder).unwrap();
}

struct Door {
    address: SocketAddr,
    kind: &'static str,
    certificate: CertificateDer<'static>,
}

impl Door {
    async fn open(&self) -> Box<dyn Stream> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut stream: Box<dyn Stream> = Box::new(stream);
        if self.kind == "tls" || self.kind == "wss" {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(self.certificate.clone()).unwrap();
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
            let config = config.unwrap().with_root_certificates(roots).with_no_client_auth();
            let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
            stream = Box::new(connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap());
        }
        if self.is_websocket() {
            let request = "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";
            stream.write_all(request.as_bytes()).await.unwrap();
            hear(&mut stream, b"\r\n\r\n").await;
        }
        stream
    }

    fn is_websocket(&self) -> bool {
        self.kind.starts_with('w')
    }

    /// The bytes, in a frame if there have to be frames; its mask is all zeros.
    fn frame(&self, bytes: Vec<u8>) -> Vec<u8> {
        if !self.is_websocket() {
            return bytes;
        }
        let len = (bytes.len() as u64).to_be_bytes();
        [&[0x82, 0xff][..], &len, &[0; 4], &bytes].concat()
    }

    async fn client(&self, name: &str) -> Box<dyn Stream> {
        let mut stream = self.open().await;
        stream.write_all(&self.frame(Hello::new(name).bytes())).await.unwrap();
        assert!(stream.read(&mut [0; 256]).await.unwrap() > 4, "CONNACK");
        stream
    }

    async fn idle(&self, count: usize) -> Vec<Box<dyn Stream>> {
        let mut streams = Vec::new();
        for number in 0..count {
            streams.push(self.client(&format!("idle-{number}")).await);
        }
        streams
    }

    /// From one client to another, a hundred messages a write.
    async fn pour(&self, messages: usize) {
        let (mut publisher, mut subscriber) = (self.client("p").await, self.client("s").await);
        subscriber.write_all(&self.frame(subscribe(1, "t/#", 0).bytes(Version::V5))).await.unwrap();
        subscriber.read(&mut [0; 256]).await.unwrap();
        let hundred = publish("t/1", PAYLOAD).bytes(Version::V5).repeat(100);
        let hundred = self.frame(hundred);
        let heard = tokio::spawn(async move {
            hear(&mut subscriber, b"THE-END").await;
        });
        for _ in 0..messages / 100 {
            publisher.write_all(&hundred).await.unwrap();
        }
        publisher.write_all(&self.frame(publish("t/1", "THE-END").bytes(Version::V5))).await.unwrap();
        publisher.flush().await.unwrap();
        heard.await.unwrap();
    }
}

/// Reads until something comes that ends like this.
async fn hear(stream: &mut Box<dyn Stream>, end: &[u8]) {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = stream.read(&mut buffer).await.unwrap();
        assert!(count > 0, "the broker hung up");
        if buffer[..count].ends_with(end) {
            return;
        }
    }
}
