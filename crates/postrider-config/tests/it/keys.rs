//! Every key of the table, with values that it takes and values that it does not.

use postrider_config::keys::{self, Key, Kind, Scope};
use postrider_config::native::{Beside, read};
use postrider_config::{Config, Value};

/// A file with one key in it, in the third line or after.
pub(crate) fn file(key: &Key, value: &str) -> String {
    match key.scope() {
        Scope::Broker | Scope::Shared => format!("# one key\n\n{} = {value}\n", key.name),
        Scope::Listener if key.name == "bind" => format!("[[listener]]\nname = \"x\"\nbind = {value}\n"),
        Scope::Listener => format!("[[listener]]\nname = \"x\"\n{} = {value}\n{}", key.name, rest_of_listener(key)),
        Scope::Bridge => format!("[[bridge]]\nname = \"x\"\n{} = {value}\n{}", key.name, rest_of_bridge(key)),
    }
}

fn rest_of_listener(key: &Key) -> String {
    let bind = if key.name == "unix_mode" { "unix:/run/x" } else { "localhost:1883" };
    let with = |name: &str, line: &str| if key.name == name { "" } else { line }.to_owned();
    let tls = if key.name == "tls.psk_hint" || !key.name.starts_with("tls.") {
        String::new()
    } else {
        let (certificate, private) =
            (with("tls.certificate", "tls.certificate = 'c'\n"), with("tls.key", "tls.key = 'k'\n"));
        certificate + &private + &with("tls.client_ca_file", "tls.client_ca_file = 'a'\n")
    };
    format!("bind = \"{bind}\"\n{tls}")
}

fn rest_of_bridge(key: &Key) -> String {
    let with = |name: &str, line: &str| if key.name == name { "" } else { line }.to_owned();
    let pair = match key.name {
        "remote.password" => "remote.username = 'u'\n",
        "tls.certificate" => "tls.key = 'k'\n",
        "tls.key" => "tls.certificate = 'c'\n",
        "tls.psk" => "tls.psk_identity = 'i'\n",
        "tls.psk_identity" => "tls.psk = 'env:P'\n",
        "restart.base" => "restart.cap = 7200\n",
        "restart.cap" => "restart.base = 1\n",
        _ => "",
    };
    with("addresses", "addresses = ['there']\n") + pair
}

/// Values that a key takes, in TOML.
pub(crate) fn good(key: &Key) -> Vec<String> {
    match key.kind {
        Kind::Flag => vec!["true".to_owned(), "false".to_owned()],
        Kind::FlagOrAuto => vec!["true".to_owned(), "false".to_owned(), "'auto'".to_owned()],
        Kind::Number(range) => {
            let scale = if range.unit == keys::Unit::Milliseconds { 1000 } else { 1 };
            let word = range.word.map(|(word, _)| format!("'{word}'"));
            let auto = range.has_auto.then(|| "'auto'".to_owned());
            let ends = [range.min.div_ceil(scale), range.max / scale];
            let is_word = |end: &u64| range.word.is_some_and(|(_, number)| number == *end);
            let ends = ends.iter().filter(|end| !is_word(end)).filter_map(|end| i64::try_from(*end).ok());
            let ends = ends.map(|end| end.to_string());
            ends.chain(word).chain(auto).collect()
        }
        Kind::Word(words) => words.iter().map(|word| format!("'{word}'")).collect(),
        Kind::WordOrAuto(words) => words.iter().chain(&["auto"]).map(|word| format!("'{word}'")).collect(),
        Kind::Words(words) => words.iter().map(|word| format!("['{word}']")).collect(),
        Kind::Text if key.name == "limits.mount_point" => vec!["'a/'".to_owned()],
        Kind::Text | Kind::Path => vec!["'something'".to_owned()],
        Kind::Texts if key.name == "proxy.trusted" => vec!["['10.0.0.0/8', 'fd00::/8', '::1']".to_owned()],
        Kind::Texts => vec!["[]".to_owned(), "['one', 'two']".to_owned()],
        Kind::Form(_) | Kind::Forms(_) => forms(key),
        Kind::Secret => vec!["'env:NAME'".to_owned(), "'file:/run/secret'".to_owned(), "'credential:x'".to_owned()],
        Kind::Map => vec!["{ anonymous = ['a/#'], bob = [] }".to_owned(), "'off'".to_owned()],
    }
}

fn forms(key: &Key) -> Vec<String> {
    let all: &[&str] = match key.name {
        "data.directory" => &["'usual'", "'memory'", "'/var/lib/postrider'"],
        "log.destinations" => &["[]", "['stdout', 'stderr', 'syslog', 'topic', 'file:/var/log/x']"],
        "log.timestamp" => &["'off'", "'epoch'", "'%H:%M'"],
        "log.facility" => &["'daemon'", "'local0'", "'local7'"],
        "bind" => &["'localhost:1883'", "'[::1]:0'", "'::1:1883'", "'unix:/run/x'"],
        "unix_mode" => &["'0660'", "''"],
        "addresses" => &["['one', 'two:8883', '[::1]:1883']"],
        "topics" => &["['a/# out 1', '# both 2 \"\" \"with blank/\"', '\"\" in 0 l/ r/', 'x']"],
        name if name.contains("rate.") => &["'off'", "'10/s'", "'1MiB/s burst 4MiB'"],
        name => panic!("the test has no example for the form of {name}"),
    };
    all.iter().map(|one| (*one).to_owned()).collect()
}

