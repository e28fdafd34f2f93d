//! `postrider bench`: what it tells, and what it notices.

use crate::broker::{Broker, POSTRIDER};
use crate::program::{Finished, run};
use serde_json::Value;
use std::process::Command;

fn bench(broker: &Broker, args: &[&str]) -> Finished {
    let port = broker.port().to_string();
    let mut command = Command::new(POSTRIDER);
    run(command.arg("bench").args(args).args(["-p", &port, "--seconds", "1", "--warm", "0", "--json"]))
}

fn figures(finished: &Finished) -> Value {
    serde_json::from_slice(&finished.output).unwrap_or_else(|error| panic!("{error}: {}", finished.errors))
}

#[test]
fn every_scenario_ends_with_figures_and_nothing_lost_in_both_editions() {
    let broker = Broker::start();
    let scenarios: [(&[&str], &str); 10] = [
        (&["messages"], "messages_per_s"),
        (&["messages", "-q", "1", "--burst", "500"], "messages_per_s"),
        (&["messages", "-q", "2", "--size", "5000"], "messages_per_s"),
        (&["messages", "--publishers", "1", "--subscribers", "50"], "messages_per_s"),
        (
            &["messages", "--publishers", "30", "--subscribers", "4", "--shared", "-q", "1", "--window", "32"],
            "messages_per_s",
        ),
        (&["messages", "--rate", "500", "-q", "1", "--durable"], "latency_p99_us"),
        (&["connect"], "cycles_per_s"),
        (&["retained", "--count", "3000"], "replayed_per_s"),
        (&["offline", "--each", "500"], "drained_per_s"),
        (&["idle", "--connections", "50"], "connections_per_s"),
    ];
    for (at, (scenario, figure)) in scenarios.into_iter().enumerate() {
        let edition = if at % 2 == 0 { "311" } else { "5" };
        let finished = bench(&broker, &[scenario, &["-V", edition]].concat());
        assert_eq!(finished.code, Some(0), "{scenario:?}: {}", finished.errors);
        let figures = figures(&finished);
        assert!(figures[figure].as_f64().is_some_and(|value| value > 0.0), "{scenario:?}: {figures}");
        for fault in ["lost", "duplicates", "out_of_order"] {
            assert_eq!(figures.get(fault).and_then(Value::as_u64).unwrap_or(0), 0, "{scenario:?}: {figures}");
        }
    }
}

#[test]
fn what_the_broker_drops_is_counted_as_lost_and_fails_the_run() {
    let broker = Broker::start();
    let finished = bench(&broker, &["offline", "--clients", "1", "--each", "1500"]);
    assert_eq!(finished.code, Some(1));
    assert_eq!(figures(&finished)["lost"], 500, "a mailbox holds 1,000");
}

#[test]
fn a_broker_that_is_not_there_is_named_in_one_line() {
    let port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        free.local_addr().expect("its address").port().to_string()
    };
    let finished = run(Command::new(POSTRIDER).args(["bench", "connect", "-p", &port]));
    assert_eq!(finished.code, Some(1));
    assert!(finished.errors.contains(&port) && finished.errors.lines().count() == 1, "{}", finished.errors);
}

#[test]
fn the_processor_time_of_a_process_is_told() {
    let broker = Broker::start();
    let finished = bench(&broker, &["messages", "--pid", &std::process::id().to_string()]);
    let figures = figures(&finished);
    assert!(figures["cpu_ns_per_message"].is_number() && figures["resident_kb"].as_u64().is_some_and(|kb| kb > 1000));
}
