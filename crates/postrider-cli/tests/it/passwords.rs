//! A broker that asks for passwords.

use crate::broker::{Broker, POSTRIDER};
use crate::commands::{PUBLISHERS, client};
use crate::folder::Folder;
use crate::program::{Program, run};
use crate::wire::Wire;
use postrider_auth::NewHash;
use postrider_testkit::{Hello, subscribe};
use rustix::process::Signal;
use std::process::Command;

struct Passwords(Folder);

impl Passwords {
    fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        std::fs::create_dir_all(&folder.0).expect("a directory");
        Self(folder)
    }

    fn path(&self) -> String {
        self.0.0.join("passwords").display().to_string()
    }

    /// Writes the file anew.
    fn write(&self, text: &str) {
        std::fs::write(self.path(), text).expect("a file");
    }

    fn broker(&self, args: &[&str]) -> Broker {
        Broker::with(&[&["-v", "--password-file", &self.path()], args].concat())
    }
}

fn line(user: &str, password: &str) -> String {
    format!("{user}:{}\n", NewHash::Sha512.make(password.as_bytes()).expect("a hash"))
}

#[test]
fn who_has_the_right_password_is_in_and_all_others_hear_why_not() {
    let passwords = Passwords::new("serve-passwords");
    let argon = NewHash::Argon2id.make(b"secret").expect("a hash");
    passwords.write(&format!("anna:{argon}\n{}", line("otto", "geheim")));
    for (args, nobody) in [(&[][..], [Some(5), Some(135)]), (&["--allow-anonymous"], [Some(0), Some(0)])] {
        let broker = passwords.broker(args);
        for publisher in PUBLISHERS {
            for (user, codes) in [
                ("-u anna -P secret", [Some(0), Some(0)]),
                ("-u otto -P geheim", [Some(0), Some(0)]),
                ("-u anna -P geheim", [Some(4), Some(134)]),
                ("-u anna", [Some(4), Some(134)]),
                ("-u nobody -P secret", [Some(4), Some(134)]),
                ("", nobody),
            ] {
                for (edition, code) in ["311", "5"].into_iter().zip(codes) {
                    let args = format!("-V {edition} -t a -m x {user}");
                    let ended = run(&mut client(publisher, &broker, &args));
                    assert_eq!(ended.code, code, "{publisher} {args}: {}", ended.errors);
                }
                if user.contains("anna") {
                    // Whoever is right is forgiven what was wrong before.
                    run(&mut client(publisher, &broker, "-t a -m x -u anna -P secret")).success();
                }
            }
        }
    }
}

// A11, A12
#[test]
fn a_wrong_password_harms_nothing_of_whose_session_it_asks_for() {
    let passwords = Passwords::new("harmless");
    passwords.write(&format!("{}{}", line("anna", "secret"), line("otto", "geheim")));
    let broker = passwords.broker(&[]);
    let mut victim = Wire::client(&broker, &Hello::new("victim").expiry(100).user("anna", "secret"));
    victim.subscribed("a", 1);
    for (user, password, answer) in [
        ("anna", "wrong", "BadUserNameOrPassword"),
        ("nobody", "wrong", "BadUserNameOrPassword"),
        // Somebody else, with a good password, does not get the session either.
        ("otto", "geheim", "NotAuthorized"),
    ] {
        let mut thief = Wire::dial(&broker);
        thief.hail(&Hello::new("victim").user(user, password));
        let line = thief.next();
        assert!(line.starts_with("CONNACK") && !line.starts_with("CONNACK Success"), "{line}");
        if user != "otto" {
            assert!(line.contains(answer), "{line}");
        }
        victim.expect_silence();
    }
    run(&mut client("postrider pub", &broker, "-u otto -P geheim -t a -m x -q 1")).success();
    victim.expect("PUBLISH a q1 #1 \"x\"");
}

