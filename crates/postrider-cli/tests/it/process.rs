//! The broker as a process: how it starts, where it listens, how it ends.

use crate::broker::{Broker, POSTRIDER, port_in};
use crate::patience::until;
use crate::program::{Program, run};
use crate::wire::Wire;
use postrider_proto::Version;
use postrider_testkit::{Hello, publish};
use rustix::process::Signal;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn serve(args: &[&str]) -> Command {
    let mut command = Command::new(POSTRIDER);
    command.args(["serve", "--data-dir", "memory"]).args(args);
    command
}

#[test]
fn a_broker_lets_its_first_client_in_soon_after_its_process_started() {
    let started = Instant::now();
    let broker = Broker::with(&[]);
    let mut client = Wire::client(&broker, &Hello::new("first"));
    let took = started.elapsed();
    println!("from the start of the process to the first CONNACK: {} µs", took.as_micros());
    client.expect_silence();
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn a_broker_without_a_command_serves_this_machine_only_and_says_where() {
    let (broker, lines) = Program::start_and_hear(Command::new(POSTRIDER).args(["-p", "0", "--data-dir", "memory"]));
    let line = lines.wait_for("listening on");
    assert!(line.starts_with("listening on mqtt://127.0.0.1:"), "{line}");
    assert!(line.contains("this machine only"), "{line}");
    assert_ne!(port_in(&line), Some(0));
    broker.signal(Signal::INT);
    assert_eq!(broker.finish().code, Some(0));
}

#[test]
fn addresses_that_others_reach_are_refused_unless_that_is_asked_for() {
    for address in ["0.0.0.0", "::"] {
        let refused = run(&mut serve(&["-p", "0", "--bind", address]));
        assert_eq!(refused.code, Some(1));
        assert!(refused.errors.contains("--allow-anonymous"), "{}", refused.errors);
        assert_eq!(refused.errors.lines().count(), 1, "{}", refused.errors);
        assert!(refused.output.is_empty());
    }
    let (broker, lines) = Program::start_and_hear(&mut serve(&["-p", "0", "--bind", "0.0.0.0", "--allow-anonymous"]));
    let line = lines.wait_for("listening on mqtt://0.0.0.0:");
    assert!(line.contains("every machine that reaches it"), "{line}");
    broker.signal(Signal::TERM);
    assert_eq!(broker.finish().code, Some(0));
}

#[test]
fn a_port_that_is_taken_is_told_in_one_line() {
    let broker = Broker::with(&[]);
    let second = run(&mut serve(&["-p", &broker.port().to_string()]));
    assert_eq!(second.code, Some(1));
    assert_eq!(second.errors.lines().count(), 1, "{}", second.errors);
    assert!(second.errors.contains(&broker.port().to_string()), "{}", second.errors);
    assert!(second.errors.contains("choose another port with -p"), "{}", second.errors);
    Wire::client(&broker, &Hello::new("c")).expect_silence();
}

// [MQTT-4.13.1-1]
#[test]
fn clients_of_5_0_hear_that_the_broker_stops_and_those_of_3_1_1_hear_the_end() {
    let mut broker = Broker::start();
    let mut new = Wire::client(&broker, &Hello::new("new"));
    let mut old = Wire::client(&broker, &Hello::new("old").v3());
    let started = Instant::now();
    broker.signal(Signal::TERM);
    new.expect("DISCONNECT ServerShuttingDown");
    new.expect("end");
    old.expect("end");
    assert_eq!(broker.end().code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(5), "the grace is for those who do not read");
}

/// A subscriber that reads nothing although much waits for it.
fn blocked(broker: &Broker) -> Wire {
    let mut reader = Wire::client(broker, &Hello::new("reader").version(Version::V3_1_1));
    reader.subscribed("flood", 0);
    let mut flood = Wire::client(broker, &Hello::new("flood"));
    // More than the system's buffers take on both sides of a connection.
    let message = publish("flood", "").sized(1_000_000).bytes(Version::V5);
    for _ in 0..20 {
        flood.send(&message);
    }
    flood.expect_silence();
    reader
}

#[test]
fn a_second_signal_ends_the_broker_at_once() {
    let mut broker = Broker::with(&[]);
    let _reader = blocked(&broker);
    let mut witness = Wire::client(&broker, &Hello::new("witness"));
    broker.signal(Signal::TERM);
    witness.expect("DISCONNECT ServerShuttingDown");
    assert!(broker.is_running(), "it waits for the one that does not read");
    let second = Instant::now();
    broker.signal(Signal::INT);
    assert_eq!(broker.end().code(), Some(0));
    assert!(second.elapsed() < Duration::from_secs(2), "{:?}", second.elapsed());
}

#[test]
fn a_client_that_does_not_read_holds_the_broker_up_no_longer_than_the_grace() {
    let mut broker = Broker::with(&[]);
    let _reader = blocked(&broker);
    let started = Instant::now();
    broker.signal(Signal::TERM);
    assert_eq!(broker.end().code(), Some(0));
    let took = started.elapsed();
    // The grace is 5 s, and what the process does besides takes some time on a busy machine.
    assert!((Duration::from_secs(1)..Duration::from_secs(8)).contains(&took), "{took:?}");
}

#[test]
fn a_broker_whose_reader_has_gone_serves_on() {
    let mut child = serve(&["-p", "0", "-v"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut output = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    while port_in(&line).is_none() {
        line.clear();
        assert!(output.read_line(&mut line).expect("it prints") > 0);
    }
    let port = port_in(&line).expect("just seen").to_string();
    drop(output);
    // Each of these is an event that is to be printed.
    for _ in 0..20 {
        run(Command::new(POSTRIDER).args(["pub", "-h", "127.0.0.1", "-p", &port, "-t", "a", "-m", "x", "-q", "1"]))
            .success();
    }
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).expect("it runs");
    let mut status = None;
    until("the broker ends", || {
        status = child.try_wait().expect("our own child");
        status.is_some()
    });
    assert!(status.expect("it ended").success());
}
