//! Certificates that are renewed while the broker runs, and nobody tells it.

use crate::authority::{Authority, Identity};
use crate::broker::POSTRIDER;
use crate::folder::Folder;
use crate::mosquitto::free_port;
use crate::program::{Lines, Program, run};
use crate::tools::command;
use rustix::process::Signal;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

/// A broker whose certificate lies in `folder`, and what it logs.
struct Secured {
    program: Program,
    log: Lines,
    port: u16,
    folder: Folder,
}

const TAKEN_UP: &str = "its TLS files have changed and hold for new connections";

impl Secured {
    /// `fill` puts `cert.pem` and `key.pem` into the folder; `rest` is more of the listener's TLS.
    fn start(name: &str, fill: impl FnOnce(&Path), rest: &str) -> Self {
        let folder = Folder::new(name);
        std::fs::create_dir_all(&folder.0).expect("below the target directory");
        fill(&folder.0);
        let port = free_port();
        let text = format!(
            "[data]\ndirectory = \"memory\"\n[[listener]]\nname = \"tls\"\nbind = \"127.0.0.1:{port}\"\n\
             [listener.auth]\nallow_anonymous = true\n[listener.tls]\ncertificate = \"{at}/cert.pem\"\n\
             key = \"{at}/key.pem\"\n{rest}",
            at = folder.shown()
        );
        let file = folder.0.join("postrider.toml");
        std::fs::write(&file, text).expect("written");
        let mut shell = Command::new("bash");
        shell.args(["-c", "exec \"$0\" serve -c \"$1\" 2>&1", POSTRIDER]).arg(&file);
        let (program, log) = Program::start_and_hear(&mut shell);
        log.wait_for("data directory");
        Self { program, log, port, folder }
    }

    fn publish(&self, authority: &Authority, message: &str) -> Option<i32> {
        let mut command = command("postrider pub");
        command.args(["-h", "localhost", "-p", &self.port.to_string(), "-t", "a", "-q", "1", "-m", message]);
        run(command.arg("--cafile").arg(authority.file())).code
    }

    /// A client that is in, and what it hears.
    fn subscriber(&self, authority: &Authority) -> (Program, Lines) {
        let mut command = command("mosquitto_sub");
        command.args(["-h", "localhost", "-p", &self.port.to_string(), "-t", "a", "-q", "1"]);
        let heard = Program::start_and_hear(command.arg("--cafile").arg(authority.file()));
        self.log.wait_for("connected");
        heard
    }

    fn end(self) {
        self.program.signal(Signal::TERM);
        assert_eq!(self.program.finish().code, Some(0));
    }
}

fn put(identity: &Identity, certificate: &Path, key: &Path) {
    std::fs::copy(&identity.certificate, certificate).expect("copied");
    std::fs::copy(&identity.key, key).expect("copied");
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
}

fn lay(identity: &Identity) -> impl FnOnce(&Path) {
    |folder| put(identity, &folder.join("cert.pem"), &folder.join("key.pem"))
}

#[test]
fn a_renewed_certificate_is_taken_up_without_a_signal_and_whoever_is_in_stays() {
    let (before, after) = (Authority::new("renewal-before"), Authority::new("renewal-after"));
    let broker = Secured::start("renewal", lay(&before.sign("server", &["localhost"])), "");
    let (subscriber, lines) = broker.subscriber(&before);
    // Its authority is the proof: nobody who trusts the new one comes in before.
    assert_eq!(broker.publish(&before, "one"), Some(0));
    assert_ne!(broker.publish(&after, "two"), Some(0));
    lay(&after.sign("server", &["localhost"]))(&broker.folder.0);
    broker.log.wait_for(TAKEN_UP);
    assert_eq!(broker.publish(&after, "three"), Some(0));
    assert_ne!(broker.publish(&before, "four"), Some(0));
    lines.wait_for("one");
    assert_eq!(lines.next().as_deref(), Some("three"));
    subscriber.signal(Signal::TERM);
    broker.end();
}

