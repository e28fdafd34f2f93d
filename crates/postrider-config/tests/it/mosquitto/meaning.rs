//! What a file means: who is let in where, what is kept, what is written down.

use super::{faults, files, notices, read};
use postrider_config::model::{
    Bind, Direction, Durability, Facility, LogDestination, LogType, Overflow, Place, Profile, ReceiveMaximum,
    TimestampFormat,
};
use postrider_config::mosquitto;
use std::path::PathBuf;

#[test]
fn an_empty_file_is_a_broker_for_this_machine_that_lets_everybody_in() {
    let config = read("");
    assert_eq!(config.listeners.len(), 1);
    let listener = &config.listeners[0];
    assert!(!listener.bind.reaches_others());
    assert_eq!(listener.security.allow_anonymous, Some(true));
    assert_eq!((config.data.place.clone(), config.data.durability), (Place::Memory, Durability::Memory));
    assert_eq!(config.limits.queued_messages_max, Some(1000));
    assert_eq!((listener.limits.receive_maximum, listener.limits.in_flight_max), (20, 20));
    assert_eq!(listener.limits.packet_bytes_max, 2_000_000);
    assert_eq!(config.compat.receive_maximum, ReceiveMaximum::Warn);
    assert_eq!(config.compat.profile, Profile::Mosquitto);
    assert!(config.compat.duplicate_messages);
    assert_eq!(config.limits.overflow, Overflow::DropNewest);
    assert_eq!(config.sys.interval_s, Some(10));
    assert_eq!(config.process.user.as_deref(), Some("mosquitto"));
    assert!(config.is_same(&mosquitto::without_file()));
}

#[test]
fn with_a_listener_nobody_without_a_name_comes_in_unless_the_file_says_so() {
    let allowed = |text: &str| read(text).listeners[0].security.allow_anonymous;
    assert_eq!(allowed("listener 1883\n"), Some(false));
    assert_eq!(allowed("listener 1883 127.0.0.1\n"), Some(false));
    assert_eq!(allowed("port 1883\n"), Some(false));
    assert_eq!(allowed("bind_address 127.0.0.1\n"), Some(false));
    assert_eq!(allowed("listener 1883\nallow_anonymous true\n"), Some(true));
    assert_eq!(allowed("allow_anonymous false\n"), Some(false));
    assert_eq!(allowed("listener 1883\nlistener_allow_anonymous true\n"), Some(true));
    assert_eq!(allowed("listener 1883\nallow_anonymous true\nlistener_allow_anonymous false\n"), Some(false));
}

#[test]
fn security_is_for_all_listeners_wherever_it_stands_unless_it_is_per_listener() {
    let lines = "listener 1\npassword_file a\nlistener 2\nacl_file b\nallow_anonymous true\n";
    let config = read(lines);
    for listener in &config.listeners {
        assert_eq!(listener.security.password_file, Some(PathBuf::from("a")));
        assert_eq!(listener.security.acl_file, Some(PathBuf::from("b")));
        assert_eq!(listener.security.allow_anonymous, Some(true));
    }
    let config = read(&format!("per_listener_settings true\n{lines}"));
    let [one, two] = &config.listeners[..] else { panic!("{:?}", config.listeners) };
    assert_eq!((&one.security.password_file, &one.security.acl_file), (&Some(PathBuf::from("a")), &None));
    assert_eq!((&two.security.password_file, &two.security.acl_file), (&None, &Some(PathBuf::from("b"))));
    assert_eq!((one.security.allow_anonymous, two.security.allow_anonymous), (Some(false), Some(true)));
}

#[test]
fn what_is_for_the_whole_broker_holds_for_listeners_above_it_too() {
    let config = read("listener 1\nlistener 2\nmax_inflight_messages 3\nmax_packet_size 500\nmax_keepalive 60\n");
    for listener in &config.listeners {
        assert_eq!(listener.limits.in_flight_max, 3);
        assert_eq!(listener.limits.packet_bytes_max, 500);
        assert_eq!(listener.limits.keep_alive_s_max, 60);
    }
}

#[test]
fn options_above_the_first_listener_open_the_unnamed_one_and_a_notice_says_so() {
    let config = read("max_connections 5\nlistener 1884\n");
    let binds: Vec<&Bind> = config.listeners.iter().map(|listener| &listener.bind).collect();
    let all = |port| Bind::Tcp { host: String::new(), port };
    assert_eq!(binds, [&all(1883), &all(1884)]);
    assert_eq!(notices("max_connections 5\nlistener 1884\n").len(), 1);
    let config = read("max_connections -1\nprotocol mqtt\nlistener 1884\n");
    assert_eq!(config.listeners.len(), 1, "what is as it is anyway opens nothing");
}

#[test]
fn options_of_a_listener_without_a_listener_do_not_open_the_broker_to_others() {
    let config = read("max_connections 5\n");
    assert!(!config.listeners[0].bind.reaches_others());
    assert_eq!(config.listeners[0].limits.connections_max, 5);
    assert_eq!(notices("max_connections 5\n").len(), 1);
}

#[test]
fn persistence_promises_the_disk_in_a_folder_of_its_own() {
    let config = read("persistence true\npersistence_location /var/lib/mosquitto/\n");
    assert_eq!(config.data.place, Place::Directory(PathBuf::from("/var/lib/mosquitto/postrider")));
    assert_eq!(config.data.durability, Durability::Fsync);
    assert_eq!(read("persistence true\n").data.place, Place::Directory(PathBuf::from("postrider")));
    assert_eq!(read("persistence_location /x\n").data.place, Place::Memory);
}