pub(crate) fn parse(text: &str) -> Config {
    read("a.toml", text, Beside::default()).unwrap_or_else(|faults| {
        panic!("{text}\n{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

pub(crate) fn value(key: &Key, config: &Config) -> Value {
    match key.scope() {
        Scope::Broker | Scope::Shared => key.value(config),
        Scope::Listener => key.value_in(&config.listeners[0]),
        Scope::Bridge => key.value_of(&config.bridges[0]),
    }
}

/// Values of a key that contradict another key's default.
pub(crate) fn contradicts(key: &Key, value: &str) -> bool {
    let version_1_2 = key.name == "tls.max_version" && value == "'1.2'";
    let user = key.name == "auth.username_from" && value != "'connect'";
    let psk = key.name == "tls.psk_hint";
    let session = key.name == "limits.max_session_expiry";
    let memory = key.name == "data.must_exist";
    (user || psk) && !version_1_2 && !session && !memory
}

#[test]
fn every_key_takes_its_values_and_keeps_them_apart() {
    for key in keys::all() {
        let values = good(key);
        assert!(!values.is_empty(), "{} has no example", key.name);
        let mut seen = Vec::new();
        for written in values.iter().filter(|written| !contradicts(key, written)) {
            let config = parse(&file(key, written));
            let value = value(key, &config);
            assert!(!seen.contains(&value), "{} = {written} is the same as another value: {value:?}", key.name);
            seen.push(value);
        }
    }
}

#[test]
fn every_key_says_what_it_means_and_why_its_default_is_what_it_is() {
    for key in keys::all() {
        let text = postrider_config::explain::explain(key);
        assert!(key.doc.ends_with('.') && key.reason.ends_with('.'), "{}", key.name);
        assert!(text.contains(&key.kind.allowed()), "{text}");
        let found = postrider_config::explain::find(&key.path()).expect("it is there");
        assert_eq!(found.iter().map(|found| found.path()).collect::<Vec<_>>(), [key.path()]);
    }
}

#[test]
fn no_two_keys_have_one_name() {
    let mut paths: Vec<String> = keys::all().map(Key::path).collect();
    let count = paths.len();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), count);
    let mut variables: Vec<String> = keys::all().filter_map(Key::variable).collect();
    let count = variables.len();
    variables.sort();
    variables.dedup();
    assert_eq!(variables.len(), count);
}

#[test]
fn a_key_of_all_listeners_holds_in_each_that_says_nothing_else() {
    let text = "[limits]\nmax_packet_size = '1k'\n[[listener]]\nbind = 'localhost:1'\n[[listener]]\nbind = \
                'localhost:2'\nlimits.max_packet_size = '2KB'\n";
    let config = parse(text);
    let sizes: Vec<u32> = config.listeners.iter().map(|listener| listener.limits.packet_bytes_max).collect();
    assert_eq!(sizes, [1024, 2048]);
    let origin = |key: &str| config.origins.of(key).to_string();
    assert_eq!(origin("listener.localhost:1.limits.max_packet_size"), "a.toml:2");
    assert_eq!(origin("listener.localhost:2.limits.max_packet_size"), "a.toml:7");
}

#[test]
fn the_command_line_overrules_the_environment_and_that_the_file() {
    let pair = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let (variable, typed) = (pair("POSTRIDER_SYS_INTERVAL", "20"), pair("sys.interval", "30"));
    let text = "sys.interval = 10\n";
    let interval = |environment: &[(String, String)], command_line: &[(String, String)]| {
        let config = read("a.toml", text, Beside { environment, command_line }).expect("all of them are right");
        (config.sys.interval_s, config.origins.of("sys.interval").to_string())
    };
    assert_eq!(interval(&[], &[]), (Some(10), "a.toml:1".to_owned()));
    assert_eq!(interval(&variable, &[]), (Some(20), "$POSTRIDER_SYS_INTERVAL".to_owned()));
    assert_eq!(interval(&variable, &typed), (Some(30), "command line".to_owned()));
    let slip = pair("POSTRIDER_SYS_INTERVALL", "20");
    let faults = read("a.toml", text, Beside { environment: &slip, command_line: &[] }).expect_err("a slip");
    assert_eq!(
        faults[0].to_string(),
        "$POSTRIDER_SYS_INTERVALL: there is no such variable; did you mean POSTRIDER_SYS_INTERVAL?"
    );
}

#[test]
fn sizes_and_times_have_the_units_that_people_write() {
    let size = |text: &str| parse(&format!("limits.max_packet_size = {text}")).listener_limits.packet_bytes_max;
    for (text, bytes) in [("'512KB'", 524_288), ("'512k'", 524_288), ("'2MB'", 2_097_152), ("'2mib'", 2_097_152)] {
        assert_eq!(size(text), bytes, "{text}");
    }
    assert_eq!((size("4096"), size("'4096 b'"), size("0x1000")), (4096, 4096, 4096));
    let time = |text: &str| parse(&format!("limits.connect_timeout = {text}")).listener_limits.connect_ms_max;
    for (text, ms) in [("10", 10_000), ("'1500ms'", 1_500), ("'2m'", 120_000), ("'1h'", 3_600_000)] {
        assert_eq!(time(text), ms, "{text}");
    }
    let long = |text: &str| parse(&format!("limits.max_session_expiry = {text}")).limits.session_expiry_s_max;
    assert_eq!((long("'1d'"), long("'2w'"), long("'never'")), (86_400, 1_209_600, u32::MAX));
}

#[test]
fn unlimited_memory_is_another_word_than_what_the_control_group_has() {
    let told =
        |text: &str| read("postrider.toml", text, Beside::default()).expect("a good file").limits.memory_bytes_max;
    assert_eq!(told("[limits]\nmemory = \"unlimited\"\n"), Some(u64::MAX));
    assert_eq!(told("[limits]\nmemory = \"auto\"\n"), None);
    assert_eq!(told("\n"), None);
}
