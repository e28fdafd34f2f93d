//! How clients come to a server otherwise than over TCP alone, beside mosquitto's commands where those can.

use crate::authority::{Authority, Identity};
use crate::broker::{Broker, POSTRIDER};
use crate::mosquitto::{Mosquitto, free_port};
use crate::program::{Finished, Program, run};
use crate::relay::Relay;
use crate::tools::command;
use std::path::Path;
use std::process::Command;

/// A command with these words.
fn words(name: &str, args: &str) -> Command {
    let mut command = command(name);
    command.args(args.split_whitespace());
    command
}

/// A retained message goes to the server with one command and comes back with another.
fn in_all_directions(way: &str) {
    for (from, to) in
        [("postrider pub", "postrider sub"), ("mosquitto_pub", "postrider sub"), ("postrider pub", "mosquitto_sub")]
    {
        let message = from.replace(' ', "-");
        run(&mut words(from, &format!("-t round/trip -r -q 1 -m {message} {way}"))).success();
        let heard = run(&mut words(to, &format!("-t round/trip -C 1 -W 20 {way}"))).success();
        assert_eq!(heard.text(), format!("{message}\n"), "{from} {to} {way}");
    }
}

fn secured(name: &'static str, lines: &str) -> (Authority, Mosquitto, u16) {
    let (authority, port) = (Authority::new(name), free_port());
    let Identity { certificate, key } = authority.sign("server", &["localhost"]);
    let (certificate, key) = (certificate.display(), key.display());
    let authority_file = authority.file();
    let lines =
        format!("listener {port}\ncafile {}\ncertfile {certificate}\nkeyfile {key}\n{lines}", authority_file.display());
    let broker = Mosquitto::start(&format!("{name}-broker"), port, &lines);
    (authority, broker, port)
}

fn refused(args: &str) -> Finished {
    let ended = run(&mut words("postrider pub", &format!("-t a -m x {args}")));
    assert_eq!(ended.code, Some(1), "{args}: {}", ended.errors);
    assert_eq!(ended.errors.lines().count(), 1, "{args}: {}", ended.errors);
    ended
}

#[test]
fn messages_go_over_tls_with_every_command_and_in_both_versions() {
    let (authority, _broker, port) = secured("tls", "");
    let ca = authority.file().display().to_string();
    in_all_directions(&format!("-h localhost -p {port} --cafile {ca}"));
    in_all_directions(&format!("-h localhost -p {port} --cafile {ca} --tls-version tlsv1.3 --tls-alpn mqtt"));
    in_all_directions(&format!("-h localhost -p {port} --cafile {ca} --ciphers ECDHE-ECDSA-AES256-GCM-SHA384"));
    let folder = authority.folder();
    let way = format!("-p {port} --capath {}", folder.display());
    round_trip_ours(&way);
}

/// The same with our commands on both ends.
fn round_trip_ours(way: &str) {
    run(&mut words("postrider pub", &format!("-t ours -r -q 2 -m x {way}"))).success();
    assert_eq!(run(&mut words("postrider sub", &format!("-t ours -C 1 -W 20 {way}"))).success().text(), "x\n");
}

#[test]
fn a_url_with_mqtts_is_tls() {
    let (authority, _broker, port) = secured("tls-url", "");
    let ca = authority.file().display().to_string();
    let way = format!("-L mqtts://localhost:{port}/url/topic --cafile {ca}");
    let sub = Program::start(&mut words("postrider sub", &format!("{way} -C 1 -W 20 -q 1 -i url -c")));
    run(&mut words("postrider pub", &format!("{way} -r -m x -q 1"))).success();
    assert_eq!(sub.finish().success().text(), "x\n");
}

#[test]
fn a_server_that_nobody_vouches_for_is_refused_with_what_to_do() {
    let (authority, _broker, port) = secured("tls-refused", "");
    let other = Authority::new("tls-other");
    let (ca, other) = (authority.file().display().to_string(), other.file().display().to_string());
    let said = refused(&format!("-p {port} --cafile {other}")).errors;
    assert!(said.contains(&format!("signed by nobody in {other}")) && said.contains("--cafile"), "{said}");
    let said = refused(&format!("-p {port} --tls-use-os-certs")).errors;
    assert!(said.contains("the system's certificates"), "{said}");
    // It is called localhost, not by its number.
    let numbered = format!("-h 127.0.0.1 -p {port} --cafile {ca}");
    let said = refused(&numbered).errors;
    assert!(said.contains("not for 127.0.0.1") && said.contains("--insecure"), "{said}");
    round_trip_ours(&format!("{numbered} --insecure"));
    let said = refused(&format!("-h 127.0.0.1 -p {port} --cafile {other} --insecure")).errors;
    assert!(said.contains("signed by nobody"), "only the name is not looked at: {said}");
    for args in [format!("-t a -m x -p {port} --cafile {other}"), format!("-t a -m x {numbered}")] {
        assert_ne!(run(&mut words("mosquitto_pub", &args)).code, Some(0), "{args}");
    }
}

