//! `postrider passwd`, and mosquitto_passwd with the same files.

use crate::broker::POSTRIDER;
use crate::folder::Folder;
use crate::program::{Finished, run, run_with_input};
use crate::tools::command;
use rustix::process::{Pid, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

fn folder(name: &str) -> Folder {
    let folder = Folder::new(name);
    std::fs::create_dir_all(&folder.0).expect("a directory");
    folder
}

/// `postrider passwd` in this directory.
fn passwd(folder: &Folder, args: &[&str]) -> Command {
    let mut command = Command::new(POSTRIDER);
    command.arg("passwd").args(args).current_dir(&folder.0);
    command
}

fn check(folder: &Folder, user: &str, password: &str) -> Finished {
    run(&mut passwd(folder, &["--check", "-b", "f", user, password]))
}

fn text(folder: &Folder) -> String {
    std::fs::read_to_string(folder.0.join("f")).expect("a file")
}

#[test]
fn users_are_added_changed_checked_and_deleted() {
    let folder = folder("passwd");
    run(&mut passwd(&folder, &["-c", "-b", "f", "anna", "secret"])).success();
    run(&mut passwd(&folder, &["-b", "f", "otto", "-geheim"])).success();
    assert!(text(&folder).lines().all(|line| line.contains(":$argon2id$v=19$m=19456,t=2,p=1$")), "{}", text(&folder));
    let mode = std::fs::metadata(folder.0.join("f")).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    assert_eq!(check(&folder, "anna", "secret").success().text(), "the password is right\n");
    check(&folder, "otto", "-geheim").success();
    for (user, password, why) in [("anna", "Secret", "the password is wrong"), ("iris", "x", "no such user")] {
        let refused = check(&folder, user, password);
        assert_eq!(refused.code, Some(1));
        assert!(refused.errors.contains(why), "{}", refused.errors);
    }
    run(&mut passwd(&folder, &["-b", "-H", "sha512", "f", "anna", "new"])).success();
    assert_eq!(check(&folder, "anna", "secret").code, Some(1));
    check(&folder, "anna", "new").success();
    run(&mut passwd(&folder, &["-D", "f", "anna"])).success();
    assert_eq!(run(&mut passwd(&folder, &["-D", "f", "anna"])).code, Some(1));
    assert!(text(&folder).starts_with("otto:") && text(&folder).lines().count() == 1);
    // As with mosquitto_passwd, -c does not look at what was there.
    run(&mut passwd(&folder, &["-c", "-b", "f", "zoe", "1"])).success();
    assert!(text(&folder).starts_with("zoe:") && text(&folder).lines().count() == 1);
}

#[test]
fn files_go_back_and_forth_between_mosquitto_passwd_and_ours() {
    let folder = folder("both-passwd");
    let mosquitto = |args: &[&str]| run(command("mosquitto_passwd").args(args).current_dir(&folder.0)).success();
    mosquitto(&["-c", "-b", "f", "anna", "one"]);
    run(&mut passwd(&folder, &["-b", "-H", "sha512-pbkdf2", "f", "otto", "two"])).success();
    run(&mut passwd(&folder, &["-b", "-H", "sha512-pbkdf2", "-I", "1000", "f", "iris", "three"])).success();
    run(&mut passwd(&folder, &["-b", "-H", "sha512", "f", "zoe", "four"])).success();
    let before = text(&folder);
    assert!(before.contains("\niris:$7$1000$") && before.contains("\notto:$7$210000$"), "{before}");
    mosquitto(&["-b", "f", "max", "five"]);
    assert!(text(&folder).starts_with(&before), "mosquitto_passwd keeps our lines: {}", text(&folder));
    mosquitto(&["-D", "f", "zoe"]);
    for (user, password) in [("anna", "one"), ("otto", "two"), ("iris", "three"), ("max", "five")] {
        check(&folder, user, password).success();
        assert_eq!(check(&folder, user, "wrong").code, Some(1));
    }
    assert_eq!(check(&folder, "zoe", "four").code, Some(1));
}

#[test]
fn a_file_of_plain_passwords_is_converted_as_a_whole_and_only_once() {
    let folder = folder("plain-passwd");
    std::fs::write(folder.0.join("f"), "# plain\nanna:one\notto:two\n").expect("a file");
    let refused = run(&mut passwd(&folder, &["--check", "-b", "f", "anna", "one"]));
    assert!(refused.errors.contains("f:2: ") && refused.errors.contains("passwd -U"), "{}", refused.errors);
    let done = run(&mut passwd(&folder, &["-U", "-H", "sha512-pbkdf2", "-I", "1000", "f"])).success();
    assert_eq!(done.text(), "2 passwords are hashed now\n");
    assert!(text(&folder).starts_with("# plain\nanna:$7$1000$"));
    check(&folder, "otto", "two").success();
    let before = text(&folder);
    let again = run(&mut passwd(&folder, &["-U", "f"]));
    assert_eq!((again.code, text(&folder)), (Some(1), before));
    assert!(again.errors.contains("f:2: there is a hash already"), "{}", again.errors);
}

#[test]
fn a_password_can_come_from_standard_input_and_has_to_come_twice() {
    let folder = folder("stdin-passwd");
    run_with_input(&mut passwd(&folder, &["-c", "-H", "sha512", "f", "anna"]), b"secret\nsecret\n").success();
    run_with_input(&mut passwd(&folder, &["--check", "f", "anna"]), b"secret").success();
    let before = text(&folder);
    for (input, why) in [(&b"one\ntwo\n"[..], "do not match"), (b"", "no password"), (b"\n\n", "1 to 512 bytes")] {
        let refused = run_with_input(&mut passwd(&folder, &["-H", "sha512", "f", "anna"]), input);
        assert_eq!((refused.code, text(&folder)), (Some(1), before.clone()));
        assert!(refused.errors.contains(why), "{}", refused.errors);
    }
}

/// Types at a terminal each time it is asked for something; what the terminal shows, and the exit code.
fn typed(mut command: Command, answers: &[(&str, &str)]) -> (String, Option<i32>) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&ours).and_then(|()| unlockpt(&ours)).expect("a terminal");
    let name = ptsname(&ours, Vec::new()).expect("a name").into_string().expect("text");
    let theirs = File::options().read(true).write(true).open(name).expect("a terminal");
    let clone = || Stdio::from(theirs.try_clone().expect("a descriptor"));
    let mut child = command.stdin(clone()).stdout(clone()).stderr(clone()).spawn().expect("it runs");
    drop((command, theirs));
    let mut ours = File::from(ours);
    let (mut shown, mut byte) = (String::new(), [0]);
    for (question, answer) in answers {
        let from = shown.len();
        while !shown[from..].contains(question) {
            assert_eq!(ours.read(&mut byte).expect("it asks"), 1, "{shown}");
            shown.push(char::from(byte[0]));
        }
        ours.write_all(answer.as_bytes()).expect("it listens");
    }
    // The end of a terminal that nobody has open any more is an error of its own.
    while ours.read(&mut byte).is_ok_and(|len| len == 1) {
        shown.push(char::from(byte[0]));
    }
    (shown, child.wait().expect("our own child").code())
}

