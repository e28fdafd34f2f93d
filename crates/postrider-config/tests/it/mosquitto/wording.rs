//! The words of the log, compared with mosquitto's.

use super::binary::{Folder, Mosquitto, free_port, talk};
use postrider_config::mosquitto::wording::{self, Connected, Parting, Publish, Socket};
use std::io::Write;
use std::net::TcpStream;

struct Broker {
    mosquitto: Mosquitto,
    port: u16,
    folder: Folder,
}

/// Waits for exactly this line.
impl Broker {
    fn start(lines: &str) -> Self {
        let (folder, port) = (Folder::new(), free_port());
        let text = format!("listener {port} 127.0.0.1\nallow_anonymous true\n{lines}");
        let path = folder.file("m.conf", text.as_bytes());
        let path = path.to_str().expect("a path");
        let mut broker = Self { mosquitto: Mosquitto::start(&["-v", "-c", path], &folder), port, folder };
        let first = broker.mosquitto.next_line().expect("a line");
        let version = first.split(' ').nth(2).expect("a version").to_owned();
        assert_eq!(first, wording::starting("mosquitto", &version));
        broker.says(&wording::config_loaded(Some(path)));
        broker.says(&wording::opening(Socket::Ipv4(port)));
        broker.says(&wording::running("mosquitto", &version));
        broker
    }

    fn says(&mut self, line: &str) {
        let mut before = Vec::new();
        while let Some(said) = self.mosquitto.next_line() {
            if said == line {
                return;
            }
            before.push(said);
        }
        panic!("mosquitto did not say `{line}` but {before:#?}");
    }

    fn connect(&mut self, id: &str, keep_alive_s: u8, is_clean: bool, user: Option<&str>) -> TcpStream {
        let flags = u8::from(is_clean) << 1 | if user.is_some() { 0x80 } else { 0 };
        let mut rest = vec![0, 4, b'M', b'Q', b'T', b'T', 4, flags, 0, keep_alive_s];
        for text in std::iter::once(id).chain(user) {
            rest.extend([0, u8::try_from(text.len()).expect("short")]);
            rest.extend(text.as_bytes());
        }
        let packet = [&[0x10, u8::try_from(rest.len()).expect("short")], rest.as_slice()].concat();
        let stream = talk(self.port, &packet, 4);
        let port = stream.local_addr().expect("an address").port();
        self.says(&wording::new_connection("127.0.0.1", port, self.port));
        let address = "127.0.0.1";
        let client = Connected {
            address,
            port,
            client_id: id,
            edition: 2,
            is_clean,
            keep_alive_s: keep_alive_s.into(),
            username: user,
        };
        self.says(&wording::new_client(&client));
        stream
    }
}

#[test]
fn mosquitto_says_who_comes_and_who_goes_as_we_do() {
    let mut broker = Broker::start("");
    let mut client = broker.connect("one", 7, true, Some("joe"));
    client.write_all(&[0xe0, 0]).expect("sent");
    broker.says(&wording::parted(Some("one"), Parting::Disconnected));
    drop(broker.connect("two", 60, false, None));
    broker.says(&wording::parted(Some("two"), Parting::Closed));
    let mut client = broker.connect("three", 60, true, None);
    client.write_all(&[0, 0]).expect("sent");
    broker.says(&wording::parted(Some("three"), Parting::ProtocolError));
    let port = broker.port;
    let mut nobody = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    nobody.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("sent");
    broker.says(&wording::parted(None, Parting::ProtocolError));
    let _first = broker.connect("four", 60, true, None);
    let packet = b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04four";
    let _second = talk(port, packet, 4);
    broker.says(&wording::parted(Some("four"), Parting::TakenOver));
}

#[test]
fn mosquitto_says_how_connects_are_answered_and_who_is_not_authorised_as_we_do() {
    let folder = Folder::new();
    let users = folder.file("users", b"");
    let mut broker = Broker::start(&format!("log_type all\npassword_file {}\n", users.display()));
    let _client = broker.connect("one", 7, true, None);
    broker.says(&wording::sending_connack("one", false, 0));
    let mut wrong = TcpStream::connect(("127.0.0.1", broker.port)).expect("a connection");
    wrong.write_all(b"\x10\x13\x00\x04MQTT\x04\xc2\x00\x3c\x00\x01z\x00\x01u\x00\x01p").expect("sent");
    broker.says(&wording::sending_connack("127.0.0.1", false, 5));
    broker.says(&wording::parted(None, Parting::NotAuthorised));
}

