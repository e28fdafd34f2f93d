//! `postrider pub` and `postrider sub`, and mosquitto's commands of which they take the options, in every pair.

use crate::broker::Broker;
use crate::program::{Program, run, run_with_input};
use crate::tools::command;
use rustix::process::Signal;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

pub(crate) const PUBLISHERS: [&str; 2] = ["mosquitto_pub", "postrider pub"];
pub(crate) const SUBSCRIBERS: [&str; 2] = ["mosquitto_sub", "postrider sub"];
const EDITIONS: [&str; 3] = ["mqttv31", "mqttv311", "mqttv5"];

/// The command with a broker's address and `args`, which no space is part of.
pub(crate) fn client(name: &str, broker: &Broker, args: &str) -> Command {
    let mut client = command(name);
    client.args(["-h", "127.0.0.1", "-p", &broker.port().to_string()]).args(args.split_whitespace());
    client
}

/// Every publisher with every subscriber.
fn pairs() -> impl Iterator<Item = (&'static str, &'static str)> {
    PUBLISHERS.into_iter().flat_map(|publisher| SUBSCRIBERS.map(|subscriber| (publisher, subscriber)))
}

/// A subscriber whose last subscription stands; no other has had its name.
fn subscriber(name: &str, broker: &Broker, args: &str) -> Program {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    named(&format!("sub-{}", NEXT.fetch_add(1, Ordering::Relaxed)), name, broker, args)
}

/// A subscriber with this client identifier whose last subscription stands.
fn named(id: &str, name: &str, broker: &Broker, args: &str) -> Program {
    let program = Program::start(&mut client(name, broker, &format!("-i {id} {args}")));
    let filter = args.rsplit_once("-t ").and_then(|(_, rest)| rest.split(' ').next()).expect("a filter");
    broker.hear(&format!("{id} subscribed to {filter}"));
    program
}

/// A subscriber called `sub` whose subscription to `filter` stands.
pub(crate) fn subscribed(name: &str, broker: &Broker, filter: &str, args: &str) -> Program {
    let program = Program::start(&mut client(name, broker, &format!("-i sub -t {filter} {args}")));
    broker.hear(&format!("sub subscribed to {filter}"));
    program
}

#[track_caller]
pub(crate) fn publish(name: &str, broker: &Broker, args: &str) {
    run(&mut client(name, broker, args)).success();
}

/// A file with a megabyte of everything.
fn megabyte(name: &str) -> (PathBuf, Vec<u8>) {
    let bytes: Vec<u8> = (0..1_000_000u32).map(|at| (at ^ (at >> 8)).to_le_bytes()[0]).collect();
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, &bytes).expect("a place for temporary files");
    (path, bytes)
}

// [MQTT-4.2-1], [MQTT-7.0.0-2] of 3.1.1
#[test]
fn messages_of_every_qos_go_from_every_command_to_every_other_in_every_edition() {
    let broker = Broker::start();
    for (from, to) in pairs() {
        for edition in EDITIONS {
            let sub = subscriber(to, &broker, &format!("-V {edition} -t news/# -q 2 -v -C 3"));
            for qos in 0..=2 {
                publish(from, &broker, &format!("-V {edition} -t news/{qos} -m hello -q {qos}"));
            }
            let heard = sub.finish().success().text();
            assert_eq!(heard, "news/0 hello\nnews/1 hello\nnews/2 hello\n", "{from} to {to} in {edition}");
        }
    }
}

#[test]
fn editions_meet_in_the_broker() {
    let broker = Broker::start();
    for (spoken, heard) in
        [("mqttv31", "mqttv5"), ("mqttv5", "mqttv31"), ("mqttv311", "mqttv5"), ("mqttv5", "mqttv311")]
    {
        let sub = subscriber("mosquitto_sub", &broker, &format!("-V {heard} -t a -q 2 -C 1"));
        publish("postrider pub", &broker, &format!("-V {spoken} -t a -m {spoken} -q 2"));
        assert_eq!(sub.finish().success().text(), format!("{spoken}\n"));
    }
}

