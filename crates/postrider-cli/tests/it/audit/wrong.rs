//! What happens when something about the locks is wrong: nothing opens.

use super::Audit;
use super::house::{House, Served};
use super::starts::{answer, line};
use crate::patience::until;
use crate::wire::Wire;
use postrider_proto::Version;
use postrider_testkit::{Hello, publish};
use rustix::process::Signal;
use std::io::{Read, Write};

const LISTENER: &str = "[data]\ndirectory='memory'\n[[listener]]\nname='x'\nbind='127.0.0.1:0'\n";

pub(super) fn doors(audit: &mut Audit) {
    let house = House::new("doors");
    let refused = house.refused(&["-p", "0", "--bind", "0.0.0.0", "--data-dir", "memory"]);
    let is_told = refused.code == Some(1) && refused.errors.to_lowercase().contains("anonymous");
    audit.line("`--bind` for other machines is refused while nobody is asked for anything", is_told, refused.errors);
    let open = house.config("open.toml", "[[listener]]\nname='front'\nbind=':1883'\n");
    let refused = house.refused(&["-c", &open]);
    let is_told = refused.code == Some(1) && refused.errors.contains("listener.front.auth.allow_anonymous");
    audit.line("So is such a listener of a file, and its key is named", is_told, refused.errors);
    let (certificate, key) = identity(&house, "door");
    let tls = format!("tls={{certificate='{certificate}',key='{key}'}}\n");
    let open = house.config("open-tls.toml", &format!("[[listener]]\nname='front'\nbind=':1883'\n{tls}"));
    let refused = house.refused(&["-c", &open]);
    audit.line("TLS alone asks for nothing: it is refused as well", refused.code == Some(1), refused.errors);
    let old = house.config("old.toml", &format!("{LISTENER}{}", tls.replace('}', ",min_version='1.1'}")));
    let refused = house.refused(&["-c", &old]);
    audit.line("No version of TLS before 1.2 can be configured", refused.code == Some(1), refused.errors);
    let served = house.serve(&["-c", &house.config("tls.toml", &format!("{LISTENER}{tls}"))]);
    let alerts = [1, 2].map(|minor| greeted(&served, &client_hello(minor)));
    let is_refused = alerts.iter().all(|alert| alert.starts_with(&[21, 3, 3, 0, 2, 2]));
    audit.line("Clients of TLS 1.0 and 1.1 hear an alert", is_refused, &alerts);
    let plain = greeted(&served, &Hello::new("c").bytes());
    audit.line("Who speaks without TLS where it is asked for is not served", !plain.starts_with(&[0x20]), plain);
}

/// A certificate and its key, in files.
fn identity(house: &House, name: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("signed");
    (
        house.write(&format!("{name}.pem"), made.cert.pem()),
        house.write(&format!("{name}.key"), made.signing_key.serialize_pem()),
    )
}

/// A ClientHello of TLS 1.0 or 1.1: one cipher, no session, no compression.
fn client_hello(minor: u8) -> Vec<u8> {
    let hello = [&[3, minor][..], &[7; 32], &[0, 0, 2, 0xc0, 0x13, 1, 0]].concat();
    let len = u8::try_from(hello.len()).expect("small");
    [&[22, 3, 1, 0, len + 4, 1, 0, 0, len][..], &hello].concat()
}

fn greeted(served: &Served, bytes: &[u8]) -> Vec<u8> {
    let mut stream = std::net::TcpStream::connect(served.address()).expect("it listens");
    stream.set_read_timeout(Some(crate::patience::PATIENCE)).expect("a socket");
    stream.write_all(bytes).expect("it reads");
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut heard = Vec::new();
    // A reset is an end as well.
    let _ = stream.read_to_end(&mut heard);
    heard
}

