//! `postrider torture`: what it finds at our broker, at brokers that forget, and what it leaves behind.

use crate::broker::POSTRIDER;
use crate::patience::until;
use crate::program::{Finished, Program, run};
use rustix::process::{Pid, Signal, test_kill_process};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder for scratch directories, in which nothing may be left.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("torture-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn command(&self, options: &str, broker: &[&str]) -> Command {
        let mut command = Command::new(POSTRIDER);
        command.args(["torture", "--json", "--for", "50-300", "--patience", "400", "--scratch"]).arg(&self.0);
        command.args(options.split_whitespace()).arg("--").args(broker);
        command
    }

    /// Tortures our own broker, with these arguments of its own.
    fn ours(&self, options: &str, more: &str) -> Finished {
        let broker = [&[POSTRIDER, "serve", "-p", "{port}"][..], &more.split_whitespace().collect::<Vec<_>>()].concat();
        run(&mut self.command(options, &broker))
    }

    /// Tortures what a shell makes of this; `$SERVE` is our broker.
    fn shell(&self, options: &str, script: &str) -> Finished {
        run(&mut self.shell_command(options, script))
    }

    fn shell_command(&self, options: &str, script: &str) -> Command {
        let mut command = self.command(options, &["sh", "-c", script]);
        command.env("SERVE", POSTRIDER);
        command
    }

    fn entries(&self) -> Vec<PathBuf> {
        std::fs::read_dir(&self.0).expect("it is there").map(|entry| entry.expect("readable").path()).collect()
    }

    /// What a script has written to this file of its data directory.
    fn written(&self, name: &str) -> Option<String> {
        let path = self.entries().first()?.join("data").join(name);
        std::fs::read_to_string(path).ok().filter(|text| text.ends_with('\n'))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

#[track_caller]
fn figures(finished: &Finished) -> Value {
    serde_json::from_slice(&finished.output).unwrap_or_else(|error| panic!("{error}: {}", finished.errors))
}

/// A figure of all four kinds of copies together.
fn sum(figures: &Value, name: &str) -> u64 {
    let kinds = figures["messages"].as_array().expect("a list");
    kinds.iter().map(|kind| kind[name].as_u64().expect("a number")).sum()
}

#[track_caller]
fn expect_soundness(finished: &Finished, kills: u64) {
    let figures = figures(finished);
    assert_eq!(finished.code, Some(0), "{figures} {}", finished.errors);
    assert_eq!((figures["kills"].as_u64(), &figures["sound"]), (Some(kills), &Value::Bool(true)));
    assert_eq!(figures["messages"].as_array().map(Vec::len), Some(4), "{figures}");
    for kind in figures["messages"].as_array().expect("a list") {
        assert!(kind["owed"].as_u64() > Some(0) && kind["lost"] == 0, "{figures}");
    }
    // Four publishers and the one of retained messages, two subscribers, a newcomer if it was in time.
    assert!((7 * kills..=8 * kills).contains(&figures["sessions"]["owed"].as_u64().expect("a number")), "{figures}");
    assert!(figures["retained"]["owed"].as_u64() > Some(0) && figures["restart_p50_ms"].as_f64() > Some(0.0));
    let lines = finished.errors.lines().filter(|line| line.starts_with("kill ") && line.contains("nothing lost"));
    assert_eq!(lines.count() as u64, kills, "{}", finished.errors);
}

#[test]
fn our_broker_loses_nothing_in_5_0() {
    let folder = Folder::new("fsync");
    expect_soundness(&folder.ours("--kills 3", "--data-dir {dir}"), 3);
    assert!(folder.entries().is_empty());
}

#[test]
fn our_broker_loses_nothing_in_3_1_1_when_the_system_is_trusted() {
    let folder = Folder::new("os");
    expect_soundness(&folder.ours("--kills 2 -V mqttv311", "--data-dir {dir} --durability os"), 2);
}

#[test]
fn our_broker_loses_nothing_when_it_is_asked_to_stop_or_killed_after_the_last_acknowledgement() {
    let folder = Folder::new("settled");
    expect_soundness(&folder.ours("--kills 1 --signal term", "--data-dir {dir} --durability os"), 1);
    expect_soundness(&folder.ours("--kills 1 --settle 0", "--data-dir {dir}"), 1);
}

#[test]
fn a_broker_that_keeps_everything_in_memory_is_found_out() {
    let folder = Folder::new("memory");
    let finished = folder.ours("--kills 2", "--data-dir memory");
    let figures = figures(&finished);
    assert_eq!((finished.code, &figures["sound"]), (Some(1), &Value::Bool(false)), "{figures}");
    let away = figures["messages"].as_array().expect("a list").iter().filter(|kind| kind["subscriber"] == "away");
    for kind in away {
        assert!(kind["owed"].as_u64() > Some(0) && kind["lost"] == kind["owed"], "{figures}");
        assert!(
            kind["oldest_lost_ms"].as_f64() >= Some(40.0),
            "the first was acknowledged when the load began: {figures}"
        );
    }
    assert!(figures["retained"]["lost"].as_u64() > Some(0) && figures["retained"]["outdated"] == 0, "{figures}");
    assert!(
        figures["sessions"]["lost"].as_u64() >= Some(7) && figures["sessions"]["falsely_present"] == 0,
        "{figures}"
    );
    assert!(figures["verdict"].as_str().expect("text").contains("copies of acknowledged messages lost"), "{figures}");
}

/// After the second kill it has what it had after the first.
const FORGETFUL: &str = r#"
    if [ -e {dir}/old ]; then rm -r {dir}/now; cp -r {dir}/old {dir}/now
    elif [ -e {dir}/now ]; then cp -r {dir}/now {dir}/old
    fi
    "$SERVE" serve -p {port} --data-dir {dir}/now; exit 9"#;

#[test]
fn a_broker_that_goes_back_to_an_earlier_state_is_found_out_with_its_doubles() {
    let folder = Folder::new("forgetful");
    let finished = folder.shell("--kills 2", FORGETFUL);
    let figures = figures(&finished);
    assert_eq!(finished.code, Some(1), "{figures} {}", finished.errors);
    assert!(sum(&figures, "lost") > 0, "what came after the first kill: {figures}");
    let doubled = |kind: &&Value| kind["qos"] == 2 && kind["doubled"].as_u64() > Some(0);
    assert!(figures["messages"].as_array().expect("a list").iter().any(|kind| doubled(&kind)), "{figures}");
    assert!(figures["retained"]["outdated"].as_u64() > Some(0), "{figures}");
    assert!(figures["sessions"]["lost"].as_u64() > Some(0), "the newcomer: {figures}");
}

#[test]
fn a_broker_that_does_not_come_back_fails_the_run_with_its_own_words() {
    let folder = Folder::new("once");
    let script =
        r#"if mkdir {dir}/was; then exec "$SERVE" serve -p {port} --data-dir memory; fi; echo no more >&2; exit 5"#;
    let finished = folder.shell("--kills 3", script);
    let figures = figures(&finished);
    assert_eq!((finished.code, figures["kills"].as_u64()), (Some(1), Some(1)), "{}", finished.errors);
    assert!(figures["ended"].as_str().is_some_and(|why| why.contains("exit status: 5")), "{figures}");
    assert!(finished.errors.contains("no more"), "{}", finished.errors);
}

#[test]
fn a_broker_that_cannot_be_started_is_told_in_its_own_words_with_exit_code_2() {
    let folder = Folder::new("absent");
    let finished = folder.shell("", "echo the shelf is empty >&2; exit 3");
    assert_eq!(finished.code, Some(2));
    assert!(
        finished.errors.contains("exit status: 3") && finished.errors.contains("the shelf is empty"),
        "{finished:?}"
    );
    let finished = folder.shell("--wait 1", "echo sleeping; sleep 60");
    assert_eq!(finished.code, Some(2));
    assert!(finished.errors.contains("within 1 s") && finished.errors.contains("sleeping"), "{finished:?}");
    let finished = run(&mut folder.command("", &["/no/such/broker"]));
    assert_eq!(finished.code, Some(2));
    assert!(finished.errors.contains("/no/such/broker"), "{finished:?}");
    assert!(folder.entries().is_empty());
}

#[track_caller]
fn expect_gone(pid: &str) {
    let pid = pid.trim().parse().ok().and_then(Pid::from_raw).expect("a number");
    until("the broker is gone", || test_kill_process(pid).is_err());
}

#[test]
fn a_broker_that_hides_in_the_background_is_refused_and_ended() {
    let folder = Folder::new("background");
    let script = "setsid sh -c 'echo $$ > {dir}/pid; exec sleep 600' &
        while [ ! -s {dir}/pid ]; do sleep 0.01; done";
    let finished = run(&mut folder.shell_command("--keep", script));
    let pid = folder.written("pid").expect("it was started");
    assert_eq!(finished.code, Some(2), "{}", finished.errors);
    assert!(finished.errors.contains("foreground"), "{}", finished.errors);
    expect_gone(&pid);
}

#[test]
fn an_interrupted_run_leaves_neither_the_broker_nor_its_files() {
    let folder = Folder::new("interrupted");
    for signal in [Signal::INT, Signal::TERM] {
        let script = r#"sh -c 'echo $$ > {dir}/pid; exec "$SERVE" serve -p {port} --data-dir {dir}/data'; exit 9"#;
        let program = Program::start(&mut folder.shell_command("--for 100000 --kills 5", script));
        let mut pid = None;
        until("the broker runs", || {
            pid = folder.written("pid");
            pid.is_some()
        });
        program.signal(signal);
        assert_eq!(program.finish().code, Some(130));
        expect_gone(&pid.expect("it has run"));
        assert!(folder.entries().is_empty(), "{signal:?}");
    }
}

#[test]
fn a_template_becomes_the_brokers_settings_and_the_directory_is_kept_on_request() {
    let folder = Folder::new("template");
    let template = folder.0.with_extension("template");
    std::fs::write(&template, "exec \"$SERVE\" serve -p {port} --data-dir {dir}\n").expect("a file");
    let options = format!("--kills 1 --keep --quiet --template {}", template.display());
    let finished = run(folder.command(&options, &["sh", "{config}"]).env("SERVE", POSTRIDER));
    assert_eq!((finished.code, finished.errors.as_str()), (Some(0), ""));
    let kept = folder.entries();
    assert!(kept.len() == 1 && kept[0].join("config").exists() && kept[0].join("data").is_dir(), "{kept:?}");
    std::fs::remove_file(template).expect("just written");
    let finished = run(&mut folder.command("", &["sh", "{config}"]));
    assert_eq!(finished.code, Some(1));
    assert!(finished.errors.contains("--template"), "{}", finished.errors);
}

#[test]
fn people_read_a_table_and_one_sentence() {
    let folder = Folder::new("table");
    let mut command = Command::new(POSTRIDER);
    command.args(["torture", "--kills", "1", "--for", "100", "--qos", "1", "--seed", "7", "--scratch"]).arg(&folder.0);
    let finished = run(command.args(["--", POSTRIDER, "serve", "-p", "{port}", "--data-dir", "{dir}"]));
    let text = finished.success().text();
    let rows =
        ["QoS 1, subscriber connected", "QoS 1, subscriber away", "retained messages", "sessions", "subscriptions"];
    assert!(rows.iter().all(|row| text.lines().any(|line| line.starts_with(row))), "{text}");
    assert!(!text.contains("QoS 2"), "{text}");
    let last = text.lines().last().expect("a sentence");
    assert!(last.starts_with("Nothing of ") && last.ends_with("was lost or doubled in one kill."), "{last}");
}
