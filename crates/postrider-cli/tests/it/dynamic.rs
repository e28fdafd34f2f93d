//! Dynamic security in a running broker, commanded by mosquitto_ctrl.

use crate::folder::Folder;
use crate::tools::{command, missing};
use postrider::{Broker, ReasonCode, defaults};
use postrider_auth::dynamic::{Change, Dynamic, Settings};
use postrider_proto::{Packet, Version, split};
use postrider_testkit::Hello;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

/// Runs `mosquitto_ctrl` as somebody; what it says, and whether it is content.
fn ctrl(address: SocketAddr, (user, password): (&str, &str), words: &[&str]) -> (String, bool) {
    let mut ctrl = command("mosquitto_ctrl");
    ctrl.args(["-h", "127.0.0.1", "-p", &address.port().to_string(), "-u", user, "-P", password, "dynsec"]);
    let output = ctrl.args(words).output().unwrap_or_else(|_| missing("mosquitto_ctrl"));
    let said = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&said).into_owned(), output.status.success())
}

fn served(dynamic: &Dynamic) -> Broker {
    let broker = Broker::builder()
        .listen("127.0.0.1:0".parse().expect("an address"))
        .limits(defaults::limits())
        .threads(1)
        .authenticate(dynamic.clone())
        .authorize(dynamic.clone())
        .control(Dynamic::NAME, dynamic.clone())
        .start()
        .expect("a broker");
    let handle = broker.handle();
    dynamic.on_change(move |change| match change {
        Change::Rights => drop(handle.review()),
        Change::Gone(principals) => drop(handle.end_connections(principals, ReasonCode::AdministrativeAction)),
    });
    broker
}

/// What comes of a CONNECT, and what comes after it until the connection ends, if it does soon.
fn connect(address: SocketAddr, hello: &Hello) -> (TcpStream, ReasonCode) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
    stream.write_all(&hello.bytes()).expect("a connection");
    let reason = next(&mut stream, |packet| match packet {
        Packet::Connack(connack) => connack.reason,
        other => panic!("{other:?}"),
    });
    (stream, reason)
}

fn next<T>(stream: &mut TcpStream, look: impl FnOnce(&Packet<'_>) -> T) -> T {
    let mut bytes = Vec::new();
    loop {
        if let Some(frame) = split(&bytes, usize::MAX).expect("packets") {
            return look(&Packet::decode(frame, Version::V5).expect("a packet"));
        }
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a packet");
        bytes.extend_from_slice(&byte);
    }
}

fn init(path: &Path) -> Dynamic {
    let output = command("mosquitto_ctrl").args(["dynsec", "init"]).arg(path).args(["admin", "secret"]).output();
    assert!(output.unwrap_or_else(|_| missing("mosquitto_ctrl")).status.success());
    Dynamic::open(path, Settings { iterations: 101, ..Settings::default() }).expect("a file")
}

#[tokio::test]
async fn mosquitto_ctrl_administers_a_broker() {
    let folder = Folder::new("dynamic-ctrl");
    std::fs::create_dir_all(&folder.0).expect("a directory");
    let path = folder.0.join("ds.json");
    let dynamic = init(&path);
    let broker = served(&dynamic);
    let (address, admin) = (broker.addresses()[0], ("admin", "secret"));
    let work = move || {
        let run = |words: &[&str]| {
            let (said, is_content) = ctrl(address, admin, words);
            assert!(is_content && !said.contains("rror"), "{words:?}: {said}");
            said
        };
        run(&["createRole", "sensors"]);
        run(&["addRoleACL", "sensors", "publishClientSend", "sensors/#", "allow", "5"]);
        run(&["createGroup", "house"]);
        run(&["addGroupRole", "house", "sensors", "3"]);
        run(&["createClient", "anna", "-p", "pw"]);
        run(&["addGroupClient", "house", "anna"]);
        assert!(run(&["getRole", "sensors"]).contains("sensors/#"));
        assert!(run(&["getClient", "anna"]).contains("house"));
        assert!(run(&["listClients"]).contains("anna"));
        assert!(run(&["getDefaultACLAccess"]).contains("publishClientSend"));
        let (said, _) = ctrl(address, admin, &["createRole", "sensors"]);
        assert!(said.contains("Role already exists"), "{said}");
        let hello = Hello::new("c").user("anna", "pw");
        let (mut anna, reason) = connect(address, &hello);
        assert_eq!(reason, ReasonCode::Success);
        run(&["disableClient", "anna"]);
        let farewell = next(&mut anna, |packet| match packet {
            Packet::Disconnect(disconnect) => disconnect.reason,
            other => panic!("{other:?}"),
        });
        assert_eq!(farewell, ReasonCode::AdministrativeAction);
        assert!(connect(address, &hello).1.is_error());
        run(&["enableClient", "anna"]);
        assert_eq!(connect(address, &hello).1, ReasonCode::Success);
        let (said, _) = ctrl(address, ("anna", "pw"), &["listClients"]);
        assert!(!said.contains("admin"), "no administrator: {said}");
    };
    tokio::task::spawn_blocking(work).await.expect("it is done");
    drop(broker);
    // Another start finds all of it.
    let again = Dynamic::open(&path, Settings::default()).expect("a file");
    let listed = again.run(br#"{"commands":[{"command":"listClients"},{"command":"getGroup","groupname":"house"}]}"#);
    let listed = String::from_utf8_lossy(&listed);
    assert!(listed.contains("anna") && listed.contains("sensors"), "{listed}");
}