#[test]
fn half_a_key_leaves_the_old_one_and_is_told_in_one_line() {
    let (before, after) = (Authority::new("renewal-half-before"), Authority::new("renewal-half-after"));
    let broker = Secured::start("renewal-half", lay(&before.sign("server", &["localhost"])), "");
    let next = after.sign("server", &["localhost"]);
    let key = broker.folder.0.join("key.pem");
    let whole = std::fs::read(&next.key).expect("there");
    for (bytes, why) in [(&whole[..whole.len() / 2], "key.pem: the key in it is broken"), (&[], "key.pem: there is no")]
    {
        std::fs::write(&key, bytes).expect("written");
        let said = broker.log.wait_for(why);
        assert!(said.contains("listener tls: ") && said.contains("stays in use"), "{said}");
        assert_eq!(broker.publish(&before, "still"), Some(0));
    }
    std::fs::remove_file(&key).expect("there");
    broker.log.wait_for("key.pem: there is no such file");
    lay(&next)(&broker.folder.0);
    // What was said before is not said again.
    let mut said = Vec::new();
    while !said.last().is_some_and(|line: &String| line.contains(TAKEN_UP)) {
        said.push(broker.log.next().expect("it runs"));
    }
    assert!(!said.iter().any(|line| line.contains("stays in use")), "{said:#?}");
    assert_eq!(broker.publish(&after, "new"), Some(0));
    broker.end();
}

// certbot: live/cert.pem -> ../archive/cert1.pem, and after a renewal cert2.pem.
#[test]
fn a_link_to_another_directory_that_is_replaced_is_followed() {
    let (before, after) = (Authority::new("renewal-link-before"), Authority::new("renewal-link-after"));
    let (first, second) = (before.sign("server", &["localhost"]), after.sign("server", &["localhost"]));
    let archive = Folder::new("renewal-link-archive");
    std::fs::create_dir_all(&archive.0).expect("below the target directory");
    let at = |number: u8, kind: &str| archive.0.join(format!("{kind}{number}.pem"));
    put(&first, &at(1, "cert"), &at(1, "key"));
    let point = |folder: &Path, number: u8| {
        for kind in ["cert", "key"] {
            let link = folder.join(format!("{kind}.pem"));
            let fresh = folder.join(format!("{kind}.new"));
            symlink(at(number, kind), &fresh).expect("a link");
            std::fs::rename(fresh, link).expect("renamed");
        }
    };
    let broker = Secured::start("renewal-link", |folder| point(folder, 1), "");
    assert_eq!(broker.publish(&before, "one"), Some(0));
    put(&second, &at(2, "cert"), &at(2, "key"));
    point(&broker.folder.0, 2);
    broker.log.wait_for(TAKEN_UP);
    assert_eq!(broker.publish(&after, "two"), Some(0));
    broker.end();
}

// A volume of secrets of Kubernetes: cert.pem -> ..data/cert.pem, ..data -> ..DATE, and another date by a rename.
#[test]
fn a_volume_of_secrets_that_is_swapped_is_followed() {
    let (before, after) = (Authority::new("renewal-volume-before"), Authority::new("renewal-volume-after"));
    let (first, second) = (before.sign("server", &["localhost"]), after.sign("server", &["localhost"]));
    let swap = |folder: &Path, date: &str, identity: &Identity| {
        let directory = folder.join(date);
        std::fs::create_dir(&directory).expect("a directory");
        lay(identity)(&directory);
        symlink(date, folder.join("..data_tmp")).expect("a link");
        std::fs::rename(folder.join("..data_tmp"), folder.join("..data")).expect("renamed");
    };
    let fill = |folder: &Path| {
        swap(folder, "..2026_01", &first);
        for name in ["cert.pem", "key.pem"] {
            symlink(Path::new("..data").join(name), folder.join(name)).expect("a link");
        }
    };
    let broker = Secured::start("renewal-volume", fill, "");
    let (subscriber, lines) = broker.subscriber(&before);
    swap(&broker.folder.0, "..2026_02", &second);
    std::fs::remove_dir_all(broker.folder.0.join("..2026_01")).expect("there");
    broker.log.wait_for(TAKEN_UP);
    assert_eq!(broker.publish(&after, "two"), Some(0));
    lines.wait_for("two");
    subscriber.signal(Signal::TERM);
    broker.end();
}

#[test]
fn files_that_are_not_watched_hold_when_it_is_told_to_read_them() {
    let (before, after) = (Authority::new("renewal-off-before"), Authority::new("renewal-off-after"));
    let broker = Secured::start("renewal-off", lay(&before.sign("server", &["localhost"])), "watch = false\n");
    lay(&after.sign("server", &["localhost"]))(&broker.folder.0);
    broker.program.signal(Signal::HUP);
    // The first thing it says about them is the answer to the signal.
    let said = broker.log.next().expect("it runs");
    assert!(said.contains("configuration read again"), "{said}");
    assert_eq!(broker.publish(&after, "new"), Some(0));
    broker.end();
}
