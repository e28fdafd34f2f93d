//! What is open and allowed after a start.

use super::Audit;
use super::house::{House, free_port, mode};
use crate::wire::Wire;
use postrider_proto::Version;
use postrider_testkit::{Hello, publish, subscribe};
use std::os::unix::fs::MetadataExt;

/// How a client is answered that says this.
pub(super) fn answer(address: std::net::SocketAddr, hello: &Hello) -> String {
    let mut wire = Wire::dial(address);
    wire.hail(hello);
    wire.next()
}

pub(super) fn nothing_said(audit: &mut Audit) {
    let house = House::new("nothing");
    let served = house.serve(&["-p", "0", "-v"]);
    let sockets = &served.sockets;
    audit.line("Without arguments it listens on one socket, and no other port is open", sockets.len() == 1, sockets);
    audit.line("Without arguments it listens on the loopback address alone", served.is_local(), sockets);
    let privileges = served.status("NoNewPrivs");
    audit.line("No program it starts can gain privileges (`no_new_privs`)", privileges == "1", privileges);
    let mut client = Wire::client(served.address(), &Hello::new("c").user("admin", "hidden-word"));
    client.send(&publish("$SYS/broker/version", "mine").q1(1).bytes(Version::V5));
    let line = client.next();
    audit.line("Nobody publishes below `$SYS`", line == "PUBACK #1 TopicNameInvalid", line);
    client.send(&publish("a", "hidden-payload").q1(2).retain().bytes(Version::V5));
    client.next();
    let data = house.path("state/postrider");
    audit.line("The data directory is its own (0700)", mode(&data) == 0o700, mode(&data));
    let files: Vec<_> = std::fs::read_dir(&data).expect("there").map(|entry| entry.expect("there").path()).collect();
    let modes: Vec<_> = files.iter().map(|path| (path, mode(path))).collect();
    audit.line(
        "So are the files in it (0600)",
        !modes.is_empty() && modes.iter().all(|(_, mode)| *mode == 0o600),
        &modes,
    );
    drop(client);
    let said = served.end();
    audit.line(
        "No payload is printed, with `-v` neither",
        said.contains("connected") && !said.contains("hidden-payload"),
        &said,
    );
    audit.line("No password is printed, with `-v` neither", !said.contains("hidden-word"), said);
}

pub(super) fn hardly_anything_said(audit: &mut Audit) {
    let house = House::new("hardly");
    let empty = house.config("empty.toml", "");
    let served = house.serve(&["-c", &empty, "-p", "0", "--data-dir", "memory"]);
    audit.line(
        "An empty TOML file opens no more than no file",
        served.is_local() && served.sockets.len() == 1,
        &served.sockets,
    );
    let empty = house.config("empty.conf", "");
    let served = house.serve(&["-c", &empty, "-p", "0"]);
    audit.line(
        "Neither does an empty `mosquitto.conf`",
        served.is_local() && served.sockets.len() == 1,
        &served.sockets,
    );
    let open = house.config("listener.conf", &format!("listener {}\n", free_port()));
    let served = house.serve(&["-c", &open]);
    let lines = [Hello::new("c"), Hello::new("c").v3(), Hello::new("c").user("a", "b")]
        .map(|hello| answer(served.address(), &hello));
    let is_shut = lines.iter().all(|line| line.starts_with("CONNACK") && !line.starts_with("CONNACK Success"));
    audit.line("A `mosquitto.conf` with a `listener` and nothing else lets nobody in", is_shut, &lines);
    users(audit, &house);
    rules(audit, &house);
}

fn users(audit: &mut Audit, house: &House) {
    house.write("passwords", line("ann", "secret"));
    let config =
        "[data]\ndirectory='memory'\n[[listener]]\nname='x'\nbind='127.0.0.1:0'\nauth.password_file='@/passwords'\n";
    let served = house.serve(&["-c", &house.config("users.toml", config)]);
    let known =
        [("admin", "public"), ("admin", "admin"), ("root", "root"), ("guest", "guest"), ("mosquitto", ""), ("ann", "")];
    let lines = known.map(|(user, password)| answer(served.address(), &Hello::new("c").user(user, password)));
    let is_shut = lines.iter().all(|line| !line.starts_with("CONNACK Success"));
    audit.line("There are no users but those of the password file", is_shut, &lines);
    let nobody = answer(served.address(), &Hello::new("c"));
    audit.line("With a password file, nobody without a name comes in", nobody == "CONNACK NotAuthorized", nobody);
    let ann = answer(served.address(), &Hello::new("c").user("ann", "secret"));
    audit.line("Its users come in with their passwords", ann.starts_with("CONNACK Success"), ann);
}

fn rules(audit: &mut Audit, house: &House) {
    for (text, file, line) in [
        ("An empty file of rules denies everything", "", "b"),
        ("What no rule allows is denied", "topic readwrite a\n", "b"),
    ] {
        let rules = house.write("rules", file);
        let served = house.serve(&["-p", "0", "--data-dir", "memory", "--acl-file", &rules]);
        let mut client = Wire::client(served.address(), &Hello::new("c"));
        client.send(&subscribe(1, line, 0).and("#", 0).bytes(Version::V5));
        client.send(&publish(line, "x").q1(2).bytes(Version::V5));
        let lines = [client.next(), client.next()];
        audit.line(text, lines == ["SUBACK #1 87 87", "PUBACK #2 NotAuthorized"], &lines);
    }
}

pub(super) fn another_user(audit: &mut Audit) {
    assert!(rustix::process::geteuid().is_root(), "run this test as root: it looks at how root is given up");
    let house = House::new("user");
    let config = "[process]\nuser='nobody'\n[data]\ndirectory='@/data'\n[[listener]]\nname='x'\nbind='127.0.0.1:0'\n";
    let served = house.serve(&["-c", &house.config("user.toml", config)]);
    // It listens before it gives root up; whoever it answers meets the user it is then.
    assert!(answer(served.address(), &Hello::new("c")).starts_with("CONNACK Success"));
    crate::patience::until("root is given up", || !served.status("Uid").starts_with("0 "));
    let (user, group) = (served.status("Uid"), served.status("Gid"));
    let is_one = |ids: &str| ids.split(' ').all(|id| id == ids.split(' ').next().expect("one") && id != "0");
    audit.line("With `process.user`, root is given up: real, effective and saved user", is_one(&user), &user);
    audit.line(
        "So are its groups",
        is_one(&group) && !served.status("Groups").split(' ').any(|id| id == "0"),
        (&group, served.status("Groups")),
    );
    let powers = [served.status("CapEff"), served.status("CapPrm"), served.status("CapInh")];
    audit.line("And every capability", powers.iter().all(|set| set.bytes().all(|byte| byte == b'0')), &powers);
    let owner = std::fs::metadata(house.path("data")).expect("there").uid().to_string();
    audit.line("The data directory is given to that user", user.starts_with(&owner) && owner != "0", owner);
    let missing = house.config("missing.toml", &config.replace("nobody", "no-such-user"));
    let refused = house.refused(&["-c", &missing]);
    audit.line(
        "A user that is not there is no reason to stay root: it does not start",
        refused.code == Some(1),
        refused.errors,
    );
}

/// A line of a password file.
pub(super) fn line(user: &str, password: &str) -> String {
    format!("{user}:{}\n", postrider_auth::NewHash::Sha512.make(password.as_bytes()).expect("a hash"))
}
