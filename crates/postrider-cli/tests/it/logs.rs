//! Lines that people search mosquitto's logs for, where they look for them.

use crate::mosquitto::free_port;
use crate::program::{Lines, Program, run};
use crate::serving::{Served, at, mosquitto};
use crate::tools::command;
use crate::wire::Wire;
use postrider_testkit::Hello;
use std::io::Write;
use std::net::TcpStream;

/// A broker in the place of mosquitto, with users `ann` and `eve`, who may do other things.
fn served(name: &str, port: u16, lines: &str) -> Served {
    let text = format!(
        "listener {port} 127.0.0.1\npassword_file FOLDER/users\nacl_file FOLDER/acl\nlog_type all\nlog_dest stderr\n{lines}"
    );
    let folder = crate::folder::Folder::new(&format!("{name}-files"));
    std::fs::create_dir_all(&folder.0).expect("below the target directory");
    for (flags, user) in [(&["-c", "-b"][..], "ann"), (&["-b"], "eve")] {
        let mut passwd = command("mosquitto_passwd");
        run(passwd.args(flags).arg(folder.0.join("users")).args([user, "secret"])).success();
    }
    let rules = "user ann\ntopic readwrite a/#\ntopic read $SYS/#\nuser eve\ntopic readwrite a/#\n";
    std::fs::write(folder.0.join("acl"), rules).expect("written");
    let served = Served::start(name, "mosquitto.conf", &text.replace("FOLDER", &folder.shown()), "running");
    // The broker has read them.
    drop(folder);
    served
}

#[test]
fn who_comes_is_answered_goes_and_may_not_come_in_is_in_the_log_as_with_mosquitto() {
    let port = free_port();
    let served = served("logs", port, "max_packet_size 2000\n");
    let way = format!("-h 127.0.0.1 -p {port} -t a/b -u ann -P secret");
    run(&mut mosquitto("mosquitto_pub", &format!("{way} -i me -m x"))).success();
    let line = served.log.wait_for("New connection from 127.0.0.1:");
    assert!(line.ends_with(&format!(" on port {port}.")), "{line}");
    served.log.wait_for(" as me (p2, c1, k60, u'ann').");
    served.log.wait_for("Sending CONNACK to me (0, 0)");
    served.log.wait_for("Client me disconnected.");
    let wrong = run(&mut mosquitto("mosquitto_pub", &format!("-h 127.0.0.1 -p {port} -t a -m x -u ann -P no -V 5")));
    assert_ne!(wrong.code, Some(0));
    served.log.wait_for("Sending CONNACK to 127.0.0.1 (0, 134)");
    served.log.wait_for("Client <unknown> disconnected, not authorised.");
    let mut nobody = TcpStream::connect(at(port)).expect("it listens");
    nobody.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("it reads");
    served.log.wait_for("Client <unknown> disconnected due to");
    drop(TcpStream::connect(at(port)).expect("it listens"));
    served.log.wait_for("Client <unknown> closed its connection.");
    let long = "x".repeat(3000);
    run(&mut mosquitto("mosquitto_pub", &format!("{way} -i large -q 1 -m {long}")));
    served.log.wait_for("Client large disconnected due to oversize packet.");
    assert_eq!(served.end().code, Some(0));
}

/// Somebody who listens to the log, and has heard that he does.
fn listener(port: u16, user: &str) -> (Program, Lines) {
    let way = format!("-h 127.0.0.1 -p {port} -u {user} -P secret -i {user} -t $SYS/broker/log/# -q 2 -v");
    Program::start_and_hear(&mut mosquitto("mosquitto_sub", &way))
}

#[test]
fn lines_of_the_log_are_published_to_those_who_may_read_them_and_none_is_about_another_one() {
    let port = free_port();
    let served = served("logs-topic", port, "log_dest topic\n");
    let (_ann, lines) = listener(port, "ann");
    let first = lines.wait_for("$SYS/broker/log/M/subscribe ");
    assert!(first.ends_with(": ann 2 $SYS/broker/log/#"), "{first}");
    let (_eve, nothing) = listener(port, "eve");
    lines.wait_for("as eve (p2, c1, k60, u'eve').");
    served.log.wait_for("eve may not subscribe");
    run(&mut mosquitto("mosquitto_pub", &format!("-h 127.0.0.1 -p {port} -u ann -P secret -i me -t a -m x -q 1")))
        .success();
    let published: Vec<String> =
        std::iter::from_fn(|| lines.next()).take_while(|line| !line.ends_with("Client me disconnected.")).collect();
    let is_of = |line: &String, letter: &str, text: &str| {
        line.starts_with(&format!("$SYS/broker/log/{letter} ")) && line.contains(text)
    };
    assert!(published.iter().any(|line| is_of(line, "N", ": New connection from 127.0.0.1:")), "{published:#?}");
    assert!(published.iter().any(|line| is_of(line, "N", " as me (p2, c1, k60, u'ann').")), "{published:#?}");
    assert!(published.iter().all(|line| !line.contains("CONNACK") && !line.contains("PUBLISH")), "{published:#?}");
    served.reload_until("Reloading config.");
    assert!(lines.wait_for("Reloading config.").starts_with("$SYS/broker/log/I "));
    assert_eq!(served.end().code, Some(0));
    assert_eq!(nothing.rest().iter().filter(|line| line.starts_with("$SYS")).count(), 0);
}

#[test]
fn a_listener_to_the_log_that_reads_nothing_makes_no_flood_of_lines_about_itself() {
    let port = free_port();
    let served = served("logs-loop", port, "log_dest topic\nmax_queued_messages 3\nmax_inflight_messages 1\n");
    // It acknowledges nothing.
    let mut away = Wire::client(at(port), &Hello::new("away").user("ann", "secret"));
    away.subscribed("$SYS/broker/log/#", 1);
    let publish = |id: &str| {
        let way = format!("-h 127.0.0.1 -p {port} -u ann -P secret -i {id} -t a -m x");
        run(&mut mosquitto("mosquitto_pub", &way)).success();
    };
    (0..10).for_each(|_| publish("me"));
    publish("last");
    let lines = std::iter::from_fn(|| served.log.next());
    let lines: Vec<String> = lines.take_while(|line| !line.contains("Client last disconnected.")).collect();
    let about = lines.iter().filter(|line| line.contains("being dropped for client away")).count();
    assert!((1..10).contains(&about), "{lines:#?}");
    // A connection makes a handful of lines, whoever listens.
    assert!(lines.len() < 120, "{}", lines.len());
    assert_eq!(served.end().code, Some(0));
}
