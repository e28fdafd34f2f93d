//! Rules from a file, as people meet them: a broker that keeps them, mosquitto's clients, and `postrider acl`.

use crate::broker::Broker;
use crate::folder::Folder;
use crate::program::{Finished, run};
use crate::tools::command;
use crate::wire::Wire;
use postrider_proto::{Packet, PropertyId, Version};
use postrider_testkit::{Hello, publish};
use rustix::process::Signal;
use serde_json::Value;
use std::path::PathBuf;

/// A file of rules that goes with the test.
struct File {
    path: PathBuf,
    _folder: Folder,
}

impl File {
    fn new(name: &str, text: &str) -> Self {
        let folder = Folder::new(&format!("acl-{name}"));
        std::fs::create_dir_all(&folder.0).expect("a directory");
        let file = Self { path: folder.0.join(name), _folder: folder };
        file.write(text);
        file
    }

    fn write(&self, text: &str) {
        std::fs::write(&self.path, text).expect("a file");
    }

    fn shown(&self) -> String {
        self.path.display().to_string()
    }
}

fn explain(file: &File, words: &[&str]) -> Finished {
    run(command("postrider acl").args(["explain", "--acl", &file.shown()]).args(words))
}

fn said(line: &str, file: &File) -> String {
    line.replace("FILE", &file.shown())
}

#[test]
fn mosquittos_clients_get_what_the_rules_allow_and_what_is_denied_is_printed_with_its_line() {
    let file = File::new("acl", "topic readwrite open/#\ntopic deny open/secret\n");
    let broker = Broker::with(&["--acl-file", &file.shown()]);
    broker.hear("rules: 2 rules of");
    let port = broker.port().to_string();
    let publish = |topic: &str| {
        run(command("mosquitto_pub")
            .args(["-p", &port, "-V", "5", "-q", "1", "-r", "-i", "writer", "-m", "x", "-t", topic]))
    };
    publish("open/a").success();
    publish("open/secret");
    let line = broker.hear("may not publish");
    assert!(line.contains("writer may not publish to open/secret: denied by acl:2"), "{line}");
    publish("closed");
    let line = broker.hear("may not publish");
    assert!(line.contains("closed: no rule of acl allows it"), "{line}");
    let heard =
        |topic: &str| run(command("mosquitto_sub").args(["-p", &port, "-t", topic, "-v", "-C", "1", "-W", "2"]));
    assert_eq!(heard("open/#").success().text(), "open/a x\n");
    assert_eq!(heard("#").text(), "");
    let line = broker.hear("may not subscribe");
    assert!(line.contains("to #: no rule of acl allows it"), "{line}");
}

#[test]
fn a_client_that_wants_to_know_is_told_the_rule() {
    let file = File::new("acl", "topic deny a\n");
    let broker = Broker::with(&["--acl-file", &file.shown()]);
    let mut client = Wire::client(&broker, &Hello::new("c"));
    client.send(&publish("a", "x").q1(1).bytes(Version::V5));
    let text = client.take(|packet| match packet {
        Packet::Ack(ack) => ack.properties.text(PropertyId::ReasonString).map(|text| text.as_str().to_owned()),
        other => panic!("{other:?}"),
    });
    assert_eq!(text.flatten().as_deref(), Some("denied by acl:1"));
}

// A15, A22
#[test]
fn sighup_takes_away_what_is_not_allowed_any_more_and_a_fault_changes_nothing() {
    let file = File::new("acl", "topic readwrite #\n");
    let mut broker = Broker::with(&["--acl-file", &file.shown()]);
    let (mut reader, mut writer) =
        (Wire::client(&broker, &Hello::new("r").v3()), Wire::client(&broker, &Hello::new("w").v3()));
    reader.subscribed("a", 1);
    reader.subscribed("b", 1);
    // Away, with a message of each waiting.
    let away = Hello::new("away").expiry(1000);
    let mut gone = Wire::client(&broker, &away);
    gone.subscribed("a", 1);
    gone.subscribed("b", 1);
    drop(gone);
    writer.publish(&publish("a", "1").q1(1));
    writer.publish(&publish("b", "1").q1(2));
    assert_eq!((reader.receive().topic, reader.receive().topic), ("a".into(), "b".into()));
    file.write("topic readwrite #\ntopic deney b\n");
    broker.signal(Signal::HUP);
    let line = broker.complaint("nothing has changed");
    assert!(line.contains("acl:2: \"deney\" is no access"), "{line}");
    writer.publish(&publish("b", "2").q1(3));
    assert_eq!(reader.receive().topic, "b");
    file.write("topic readwrite a\n");
    broker.signal(Signal::HUP);
    // Events are printed by a thread of their own, so these lines come in any order.
    let mut awaited = vec![
        "r lost its subscription to b: no rule of acl allows it",
        "away lost its subscription to b: no rule of acl allows it",
        "rules 1, sessions looked at 3",
    ];
    while !awaited.is_empty() {
        let line = broker.hear("");
        awaited.retain(|text| !line.contains(text));
    }
    writer.publish(&publish("b", "3").q1(4));
    writer.publish(&publish("a", "3").q1(5));
    assert_eq!(reader.receive().topic, "a");
    let mut back = Wire::dial(&broker);
    assert!(back.enter(&away.resume()), "the session is there");
    assert_eq!((back.receive().payload, back.receive().payload), (b"1".to_vec(), b"3".to_vec()));
    assert!(broker.is_running());
}

