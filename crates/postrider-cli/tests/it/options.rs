//! What the options of `pub` and `sub` do, beside mosquitto's commands where those have them.

use crate::broker::Broker;
use crate::commands::{PUBLISHERS, SUBSCRIBERS, client, publish, subscribed};
use crate::program::{Program, run, run_with_input};
use std::time::{Duration, Instant};

#[test]
fn a_message_is_repeated_with_pauses() {
    let broker = Broker::start();
    for name in PUBLISHERS {
        let sub = subscribed("postrider sub", &broker, "a", "-q 1 -C 3");
        let started = Instant::now();
        run(&mut client(name, &broker, "-t a -m x -q 1 --repeat 3 --repeat-delay 0.2")).success();
        assert!(started.elapsed() >= Duration::from_millis(400), "{name}: {:?}", started.elapsed());
        assert_eq!(sub.finish().success().text(), "x\nx\nx\n", "{name}");
    }
}

#[test]
fn values_may_begin_with_a_hyphen_and_later_options_win() {
    let broker = Broker::start();
    for name in PUBLISHERS {
        let sub = subscribed("postrider sub", &broker, "-a/--b", "-v -C 2");
        run(&mut client(name, &broker, "-t x -t -a/--b -m -5 -q 0 -q 1")).success();
        run(&mut client(name, &broker, "-m --help -t -a/--b")).success();
        assert_eq!(sub.finish().success().text(), "-a/--b -5\n-a/--b --help\n", "{name}");
    }
}

#[test]
fn properties_are_declared_as_for_mosquittos_commands() {
    let broker = Broker::start();
    for name in PUBLISHERS {
        let args = "-V 5 -C 1 -D subscribe subscription-identifier 7 -F %C|%D|%E|%F|%P|%R|%S|%p";
        let sub = subscribed("postrider sub", &broker, "a", args);
        let properties = "-D PUBLISH content-type text/plain -D publish correlation-data c -D publish user-property a b \
                          -D publish message-expiry-interval 60 -D publish payload-format-indicator 1 \
                          --property publish response-topic r -D connect user-property c d -D publish user-property e f";
        run(&mut client(name, &broker, &format!("-t a -m x {properties}"))).success();
        assert_eq!(sub.finish().success().text(), "text/plain|c|60|1|a:b e:f|r|7|x\n", "{name}");
    }
}

#[test]
fn properties_of_a_will_go_with_it() {
    let broker = Broker::start();
    let witness = subscribed("mosquitto_sub", &broker, "w", "-V 5 -C 1 -F %C|%P|%p");
    let args = "-i mortal -t x --will-topic w --will-payload gone -D will content-type plain -D will user-property a b";
    let mortal = Program::start(&mut client("postrider sub", &broker, args));
    broker.hear("mortal subscribed");
    mortal.signal(rustix::process::Signal::KILL);
    assert_eq!(witness.finish().success().text(), "plain|a:b|gone\n");
}

#[test]
fn topics_are_filtered_out() {
    let broker = Broker::start();
    for name in SUBSCRIBERS {
        let sub = subscribed(name, &broker, "a/#", "-v -C 2 -T a/b -T a/+/d");
        for topic in ["a", "a/b", "a/c/d", "a/c"] {
            publish("postrider pub", &broker, &format!("-t {topic} -m x"));
        }
        assert_eq!(sub.finish().success().text(), "a x\na/c x\n", "{name}");
    }
}

#[test]
fn a_subscriber_may_leave_with_its_subscription_made_or_ended() {
    let broker = Broker::start();
    for name in SUBSCRIBERS {
        run(&mut client(name, &broker, "-i durable -c -q 1 -t a -t b -E")).success();
        publish("postrider pub", &broker, "-t a -m kept -q 1");
        let again = run(&mut client(name, &broker, "-i durable -c -q 1 -t b -U a -C 1")).success();
        assert_eq!(again.text(), "kept\n", "{name}");
        broker.hear("durable unsubscribed from a");
    }
    run(&mut client("postrider sub", &broker, "-i durable -c -U b -E")).success();
    broker.hear("durable unsubscribed from b");
}

