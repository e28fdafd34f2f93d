//! WebSocket listeners, with and without TLS.

use crate::authority::{Authority, handshake};
use crate::ground::{everywhere, local};
use crate::tunnel;
use crate::wire::{Wire, patiently};
use postrider::{Broker, Builder, FileServer, Listen, Version, WebSocketOptions};
use postrider_testkit::{Hello, publish};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn with_websocket(options: WebSocketOptions) -> Listen {
    Listen::tcp(local()).websocket(options)
}

// [MQTT-6.0.0-2]
#[test]
fn packets_may_be_cut_into_frames_anywhere() {
    everywhere(async |builder: Builder| {
        let broker = builder.listen_on(with_websocket(WebSocketOptions::default())).start().expect("a broker");
        let address = broker.addresses()[1];
        let mut publisher = Wire::dial(broker.addresses()[0]).await;
        publisher.enter(&Hello::new("p")).await;
        publisher.subscribed("u", 1).await;
        for frame_bytes in [1, 2, 3, 7, 1000, 100_000] {
            let mut wire = tunnel::websocket(tunnel::tcp(address).await, frame_bytes).await;
            wire.enter(&Hello::new("w")).await;
            wire.subscribed("t", 1).await;
            publisher.publish(&publish("t", &format!("{frame_bytes}")).q1(1)).await;
            assert_eq!(wire.receive().await.2, frame_bytes.to_string().into_bytes());
            wire.publish(&publish("u", "x").sized(3_000).q1(7)).await;
            assert_eq!(publisher.receive().await.2.len(), 3_000);
        }
    });
}

#[tokio::test]
async fn large_messages_go_through_websocket_and_tls() {
    let authority = Authority::new();
    let listen = with_websocket(WebSocketOptions::default()).tls(authority.server());
    let broker = Broker::builder().listen_on(listen).start().expect("a broker");
    let tls = handshake(authority.client(None), tunnel::tcp(broker.addresses()[0]).await).await.expect("a handshake");
    let mut wire = tunnel::websocket(tls, 50_000).await;
    wire.enter(&Hello::new("w")).await;
    wire.subscribed("t", 1).await;
    let large = publish("t", "").sized(1_500_000).q1(1);
    wire.send_and_hear(&large.bytes(Version::V5)).await;
    let mut lines = Vec::new();
    for _ in 0..2 {
        lines.push(wire.next().await);
    }
    assert!(lines.iter().any(|line| line.starts_with("PUBACK #1")), "{}", lines[0].len());
    assert!(lines.iter().any(|line| line.starts_with("PUBLISH")));
}

// A24, [MQTT-6.0.0-1]
#[tokio::test]
async fn frames_that_break_the_rules_are_closed_with_the_reason() {
    let options = WebSocketOptions { frame_bytes_max: 1000, ..WebSocketOptions::default() };
    let broker = Broker::builder().listen_on(with_websocket(options)).start().expect("a broker");
    let wrong: [(&[u8], u16); 6] = [
        // Text.
        (b"\x81\x82\0\0\0\0hi", 1003),
        // A kilobyte and one.
        (b"\x82\xfe\x03\xe9\0\0\0\0", 1009),
        (b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 1009),
        // Without a mask.
        (b"\x82\x02hi", 1002),
        // A message goes on that has not begun.
        (b"\x80\x82\0\0\0\0hi", 1002),
        // A ping in pieces.
        (b"\x09\x80\0\0\0\0", 1002),
    ];
    for (frame, code) in wrong {
        let mut stream = upgraded(&broker, "").await;
        stream.write_all(frame).await.expect("it reads");
        // More than it would take.
        let _ = stream.write_all(&[0; 10_000]).await;
        let mut heard = Vec::new();
        patiently(stream.read_to_end(&mut heard)).await.expect("an orderly end");
        assert_eq!(heard, [&[0x88, 2][..], &code.to_be_bytes()].concat(), "{frame:02x?}");
    }
}

const UPGRADE: &str = "Host: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

async fn ask(broker: &Broker, request: &str) -> String {
    let mut stream = tunnel::tcp(broker.addresses()[0]).await;
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut heard = Vec::new();
    patiently(stream.read_to_end(&mut heard)).await.expect("an orderly end");
    String::from_utf8(heard).expect("text")
}

