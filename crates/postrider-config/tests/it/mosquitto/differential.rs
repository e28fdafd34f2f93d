//! The same files for mosquitto and for us: taken or refused.

use super::binary::{Folder, Mosquitto, free_port};
use postrider_config::{Disk, mosquitto};

/// A line of `testdata/mosquitto-conf.txt`.
struct Case {
    name: &'static str,
    here: &'static str,
    there: &'static str,
    text: String,
    why: &'static str,
}

#[test]
fn mosquitto_takes_and_refuses_what_the_list_says_that_it_does() {
    for case in cases() {
        let folder = Folder::new();
        let port = free_port();
        let text = case.text.replace("PORT", &port.to_string());
        let path = folder.file("m.conf", text.as_bytes());
        let path = path.to_str().expect("a path");
        let mut mosquitto = Mosquitto::start(&["-c", path], &folder);
        let is_running = mosquitto.wait_for(" running").is_some();
        // What it could not do later is another matter.
        let is_refused = !is_running && mosquitto.exit_code() == Some(3);
        assert_eq!(if is_refused { "refused" } else { "taken" }, case.there, "{}: {text}", case.name);
    }
}

#[test]
fn we_take_and_refuse_what_the_list_says_that_we_do() {
    for case in cases() {
        let folder = Folder::new();
        let path = folder.file("m.conf", case.text.replace("PORT", "1884").as_bytes());
        let path = path.to_str().expect("a path");
        let read = mosquitto::read(path, &Disk);
        assert_eq!(if read.is_ok() { "taken" } else { "refused" }, case.here, "{}", case.name);
        for fault in read.err().into_iter().flatten() {
            assert!(fault.to_string().starts_with(path), "{}: {fault}", case.name);
        }
    }
}

#[test]
fn the_list_says_why_where_we_differ_and_has_more_than_a_hundred_files() {
    let cases = cases();
    assert!(cases.len() > 100, "{}", cases.len());
    for case in cases {
        assert_eq!(case.here != case.there, !case.why.is_empty(), "{}", case.name);
    }
}

fn cases() -> Vec<Case> {
    let text = include_str!("../../../testdata/mosquitto-conf.txt");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split('|').collect();
            let [name, here, there, text, why] = fields[..] else { panic!("not five fields: {line}") };
            let text = text.strip_prefix(' ').unwrap_or(text);
            let text = text.replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r").replace("\\x00", "\0");
            let text = match text.strip_prefix('!') {
                Some(whole) => whole.to_owned(),
                None => format!("listener PORT 127.0.0.1\n{text}"),
            };
            Case { name: name.trim(), here: here.trim(), there: there.trim(), text, why: why.trim() }
        })
        .collect()
}