#[test]
fn retained_messages_only_are_printed_until_another_comes() {
    let broker = Broker::start();
    publish("postrider pub", &broker, "-t r/1 -m one -r");
    publish("postrider pub", &broker, "-t r/2 -m two -r");
    for name in SUBSCRIBERS {
        let sub = subscribed(name, &broker, "r/#", "--retained-only");
        publish("postrider pub", &broker, "-t r/3 -m live");
        let mut lines: Vec<_> = sub.finish().success().text().lines().map(str::to_owned).collect();
        lines.sort();
        assert_eq!(lines, ["one", "two"], "{name}");
    }
}

#[test]
fn retained_messages_are_cleared_but_for_those_filtered_out() {
    let broker = Broker::start();
    let ways = ["--remove-retained", "--remove-retained -R", "-V 5 --remove-retained --retain-as-published"];
    for (way, number) in (0..ways.len()).flat_map(|way| (0..5).map(move |number| (way, number))) {
        publish("postrider pub", &broker, &format!("-t clear/{way}/{number} -m x -r"));
    }
    publish("postrider pub", &broker, "-t keep -m kept -r");
    let start = |(way, args): (usize, &&str)| {
        Program::start(&mut client("postrider sub", &broker, &format!("-t clear/{way}/# -t keep -T keep {args} -W 1")))
    };
    let clearing: Vec<_> = ways.iter().enumerate().map(start).collect();
    assert!(clearing.into_iter().all(|program| program.finish().code == Some(27)));
    let left = run(&mut client("postrider sub", &broker, "-t clear/# -t keep -v -W 1"));
    assert_eq!(left.text(), "keep kept\n");
}

#[test]
fn all_retained_messages_are_cleared_and_the_command_ends() {
    let broker = Broker::start();
    for number in 0..10 {
        publish("postrider pub", &broker, &format!("-t clear/{number} -m x -r"));
    }
    let cleared = run(&mut client("postrider sub", &broker, "-t # --remove-retained --retained-only")).success();
    assert_eq!(cleared.text(), "x\n".repeat(10));
    let left = run(&mut client("postrider sub", &broker, "-t # -W 1"));
    assert_eq!((left.code, &*left.text(), &*left.errors), (Some(27), "", "postrider: Timed out\n"));
}

#[test]
fn subscription_options_of_5_0_reach_the_server() {
    let broker = Broker::start();
    publish("postrider pub", &broker, "-t r -m old -r");
    let sub =
        subscribed("postrider sub", &broker, "r", "-V 5 --retain-handling never --retain-as-published -C 1 -F %r%p");
    publish("postrider pub", &broker, "-t r -m new -r");
    assert_eq!(sub.finish().success().text(), "1new\n");
}

#[test]
fn a_part_of_the_messages_is_printed_by_chance() {
    let broker = Broker::start();
    let sub = subscribed("postrider sub", &broker, "a", "-q 1 -C 1000 --random-filter 50");
    publish("postrider pub", &broker, "-t a -m x -q 1 --repeat 1000");
    let printed = sub.finish().success().text().lines().count();
    // Ten standard deviations.
    assert!((340..=660).contains(&printed), "{printed}");
}

#[test]
fn no_more_messages_are_under_way_than_allowed() {
    let broker = Broker::start();
    for name in PUBLISHERS {
        let mut publisher = client(name, &broker, "-t a -q 1 -M 1 -l -d");
        let said = run_with_input(&mut publisher, b"1\n2\n3\n4\n").success().text();
        let verbs: String = said.lines().filter_map(|line| line.split("PUB").nth(1)?.chars().next()).collect();
        assert_eq!(verbs, "LALALALA", "{name}: PUBLISH and PUBACK in turns\n{said}");
    }
}

#[test]
fn more_lines_than_are_read_ahead_go_out_with_every_qos() {
    let broker = Broker::start();
    let lines: String = (0..5_000).map(|number| format!("{number}\n")).collect();
    for name in PUBLISHERS {
        for qos in 0..=2 {
            let sub = subscribed("postrider sub", &broker, "lines", "-C 5000");
            run_with_input(&mut client(name, &broker, &format!("-t lines -l -q {qos}")), lines.as_bytes()).success();
            assert!(sub.finish().success().text() == lines, "{name} with QoS {qos}");
        }
    }
}
