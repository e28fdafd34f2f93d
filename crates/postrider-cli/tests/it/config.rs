//! `postrider config`.

use crate::broker::POSTRIDER;
use crate::folder::Folder;
use crate::program::{Finished, run};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

fn folder(name: &str, files: &[(&str, &str)]) -> Folder {
    let folder = Folder::new(name);
    std::fs::create_dir_all(&folder.0).expect("a directory");
    for (name, text) in files {
        std::fs::write(folder.0.join(name), text).expect("a file");
    }
    folder
}

fn config(folder: &Folder, args: &[&str]) -> Finished {
    run(Command::new(POSTRIDER).arg("config").args(args).current_dir(&folder.0).env("POSTRIDER_SYS_INTERVAL", "7"))
}

const OPEN: &str = "[limits]\nmax_qs = 1\n[[listener]]\nbind = ':1883'\n";

#[test]
fn check_tells_what_is_wrong_and_ends_with_one() {
    let folder = folder("config-check", &[("a.toml", OPEN), ("b.toml", "[[listener]]\nbind = ':1883'\n")]);
    let slip = config(&folder, &["check", "a.toml"]);
    assert_eq!(slip.code, Some(1));
    assert_eq!(slip.errors, "a.toml:2:1: limits.max_qs: there is no such key; did you mean limits.max_qos?\n");
    let open = config(&folder, &["check", "b.toml"]);
    assert_eq!(open.code, Some(1));
    assert!(
        open.errors.starts_with("b.toml:1: listener.:1883.auth.allow_anonymous: other machines"),
        "{}",
        open.errors
    );
    std::fs::write(folder.0.join("p"), "# nobody yet\n").expect("a file");
    std::fs::set_permissions(folder.0.join("p"), std::fs::Permissions::from_mode(0o600)).expect("it is ours");
    let said = config(&folder, &["check", "b.toml", "--set", "auth.password_file=p", "--set", "data.directory=memory"]);
    assert_eq!(said.success().text(), "b.toml: all right: 1 listener, 0 bridges, 0 notices\n");
    let none = config(&folder, &["check", "c.toml"]);
    assert_eq!(none.code, Some(1));
    assert!(none.errors.starts_with("c.toml: it cannot be read: "), "{}", none.errors);
}

#[test]
fn check_tells_programs_the_same() {
    let folder = folder("config-json", &[("a.toml", OPEN)]);
    let told = config(&folder, &["check", "--json", "a.toml"]);
    assert_eq!(told.code, Some(1));
    let told: serde_json::Value = serde_json::from_slice(&told.output).expect("JSON");
    assert_eq!(told["ok"], false);
    assert_eq!((&told["faults"][0]["at"]["line"], &told["faults"][0]["key"]), (&2.into(), &"limits.max_qs".into()));
}

#[test]
fn check_looks_whether_secrets_are_where_they_should_be() {
    let bridge = "[[bridge]]\nname = 'b'\naddresses = ['a']\nremote.username = 'u'\nremote.password = 'file:s'\n";
    let folder = folder("config-secret", &[("a.toml", bridge)]);
    let missing = config(&folder, &["check", "a.toml"]);
    assert_eq!(missing.code, Some(1));
    assert!(missing.errors.starts_with("a.toml:5: bridge.b.remote.password: s: "), "{}", missing.errors);
    std::fs::write(folder.0.join("s"), "hush\n").expect("a file");
    config(&folder, &["check", "a.toml"]).success();
}

#[test]
fn print_has_every_value_and_where_it_comes_from() {
    let folder = folder("config-print", &[("a.toml", "limits.max_qos = 1\n")]);
    let printed = config(&folder, &["print", "a.toml", "--origins", "--set", "limits.retain=false"]).success().text();
    for line in [
        "max_qos = 1  # a.toml:1\n",
        "interval = \"7s\"  # $POSTRIDER_SYS_INTERVAL\n",
        "retain = false  # command line\n",
        "limits.max_qos = 1  # a.toml:1\n",
        "bind = \"localhost:1883\"\n",
    ] {
        assert!(printed.contains(line), "{line} is not in\n{printed}");
    }
    std::fs::write(folder.0.join("again.toml"), &printed).expect("a file");
    config(&folder, &["check", "again.toml"]).success();
}

#[test]
fn explain_knows_our_names_and_mosquittos() {
    let folder = folder("config-explain", &[]);
    let text = config(&folder, &["explain", "limits.max_packet_size"]).success().text();
    assert!(text.contains("2000000") && text.contains("POSTRIDER_LIMITS_MAX_PACKET_SIZE"), "{text}");
    let text = config(&folder, &["explain", "max_inflight_messages"]).success().text();
    assert!(text.contains("limits.receive_maximum") && text.contains("limits.max_in_flight\n"), "{text}");
    let wrong = config(&folder, &["explain", "limits.max_paket_size"]);
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.errors.contains("did you mean limits.max_packet_size?"), "{}", wrong.errors);
    assert!(config(&folder, &["explain"]).success().text().lines().count() > 150);
}

#[test]
fn import_makes_a_configuration_of_each_format_and_keeps_secrets_to_itself() {
    let mosquitto = "listener 1884 127.0.0.1\nallow_anonymous true\nautosave_interval 10\nconnection up\naddress \
                     there\ntopic a/# out\nremote_username u\nremote_password hush\n";
    let yaml = "listeners:\n  one:\n    bind: 127.0.0.1:1885\nkv: {}\n";
    let files = [("m.conf", mosquitto), ("sol.conf", "ip_port 1886\nno_such 1\n"), ("p.yaml", yaml)];
    let folder = folder("config-import", &files);
    for (file, bind) in [("m.conf", "127.0.0.1:1884"), ("sol.conf", "127.0.0.1:1886"), ("p.yaml", "127.0.0.1:1885")] {
        let new = format!("{file}.toml");
        let notices = config(&folder, &["import", file, "-o", &new]).success().text();
        assert!(notices.starts_with(&format!("{file}:")), "{notices}");
        let text = std::fs::read_to_string(folder.0.join(&new)).expect("it was written");
        assert!(text.contains(&format!("bind = \"{bind}\"\n")), "{text}");
        assert!(text.starts_with("# Made of ") && text.contains(&format!("\n# {file}:")), "{text}");
        assert!(!text.contains("hush"), "{text}");
        let again = config(&folder, &["import", file, "-o", &new]);
        assert!(again.code == Some(1) && again.errors.contains("choose a file that is not there yet"), "{again:?}");
    }
    let imported = std::fs::read_to_string(folder.0.join("m.conf.toml")).expect("it was written");
    assert!(imported.contains("remote.password = \"env:POSTRIDER_SECRET_BRIDGE_UP_REMOTE_PASSWORD\""), "{imported}");
    config(&folder, &["check", "sol.conf.toml"]).success();
    assert_eq!(config(&folder, &["import", "sol.conf.toml"]).code, Some(1));
}
