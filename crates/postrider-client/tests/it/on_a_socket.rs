//! A client with its socket, against a server of a few bytes.

use postrider_client::{Client, ErrorKind, Event, Options, Publication, ReasonCode, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const EDITIONS: [Version; 2] = [Version::V3_1_1, Version::V5];

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    (listener, address)
}

/// Accepts a client and answers its CONNECT.
async fn welcome(listener: &TcpListener, connack: &[u8]) -> TcpStream {
    let (mut stream, _) = listener.accept().await.expect("a client");
    let mut connect = vec![0; 256];
    let len = stream.read(&mut connect).await.expect("CONNECT");
    assert_eq!((connect[0], usize::from(connect[1]) + 2), (0x10, len));
    stream.write_all(connack).await.expect("the client reads");
    stream
}

fn accepted(version: Version) -> &'static [u8] {
    if version.is_v5() { &[0x20, 3, 0, 0, 0] } else { &[0x20, 2, 0, 0] }
}

// [MQTT-3.14.4-1], [MQTT-3.14.4-2], [MQTT-4.2-1]
#[tokio::test]
async fn a_client_that_says_good_bye_closes_the_connection_behind_it() {
    for version in EDITIONS {
        let (listener, address) = listen().await;
        let client = async {
            let mut client = Client::connect(Options::new(&address, "c").version(version)).await.expect("accepted");
            client.publish(Publication::new("t", "")).expect("a topic");
            client.disconnect(ReasonCode::Success).await.expect("written");
            client.publish(Publication::new("t", "behind")).expect("a topic");
            assert!(matches!(client.next().await, Ok(Event::Connected { .. })));
            assert_eq!(client.next().await.expect_err("it is over").kind(), ErrorKind::NotConnected);
            client
        };
        let server = async {
            let mut stream = welcome(&listener, accepted(version)).await;
            let mut heard = Vec::new();
            stream.read_to_end(&mut heard).await.expect("the client closes");
            heard
        };
        let (_client, heard) = tokio::join!(client, server);
        let publish: &[u8] = if version.is_v5() { b"\x30\x04\0\x01t\0" } else { b"\x30\x03\0\x01t" };
        assert_eq!(heard, [publish, &[0xE0, 0]].concat());
    }
}

// [MQTT-4.13.1-1], [MQTT-4.13.2-1], [MQTT-4.8.0-1] of 3.1.1
#[tokio::test]
async fn a_client_closes_the_connection_over_which_a_server_breaks_the_protocol() {
    for version in EDITIONS {
        let (listener, address) = listen().await;
        let client = async {
            let mut client = Client::connect(Options::new(&address, "c").version(version)).await.expect("accepted");
            client.next().await.expect("CONNACK");
            let error = client.next().await.expect_err("a breach");
            assert!(matches!(error.kind(), ErrorKind::Violation(_)), "{error}");
            client
        };
        let server = async {
            let mut stream = welcome(&listener, accepted(version)).await;
            stream.write_all(&[0x36, 5, 0, 1, b't', 0, 1]).await.expect("the client reads");
            let mut heard = Vec::new();
            stream.read_to_end(&mut heard).await.expect("the client closes");
            heard
        };
        let (_client, heard) = tokio::join!(client, server);
        let reason: &[u8] = if version.is_v5() { &[0xE0, 1, 0x81] } else { &[] };
        assert_eq!(heard, reason);
    }
}

// [MQTT-3.3.2-2]
#[tokio::test]
async fn options_that_no_server_takes_open_no_connection() {
    let options = Options::new("nowhere.invalid:1883", "c").will(Publication::new("a/#", ""));
    let error = Client::connect(options).await.expect_err("a wildcard in the will's topic");
    assert!(matches!(error.kind(), ErrorKind::Topic(_)), "{error}");
}
