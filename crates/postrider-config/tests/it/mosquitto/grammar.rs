//! Lines, comments, contexts, included files.

use super::{faults, files, notices, read};
use postrider_config::mosquitto;

#[test]
fn every_fault_is_told_with_file_line_and_the_nearest_name() {
    let text = "allow_anonymus true\n\nmax_qos 3\nlisten 1883\nxyzzyplugh 1\n";
    let expected = [
        "m.conf:1: there is no option `allow_anonymus`; did you mean `allow_anonymous`?",
        "m.conf:3: max_qos is between 0 and 2, not 3",
        "m.conf:4: there is no option `listen`; did you mean `listener`?",
        "m.conf:5: there is no option `xyzzyplugh`",
    ];
    assert_eq!(faults(text), expected);
}

#[test]
fn a_file_that_is_not_there_is_a_fault_of_the_whole_file() {
    let faults = mosquitto::read("other.conf", &files("", &[])).expect_err("it is not there");
    assert_eq!(faults.len(), 1);
    assert!(faults[0].to_string().starts_with("other.conf: cannot be read: "), "{}", faults[0]);
}

#[test]
fn a_number_sign_within_a_text_is_part_of_it_and_a_notice_says_so() {
    let config = read("password_file /etc/pw # the users\n");
    let file = config.security.password_file.expect("a file");
    assert_eq!(file.to_str(), Some("/etc/pw # the users"));
    let expected = "m.conf:1: password_file: `#` is no comment here: the value is `/etc/pw # the users`";
    assert_eq!(notices("password_file /etc/pw # the users\n"), [expected]);
}

#[test]
fn words_behind_a_number_are_left_out_with_a_notice_unless_they_are_a_comment() {
    assert_eq!(notices("max_qos 1 # or two\n".replace("max_qos", "sys_interval").as_str()), Vec::<String>::new());
    let expected = "m.conf:1: sys_interval: only `10` counts, not `seconds`";
    assert_eq!(notices("sys_interval 10 seconds\n"), [expected]);
}

#[test]
fn included_files_come_in_the_order_of_their_bytes_where_they_are_included() {
    let others = [
        ("conf.d/b.conf", "sys_interval 2\n"),
        ("conf.d/B.conf", "sys_interval 1\n"),
        ("conf.d/a.conf", "sys_interval 3\nmax_queued_messages 7\n"),
        ("conf.d/a.txt", "nonsense\n"),
        ("conf.d/.conf", "max_inflight_messages 9\n"),
    ];
    let text = "max_queued_messages 5\ninclude_dir conf.d\nmax_inflight_messages 8\n";
    let config = mosquitto::read("m.conf", &files(text, &others)).expect("good");
    assert_eq!(config.sys.interval_s, Some(2), "b comes behind a");
    assert_eq!(config.limits.queued_messages_max, Some(7), "the included file stands behind the first line");
    assert_eq!(config.listener_limits.in_flight_max, 8, "the line below stands behind the included files");
}

#[test]
fn a_fault_in_an_included_file_names_that_file() {
    let others = [("d/a.conf", "\nfoo\n"), ("e/a.conf", "bar\n")];
    let faults = mosquitto::read("m.conf", &files("include_dir d\ninclude_dir e\n", &others)).expect_err("two");
    let places: Vec<String> = faults.iter().map(|fault| fault.origin.to_string()).collect();
    assert_eq!(places, ["d/a.conf:2", "e/a.conf:1"]);
}

#[test]
fn an_included_file_begins_without_a_context_and_the_main_one_keeps_its_own() {
    let others = [("d/a.conf", "listener 1885\nmax_qos 0\n")];
    let text = "listener 1884\ninclude_dir d\nmax_qos 1\n";
    let config = mosquitto::read("m.conf", &files(text, &others)).expect("good");
    let qos: Vec<(&str, u8)> = config.listeners.iter().map(|of| (of.name.as_str(), of.limits.qos_max)).collect();
    assert_eq!(qos, [("tcp-1884", 1), ("tcp-1885", 0)]);
}

#[test]
fn a_directory_within_an_included_file_is_not_read_and_a_notice_says_so() {
    let others = [("d/a.conf", "include_dir e\n"), ("e/a.conf", "sys_interval 1\n")];
    let config = mosquitto::read("m.conf", &files("include_dir d\n", &others)).expect("good");
    assert_eq!(config.sys.interval_s, Some(10));
    assert!(config.notices.iter().any(|notice| notice.file == "d/a.conf" && notice.what == "include_dir"));
}

#[test]
fn old_forms_work_with_a_notice() {
    let config = read("port 1999\nbind_address 127.0.0.1\n");
    let bind = postrider_config::model::Bind::Tcp { host: "127.0.0.1".to_owned(), port: 1999 };
    assert_eq!(config.listeners[0].bind, bind);
    assert_eq!(notices("port 1999\nbind_address 127.0.0.1\n").len(), 2);
}

#[test]
fn per_listener_settings_below_what_it_holds_for_is_a_fault() {
    let expected = "m.conf:2: per_listener_settings stands before all that it holds for; put it at the top of the file";
    assert_eq!(faults("allow_anonymous true\nper_listener_settings true\nlistener 1\n"), [expected]);
}