#[test]
fn a_folder_that_is_new_begins_with_the_persistence_file_of_mosquitto() {
    let begins_with = |text: &str| read(text).data.take_over;
    let there = "persistence true\npersistence_location /d/\n";
    assert_eq!(begins_with(there), Some(PathBuf::from("/d/mosquitto.db")));
    assert_eq!(begins_with(&format!("{there}persistence_file m.db\n")), Some(PathBuf::from("/d/m.db")));
    assert_eq!(begins_with("persistence true\n"), Some(PathBuf::from("mosquitto.db")));
    assert_eq!(begins_with("persistence_file m.db\n"), None, "nothing is to survive");
    // What the plugin has is in tables; a file beside it is older.
    assert_eq!(begins_with(&format!("{there}plugin /x/mosquitto_persist_sqlite.so\n")), None);
}

#[test]
fn sessions_expire_after_hours_days_weeks_months_and_years() {
    let spans = [("90s", 90), ("2h", 7200), ("1d", 86_400), ("1w", 604_800), ("1m", 2_592_000), ("1y", 31_536_000)];
    for (text, seconds) in spans {
        let config = read(&format!("persistent_client_expiration {text}\n"));
        assert_eq!(config.limits.session_expiry_v3_s, seconds, "{text}");
    }
    assert_eq!(read("").limits.session_expiry_v3_s, u32::MAX);
}

#[test]
fn log_lines_add_up_and_none_takes_them_away() {
    assert_eq!(read("log_type error\nlog_type subscribe\n").log.types, [LogType::Error, LogType::Subscribe]);
    assert_eq!(read("log_type all\n").log.types.len(), 9);
    assert_eq!(read("log_type all\nlog_type none\nlog_type notice\n").log.types, [LogType::Notice]);
    let log = read("log_dest syslog\nlog_dest file /var/log/a b.log\nlog_facility 3\n").log;
    let file = LogDestination::File(PathBuf::from("/var/log/a b.log"));
    assert_eq!(log.destinations, [LogDestination::Syslog, file]);
    assert_eq!(log.facility, Facility::Local(3));
    assert_eq!(read("log_dest none\n").log.destinations, []);
    assert_eq!(read("log_dest dlt\n").log.destinations, [LogDestination::Stderr]);
}

#[test]
fn lines_begin_with_the_time_as_it_was_asked_for() {
    assert_eq!(read("").log.timestamp, TimestampFormat::Epoch);
    assert_eq!(read("log_timestamp false\nlog_timestamp_format %H\n").log.timestamp, TimestampFormat::Off);
    let pattern = TimestampFormat::Pattern("%Y-%m-%dT%H:%M:%S".to_owned());
    assert_eq!(read("log_timestamp_format %Y-%m-%dT%H:%M:%S\n").log.timestamp, pattern);
}

#[test]
fn the_size_of_packets_is_said_when_the_file_does_not_say_it() {
    let is_said = |text: &str| read(text).notices.iter().any(|notice| notice.what == "max_packet_size");
    assert!(is_said(""));
    assert!(!is_said("max_packet_size 100\n"));
}

#[test]
fn a_unix_socket_has_a_path_with_blanks_and_no_comment() {
    let config = read("listener 0 /run/my broker.sock # local\n");
    let bind = Bind::Unix { path: PathBuf::from("/run/my broker.sock"), mode: None };
    assert_eq!(config.listeners[0].bind, bind);
}

#[test]
fn two_listeners_on_one_address_are_a_fault() {
    let faults = faults("listener 1883 ::1\nlistener 1883 ::1\n");
    assert!(faults[0].starts_with("m.conf:2: "), "{faults:?}");
}

#[test]
fn a_bridge_is_read_whole_and_one_notice_says_that_it_does_not_connect() {
    let text = "connection far away\naddress [::1]:1884 b.example\ntopic # both 2 here/ there/ # all\n\
                topic \"a b\" in\nremote_username u\nremote_password p w\nrestart_timeout 3 60\ntry_private false\n";
    let config = read(text);
    let [bridge] = &config.bridges[..] else { panic!("one bridge") };
    assert_eq!(bridge.name, "far away");
    let addresses: Vec<(&str, u16)> = bridge.addresses.iter().map(|at| (at.host.as_str(), at.port)).collect();
    assert_eq!(addresses, [("::1", 1884), ("b.example", 1883)]);
    let first = &bridge.rules[0];
    assert_eq!((first.filter.as_str(), first.direction, first.qos), ("#", Direction::Both, 2));
    assert_eq!((first.local_prefix.as_str(), first.remote_prefix.as_str()), ("here/", "there/"));
    assert_eq!((bridge.rules[1].filter.as_str(), bridge.rules[1].direction), ("a b", Direction::In));
    assert_eq!((bridge.restart.base_s, bridge.restart.cap_s, bridge.says_bridge), (3, 60, false));
    assert!(bridge.remote.password.is_some() && bridge.tls.is_none());
    let said: Vec<String> = notices(text);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("m.conf:1: connection far away: bridges come later"), "{said:?}");
}

#[test]
fn what_differs_here_is_told_line_by_line() {
    let files = files("user me\npersistence true\ncertfile a\nkeyfile b\n", &[]);
    let differences = mosquitto::differences("m.conf", &files);
    let lines: Vec<(u32, &str)> = differences.iter().map(|notice| (notice.line, notice.what.as_str())).collect();
    assert_eq!(lines, [(2, "persistence"), (3, "certfile"), (4, "keyfile")]);
}

#[test]
fn the_default_user_has_another_in_its_place_and_no_other_user_has() {
    assert_eq!(mosquitto::user_instead_of("mosquitto"), Some("nobody"));
    assert_eq!(mosquitto::user_instead_of("anna"), None);
}