#[test]
fn a_retained_message_is_set_and_got_and_cleared_by_every_command() {
    let broker = Broker::start();
    for (from, to) in pairs() {
        for edition in EDITIONS {
            publish(from, &broker, &format!("-V {edition} -t state -m on -r -q 1"));
            let sub = subscriber(to, &broker, &format!("-V {edition} -v -C 2 -t state"));
            publish(from, &broker, &format!("-V {edition} -t state -n -r"));
            let heard = sub.finish().success().text();
            assert_eq!(heard, "state on\nstate (null)\n", "{from} to {to} in {edition}");
            let sub = subscriber(to, &broker, &format!("-V {edition} -t state -t other -C 1"));
            publish(from, &broker, &format!("-V {edition} -t other -m live"));
            assert_eq!(sub.finish().success().text(), "live\n", "{from} did not clear it");
        }
    }
}

#[test]
fn retained_messages_are_left_out_on_request_in_every_edition() {
    let broker = Broker::start();
    publish("postrider pub", &broker, "-t state -m old -r -q 1");
    for edition in EDITIONS {
        let sub = subscriber("postrider sub", &broker, &format!("-V {edition} -R -C 1 -t state"));
        publish("postrider pub", &broker, "-t state -m new");
        assert_eq!(sub.finish().success().text(), "new\n");
    }
}

#[test]
fn the_will_of_a_command_that_is_killed_is_published() {
    let broker = Broker::start();
    for name in SUBSCRIBERS {
        for edition in EDITIONS {
            let witness = subscriber("mosquitto_sub", &broker, "-t wills -q 1 -C 1");
            let args = format!("-V {edition} -i mortal -t x --will-topic wills --will-payload {edition} --will-qos 1");
            let mortal = Program::start(&mut client(name, &broker, &args));
            broker.hear("mortal subscribed");
            mortal.signal(Signal::KILL);
            assert_eq!(witness.finish().success().text(), format!("{edition}\n"));
        }
    }
}

#[test]
fn a_retained_will_stays() {
    let broker = Broker::start();
    let args = "-i mortal -t x --will-topic wills --will-payload gone --will-retain";
    let mortal = Program::start(&mut client("postrider sub", &broker, args));
    broker.hear("mortal subscribed");
    mortal.signal(Signal::KILL);
    broker.hear("mortal's will was published");
    assert_eq!(run(&mut client("mosquitto_sub", &broker, "-t wills -C 1")).success().text(), "gone\n");
}

#[test]
fn properties_of_5_0_arrive_with_mosquittos_commands() {
    let broker = Broker::start();
    let format = "%C|%D|%E|%R|%P|%S|%p";
    let args = format!("-V mqttv5 -t a -q 1 -C 1 -D subscribe subscription-identifier 9 -F {format}");
    let sub = subscriber("mosquitto_sub", &broker, &args);
    let properties = "-D publish content-type text/plain -D publish correlation-data 17 -D publish response-topic b \
                      -D publish message-expiry-interval 3600 -D publish user-property name value";
    publish("mosquitto_pub", &broker, &format!("-V mqttv5 -t a -q 1 -m x {properties}"));
    assert_eq!(sub.finish().success().text().trim_end(), "text/plain|17|3600|b|name:value|9|x");
}

#[test]
fn a_megabyte_of_a_file_goes_from_every_command_to_every_other() {
    let broker = Broker::start();
    let (path, bytes) = megabyte("commands-megabyte");
    for (from, to) in pairs() {
        for qos in 0..=2 {
            let sub = subscriber(to, &broker, &format!("-t file -q {qos} -C 1 -N"));
            run(client(from, &broker, &format!("-t file -q {qos}")).arg("-f").arg(&path)).success();
            assert!(sub.finish().success().output == bytes, "{from} to {to} with QoS {qos}: not the same bytes");
        }
    }
}

#[test]
fn standard_input_is_one_message_or_one_a_line() {
    let broker = Broker::start();
    for from in PUBLISHERS {
        let sub = subscriber("postrider sub", &broker, "-t in -q 1 -C 1 -N");
        run_with_input(&mut client(from, &broker, "-t in -q 1 -s"), b"two\nlines\n").success();
        assert_eq!(sub.finish().success().text(), "two\nlines\n");
        let sub = subscriber("postrider sub", &broker, "-t in -q 1 -v -C 3");
        run_with_input(&mut client(from, &broker, "-t in -q 1 -l"), b"one\ntwo\n\n").success();
        assert_eq!(sub.finish().success().text(), "in one\nin two\nin (null)\n");
    }
}