#[test]
fn a_broker_with_a_fault_in_its_rules_does_not_start() {
    let file = File::new("acl.toml", "[[rule]]\nallow = [\"read\"]\ntopics = [\"a/#/b\"]\n");
    let mut serve = command("postrider serve");
    let finished = run(serve.args(["-p", "0", "--data-dir", "memory", "--acl-file", &file.shown()]));
    assert_eq!(finished.code, Some(1));
    assert!(finished.errors.contains(&said("FILE:3: \"a/#/b\" is no topic filter", &file)), "{}", finished.errors);
}

#[test]
fn explain_names_the_verdict_the_line_and_the_rule() {
    let file =
        File::new("acl", "# ours\ntopic read a/#\nuser ann\ntopic a/#\ntopic deny a/secret\npattern write own/%c\n");
    let may = explain(&file, &["-u", "ann", "publish", "a/b"]).success().text();
    assert_eq!(may, said("allowed: user ann wants to publish a/b\nFILE:4: topic a/#\n", &file));
    let denied = explain(&file, &["-u", "ann", "receive", "a/secret"]);
    assert_eq!(denied.code, Some(1));
    assert_eq!(denied.text(), said("denied: user ann wants to receive a/secret\nFILE:5: topic deny a/secret\n", &file));
    let nobody = explain(&file, &["publish", "a/b"]);
    let expected =
        "denied: an anonymous client wants to publish a/b\nno rule of FILE allows it; what no rule allows is denied\n";
    assert_eq!((nobody.code, nobody.text()), (Some(1), said(expected, &file)));
    let part = explain(&file, &["-u", "ann", "subscribe", "a/#"]).success().text();
    assert!(part.ends_with(&said("but not delivered: a/secret (FILE:5: topic deny a/secret)\n", &file)), "{part}");
    assert_eq!(explain(&file, &["-u", "ann", "subscribe", "$share/g/a/#"]).code, Some(1));
    explain(&file, &["-c", "lamp", "publish", "own/lamp"]).success();
    let wrong = explain(&file, &["publish", "a/+"]);
    assert!(wrong.errors.contains("a/+ is no topic"), "{}", wrong.errors);
}

#[test]
fn explain_in_json_says_the_same() {
    let file = File::new("acl", "topic read a/#\ntopic deny a/b\n");
    let text = explain(&file, &["--json", "subscribe", "a/#"]).success().text();
    let value: Value = serde_json::from_str(&text).expect("an object");
    assert_eq!((&value["verdict"], &value["rule"]["line"]), (&"allowed".into(), &1.into()));
    assert_eq!((&value["except"][0]["filter"], &value["except"][0]["rule"]["line"]), (&"a/b".into(), &2.into()));
    let text = explain(&file, &["--json", "publish", "a"]).text();
    let value: Value = serde_json::from_str(&text).expect("an object");
    assert_eq!((&value["verdict"], &value["rule"]), (&"denied".into(), &Value::Null));
}

#[test]
fn check_says_how_many_rules_there_are_or_what_is_wrong() {
    let file = File::new("acl", "topic a\ntopic b\n");
    let check = || run(command("postrider acl").args(["check", &file.shown()]));
    assert_eq!(check().success().text(), said("FILE: 2 rules\n", &file));
    file.write("");
    assert_eq!(check().success().text(), said("FILE: no rules: everything is denied\n", &file));
    file.write("topic\n");
    let wrong = check();
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.errors.contains(&said("FILE:1: topic needs a topic filter", &file)), "{}", wrong.errors);
}

// A15
#[test]
fn a_restart_frees_nobody_from_rules_that_only_one_of_two_listeners_has() {
    let file = File::new("two-doors", "user ann\ntopic readwrite #\n");
    let folder = file.path.parent().expect("it stands in one").display().to_string();
    let hash = postrider_auth::NewHash::Sha512.make(b"secret").expect("a hash");
    std::fs::write(format!("{folder}/users"), format!("ann:{hash}\n")).expect("a file");
    let text = format!(
        "[log]\ndestinations=['stdout']\n[data]\ndirectory='{folder}/data'\n[[listener]]\nname='in'\nbind='127.0.0.1:0'\n\
         [[listener]]\nname='out'\nbind='127.0.0.1:0'\nauth.password_file='{folder}/users'\nacl.file='{}'\n",
        file.shown()
    );
    std::fs::write(format!("{folder}/c.toml"), text).expect("a file");
    let start = || {
        let mut serve = command("postrider serve");
        let (broker, lines) = crate::program::Program::start_and_hear(serve.args(["-c", &format!("{folder}/c.toml")]));
        let port = || crate::broker::port_in(&lines.wait_for("listening on")).expect("a port");
        let ports = [port(), port()].map(|port| std::net::SocketAddr::from(([127, 0, 0, 1], port)));
        (broker, lines, ports)
    };
    let (ann, nobody) = (Hello::new("a").expiry(1000).user("ann", "secret"), Hello::new("n").expiry(1000));
    let (broker, _lines, [inside, outside]) = start();
    Wire::client(outside, &ann).subscribed("b", 1);
    Wire::client(inside, &nobody).subscribed("b", 1);
    Wire::client(inside, &Hello::new("w")).publish(&publish("b", "1").q1(1));
    broker.signal(Signal::TERM);
    broker.finish();
    file.write("user ann\ntopic readwrite c\n");
    let (broker, _lines, [inside, outside]) = start();
    let mut back = Wire::dial(inside);
    assert!(back.enter(&nobody.resume()));
    assert_eq!(back.receive().topic, "b", "no rules hold for who came in where there are none");
    let mut back = Wire::dial(outside);
    assert!(back.enter(&ann.resume()));
    back.expect_silence();
    broker.signal(Signal::TERM);
    assert_eq!(broker.finish().code, Some(0));
}
