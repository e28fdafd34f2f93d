//! The command line, and mosquitto's own exit codes.

use super::binary::{Folder, Mosquitto, free_port};
use super::read;
use postrider_config::model::{Bind, LogType};
use postrider_config::mosquitto::{
    Asked, CommandLine, EXIT_MISUSED, EXIT_NOT_STARTED, EXIT_SIDE_FILE, EXIT_STOPPED, command_line, is_called_mosquitto,
};
use std::net::TcpListener;
use std::path::PathBuf;

fn broker(args: &str) -> CommandLine {
    match command_line(args.split_whitespace()) {
        Ok(Asked::Broker(line)) => line,
        other => panic!("{other:?}"),
    }
}

#[test]
fn options_are_read_in_both_forms() {
    let short = broker("-c a.conf -p 1 -p 2 -v -q -d");
    let long = broker("--config-file a.conf --port 1 --port 2 --verbose --quiet --daemon");
    assert_eq!(short, long);
    assert_eq!((short.config_file.as_deref(), short.ports.as_slice()), (Some("a.conf"), [1, 2].as_slice()));
    let line = broker("--test-config --tls-keylog k");
    assert!(line.tests_config);
    assert_eq!(line.tls_key_log, Some(PathBuf::from("k")));
    assert_eq!(command_line(["-h"]), Ok(Asked::Help));
    assert_eq!(command_line(["--version"]), Ok(Asked::Version));
}

#[test]
fn what_is_wrong_is_told_in_one_line() {
    let eleven = "-p 1 ".repeat(11);
    for args in ["-x", "-c", "-p", "-p 0", "-p 70000", "-p x", "foo", "-vp 1", eleven.as_str()] {
        let what = command_line(args.split_whitespace()).expect_err(args);
        assert!(!what.contains('\n') && !what.is_empty(), "{what}");
    }
}

#[test]
fn ports_are_for_this_machine_and_for_a_file_without_listeners() {
    let mut config = read("max_connections 9\n");
    broker("-p 1884 -p 1885").apply(&mut config);
    let ports: Vec<&Bind> = config.listeners.iter().map(|listener| &listener.bind).collect();
    let local = |port| Bind::Tcp { host: "localhost".to_owned(), port };
    assert_eq!(ports, [&local(1884), &local(1885)]);
    assert!(config.listeners.iter().all(|listener| listener.limits.connections_max == 9));
    let mut config = read("listener 1883 localhost\n");
    broker("-c m.conf -p 1884").apply(&mut config);
    assert_eq!(config.listeners[0].bind, local(1883));
    let last = config.notices.last().expect("a notice").to_string();
    assert_eq!(last, "m.conf: -p: has no effect: the file says where to listen");
}

#[test]
fn verbose_and_quiet_overrule_the_file() {
    let mut config = read("log_type error\n");
    broker("-v").apply(&mut config);
    assert_eq!(config.log.types.len(), 9);
    broker("-q").apply(&mut config);
    assert_eq!(config.log.types, Vec::<LogType>::new());
    broker("-d").apply(&mut config);
    assert!(config.process.daemonize);
}

#[test]
fn a_key_log_is_for_every_listener_with_tls() {
    let mut config = read("listener 1\nlistener 2\ncertfile c\nkeyfile k\n");
    broker("--tls-keylog k").apply(&mut config);
    let logs: Vec<bool> = config
        .listeners
        .iter()
        .map(|listener| listener.tls.as_ref().is_some_and(|tls| tls.key_log.is_some()))
        .collect();
    assert_eq!(logs, [false, true]);
}

#[test]
fn the_name_of_the_program_says_whose_command_line_it_is() {
    assert!(is_called_mosquitto("mosquitto") && is_called_mosquitto("/usr/sbin/mosquitto"));
    assert!(!is_called_mosquitto("postrider") && !is_called_mosquitto("/opt/mosquitto/postrider"));
}

#[test]
fn exit_codes_are_those_of_mosquitto() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let folder = Folder::new();
    let path = |name: &str, text: &str| folder.file(name, text.as_bytes()).to_str().expect("a path").to_owned();
    let bad = path("bad.conf", "foo\n");
    let busy = path("busy.conf", &format!("listener {port} 127.0.0.1\n"));
    let side = path("side.conf", &format!("listener {} 127.0.0.1\npassword_file /no/such\n", free_port()));
    let cases: [(&[&str], u8); 9] = [
        (&["-x"], EXIT_MISUSED),
        (&["-c"], EXIT_MISUSED),
        (&["-c", "/no/such.conf"], EXIT_MISUSED),
        (&["-c", "/"], EXIT_MISUSED),
        (&["-p", "0"], EXIT_MISUSED),
        (&["-h"], EXIT_MISUSED),
        (&["-c", &bad], EXIT_MISUSED),
        (&["-c", &busy], EXIT_NOT_STARTED),
        (&["-c", &side], EXIT_SIDE_FILE),
    ];
    for (args, code) in cases {
        let mut mosquitto = Mosquitto::start(args, &folder);
        while mosquitto.next_line().is_some() {}
        assert_eq!(mosquitto.exit_code(), Some(i32::from(code)), "{args:?}");
    }
    let good = path("good.conf", &format!("listener {} 127.0.0.1\n", free_port()));
    let mut mosquitto = Mosquitto::start(&["-c", &good], &folder);
    assert!(mosquitto.wait_for(" running").is_some());
    mosquitto.signal("TERM");
    assert_eq!(mosquitto.exit_code(), Some(i32::from(EXIT_STOPPED)));
}
