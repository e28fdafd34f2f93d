//! Listeners of all kinds: Unix sockets, PROXY headers, limits, and coming and going while the broker runs.

use crate::authority::Authority;
use crate::ground::local;
use crate::tunnel;
use crate::wire::{Wire, patiently, until};
use postrider::{
    Address, Broker, Builder, Connections, ErrorKind, Event, Listen, ProxyOptions, SocketOptions, TcpKeepAlive,
};
use postrider_testkit::{Hello, publish};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

fn socket_path(name: &str) -> PathBuf {
    // Paths of sockets are short.
    std::env::temp_dir().join(format!("postrider-{}-{name}", std::process::id()))
}

#[test]
fn a_unix_socket_is_served_like_tcp_and_its_file_is_removed() {
    let path = socket_path("unix");
    crate::ground::everywhere(async |builder: Builder| {
        let broker = builder.listen_on(Listen::unix(&path, Some(0o600))).start().expect("a broker");
        assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
        assert_eq!(broker.listeners()[1].address, Address::Unix(path.clone()));
        assert_eq!(broker.addresses().len(), 1);
        let mut local = Wire::over(UnixStream::connect(&path).await.expect("it listens"));
        local.enter(&Hello::new("local")).await;
        local.subscribed("t", 1).await;
        let mut remote = Wire::client(&broker, &Hello::new("remote")).await;
        for id in 1..=100 {
            remote.publish(&publish("t", &format!("{id}")).sized(10_000).q1(id)).await;
            assert_eq!(local.receive().await.2.len(), 10_000);
        }
        remote.subscribed("u", 1).await;
        local.publish(&publish("u", "x").q1(1)).await;
        remote.receive().await;
        assert!(broker.shutdown(Duration::from_secs(5)).await);
        assert!(local.next().await.starts_with("DISCONNECT ServerShuttingDown"));
        assert!(!path.exists());
    });
}

#[tokio::test]
async fn a_socket_file_is_replaced_only_if_nobody_listens_there() {
    let path = socket_path("stale");
    let first = Broker::builder().listen_on(Listen::unix(&path, None)).start().expect("a broker");
    let error = Broker::builder().listen_on(Listen::unix(&path, None)).start().err().expect("somebody listens there");
    assert_eq!(error.kind(), ErrorKind::ListenElsewhere);
    assert!(error.is_address_in_use() && error.to_string().contains("-stale"), "{error}");
    Wire::over(UnixStream::connect(&path).await.expect("it listens")).enter(&Hello::new("c")).await;
    drop(first);
    until(async || !path.exists()).await;
    // A process that was killed leaves its file behind.
    drop(std::os::unix::net::UnixListener::bind(&path).expect("free"));
    assert!(path.exists());
    let second = Broker::builder().listen_on(Listen::unix(&path, None)).start().expect("nobody listens there");
    Wire::over(UnixStream::connect(&path).await.expect("it listens")).enter(&Hello::new("c")).await;
    // What is no longer its own stays.
    std::fs::remove_file(&path).expect("there");
    std::fs::write(&path, "mine").expect("written");
    second.shutdown(Duration::from_secs(5)).await;
    assert_eq!(std::fs::read_to_string(&path).expect("there"), "mine");
    let error = Broker::builder().listen_on(Listen::unix(&path, None)).start().err().expect("this is no socket");
    assert!(format!("{:?}", std::error::Error::source(&error)).contains("no socket"), "{error:?}");
    std::fs::remove_file(&path).expect("there");
}

#[tokio::test]
async fn an_inherited_socket_is_listened_on() {
    let socket = std::net::TcpListener::bind(local()).expect("a port");
    let address = socket.local_addr().expect("it has one");
    let broker =
        Broker::builder().listen_on(Listen::inherited(socket.into()).named("systemd")).start().expect("a broker");
    assert_eq!(broker.addresses(), [address]);
    assert_eq!(broker.listeners()[0].name, "systemd");
    Wire::client(&broker, &Hello::new("c")).await.expect_silence().await;
    let (one, _other) = std::os::unix::net::UnixDatagram::pair().expect("a pair");
    let error = Broker::builder().listen_on(Listen::inherited(one.into())).start().err().expect("no stream");
    assert_eq!(error.kind(), ErrorKind::ListenElsewhere);
}

#[tokio::test]
async fn listeners_come_and_go_while_the_broker_runs() {
    let authority = Authority::new();
    let broker = Broker::builder().listen(local()).start().expect("a broker");
    let mut first = Wire::client(&broker, &Hello::new("first")).await;
    let id = broker.add_listener(Listen::tcp(local()).tls(authority.server()).named("door 2")).expect("a listener");
    let address = broker.addresses()[1];
    let mut second = tunnel::tls(address, &authority, None).await;
    second.enter(&Hello::new("second")).await;
    assert!(broker.add_listener(address).err().is_some_and(|error| error.is_address_in_use()));
    assert_eq!(broker.listeners()[1].name, "door 2");
    assert!(broker.remove_listener(id, Connections::Stay).await);
    assert!(!broker.remove_listener(id, Connections::Stay).await);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    second.expect_silence().await;
    // The address is free, and the number is another.
    let again = broker.add_listener(address).expect("free");
    assert_ne!(again, id);
    let mut third = Wire::dial(address).await;
    third.enter(&Hello::new("third")).await;
    let mut unnamed = Wire::dial(address).await;
    assert!(broker.remove_listener(again, Connections::End).await);
    third.expect_end().await;
    unnamed.expect_end().await;
    for wire in [&mut first, &mut second] {
        wire.expect_silence().await;
    }
    assert_eq!(broker.addresses().len(), 1);
}

