//! Users and client identifiers of a store, changed by the command and asked by the broker.

use crate::folder::Folder;
use crate::mosquitto::free_port;
use crate::program::{Finished, Program, run};
use crate::serving::{Served, mosquitto};
use crate::tools::command;
use std::path::Path;

fn change(word: &str, verb: &str, store: &Path, more: &[&str]) -> Finished {
    run(command(&format!("postrider {word}")).arg(verb).arg(store).args(more))
}

fn user(verb: &str, store: &Path, more: &[&str]) -> Finished {
    change("user", verb, store, more)
}

fn client(verb: &str, store: &Path, more: &[&str]) -> Finished {
    change("client", verb, store, more)
}

struct Ground {
    served: Served,
    store: std::path::PathBuf,
    port: u16,
    _folder: Folder,
}

/// A broker with a store that is empty, or not there.
fn ground(name: &str, more: &str) -> Ground {
    let folder = Folder::new(&format!("{name}-store"));
    std::fs::create_dir_all(&folder.0).expect("below the target directory");
    let (store, port) = (folder.0.join("people.json"), free_port());
    let text = format!(
        "[data]\ndirectory = \"memory\"\n[[listener]]\nname = \"one\"\nbind = \"127.0.0.1:{port}\"\n\
         auth.user_store = \"{}\"\n{more}",
        store.display()
    );
    let served = Served::start(name, "postrider.toml", &text, "data directory");
    Ground { served, store, port, _folder: folder }
}

impl Ground {
    fn reload(&self) -> String {
        self.served.reload_until("configuration read again")
    }

    /// Whether somebody gets in.
    fn lets_in(&self, who: &str) -> bool {
        let way = format!("-h 127.0.0.1 -p {} -t a -m x -q 1 {who}", self.port);
        run(&mut mosquitto("mosquitto_pub", &way)).code == Some(0)
    }
}

// TCL-14, TCL-15, TCL-17, TCL-18, TCL-19
#[test]
fn users_and_client_identifiers_of_a_store_come_in_and_nobody_else_and_without_any_everybody_does() {
    let ground = ground("people", "auth.allow_anonymous = true\n");
    assert!(ground.lets_in("") && ground.lets_in("-u ann -P any"));
    user("add", &ground.store, &["ann", "-b", "secret"]).success();
    user("add", &ground.store, &["otto", "--any-password"]).success();
    assert!(ground.lets_in(""), "nobody has told the broker yet");
    assert!(ground.reload().contains("users 2"));
    assert!(ground.lets_in("-u ann -P secret") && ground.lets_in("-u otto -P any") && ground.lets_in("-u otto"));
    for nobody in ["", "-u ann -P wrong", "-u ann", "-u eve -P secret"] {
        assert!(!ground.lets_in(nobody), "{nobody}");
    }
    assert_eq!(user("list", &ground.store, &[]).success().text(), "ann\notto (any password)\n");
    client("add", &ground.store, &["lamp"]).success();
    assert_eq!(client("add", &ground.store, &["lamp"]).success().text(), "it was there already\n");
    ground.reload();
    assert!(ground.lets_in("-i lamp -u ann -P secret"));
    assert!(!ground.lets_in("-i door -u ann -P secret") && !ground.lets_in("-i lamp -u ann -P wrong"));
    assert_eq!(client("list", &ground.store, &[]).success().text(), "lamp\n");
    client("remove", &ground.store, &["lamp"]).success();
    for name in ["ann", "otto"] {
        user("remove", &ground.store, &[name]).success();
    }
    ground.reload();
    assert!(ground.lets_in(""));
    assert_eq!(ground.served.end().code, Some(0));
}

#[test]
fn who_is_taken_from_a_store_or_gets_another_password_is_ended_at_the_next_reload() {
    let ground = ground("people-gone", "");
    assert!(!ground.lets_in(""), "an empty list is no invitation");
    for name in ["ann", "eve"] {
        user("add", &ground.store, &[name, "-b", "secret"]).success();
    }
    ground.reload();
    let listen = |name: &str| {
        let way = format!("-h 127.0.0.1 -p {} -u {name} -P secret -i {name} -t a -V 5", ground.port);
        let program = Program::start(&mut mosquitto("mosquitto_sub", &way));
        ground.served.log.wait_for(&format!("{name} connected from"));
        program
    };
    let (_ann, _eve) = (listen("ann"), listen("eve"));
    user("password", &ground.store, &["ann", "-b", "other"]).success();
    assert_eq!(user("password", &ground.store, &["ben", "-b", "x"]).code, Some(1));
    assert!(ground.reload().contains("gone or with another password 1, connections of theirs that were ended 1"));
    assert!(ground.lets_in("-u ann -P other") && !ground.lets_in("-u ann -P secret"));
    // A store with a fault changes nothing.
    let whole = std::fs::read(&ground.store).expect("there");
    std::fs::write(&ground.store, b"{").expect("written");
    ground.served.reload_until("nothing has changed");
    assert!(ground.lets_in("-u ann -P other"));
    assert_ne!(user("list", &ground.store, &[]).code, Some(0));
    std::fs::write(&ground.store, whole).expect("written");
    assert_eq!(ground.served.end().code, Some(0));
}

#[test]
fn many_commands_at_a_time_lose_no_client_identifier() {
    let folder = Folder::new("people-many");
    std::fs::create_dir_all(&folder.0).expect("below the target directory");
    let store = folder.0.join("people.json");
    let adds: Vec<Program> = (10..30)
        .map(|at| Program::start(command("postrider client").arg("add").arg(&store).arg(format!("c{at}"))))
        .collect();
    for add in adds {
        add.finish().success();
    }
    let listed = client("list", &store, &[]).success().text();
    assert_eq!(listed.lines().count(), 20, "{listed}");
    let gone = folder.0.join("gone.json");
    assert!(client("list", &gone, &[]).errors.contains("is not there"));
}