#[test]
fn a_password_that_is_typed_is_not_shown_and_ctrl_c_changes_nothing() {
    let folder = folder("typed-passwd");
    let twice = [("Password: ", "secret\n"), ("Reenter password: ", "secret\n")];
    let (shown, code) = typed(passwd(&folder, &["-c", "-H", "sha512", "f", "anna"]), &twice);
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");
    check(&folder, "anna", "secret").success();
    let before = text(&folder);
    let (shown, code) = typed(passwd(&folder, &["-H", "sha512", "f", "anna"]), &[("Password: ", "ne\u{3}")]);
    assert_eq!((code, text(&folder)), (Some(1), before), "{shown}");
    assert!(shown.contains("nothing was changed"), "{shown}");
}

#[test]
fn what_cannot_be_done_is_told_in_one_line_and_nothing_is_asked() {
    let folder = folder("blunders-passwd");
    std::fs::write(folder.0.join("f"), "# people\n").expect("a file");
    for (args, part) in [
        (&["missing", "anna"][..], "missing is not there; -c makes it"),
        (&["-D", "missing", "anna"], "missing: it cannot be read"),
        (&["-U", "missing"], "missing: it cannot be read"),
        (&["-c", "-b", "no/where", "anna", "x"], "no: No such file"),
        (&["-b", "f", "a:b", "x"], "no colon"),
        (&["-b", "-I", "5", "f", "anna", "x"], "-H sha512-pbkdf2"),
    ] {
        let refused = run(&mut passwd(&folder, args));
        assert_eq!(refused.code, Some(1), "{args:?}: {}", refused.errors);
        assert_eq!(refused.errors.lines().count(), 1, "{}", refused.errors);
        assert!(refused.errors.contains(part), "{args:?}: {}", refused.errors);
    }
    for args in
        [&["f"][..], &["-b", "f", "anna"], &["f", "anna", "x"], &["-U", "f", "anna"], &["-c", "-D", "f", "anna"]]
    {
        assert_eq!(run(&mut passwd(&folder, args)).code, Some(2), "{args:?}");
    }
}

#[test]
fn a_file_that_others_could_read_is_closed_and_that_is_said() {
    let folder = folder("open-passwd");
    std::fs::write(folder.0.join("f"), "otto:plain\n").expect("a file");
    std::fs::set_permissions(folder.0.join("f"), std::fs::Permissions::from_mode(0o644)).expect("our own");
    let done = run(&mut passwd(&folder, &["-b", "-H", "sha512", "f", "anna", "x"])).success();
    assert!(done.errors.contains("mode 600, it was 644"), "{}", done.errors);
    assert!(done.errors.contains("will not take this file yet: f:1: "), "{}", done.errors);
    assert!(!done.errors.contains("plain\n"), "{}", done.errors);
}

#[test]
fn a_writer_that_is_killed_leaves_the_old_file_or_the_new_one() {
    let folder = folder("killed-passwd");
    run(&mut passwd(&folder, &["-c", "-b", "-H", "sha512", "f", "anna", "one"])).success();
    for number in 0..20 {
        let user = format!("user{number}");
        let mut child = passwd(&folder, &["-b", "-H", "sha512", "f", &user, "x"]).spawn().expect("it runs");
        std::thread::sleep(std::time::Duration::from_micros(number * 400));
        // It may have ended by itself.
        let _ = kill_process(Pid::from_child(&child), rustix::process::Signal::KILL);
        child.wait().expect("our own child");
        check(&folder, "anna", "one").success();
    }
    run(&mut passwd(&folder, &["-b", "f", "otto", "two"])).success();
    check(&folder, "otto", "two").success();
    assert_eq!(std::fs::read_dir(&folder.0).expect("a folder").count(), 1, "nothing is left lying about");
}