/// Ten thousand numbered lines of QoS 1, never more under way than the broker holds for one subscriber.
fn lines_go_in_order(from: &str, to: &str) {
    let broker = Broker::start();
    let (_sub, heard) = Program::start_and_hear(&mut client(to, &broker, "-i lines -t lines -q 1 -C 10000"));
    broker.hear("lines subscribed to lines");
    let mut publisher = Program::start(&mut client(from, &broker, "-t lines -q 1 -l"));
    let tell = |publisher: &mut Program, from: u32| {
        let lines: String = (from..from + LINES_AT_ONCE / 2).map(|number| format!("line {number}\n")).collect();
        publisher.tell(lines.as_bytes());
    };
    tell(&mut publisher, 0);
    for number in 0..10_000 {
        if number % (LINES_AT_ONCE / 2) == 0 && number + LINES_AT_ONCE / 2 < 10_000 {
            tell(&mut publisher, number + LINES_AT_ONCE / 2);
        }
        assert_eq!(heard.next(), Some(format!("line {number}")));
    }
    publisher.finish().success();
}

/// As many messages as one mailbox holds.
const LINES_AT_ONCE: u32 = 1000;

#[test]
fn ten_thousand_lines_of_qos_1_go_from_our_command_to_our_command_in_order() {
    lines_go_in_order("postrider pub", "postrider sub");
}

#[test]
fn ten_thousand_lines_of_qos_1_go_from_our_command_to_mosquittos_in_order() {
    lines_go_in_order("postrider pub", "mosquitto_sub");
}

#[test]
fn ten_thousand_lines_of_qos_1_go_from_mosquittos_command_to_ours_in_order() {
    lines_go_in_order("mosquitto_pub", "postrider sub");
}

#[test]
fn a_session_keeps_what_came_while_its_command_was_away() {
    let broker = Broker::start();
    for (round, (from, to)) in pairs().enumerate() {
        for edition in EDITIONS {
            let id = format!("{edition}-{round}");
            // mosquitto's command gives a session of 5.0 no time unless it is told to.
            let expiry = if edition == "mqttv5" { "-x 600" } else { "" };
            let stay = format!("-V {edition} {expiry} -c -q 1 -t news");
            let sub = named(&id, to, &broker, &format!("{stay} -C 1"));
            publish(from, &broker, "-t news -m first -q 1");
            assert_eq!(sub.finish().success().text(), "first\n");
            broker.hear(&format!("{id} disconnected"));
            publish(from, &broker, "-t news -m second -q 1");
            publish(from, &broker, "-t news -m third -q 2");
            let sub = run(&mut client(to, &broker, &format!("-i {id} {stay} -C 2"))).success();
            assert_eq!(sub.text(), "second\nthird\n");
            assert!(broker.hear(&format!("{id} connected")).contains("resumed session"));
            broker.hear(&format!("{id} disconnected"));
            // A clean start ends it.
            let sub = named(&id, to, &broker, &format!("-V {edition} -C 1 -t other"));
            publish(from, &broker, "-t other -m end");
            sub.finish().success();
            broker.hear(&format!("{id}'s session ended"));
        }
    }
}

#[test]
fn a_subscriber_whose_time_is_up_ends_with_27_as_mosquittos_does() {
    let broker = Broker::start();
    for name in SUBSCRIBERS {
        let ended = run(&mut client(name, &broker, "-t nothing -W 1"));
        assert_eq!(ended.code, Some(27), "{name}: {}", ended.errors);
        assert!(ended.output.is_empty());
    }
}

#[test]
fn a_subscriber_that_is_interrupted_says_good_bye() {
    let broker = Broker::start();
    for signal in [Signal::INT, Signal::TERM] {
        let sub = subscriber("postrider sub", &broker, "-t a --will-topic w");
        sub.signal(signal);
        assert_eq!(sub.finish().code, Some(0));
        broker.hear("disconnected: it said good-bye");
    }
}