#[test]
fn mosquitto_says_that_messages_are_dropped_as_we_do() {
    let mut broker = Broker::start("max_queued_messages 1\n");
    let mut away = broker.connect("away", 60, false, None);
    away.write_all(b"\x82\x06\x00\x01\x00\x01a\x01").expect("sent");
    broker.says(&wording::subscribed("away", 1, "a"));
    drop(away);
    broker.says(&wording::parted(Some("away"), Parting::Closed));
    let mut client = broker.connect("one", 60, true, None);
    client.write_all(&b"\x32\x06\x00\x01a\x00\x01x".repeat(3)).expect("sent");
    broker.says(&wording::dropping("away"));
}

#[test]
fn mosquitto_says_that_a_silent_client_is_disconnected_as_we_do() {
    let mut broker = Broker::start("");
    let _client = broker.connect("silent", 1, true, None);
    broker.says(&wording::parted(Some("silent"), Parting::TimedOut));
}

#[test]
fn mosquitto_says_what_is_subscribed_published_and_denied_as_we_do() {
    let folder = Folder::new();
    let acl = folder.file("acl", b"topic read a/#\ntopic write b\n");
    let mut broker = Broker::start(&format!("acl_file {}\n", acl.display()));
    let mut client = broker.connect("me", 60, true, None);
    client.write_all(b"\x82\x08\x00\x01\x00\x03a/#\x01").expect("sent");
    broker.says(&wording::subscribed("me", 1, "a/#"));
    client.write_all(b"\xa2\x07\x00\x02\x00\x03a/#").expect("sent");
    broker.says(&wording::unsubscribed("me", "a/#"));
    client.write_all(b"\x33\x07\x00\x01b\x00\x03hi").expect("sent");
    let publish = Publish {
        client_id: "me",
        is_dup: false,
        qos: 1,
        is_retained: true,
        packet_id: 3,
        topic: "b",
        payload_bytes: 2,
    };
    broker.says(&wording::publish_received(&publish));
    client.write_all(b"\x30\x06\x00\x01chey").expect("sent");
    let denied = Publish { qos: 0, is_retained: false, packet_id: 0, topic: "c", payload_bytes: 3, ..publish };
    broker.says(&wording::publish_denied(&denied));
}

#[test]
fn mosquitto_says_that_it_reads_saves_and_ends_as_we_do() {
    let mut broker = Broker::start("persistence true\n");
    broker.mosquitto.signal("HUP");
    broker.says(&wording::reloading());
    broker.mosquitto.signal("USR1");
    broker.says(&wording::saving("mosquitto.db"));
    broker.mosquitto.signal("TERM");
    let line = std::iter::from_fn(|| broker.mosquitto.next_line()).find(|line| line.ends_with("terminating"));
    let line = line.expect("it ends");
    let version = line.split(' ').nth(2).expect("a version");
    assert_eq!(line, wording::terminating("mosquitto", version));
    assert!(broker.folder.path().exists());
}

#[test]
fn mosquitto_says_that_it_has_no_file_and_which_it_includes_as_we_do() {
    let folder = Folder::new();
    let port = free_port().to_string();
    let mut mosquitto = Mosquitto::start(&["-p", &port], &folder);
    assert!(mosquitto.wait_for(&wording::config_loaded(None)).is_some());
    std::fs::create_dir(folder.path().join("d")).expect("a folder");
    let included = folder.file("d/a.conf", b"sys_interval 5\n");
    let directory = folder.path().join("d");
    let text = format!("listener {port} 127.0.0.1\ninclude_dir {}\nfoo\n", directory.display());
    let path = folder.file("m.conf", text.as_bytes());
    let mut mosquitto = Mosquitto::start(&["-c", path.to_str().expect("a path")], &folder);
    let line = wording::config_included(included.to_str().expect("a path"));
    assert!(mosquitto.wait_for(&line).is_some());
}
