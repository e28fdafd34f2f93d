//! Floods that are to exhaust what a broker has: the log, and files that can be open.

use crate::broker::{Broker, POSTRIDER, port_in};
use crate::folder::Folder;
use crate::patience::until;
use crate::program::Program;
use crate::wire::Wire;
use postrider_proto::Version;
use postrider_testkit::{Hello, publish};
use rustix::process::Signal;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

struct Files(Folder);

impl Files {
    fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        std::fs::create_dir_all(&folder.0).expect("a directory");
        Self(folder)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.0.join(name);
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    }
}

// A29, A10
#[test]
fn a_flood_of_clients_that_are_refused_does_not_fill_the_log_and_their_names_do_not_reach_the_terminal() {
    let files = Files::new("refusals");
    let passwords = files.write("passwords", "# nobody\n");
    let broker = Broker::with(&["-v", "--password-file", &passwords]);
    let began = std::time::Instant::now();
    for number in 0..400 {
        let mut wire = Wire::dial(&broker);
        // A line of its own, a colour, and more than anybody wants to read.
        wire.hail(&Hello::new(&format!("n{number}\n\u{1b}[31madmin connected{}", "x".repeat(2000))));
        wire.expect("CONNACK NotAuthorized");
    }
    let seconds = usize::try_from(began.elapsed().as_secs()).expect("few") + 2;
    let mut refused = 0;
    // Whoever comes in afterwards is the last line.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    Wire::dial(&broker).hail(&Hello::new("last"));
    let mut left_out = 0;
    loop {
        let line = broker.hear("");
        assert!(line.len() < 1000 && !line.contains('\u{1b}') && !line.starts_with("admin"), "{line:?}");
        if let Some((count, _)) = line.split_once(" more refusals were not printed") {
            let count = count.rsplit(' ').next().expect("a number");
            left_out += count.parse::<usize>().expect("a number");
        } else if line.contains("last") {
            break;
        } else {
            refused += usize::from(line.contains("refused"));
        }
    }
    assert_eq!(refused + left_out, 400);
    assert!((1..=20 * seconds).contains(&refused), "{refused} lines in {seconds} s");
}

// A22, A29
#[test]
fn a_flood_of_connections_leaves_the_broker_the_files_it_needs_to_read_its_rules_again() {
    let files = Files::new("descriptors");
    let rules = files.write("rules", "topic readwrite a\n");
    let script = format!("ulimit -n 80; exec {POSTRIDER} serve -p 0 --data-dir memory --acl-file {rules}");
    let (broker, lines) = Program::start_and_hear(Command::new("sh").args(["-c", &script]));
    let port = port_in(&lines.wait_for("listening on")).expect("a port");
    lines.wait_for("stop it with Ctrl-C");
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut client = Wire::client(address, &Hello::new("c"));
    let mut may = |topic: &str| {
        client.send(&publish(topic, "x").q1(1).bytes(Version::V5));
        client.next()
    };
    assert_eq!([may("a"), may("b")], ["PUBACK #1 NoMatchingSubscribers", "PUBACK #1 NotAuthorized"]);
    let open = || std::fs::read_dir(format!("/proc/{}/fd", broker.id())).expect("it runs").count();
    let before = open();
    let strangers: Vec<_> =
        (0..100).map(|_| TcpStream::connect(address).expect("the system's queue takes it")).collect();
    let mut last = before;
    until("nobody else is let in", || {
        let (now, is_still) = (open(), open() == last);
        last = now;
        is_still && now > before
    });
    assert!(last < 80 && last < before + strangers.len(), "{last} of 80 are open, {before} before");
    for (text, answers) in [
        ("topic readwrite b\n", ["PUBACK #1 NotAuthorized", "PUBACK #1 NoMatchingSubscribers"]),
        ("", ["PUBACK #1 NotAuthorized", "PUBACK #1 NotAuthorized"]),
    ] {
        files.write("rules", text);
        broker.signal(Signal::HUP);
        lines.wait_for("read again");
        assert_eq!([may("a"), may("b")], answers, "{text}");
    }
    drop(strangers);
    broker.signal(Signal::TERM);
    let finished = broker.finish();
    assert_eq!((finished.code, finished.errors.as_str()), (Some(0), ""));
}