#[tokio::test]
async fn a_listener_that_is_full_closes_who_comes_and_others_are_not_concerned() {
    let authority = Authority::new();
    let listen = Listen::tcp(local()).tls(authority.server()).connections_max(2);
    let broker = Broker::builder().listen_on(listen).listen(local()).start().expect("a broker");
    let full = broker.addresses()[0];
    let mut first = tunnel::tls(full, &authority, None).await;
    first.enter(&Hello::new("first")).await;
    // Who is on his way in has a place too.
    let half = tunnel::tcp(full).await;
    let mut refused = Wire::over(tunnel::tcp(full).await);
    refused.expect_end().await;
    let mut other = Wire::dial(broker.addresses()[1]).await;
    other.enter(&Hello::new("other")).await;
    drop(half);
    until(async || {
        let Ok(stream) = crate::authority::handshake(authority.client(None), tunnel::tcp(full).await).await else {
            return false;
        };
        Wire::over(stream).enter(&Hello::new("second")).await;
        true
    })
    .await;
    first.expect_silence().await;
}

#[tokio::test]
async fn options_of_sockets_are_set() {
    let keep_alive = TcpKeepAlive { idle: Duration::from_secs(60), interval: Duration::from_secs(10), count: 3 };
    let options =
        SocketOptions { keep_alive: Some(keep_alive), takes_ipv4_too: true, backlog: 16, ..SocketOptions::default() };
    let any = "[::]:0".parse().expect("an address");
    let (tell, events) = mpsc::channel();
    let broker =
        Broker::builder().listen_on(Listen::tcp(any).socket(options)).observe(Notes(tell)).start().expect("a broker");
    let port = broker.addresses()[0].port();
    let mut wire = Wire::dial(([127, 0, 0, 1], port).into()).await;
    wire.enter(&Hello::new("c")).await;
    let peer = seen(&events).await;
    assert!(peer.starts_with("127.0.0.1:"), "{peer}");
    let missing = SocketOptions { interface: Some("nosuch0".to_owned()), ..SocketOptions::default() };
    let error = Broker::builder().listen_on(Listen::tcp(local()).socket(missing)).start().err().expect("no interface");
    assert!(matches!(error.kind(), ErrorKind::Listen(_)), "{error:?}");
}

struct Notes(mpsc::Sender<Event>);

impl postrider::Observe for Notes {
    fn observe(&mut self, event: &Event) {
        let _ = self.0.send(event.clone());
    }
}

/// Where the next client that is in comes from.
async fn seen(events: &mpsc::Receiver<Event>) -> String {
    let mut peer = None;
    until(async || {
        if let Ok(Event::Connected { peer: from, .. }) = events.try_recv() {
            peer = Some(from.to_string());
        }
        peer.is_some()
    })
    .await;
    peer.expect("somebody is in")
}

fn behind_proxy(trusted: &str) -> Listen {
    let trusted = vec![trusted.parse().expect("a network")];
    Listen::tcp(local()).proxy(ProxyOptions::trusting(trusted))
}

// A25
#[tokio::test]
async fn the_address_of_a_client_behind_a_proxy_is_the_clients() {
    let authority = Authority::new();
    let (tell, events) = mpsc::channel();
    let broker = Broker::builder()
        .listen_on(behind_proxy("127.0.0.0/8"))
        .listen_on(behind_proxy("127.0.0.1").tls(authority.server()))
        .observe(Notes(tell))
        .start()
        .expect("a broker");
    let line = b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 1883\r\n";
    let mut stream = tunnel::tcp(broker.addresses()[0]).await;
    // Right behind the header, in one go.
    stream.write_all(&[line, &Hello::new("c").bytes()[..]].concat()).await.expect("it reads");
    assert!(Wire::over(stream).next().await.starts_with("CONNACK Success"));
    assert_eq!(seen(&events).await, "192.0.2.7:4711");
    let mut stream = tunnel::tcp(broker.addresses()[1]).await;
    stream.write_all(line).await.expect("it reads");
    let stream = crate::authority::handshake(authority.client(None), stream).await.expect("a handshake");
    Wire::over(stream).enter(&Hello::new("d")).await;
    assert_eq!(seen(&events).await, "192.0.2.7:4711");
}

// A25
#[tokio::test]
async fn who_is_no_trusted_proxy_or_says_nothing_is_refused() {
    let broker = Broker::builder()
        .listen_on(behind_proxy("10.0.0.0/8"))
        .listen_on(behind_proxy("127.0.0.1"))
        .start()
        .expect("a broker");
    let hello = Hello::new("c").bytes();
    let forged = [b"PROXY TCP4 10.0.0.1 10.0.0.2 1 1883\r\n", &hello[..]].concat();
    for (listener, bytes) in [(0, &forged[..]), (0, &hello), (1, &hello), (1, b"PROXY TCP4 1 2 3 4\r\n")] {
        let mut stream = tunnel::tcp(broker.addresses()[listener]).await;
        let _ = stream.write_all(bytes).await;
        let mut heard = Vec::new();
        // Closed with bytes that nobody read, which is a reset.
        let _ = patiently(tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut heard)).await;
        assert_eq!(heard, []);
    }
    assert_eq!(broker.counters().await.expect("it runs").connects_received, 0);
}