pub(super) fn at_the_start(audit: &mut Audit) {
    let house = House::new("start");
    house.write("empty", "");
    house.write("garbage", b"\xFF\x00 no such thing\n");
    let (certificate, key) = identity(&house, "good");
    let (_, other) = identity(&house, "other");
    let tls = |rest: &str| format!("tls={{certificate='{certificate}',key='{key}'{rest}}}\n");
    let asks = ",client_certificate='required',client_ca_file=";
    let faults = [
        ("It does not start without its password file", "gone", "auth.password_file='@/gone'\n".to_owned()),
        ("Nor with an empty one", "empty", "auth.password_file='@/empty'\n".to_owned()),
        ("Nor with a broken one", "garbage", "auth.password_file='@/garbage'\n".to_owned()),
        ("It does not start without its file of rules", "gone", "acl.file='@/gone'\n".to_owned()),
        ("Nor with a broken one of rules", "garbage", "acl.file='@/garbage'\n".to_owned()),
        ("It does not start without its certificate", "gone", format!("tls={{certificate='@/gone',key='{key}'}}\n")),
        ("Nor without its key", "gone", format!("tls={{certificate='{certificate}',key='@/gone'}}\n")),
        (
            "Nor with the key of another certificate",
            "other.key",
            format!("tls={{certificate='{certificate}',key='{other}'}}\n"),
        ),
        (
            "Nor with a list of revoked certificates that cannot be read",
            "garbage",
            tls(&format!("{asks}'{certificate}',crl='@/garbage'")),
        ),
        ("Nor with such authorities for the certificates of clients", "garbage", tls(&format!("{asks}'@/garbage'"))),
        ("A key that it does not know ends it", "auth.pasword_file", "auth.pasword_file='x'\n".to_owned()),
        ("So does a value that a key cannot have", "limits.max_qos", "limits.max_qos=7\n".to_owned()),
    ];
    for (text, part, fault) in faults {
        let config = house.config("broken.toml", &format!("{LISTENER}{fault}"));
        let refused = house.refused(&["-c", &config]);
        let is_told = refused.code == Some(1) && refused.output.is_empty() && refused.errors.contains(part);
        audit.line(text, is_told, (refused.code, refused.text(), refused.errors));
    }
    let unknown = house.config("unknown.conf", "alow_anonymous false\n");
    let refused = house.refused(&["-c", &unknown]);
    audit.line("So does an option of `mosquitto.conf` that it does not know", refused.code == Some(1), refused.errors);
}

/// SIGHUP, and the line that says that nothing has changed.
fn reload(served: &Served, log: &str) {
    let count = || std::fs::read_to_string(log).unwrap_or_default().matches("nothing has changed").count();
    let before = count();
    served.program.signal(Signal::HUP);
    until("the broker refuses to reload", || count() > before);
}

pub(super) fn while_it_runs(audit: &mut Audit) {
    let house = House::new("reload");
    let users = line("ann", "secret");
    let (passwords, rules) = (house.write("passwords", &users), house.write("rules", "user ann\ntopic readwrite a\n"));
    let log = house.path("log");
    let config =
        format!("[log]\ndestinations=['file:{log}']\n{LISTENER}auth.password_file='@/passwords'\nacl.file='@/rules'\n");
    let path = house.config("good.toml", &config);
    let served = house.serve(&["-c", &path]);
    // Who guesses has to wait; each guess is somebody else's.
    let mut guesses = 0;
    let mut may = || {
        guesses += 1;
        let mut wire = Wire::client(served.address(), &Hello::new("c").user("ann", "secret"));
        let mut codes = Vec::new();
        for topic in ["a", "b"] {
            wire.send(&publish(topic, "x").q1(1).bytes(Version::V5));
            codes.push(wire.next());
        }
        codes == ["PUBACK #1 NoMatchingSubscribers", "PUBACK #1 NotAuthorized"]
            && answer(served.address(), &Hello::new("d").user(&format!("bob{guesses}"), "x"))
                .contains("BadUserNameOrPassword")
    };
    assert!(may(), "before anything is wrong");
    for (text, file, bad) in [
        ("An empty password file at a reload leaves everything as it is", &passwords, &b""[..]),
        ("So does half of one", &passwords, &users.as_bytes()[..users.len() / 2]),
        ("So does half of a file of rules", &rules, b"user ann\ntopic"),
        ("So does half of a configuration", &path, b"[[listener]]\nname='x'\nbi"),
    ] {
        let good = std::fs::read(file).expect("there");
        std::fs::write(file, bad).expect("a file");
        reload(&served, &log);
        audit.line(text, may(), "somebody may what he might not, or not what he might");
        std::fs::write(file, good).expect("a file");
    }
    std::fs::remove_file(&rules).expect("a file");
    reload(&served, &log);
    audit.line("So does one that is gone", may(), "somebody may what he might not, or not what he might");
}

pub(super) fn words(audit: &mut Audit) {
    let house = House::new("words");
    house.write("secret", "hidden-word");
    let text = "[[bridge]]\nname='b'\naddresses=['h:1']\nremote.username='u'\nremote.password='hidden-word'\n";
    let finished = house.refused(&["config", "print", &house.config("bridge.toml", text)]);
    let is_hidden = finished.code == Some(0) && !finished.text().contains("hidden-word");
    audit.line("`config print` shows no secret", is_hidden, (finished.code, finished.text(), finished.errors));
    let finished = house.refused(&["config", "check", &house.config("fault.toml", &format!("{text}x=1\n"))]);
    let is_hidden = finished.code == Some(1) && !finished.errors.contains("hidden-word");
    audit.line("No message about a fault does", is_hidden, finished.errors);
}