#[test]
fn a_server_that_asks_for_a_certificate_lets_in_those_that_have_one() {
    let (authority, _broker, port) = secured("tls-client", "require_certificate true\nuse_identity_as_username true\n");
    let ca = authority.file().display().to_string();
    let lamp = authority.sign("lamp", &[]);
    let way = format!("-h localhost -p {port} --cafile {ca}");
    in_all_directions(&format!("{way} --cert {} --key {}", lamp.certificate.display(), lamp.key.display()));
    let said = refused(&way).errors;
    assert!(said.contains("--cert and --key"), "{said}");
    let strangers = Authority::new("tls-strangers");
    let stranger = strangers.sign("stranger", &[]);
    let said =
        refused(&format!("{way} --cert {} --key {}", stranger.certificate.display(), stranger.key.display())).errors;
    assert!(said.contains("--cert and --key"), "{said}");
    let said = refused(&format!("{way} --cert {} --key {}", lamp.certificate.display(), stranger.key.display())).errors;
    assert!(said.contains("do not fit"), "{said}");
}

#[test]
fn tls_and_a_port_without_it_do_not_meet_and_say_so() {
    let (authority, _broker, port) = secured("tls-mismatch", "");
    let plain = Broker::start();
    let ca = authority.file().display().to_string();
    let said = refused(&format!("-h localhost -p {} --cafile {ca}", plain.port())).errors;
    assert!(said.contains("TLS"), "{said}");
    let ended = run(&mut words("postrider pub", &format!("-t a -m x -p {port}")));
    assert_eq!(ended.code, Some(1), "{}", ended.errors);
}

#[test]
fn keys_of_connections_are_logged_for_whoever_reads_the_wire() {
    let (authority, _broker, port) = secured("tls-keys", "");
    let (ca, log) = (authority.file(), authority.folder().join("keys"));
    let way = format!("-p {port} --cafile {} --tls-keylog {}", ca.display(), log.display());
    run(&mut words("postrider pub", &format!("-t a -m x {way}"))).success();
    let lines = std::fs::read_to_string(&log).expect("it was written");
    assert!(lines.lines().any(|line| line.starts_with("CLIENT_TRAFFIC_SECRET_0 ")), "{lines}");
    assert!(lines.lines().all(|line| line.split(' ').count() == 3), "{lines}");
}

#[test]
fn messages_go_over_a_socket_of_this_machine() {
    let port = free_port();
    // A socket's path may be no longer than a hundred bytes or so.
    let path = std::env::temp_dir().join(format!("postrider-{}.sock", std::process::id()));
    let path = path.display().to_string();
    let broker = Mosquitto::start("unix", port, &format!("listener {port}\nlistener 0 {path}\n"));
    in_all_directions(&format!("--unix {path}"));
    let url = format!("unix://{path}");
    bench(&["messages", "-q", "1", "--url", &url], broker.id());
    drop(broker);
    let said = refused(&format!("--unix {path}")).errors;
    assert!(said.contains(&path), "{said}");
    let _ = std::fs::remove_file(Path::new(&path));
}

// Binary messages that do not end where packets do, with the subprotocol mqtt: chapter 6, the client's half.
#[test]
fn messages_go_over_websocket_with_tls_and_without() {
    let broker = Broker::start();
    let authority = Authority::new("web");
    let identity = authority.sign("server", &["localhost"]);
    let plain = Relay::web((&broker).into(), None);
    let secure = Relay::web((&broker).into(), Some(&identity));
    let ca = authority.file().display().to_string();
    round_trip_ours(&format!("--ws -p {}", plain.port));
    round_trip_ours(&format!("--ws -p {} --cafile {ca}", secure.port));
    for (scheme, port) in [("ws", plain.port), ("wss", secure.port)] {
        let way = format!("-L {scheme}://localhost:{port}/by/url --cafile {ca}");
        let way = if scheme == "ws" { way.replace(&format!(" --cafile {ca}"), "") } else { way };
        run(&mut words("postrider pub", &format!("{way} -r -m x"))).success();
        assert_eq!(run(&mut words("postrider sub", &format!("{way} -C 1"))).success().text(), "x\n");
        let url = format!("{scheme}://localhost:{port}/a/path");
        let trust: &[&str] = if scheme == "wss" { &["--cafile", &ca] } else { &[] };
        bench(&[&["messages", "-q", "1", "--url", &url][..], trust].concat(), broker.id());
        bench(&[&["handshake", "--parallel", "4", "--url", &url][..], trust].concat(), broker.id());
    }
    assert!(plain.asked().contains(&"/mqtt mqtt".to_owned()), "{:?}", plain.asked());
    assert!(plain.asked().contains(&"/a/path mqtt".to_owned()), "{:?}", plain.asked());
    // A broker is no web server.
    let said = refused(&format!("--ws -p {}", broker.port())).errors;
    assert!(said.contains("WebSocket") || said.contains("closed") || said.contains("reset"), "{said}");
}

