//! Brokers that a file tells what to be, and that are told anew while they run.

use crate::authority::{Authority, Identity};
use crate::broker::POSTRIDER;
use crate::folder::Folder;
use crate::mosquitto::free_port;
use crate::program::{Finished, Lines, Program, run};
use crate::tools::command;
use crate::wire::Wire;
use postrider_proto::Version::V5;
use postrider_testkit::{Hello, publish, subscribe};
use rustix::process::Signal;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// A broker with a file, and what it logs on standard error.
pub(crate) struct Served {
    program: Option<Program>,
    pub(crate) log: Lines,
    pub(crate) folder: Folder,
    pub(crate) file: std::path::PathBuf,
}

impl Served {
    /// `text` may speak of its folder as `FOLDER`. It has said `ready` when this returns.
    pub(crate) fn start(name: &str, file: &str, text: &str, ready: &str) -> Self {
        Self::called(POSTRIDER, name, file, text, ready)
    }

    pub(crate) fn called(program: &str, name: &str, file: &str, text: &str, ready: &str) -> Self {
        let folder = Folder::new(name);
        std::fs::create_dir_all(&folder.0).expect("below the target directory");
        let file = folder.0.join(file);
        std::fs::write(&file, text.replace("FOLDER", &folder.shown())).expect("written");
        // The log comes on standard error; a test hears one of the two.
        let mut bash = Command::new("bash");
        bash.args(["-c", "exec -a \"$0\" \"$1\" -c \"$2\" 2>&1", program, POSTRIDER]).arg(&file);
        let (program, log) = Program::start_and_hear(&mut bash);
        log.wait_for(ready);
        Self { program: Some(program), log, folder, file }
    }

    pub(crate) fn write(&self, text: &str) {
        std::fs::write(&self.file, text.replace("FOLDER", &self.folder.shown())).expect("written");
    }

    /// Has the file read again, and says how that went: the line with one of these words.
    pub(crate) fn reload_until(&self, words: &str) -> String {
        self.program.as_ref().expect("it runs").signal(Signal::HUP);
        self.log.wait_for(words)
    }

    pub(crate) fn id(&self) -> u32 {
        self.program.as_ref().expect("it runs").id()
    }

    pub(crate) fn end(mut self) -> Finished {
        let program = self.program.take().expect("it runs");
        program.signal(Signal::TERM);
        program.finish()
    }
}