#[test]
fn a_file_that_is_read_again_ends_the_connections_of_those_who_may_stay_no_longer_and_no_others() {
    let passwords = Passwords::new("hangup");
    let anna = line("anna", "1");
    passwords.write(&format!("{anna}{}{}", line("otto", "2"), line("iris", "3")));
    let broker = passwords.broker(&["--allow-anonymous"]);
    let enter = |id: &str, user: &str, password: &str| Wire::client(&broker, &Hello::new(id).user(user, password));
    let (mut anna_1, mut otto, mut iris) = (enter("a", "anna", "1"), enter("o", "otto", "2"), enter("i", "iris", "3"));
    let mut nobody = Wire::client(&broker, &Hello::new("n"));
    passwords.write(&format!("{anna}{}{}", line("iris", "new"), line("zoe", "4")));
    broker.signal(Signal::HUP);
    let said = broker.hear("configuration read again");
    assert!(said.contains("users 3,") && said.contains("another password 2,") && said.contains("ended 2;"), "{said}");
    for gone in [&mut otto, &mut iris] {
        gone.expect("DISCONNECT NotAuthorized");
        gone.expect("end");
    }
    anna_1.expect_silence();
    nobody.expect_silence();
    for (user, password, code) in
        [("zoe", "4", 0), ("iris", "new", 0), ("iris", "3", 4), ("otto", "2", 4), ("anna", "1", 0)]
    {
        let args = format!("-t a -m x -u {user} -P {password}");
        assert_eq!(run(&mut client("mosquitto_pub", &broker, &args)).code, Some(code), "{args}");
    }
}

#[test]
fn a_file_that_is_broken_when_it_is_read_again_changes_nothing() {
    let passwords = Passwords::new("hangup-broken");
    passwords.write(&line("anna", "1"));
    let mut command = Command::new(POSTRIDER);
    command.args(["serve", "-p", "0", "--data-dir", "memory", "--password-file", &passwords.path()]);
    let (broker, lines) = Program::start_and_hear(&mut command);
    let port = crate::broker::port_in(&lines.wait_for("listening on")).expect("a port");
    lines.wait_for("stop it with Ctrl-C");
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let mut anna = Wire::client(address, &Hello::new("a").user("anna", "1"));
    passwords.write("");
    broker.signal(Signal::HUP);
    anna.send(&subscribe(1, "a", 0).bytes(postrider_proto::Version::V5));
    anna.expect("SUBACK #1 00");
    // The one that is read well tells that the one before was read.
    passwords.write(&format!("{}otto", line("anna", "1")));
    broker.signal(Signal::HUP);
    Wire::client(address, &Hello::new("b").user("anna", "1")).expect_silence();
    anna.expect_silence();
    passwords.write("# nobody\n");
    broker.signal(Signal::HUP);
    lines.wait_for("configuration read again");
    anna.expect("DISCONNECT NotAuthorized");
    broker.signal(Signal::TERM);
    let ended = broker.finish();
    assert_eq!(ended.code, Some(0));
    assert!(
        ended.errors.contains("passwords: it is empty") || ended.errors.contains("passwords:2: "),
        "{}",
        ended.errors
    );
    assert!(ended.errors.contains("nothing has changed"), "{}", ended.errors);
}

#[test]
fn a_broker_with_a_file_it_cannot_use_does_not_start() {
    let passwords = Passwords::new("no-start");
    for (text, part) in [("", "it is empty"), ("anna:plain\n", "passwords:1: "), ("anna\n", "no colon")] {
        passwords.write(text);
        let args = ["serve", "-p", "0", "--data-dir", "memory", "--password-file", &passwords.path()];
        let refused = run(Command::new(POSTRIDER).args(args));
        assert_eq!((refused.code, refused.errors.lines().count()), (Some(1), 1), "{}", refused.errors);
        assert!(refused.errors.contains(part) && !refused.errors.contains("plain\n"), "{}", refused.errors);
        assert_eq!(refused.errors.matches(part).count(), 1, "{}", refused.errors);
        assert!(refused.output.is_empty());
    }
}

#[test]
fn a_password_is_printed_nowhere() {
    let passwords = Passwords::new("unprinted");
    passwords.write(&line("anna", "tell-nobody"));
    let mut command = Command::new(POSTRIDER);
    command.args(["serve", "-v", "-p", "0", "--data-dir", "memory", "--password-file", &passwords.path()]);
    let (broker, lines) = Program::start_and_hear(&mut command);
    let port = crate::broker::port_in(&lines.wait_for("listening on")).expect("a port");
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    Wire::client(address, &Hello::new("a").user("anna", "tell-nobody")).expect_silence();
    let mut wrong = Wire::dial(address);
    wrong.hail(&Hello::new("b").user("anna", "tell-nobody-either"));
    wrong.expect("CONNACK BadUserNameOrPassword");
    broker.signal(Signal::TERM);
    let said = std::iter::from_fn(|| lines.next()).collect::<Vec<_>>().join("\n");
    let errors = broker.finish().errors;
    assert!(said.contains("b from") && said.contains("refused: bad user name or password"), "{said}");
    assert!(!said.contains("tell-nobody") && !errors.contains("tell-nobody"), "{said}{errors}");
}
