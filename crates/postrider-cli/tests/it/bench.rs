//! `postrider bench`: what it tells, and what it notices.

use crate::broker::{Broker, POSTRIDER};
use crate::program::{Finished, run};
use serde_json::Value;
use std::path::Path;
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
    let scenarios: [(&[&str], &str); 11] = [
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
        (&["stuck", "--connections", "50", "--fill", "3"], "longest_acknowledgement_ms"),
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
fn a_soak_tells_what_it_did_and_how_memory_descriptors_and_latency_went() {
    let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-soak-{}", std::process::id()));
    let broker = Broker::keeping(&data, &[]);
    let (port, pid) = (broker.port().to_string(), broker.id().to_string());
    let mut command = Command::new(POSTRIDER);
    command.args(["bench", "soak", "--json", "--minutes", "0.13", "--cycle", "1", "--sample", "1", "--rate", "300"]);
    command.args(["-p", &port, "--pid", &pid, "--slope-max", "100000", "--drift-max", "100000", "--data"]).arg(&data);
    let finished = run(&mut command);
    assert_eq!(finished.code, Some(0), "{}", finished.errors);
    let figures = figures(&finished);
    let did = ["messages", "connections", "takeovers", "wills", "returns", "sessions_left_to_expire", "subscriptions"];
    let went = ["resident_first_mib", "descriptors_first", "latency_p99_last_us", "data_max_mib", "retained_changes"];
    for name in did.into_iter().chain(went) {
        assert!(figures[name].as_f64().is_some_and(|value| value > 0.0), "{name}: {figures}");
    }
    let faults =
        ["lost", "doubled", "out_of_order", "unacknowledged", "refused", "retained_wrong", "sessions_forgotten"];
    for name in faults.into_iter().chain(["slope_exceeded", "drift_exceeded", "descriptors_left_open"]) {
        assert_eq!(figures[name], 0, "{name}: {figures}");
    }
    let [low, slope, high] =
        ["slope_low_mib_per_h", "slope_mib_per_h", "slope_high_mib_per_h"].map(|name| figures[name].as_f64());
    assert!(low <= slope && slope <= high && low.is_some(), "{figures}");
    assert_eq!(finished.errors.lines().count() as u64, figures["cycles"].as_u64().expect("a count"), "a line each");
    drop(broker);
    std::fs::remove_dir_all(&data).expect("it was there");
}

#[test]
fn a_soak_whose_limits_are_below_what_it_finds_fails() {
    let broker = Broker::start();
    let (port, pid) = (broker.port().to_string(), broker.id().to_string());
    let mut command = Command::new(POSTRIDER);
    command.args(["bench", "soak", "--json", "--minutes", "0.13", "--cycle", "1", "--sample", "1", "--rate", "60"]);
    let finished = run(command.args(["-p", &port, "--pid", &pid, "--slope-max", "-1e9", "--drift-max", "-101"]));
    assert_eq!(finished.code, Some(1), "{}", finished.errors);
    let figures = figures(&finished);
    assert_eq!((&figures["slope_exceeded"], &figures["drift_exceeded"]), (&1.into(), &1.into()), "{figures}");
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

#[test]
fn a_durable_load_takes_turns_with_the_device_and_tells_how_long_acknowledgements_took() {
    let broker = Broker::start();
    let device = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-device-{}", std::process::id()));
    std::fs::create_dir_all(&device).expect("a directory");
    let load = ["messages", "--publishers", "8", "--subscribers", "8", "--durable", "-q", "1", "--window", "16"];
    let path = device.to_str().expect("text");
    let finished = bench(&broker, &[&load[..], &["--burst", "4", "--size", "256", "--device", path]].concat());
    assert_eq!(finished.code, Some(0), "{}", finished.errors);
    let figures = figures(&finished);
    assert_eq!(figures["device_group"], 64, "half of what may be under way");
    let names = ["acknowledged_per_s", "acknowledged_p50_us", "acknowledged_p99_us", "device_per_s"];
    for name in names.into_iter().chain(["device_sync_p50_us", "device_sync_p99_us", "percent_of_device"]) {
        assert!(figures[name].as_f64().is_some_and(|value| value > 0.0), "{name}: {figures}");
    }
    let (of, from) = (figures["percent_of_device"].as_f64(), figures["device_per_s"].as_f64());
    let share = of.zip(from).map(|(of, from)| of * from / 100.0);
    let acknowledged = figures["acknowledged_per_s"].as_f64();
    assert!(share.zip(acknowledged).is_some_and(|(one, other)| (one / other - 1.0).abs() < 0.01), "{figures}");
    assert_eq!(std::fs::read_dir(&device).expect("it is there").count(), 0, "nothing is left there");
    std::fs::remove_dir(&device).expect("empty");
    let finished = bench(&broker, &["messages", "--device", path]);
    assert_eq!(finished.code, Some(1));
    assert!(finished.errors.contains(path), "{}", finished.errors);
}

#[test]
fn a_run_in_two_parts_finds_in_the_second_what_the_first_has_left() {
    let broker = Broker::start();
    let scenarios: [(&[&str], &str, &str, u64); 2] = [
        (&["offline", "--clients", "3", "--each", "400"], "queued_per_s", "drained_per_s", 1200),
        (&["retained", "--count", "900"], "stored_per_s", "replayed_per_s", 900),
    ];
    for (scenario, left, found, count) in scenarios {
        let part = |part| bench(&broker, &[scenario, &["--name", "halves", "--only", part]].concat());
        let filled = part("fill");
        assert_eq!(filled.code, Some(0), "{}", filled.errors);
        assert!(figures(&filled)[left].is_number() && figures(&filled).get(found).is_none());
        let drained = part("drain");
        assert_eq!(drained.code, Some(0), "{}", drained.errors);
        assert!(figures(&drained)[found].is_number() && figures(&drained).get(left).is_none());
        let again = part("drain");
        assert_eq!((again.code, figures(&again)["lost"].as_u64()), (Some(1), Some(count)), "{}", again.errors);
    }
    assert_eq!(bench(&broker, &["retained", "--only", "fill"]).code, Some(2), "nobody would find it again");
}
