//! `postrider rr` beside mosquitto's command.

use crate::broker::Broker;
use crate::commands::{client, publish, subscribed};
use crate::program::{Program, run};

pub(crate) const REQUESTERS: [&str; 2] = ["mosquitto_rr", "postrider rr"];

#[test]
fn a_request_is_answered_by_whoever_reads_its_response_topic() {
    let broker = Broker::start();
    for name in REQUESTERS {
        let responder = subscribed("mosquitto_sub", &broker, "ask", "-V 5 -C 1 -F %R|%D|%p");
        let rr = client(name, &broker, "-t ask -e answer -m question -D publish correlation-data 42 -i rr -v -q 1");
        let rr = Program::start(&mut { rr });
        assert_eq!(responder.finish().success().text(), "answer|42|question\n", "{name}");
        publish("postrider pub", &broker, "-t answer -m yes");
        assert_eq!(rr.finish().success().text(), "answer yes\n", "{name}");
    }
}

#[test]
fn a_request_in_3_1_1_waits_for_its_response_too() {
    let broker = Broker::start();
    for name in REQUESTERS {
        let ended = run(&mut client(name, &broker, "-V 311 -t same -e same -m echo -F %t:%p -N")).success();
        assert_eq!(ended.text(), "same:echo", "{name}");
    }
}

#[test]
fn a_request_that_nobody_answers_ends_with_27() {
    let broker = Broker::start();
    for name in REQUESTERS {
        let ended = run(&mut client(name, &broker, "-t ask -e answer -n -W 1"));
        assert_eq!((ended.code, ended.output.len()), (Some(27), 0), "{name}: {}", ended.errors);
        assert!(ended.errors.contains("Timed out"), "{}", ended.errors);
    }
    publish("postrider pub", &broker, "-t answer -m stale -r");
    assert_eq!(run(&mut client("postrider rr", &broker, "-t ask -e answer -n")).success().text(), "stale\n");
    assert_eq!(run(&mut client("postrider rr", &broker, "-t ask -e answer -n -R -W 1")).code, Some(27));
}