pub(crate) fn at(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

pub(crate) fn mosquitto(name: &str, args: &str) -> Command {
    let mut command = command(name);
    command.args(args.split_whitespace());
    command
}

#[test]
fn a_mosquitto_conf_with_tls_certificates_users_and_rules_works_with_mosquittos_commands() {
    let authority = Authority::new("serving-mtls");
    let Identity { certificate, key } = authority.sign("server", &["localhost"]);
    let ann = authority.sign("ann", &[]);
    let (secure, plain) = (free_port(), free_port());
    let text = format!(
        "per_listener_settings true\nlistener {secure}\ncafile {ca}\ncertfile {certificate}\nkeyfile {key}\n\
         require_certificate true\nuse_identity_as_username true\nacl_file FOLDER/acl\n\
         listener {plain} 127.0.0.1\npassword_file FOLDER/passwords\nacl_file FOLDER/acl\n",
        ca = authority.file().display(),
        certificate = certificate.display(),
        key = key.display(),
    );
    let folder = Folder::new("serving-mtls-files");
    std::fs::create_dir_all(&folder.0).expect("below the target directory");
    std::fs::write(folder.0.join("acl"), "pattern readwrite homes/%u/#\nuser otto\ntopic read homes/#\n")
        .expect("written");
    let mut passwd = command("mosquitto_passwd");
    run(passwd.args(["-c", "-b"]).arg(folder.0.join("passwords")).args(["otto", "secret"])).success();
    let text = text.replace("FOLDER", &folder.shown());
    let served = Served::start("serving-mtls-broker", "mosquitto.conf", &text, "running");
    let tls = format!(
        "-h localhost -p {secure} --cafile {} --cert {} --key {}",
        authority.file().display(),
        ann.certificate.display(),
        ann.key.display()
    );
    run(&mut mosquitto("mosquitto_pub", &format!("{tls} -q 1 -r -t homes/ann/lamp -m on"))).success();
    let otto = format!("-h 127.0.0.1 -p {plain} -u otto -P secret");
    let heard = run(&mut mosquitto("mosquitto_sub", &format!("{otto} -t homes/+/lamp -C 1 -W 20"))).success();
    assert_eq!(heard.text(), "on\n");
    // What the rules refuse, and who has no certificate or another password.
    run(&mut mosquitto("mosquitto_pub", &format!("{tls} -q 1 -t homes/otto/lamp -m no"))).success();
    served.log.wait_for("may not publish to homes/otto/lamp: no rule of acl allows it");
    let stranger = format!("-h localhost -p {secure} --cafile {}", authority.file().display());
    assert_ne!(run(&mut mosquitto("mosquitto_pub", &format!("{stranger} -t a -m x"))).code, Some(0));
    let wrong = format!("-h 127.0.0.1 -p {plain} -u otto -P wrong -t a -m x");
    assert_eq!(run(&mut mosquitto("mosquitto_pub", &wrong)).code, Some(4));
    assert_ne!(run(&mut mosquitto("mosquitto_pub", &format!("-h 127.0.0.1 -p {plain} -t a -m x"))).code, Some(0));
    assert_eq!(served.end().code, Some(0));
}

#[test]
fn a_file_that_is_read_again_opens_and_closes_listeners_and_disconnects_nobody() {
    let (first, second) = (free_port(), free_port());
    let listener = |name: &str, port: u16, rest: &str| {
        format!("[[listener]]\nname = \"{name}\"\nbind = \"127.0.0.1:{port}\"\n{rest}")
    };
    let data = "[data]\ndirectory = \"memory\"\n";
    let text = format!("{data}{}", listener("one", first, ""));
    let served = Served::start("serving-reload", "postrider.toml", &text, "data directory");
    let mut old = Wire::client(at(first), &Hello::new("old"));
    old.send(&subscribe(1, "a", 1).bytes(V5));
    old.expect("SUBACK #1 01");
    // Another listener, with a mount point and smaller packets; the first one is bounded too.
    let rest = "[listener.limits]\nmount_point = \"below/\"\nmax_packet_size = \"1KiB\"\n";
    served.write(&format!("{data}{}{}", listener("one", first, ""), listener("two", second, rest)));
    let said = served.reload_until("configuration read again");
    assert!(said.contains("listeners 2, new ones among them 1;"), "{said}");
    let mut new = Wire::client(at(second), &Hello::new("new"));
    new.send(&publish("x", "").sized(2000).bytes(V5));
    new.expect("DISCONNECT PacketTooLarge");
    let mut new = Wire::client(at(second), &Hello::new("new"));
    old.send(&subscribe(2, "below/#", 0).bytes(V5));
    old.expect("SUBACK #2 00");
    new.send(&publish("x", "hello").bytes(V5));
    old.expect("PUBLISH below/x q0 \"hello\"");
    // A fault in a file that a good configuration names: not even its new listener is there.
    let third = free_port();
    std::fs::write(served.folder.0.join("passwords"), "no colon\n").expect("written");
    let broken = "[listener.auth]\npassword_file = \"FOLDER/passwords\"\n";
    served.write(&format!(
        "{data}{}{}{}",
        listener("one", first, ""),
        listener("two", second, rest),
        listener("three", third, broken)
    ));
    let said = served.reload_until("nothing has changed");
    assert!(said.contains("passwords:1"), "{said}");
    assert!(std::net::TcpStream::connect(at(third)).is_err(), "nobody listens there");
    // The same where a port is taken: what was closed for it is open again.
    let taken = std::net::TcpListener::bind(at(third)).expect("free");
    served.write(&format!("{data}{}{}", listener("one", first, ""), listener("three", third, "")));
    let said = served.reload_until("nothing has changed");
    assert!(said.contains(&third.to_string()), "{said}");
    drop((taken, Wire::client(at(second), &Hello::new("again"))));
    // A fault: file, line, and nothing changes.
    served.write(&format!("{data}{}[limits]\nmax_packt_size = 7\n", listener("one", first, "")));
    let said = served.reload_until("nothing has changed");
    assert!(said.contains("postrider.toml") && said.contains("max_packt_size"), "{said}");
    drop(Wire::client(at(second), &Hello::new("still")));
    // What needs a restart is said.
    served.write(&text.replace("[data]", "[limits]\nmax_outbox = \"64KiB\"\n[data]").replace(
        &listener("one", first, ""),
        &format!("{}{}", listener("one", first, ""), listener("two", second, rest)),
    ));
    served.reload_until("limits.max_outbox has changed, and holds when the broker starts again");
    served.log.wait_for("configuration read again");
    // The second one goes; whoever came through it stays.
    served.write(&text);
    let said = served.reload_until("configuration read again");
    assert!(said.contains("listeners 1, new ones among them 0;"), "{said}");
    assert!(std::net::TcpStream::connect(at(second)).is_err(), "nobody listens there");
    new.send(&publish("x", "again").bytes(V5));
    old.expect("PUBLISH below/x q0 \"again\"");
    assert_eq!(served.end().code, Some(0));
}

#[test]
fn a_certificate_is_renewed_without_a_word_to_those_who_are_in() {
    let authority = Authority::new("serving-renewal");
    let port = free_port();
    let first = authority.sign("server", &["localhost"]);
    let text = format!(
        "[data]\ndirectory = \"memory\"\n[[listener]]\nname = \"tls\"\nbind = \"127.0.0.1:{port}\"\n\
         [listener.auth]\nallow_anonymous = true\n[listener.tls]\ncertificate = \"{}\"\nkey = \"{}\"\n",
        first.certificate.display(),
        first.key.display()
    );
    let served = Served::start("serving-renewal-broker", "postrider.toml", &text, "data directory");
    let way = format!("-h localhost -p {port} --cafile {}", authority.file().display());
    let (subscriber, lines) = Program::start_and_hear(&mut mosquitto("mosquitto_sub", &format!("{way} -t a -v -C 2")));
    served.log.wait_for("connected");
    run(&mut mosquitto("mosquitto_pub", &format!("{way} -t a -m before -r"))).success();
    lines.wait_for("before");
    // Half of a key: nothing changes.
    let good = std::fs::read(&first.key).expect("there");
    std::fs::write(&first.key, &good[..good.len() / 2]).expect("written");
    let said = served.reload_until("nothing has changed");
    assert!(said.contains("server.key"), "{said}");
    authority.sign("server", &["localhost"]);
    served.reload_until("configuration read again");
    run(&mut mosquitto("mosquitto_pub", &format!("{way} -t a -m after"))).success();
    lines.wait_for("after");
    assert_eq!(subscriber.finish().code, Some(0));
    assert_eq!(served.end().code, Some(0));
}

#[test]
fn the_program_under_mosquittos_name_takes_its_command_line_and_has_its_exit_codes() {
    let port = free_port();
    let text = format!("listener {port} 127.0.0.1\nallow_anonymous true\nlog_type all\nlog_dest stderr\n");
    let served = Served::called("mosquitto", "serving-name", "m.conf", &text, "version");
    served.log.wait_for("Config loaded from");
    served.log.wait_for(&format!("Opening ipv4 listen socket on port {port}."));
    served.log.wait_for("running");
    run(&mut mosquitto("mosquitto_pub", &format!("-h 127.0.0.1 -p {port} -i me -t a -m x"))).success();
    served.log.wait_for("as me (p2, c1, k60).");
    served.log.wait_for("Client me disconnected.");
    served.reload_until("Reloading config.");
    let file = served.file.clone();
    assert_eq!(served.end().code, Some(0));
    let as_mosquitto = |args: &[&str]| {
        let mut command = Command::new(POSTRIDER);
        run(command.arg0("/usr/sbin/mosquitto").args(args))
    };
    assert_eq!(as_mosquitto(&["--nonsense"]).code, Some(3));
    assert_eq!(as_mosquitto(&["-c", "/there/is/none.conf"]).code, Some(3));
    assert_eq!(as_mosquitto(&["-h"]).code, Some(3));
    assert_eq!(as_mosquitto(&["--version"]).code, Some(0));
    let folder = Folder::new("serving-name-codes");
    std::fs::create_dir_all(&folder.0).expect("below the target directory");
    let bad = folder.0.join("bad.conf");
    let with = |text: &str| {
        std::fs::write(&bad, text).expect("written");
        as_mosquitto(&["-c", bad.to_str().expect("a path")])
    };
    let told = with("listener 1884\nalow_anonymous true\n");
    assert_eq!(told.code, Some(3));
    assert!(told.errors.contains("bad.conf:2") && told.errors.contains("allow_anonymous"), "{}", told.errors);
    assert_eq!(with(&format!("listener {port} 127.0.0.1\npassword_file /there/is/none\n")).code, Some(13));
    let _taken = std::net::TcpListener::bind(at(port)).expect("free again");
    assert_eq!(with(&format!("listener {port} 127.0.0.1\nallow_anonymous true\n")).code, Some(1));
    assert!(!file.exists(), "its folder is gone");
}

#[test]
fn whoever_starts_it_as_root_with_a_user_gets_a_broker_that_is_that_user_and_can_be_no_more() {
    assert!(rustix::process::geteuid().is_root(), "run this test as root: it gives root up");
    let port = free_port();
    let text = format!(
        "[process]\nuser = \"nobody\"\n[data]\ndirectory = \"FOLDER/data\"\n[[listener]]\nname = \"one\"\nbind = \"127.0.0.1:{port}\"\n"
    );
    let served = Served::start("serving-user", "postrider.toml", &text, "data directory");
    let status = std::fs::read_to_string(format!("/proc/{}/status", served.id())).expect("it runs");
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux").to_owned();
    assert!(field("Uid:").split_whitespace().all(|id| id == "65534"), "{}", field("Uid:"));
    assert_eq!(field("NoNewPrivs:").trim(), "1");
    let hello = Hello::new("c").resume().expiry(1000);
    let mut client = Wire::client(at(port), &hello);
    client.send(&subscribe(1, "a", 1).bytes(V5));
    client.expect("SUBACK #1 01");
    client.send(&publish("a", "kept").q1(2).bytes(V5));
    client.expect("PUBLISH a q1 #1 \"kept\"");
    let folder = served.folder.0.clone();
    assert!(folder.join("data").exists());
    assert_eq!(served.end().code, Some(0));
}

#[test]
fn mqtt_js_comes_over_websocket_with_and_without_tls_and_pages_of_other_origins_do_not() {
    let authority = Authority::new("serving-ws");
    let Identity { certificate, key } = authority.sign("server", &["localhost"]);
    let (plain, secure) = (free_port(), free_port());
    let text = format!(
        "[data]\ndirectory = \"memory\"\n\
         [[listener]]\nname = \"ws\"\nbind = \"localhost:{plain}\"\nprotocol = \"websockets\"\n\
         [listener.websocket]\npath = \"/mqtt\"\norigins = [\"https://good.example\"]\n\
         [[listener]]\nname = \"wss\"\nbind = \"localhost:{secure}\"\nprotocol = \"websockets\"\n\
         [listener.auth]\nallow_anonymous = true\n[listener.tls]\ncertificate = \"{}\"\nkey = \"{}\"\n",
        certificate.display(),
        key.display()
    );
    let served = Served::start("serving-ws-broker", "postrider.toml", &text, "data directory");
    let ca = authority.file().display().to_string();
    for (port, over) in [
        (plain, serde_json::json!({ "protocol": "ws", "path": "/mqtt" })),
        (secure, serde_json::json!({ "protocol": "wss", "path": "/mqtt", "authority": ca })),
    ] {
        for version in ["3.1.1", "5.0"] {
            let (mut node, lines) = Program::start_and_hear(&mut crate::tools::mqtt_js());
            let mut tell = |order: serde_json::Value| node.tell(format!("{order}\n").as_bytes());
            tell(serde_json::json!({
                "do": "connect", "port": port, "version": version, "id": "js", "clean": true, "over": over
            }));
            lines.wait_for("connected");
            tell(serde_json::json!({ "do": "subscribe", "filter": "a/#", "qos": 1 }));
            lines.wait_for("subscribed");
            tell(serde_json::json!({ "do": "publish", "topic": "a/b", "payload": "over the web", "qos": 1 }));
            lines.wait_for("over the web");
        }
    }
    let stranger = "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
                    Sec-WebSocket-Protocol: mqtt\r\nOrigin: https://evil.example\r\n\r\n";
    let answer = |request: &str| {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(("localhost", plain)).expect("it listens");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).expect("it answers");
        String::from_utf8_lossy(&answer).into_owned()
    };
    assert_eq!(answer(stranger), "HTTP/1.1 403");
    assert_eq!(answer(&stranger.replace("evil", "good")), "HTTP/1.1 101");
    assert_eq!(answer(&stranger.replace("/mqtt HTTP", "/other HTTP")), "HTTP/1.1 404");
    assert_eq!(served.end().code, Some(0));
}