/// A connection on which frames can be sent.
async fn upgraded(broker: &Broker, headers: &str) -> tokio::net::TcpStream {
    let mut stream = tunnel::tcp(broker.addresses()[0]).await;
    let request = format!("GET /mqtt HTTP/1.1\r\n{UPGRADE}Sec-WebSocket-Protocol: mqttv3.1, mqtt\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut heard = Vec::new();
    while !heard.ends_with(b"\r\n\r\n") {
        let byte = patiently(stream.read_u8()).await.expect("an answer");
        heard.push(byte);
    }
    let heard = String::from_utf8(heard).expect("text");
    assert!(heard.starts_with("HTTP/1.1 101 "), "{heard}");
    // The example of RFC 6455, 1.3.
    assert!(heard.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{heard}");
    assert!(heard.contains("Sec-WebSocket-Protocol: mqttv3.1\r\n"), "{heard}");
    stream
}

// A24, [MQTT-6.0.0-3], [MQTT-6.0.0-4]
#[tokio::test]
async fn requests_that_do_not_fit_are_told_why() {
    let options = WebSocketOptions {
        path: Some("/mqtt".to_owned()),
        origins: Some(vec!["https://example.org".to_owned()]),
        ..WebSocketOptions::default()
    };
    let broker = Broker::builder().listen_on(with_websocket(options)).start().expect("a broker");
    let mqtt = "Sec-WebSocket-Protocol: mqtt\r\n";
    let requests = [
        (format!("GET / HTTP/1.1\r\n{UPGRADE}{mqtt}\r\n"), "404"),
        (format!("GET /mqtt HTTP/1.1\r\n{UPGRADE}Sec-WebSocket-Protocol: wamp\r\n\r\n"), "400"),
        (format!("GET /mqtt HTTP/1.1\r\n{UPGRADE}\r\n"), "400"),
        (format!("GET /mqtt HTTP/1.1\r\n{UPGRADE}{mqtt}Origin: https://evil.example\r\n\r\n"), "403"),
        (format!("GET /mqtt HTTP/1.1\r\n{}{mqtt}\r\n", UPGRADE.replace("13", "8")), "426"),
        (format!("GET /mqtt HTTP/1.1\r\n{}{mqtt}\r\n", UPGRADE.replace("dGhl", "dGh")), "400"),
        (format!("POST /mqtt HTTP/1.1\r\n{UPGRADE}{mqtt}\r\n"), "405"),
        ("GET /mqtt HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(), "426"),
        ("\x10\x0d\0\x04MQTT\r\n".to_owned(), "400"),
        (format!("GET /mqtt HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(17_000)), "431"),
    ];
    for (request, status) in requests {
        let answer = ask(&broker, &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}\n{answer}");
    }
    upgraded(&broker, "Origin: https://EXAMPLE.org\r\n").await;
    // What is no browser names no origin.
    upgraded(&broker, "").await;
}

#[tokio::test]
async fn pings_and_good_byes_are_answered() {
    let broker = Broker::builder().listen_on(with_websocket(WebSocketOptions::default())).start().expect("a broker");
    let mut stream = upgraded(&broker, "").await;
    stream.write_all(b"\x89\x84\0\0\0\0abcd\x88\x82\0\0\0\0\x03\xe8").await.expect("it reads");
    let mut heard = Vec::new();
    patiently(stream.read_to_end(&mut heard)).await.expect("an orderly end");
    assert_eq!(heard, b"\x8a\x04abcd\x88\x02\x03\xe8");
}

#[tokio::test]
async fn files_are_given_away_from_their_directory_only() {
    let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("pages-{}", std::process::id()));
    let root = folder.join("root");
    std::fs::create_dir_all(root.join("sub")).expect("a directory");
    std::fs::write(folder.join("secret"), "secret").expect("written");
    std::fs::write(root.join("index.html"), "<p>home").expect("written");
    std::fs::write(root.join("sub/page one.js"), "1").expect("written");
    std::fs::write(root.join(".hidden"), "secret").expect("written");
    std::os::unix::fs::symlink(folder.join("secret"), root.join("link")).expect("a link");
    let handler = Some(FileServer::new(&root).expect("a directory").handler());
    let options = WebSocketOptions { handler, ..WebSocketOptions::default() };
    let broker = Broker::builder().listen_on(with_websocket(options)).start().expect("a broker");
    let get = async |target: &str| ask(&broker, &format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
    let home = get("/").await;
    assert!(
        home.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/html") && home.ends_with("\r\n\r\n<p>home"),
        "{home}"
    );
    assert!(get("/sub/page%20one.js?x=1").await.ends_with("\r\n\r\n1"));
    for target in
        ["/../secret", "/%2e%2e/secret", "/sub/../../secret", "/link", "/.hidden", "/sub", "/nothing", "/%", "secret"]
    {
        let answer = get(target).await;
        assert!(!answer.contains("secret") && answer.starts_with("HTTP/1.1 404 "), "{target}: {answer}");
    }
    let head = ask(&broker, "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(head.contains("Content-Length: 7\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(ask(&broker, "DELETE / HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 405 "));
    // And MQTT is there all the same.
    upgraded(&broker, "").await;
    std::fs::remove_dir_all(folder).expect("ours");
}
