//! What the broker says of itself, as `docs/sys.md` promises it and as mosquitto's client hears it.

use crate::broker::Broker;
use crate::mosquitto::free_port;
use crate::patience::until;
use crate::program::run;
use crate::serving::{Served, mosquitto};
use crate::tools::command;
use crate::wire::Wire;
use postrider_testkit::{Hello, pingreq, publish};
use std::collections::{BTreeMap, BTreeSet};

/// What mosquitto_sub prints until it has heard `count` messages.
fn heard(broker: &Broker, filter: &str, count: usize) -> BTreeMap<String, String> {
    let mut listen = command("mosquitto_sub");
    listen.args(["-p", &broker.port().to_string(), "-t", filter, "-C", &count.to_string(), "-W", "20"]);
    // Topic and payload, parted by what is in neither.
    let text = run(listen.args(["-F", "%t\t%p"])).success().text();
    text.lines().filter_map(|line| line.split_once('\t')).map(|(topic, text)| (topic.into(), text.into())).collect()
}

/// The topics in the first table of the page.
fn documented() -> BTreeSet<String> {
    let page = include_str!("../../../../docs/sys.md");
    let table = page.split("\n## ").find(|part| part.starts_with("Topics")).expect("the part about topics");
    let name = |line: &str| Some(format!("$SYS/broker/{}", line.strip_prefix("| `")?.split_once('`')?.0));
    table.lines().filter_map(name).collect()
}

#[test]
fn the_topics_are_those_of_the_page_and_their_texts_are_mosquittos() {
    let broker = Broker::with(&[]);
    let documented = documented();
    let heard = heard(&broker, "$SYS/#", documented.len());
    let topics: BTreeSet<String> = heard.keys().cloned().collect();
    assert_eq!(topics, documented);
    for (topic, text) in &heard {
        let topic = topic.strip_prefix("$SYS/broker/").expect("one root");
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_right = match topic {
            "version" => text == concat!("postrider version ", env!("CARGO_PKG_VERSION")),
            "postrider/durability" => text == "memory",
            "uptime" => text.strip_suffix(" seconds").is_some_and(is_number),
            topic if topic.starts_with("load/") => {
                text.split_once('.').is_some_and(|(whole, part)| is_number(whole) && is_number(part) && part.len() == 2)
            }
            _ => is_number(text),
        };
        assert!(is_right, "{topic} says {text:?}");
    }
}

#[test]
fn figures_grow_while_a_client_listens() {
    let broker = Broker::with(&["--sys-interval", "1"]);
    let mut client = Wire::client(&broker, &Hello::new("c"));
    client.publish(&publish("nobody", "hears this").q1(1));
    let topic = "$SYS/broker/publish/bytes/received";
    until("the bytes are told", || heard(&broker, topic, 1)[topic] == "10");
}

/// Whether something is there for a client that comes at once.
fn is_reporting(args: &[&str]) -> bool {
    let broker = Broker::with(args);
    let mut client = Wire::client(&broker, &Hello::new("c"));
    client.subscribed("$SYS/broker/version", 0);
    client.send(&pingreq());
    client.next().starts_with("PUBLISH $SYS/broker/version q0 retain")
}

#[test]
fn the_broker_reports_to_this_machine_and_to_others_only_if_asked() {
    let open = ["--bind", "0.0.0.0", "--allow-anonymous"];
    assert!(is_reporting(&[]));
    assert!(!is_reporting(&["--sys-interval", "0"]));
    assert!(is_reporting(&["--bind", "127.0.0.1", "--bind", "127.0.0.2"]));
    assert!(!is_reporting(&open));
    assert!(is_reporting(&[&open[..], &["--sys-interval", "5"]].concat()));
}

#[test]
fn who_asks_for_the_habits_of_other_brokers_gets_sols_figures_and_sparkplugs_certificates() {
    let port = free_port();
    let text = format!(
        "[data]\ndirectory = \"memory\"\n[compat]\nsol_topics = true\nsparkplug_aware = true\n\
         [[listener]]\nname = \"one\"\nbind = \"127.0.0.1:{port}\"\n"
    );
    let served = Served::start("sys-compat", "postrider.toml", &text, "data directory");
    let birth = format!("-h 127.0.0.1 -p {port} -q 1 -t spBv1.0/plant/NBIRTH/press -m born");
    run(&mut mosquitto("mosquitto_pub", &birth)).success();
    let listen = |filter: &str| {
        let way = format!("-h 127.0.0.1 -p {port} -v -C 1 -W 20 -t {filter}");
        run(&mut mosquitto("mosquitto_sub", &way)).success().text()
    };
    assert_eq!(listen("$sparkplug/#"), "$sparkplug/certificates/spBv1.0/plant/NBIRTH/press born\n");
    let uptime = listen("$SOL/broker/uptime");
    let seconds = uptime.trim_end().strip_prefix("$SOL/broker/uptime ").and_then(|text| text.parse::<u64>().ok());
    assert!(seconds.is_some_and(|seconds| seconds < 100), "{uptime}");
    assert_eq!(served.end().code, Some(0));
}