#[test]
fn messages_go_through_a_proxy_that_looks_names_up() {
    let (broker, proxy) = (Broker::start(), Relay::socks());
    let place = format!("-h only.the.proxy.knows -p {}", broker.port());
    let way = |login: &str| format!("{place} --proxy socks5h://{login}127.0.0.1:{}", proxy.port);
    in_all_directions(&way("user:password@"));
    assert!(proxy.asked().iter().all(|asked| *asked == format!("only.the.proxy.knows:{}", broker.port())));
    let said = refused(&way("")).errors;
    assert!(said.contains("user:password@"), "{said}");
    let said = refused(&way("user:wrong@")).errors;
    assert!(said.contains("does not accept"), "{said}");
    let nobody = free_port();
    let said = refused(&format!("-h h -p {nobody} --proxy socks5h://user:password@127.0.0.1:{}", proxy.port)).errors;
    assert!(said.contains("the server refused"), "{said}");
}

#[test]
fn load_and_handshakes_are_measured_over_tls() {
    let (authority, broker, port) = secured("tls-bench", "max_inflight_messages 100\n");
    let ca = authority.file().display().to_string();
    let url = format!("mqtts://localhost:{port}");
    for scenario in ["messages", "handshake", "connect", "idle", "retained"] {
        let few: &[&str] = match scenario {
            "idle" => &["--connections", "10"],
            "retained" => &["--count", "500"],
            "messages" => &["-q", "1", "--size", "40000", "--burst", "4"],
            _ => &["--parallel", "4"],
        };
        let figures = bench(&[&[scenario, "--url", &url, "--cafile", &ca][..], few].concat(), broker.id());
        assert_eq!(figures["transport"], "mqtts");
        if scenario == "handshake" {
            assert!(figures["cpu_ns_per_handshake"].as_f64().is_some_and(|cpu| cpu > 1000.0), "{figures}");
        }
    }
    let mut forgotten = Command::new(POSTRIDER);
    let ended = run(forgotten.args(["bench", "idle", "-p", &port.to_string(), "--cafile", &ca]));
    assert!(ended.code == Some(1) && ended.errors.contains("mqtts://"), "{}", ended.errors);
}

fn bench(args: &[&str], pid: u32) -> serde_json::Value {
    let mut command = Command::new(POSTRIDER);
    command.arg("bench").args(args).args(["--seconds", "1", "--warm", "0", "--json", "--pid", &pid.to_string()]);
    let ended = run(&mut command).success();
    serde_json::from_slice(&ended.output).unwrap_or_else(|error| panic!("{args:?}: {error}"))
}

#[test]
fn statements_are_tested_over_tls() {
    let (authority, _broker, port) = secured("tls-conformance", "");
    let mut command = Command::new(POSTRIDER);
    command.args(["conformance", &format!("mqtts://localhost:{port}"), "-V", "3.1.1", "--only", "MQTT-4.7.2-1"]);
    let ended = run(command.arg("--cafile").arg(authority.file())).success();
    assert!(ended.text().contains("3 passed, 0 failed"), "{}", ended.text());
}

#[test]
fn what_contradicts_itself_is_refused_by_both_families() {
    let (authority, _broker, port) = secured("tls-nonsense", "");
    let ca = authority.file().display().to_string();
    for args in [
        format!("--psk 00 --psk-identity x --cafile {ca}"),
        "--psk 00".to_owned(),
        "--cert a".to_owned(),
        "--key a".to_owned(),
        "--keyform pem".to_owned(),
        "--tls-engine nobody".to_owned(),
        "--cafile /no/such/file".to_owned(),
        format!("--cafile {ca} --tls-version tlsv9"),
        format!("--cafile {ca} --cert /no/such/file --key /no/such/file"),
    ] {
        let place = format!("-h localhost -p {port} -t a -m x {args}");
        let codes = ["mosquitto_pub", "postrider pub"].map(|name| run(&mut words(name, &place)).code);
        assert_eq!(codes[1].map(|code| code == 0), Some(false), "{args}: {codes:?}");
        assert_eq!(codes[0].map(|code| code == 0), Some(false), "{args}: {codes:?}");
    }
}
