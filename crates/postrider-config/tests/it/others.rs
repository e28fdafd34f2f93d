//! Files of Sol and of the Python system.

use postrider_config::model::{
    Bind, ClientCertificate, Config, LogDestination, LogType, Place, Profile, Protocol, TlsVersion,
};
use postrider_config::native::{self, Beside};
use postrider_config::{Format, moat, sol};
use std::path::Path;

fn sol_of(text: &str) -> Config {
    sol::read("sol.conf", text).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn moat_of(text: &str) -> Config {
    moat::read("a.yaml", text).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn told<T>(read: Result<T, Vec<postrider_config::Fault>>) -> Vec<String> {
    read.err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

fn notices(config: &Config) -> Vec<(u32, &str)> {
    config.notices.iter().map(|notice| (notice.line, notice.what.as_str())).collect()
}

#[test]
fn every_key_of_sol_has_its_place() {
    let config = sol_of(
        "# a comment\n\n  ip_address   192.168.1.7\nip_port 9090\nlog_level DEBUG\nlog_path /var/log/sol.log\n\
         max_memory 1GB\nmax_request_size 512KB\ntcp_backlog 64\nstats_publish_interval 1m\nkeepalive 60s\n\
         certfile /c.pem\nkeyfile /k.pem\ncafile /ca.pem\ntls_protocols tlsv1_1,tlsv1_2\nallow_anonymous false\n\
         password_file /p\nno_such_key 1\n",
    );
    let listener = &config.listeners[0];
    assert_eq!(listener.bind, Bind::Tcp { host: "192.168.1.7".to_owned(), port: 9090 });
    assert_eq!(config.log.destinations, [LogDestination::File("/var/log/sol.log".into())]);
    assert!(config.log.types.contains(&LogType::Debug));
    assert_eq!(config.limits.memory_bytes_max, Some(1 << 30));
    assert_eq!(listener.limits.packet_bytes_max, 512 * 1024);
    assert_eq!((listener.tcp.backlog, listener.tcp.keep_alive_s), (64, 60));
    assert_eq!(config.sys.interval_s, Some(60));
    assert_eq!(listener.security.allow_anonymous, Some(false));
    assert_eq!(listener.security.password_file.as_deref(), Some(Path::new("/p")));
    let tls = listener.tls.as_ref().expect("a certificate switches it on");
    assert_eq!((tls.version_min, tls.version_max), (TlsVersion::V1_2, TlsVersion::V1_2));
    assert_eq!(tls.client_certificate, ClientCertificate::Optional);
    assert_eq!((config.compat.profile, config.compat.sol_topics), (Profile::Sol, true));
    assert_eq!(notices(&config), [(11, "keepalive"), (15, "tls_protocols"), (18, "no_such_key")]);
}

#[test]
fn sol_without_a_word_is_sol_as_it_is() {
    let config = sol_of("");
    assert_eq!(config.listeners[0].bind, Bind::Tcp { host: "127.0.0.1".to_owned(), port: 1883 });
    assert_eq!(config.listeners[0].security.allow_anonymous, Some(true));
    assert_eq!(config.listeners[0].tls, None);
    assert_eq!(config.data.place, Place::Memory);
    assert_eq!(config.log.types, [LogType::Error, LogType::Warning]);
}

#[test]
fn of_sols_socket_and_address_the_last_wins() {
    let config = sol_of("ip_port 1884\nunix_socket /tmp/sol.sock\n");
    assert_eq!(config.listeners[0].bind, Bind::Unix { path: "/tmp/sol.sock".into(), mode: None });
    let config = sol_of("unix_socket /tmp/sol.sock\nip_port 1884\n");
    assert_eq!(config.listeners[0].bind, Bind::Tcp { host: "127.0.0.1".to_owned(), port: 1884 });
    assert_eq!(notices(&config), [(2, "ip_port")]);
}

#[test]
fn every_fault_of_a_sol_conf_is_told_with_its_line() {
    let text = "ip_port 70000\nlog_level LOUD\nmax_memory lots\ntls_protocols ssl3\nallow_anonymous yes\nkeyfile\n";
    let told = told(sol::read("sol.conf", text));
    let lines: Vec<&str> = told.iter().filter_map(|fault| fault.split(' ').next()).collect();
    let expected: Vec<String> = (1..=6).map(|line| format!("sol.conf:{line}:1:")).collect();
    assert_eq!(lines, expected, "{told:#?}");
}

const YAML: &str = "\
listeners:
  default:
    max-connections: 500
    type: tcp
  plain:
    bind: 0.0.0.0:1883
  web:
    bind: 127.0.0.1:8080
    type: ws
    max-connections: 0
  secure:
    bind: ::1:8883
    ssl: on
    certfile: c.pem
    keyfile: k.pem
    cafile: ca.pem
  broken:
    bind: 0.0.0.0:5
    type: udp
  nowhere:
    type: tcp
timeout-disconnect-delay: 3
tcp-keepalive: 300
sys_interval: 5
max-qos: 1
retain: false
auth:
  plugins: ['auth.file', auth_anonymous, auth_ldap]
  allow-anonymous: false
  password-file: p.txt
topic-check:
  enabled: yes
  plugins:
    - topic_acl
    - topic_taboo
  acl:
    anonymous: []
    bob: ['a/#', \"b/+\"]
kv:
  server: x
";

#[test]
fn the_yaml_of_the_python_system_has_its_place() {
    let config = moat_of(YAML);
    let named = |name: &str| config.listeners.iter().find(|listener| listener.name == name).expect(name);
    assert_eq!(config.listeners.len(), 3);
    assert_eq!(named("plain").limits.connections_max, 500);
    assert_eq!(named("web").limits.connections_max, u32::MAX);
    assert_eq!(named("web").protocol, Protocol::Websockets);
    assert_eq!(named("secure").bind, Bind::Tcp { host: "::1".to_owned(), port: 8883 });
    let tls = named("secure").tls.as_ref().expect("ssl is on");
    assert_eq!(tls.client_certificate, ClientCertificate::Optional);
    assert_eq!((named("plain").tcp.keep_alive_s, named("plain").tcp.keep_alive_count), (300, 3));
    assert_eq!(named("plain").limits.keep_alive_grace_ms, 3_000);
    assert_eq!((named("plain").limits.granted_qos_max, named("plain").limits.qos_max), (1, 2));
    assert_eq!((config.sys.interval_s, config.limits.retain_available), (Some(5), false));
    let security = &named("plain").security;
    assert_eq!(security.allow_anonymous, Some(false));
    assert_eq!(security.password_file.as_deref(), Some(Path::new("p.txt")));
    let topics = security.topics.as_ref().expect("there are rules");
    assert_eq!(topics.get("bob").map(Vec::len), Some(2));
    assert_eq!(topics.get("").map(Vec::len), Some(0));
    assert_eq!(security.forbidden_exempt, ["admin"]);
    let noticed: Vec<&str> = notices(&config).iter().map(|(_, what)| *what).collect();
    for what in ["broken", "nowhere", "kv", "plugins"] {
        let is_told = config.notices.iter().any(|notice| notice.to_string().contains(what));
        assert!(is_told, "{what} is not among {noticed:?}");
    }
}

#[test]
fn an_empty_yaml_is_that_system_as_it_is() {
    let config = moat_of("");
    assert_eq!(config.listeners[0].bind, Bind::Tcp { host: "0.0.0.0".to_owned(), port: 1883 });
    assert_eq!(config.listeners[0].security.allow_anonymous, Some(true));
    assert_eq!((config.listeners[0].tcp.keep_alive_s, config.sys.interval_s), (600, Some(20)));
    let alone = moat_of("listeners:\n  default:\n    bind: 127.0.0.1:1885\n");
    assert_eq!(alone.listeners[0].bind, Bind::Tcp { host: "127.0.0.1".to_owned(), port: 1885 });
}

#[test]
fn faults_of_a_yaml_are_told_with_line_and_column() {
    let told = |text: &str| told(moat::read("a.yaml", text)).join("\n");
    assert!(told("listeners:\n  a:\n    bind: here:port\n").starts_with("a.yaml:3:11: bind: "));
    assert!(told("sys_interval: often\n").starts_with("a.yaml:1:15: sys_interval: "));
    let missing = told("listeners:\n  a:\n    bind: 127.0.0.1:1\n    ssl: on\n    keyfile: k\n");
    assert!(missing.contains("certfile is missing"), "{missing}");
    assert!(told("a: &x [1]\nb: *x\n").contains("aliases"));
    assert!(told("a: 1\na: 2\n").contains("twice"));
    assert!(told("[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]").contains("deeply"));
    assert!(told("a: [1\n").starts_with("a.yaml:"));
    assert!(told("just text\n").contains("a table"));
}

#[test]
fn a_file_tells_by_its_name_and_its_lines_whose_it_is() {
    let of = |path: &str, text: &str| Format::of(Path::new(path), text);
    assert_eq!(of("a.toml", "listener 1883"), Format::Toml);
    assert_eq!(of("a.yml", ""), Format::Moat);
    assert_eq!(of("/etc/sol/sol.conf", ""), Format::Sol);
    assert_eq!(of("a.conf", "ip_port 1883\n"), Format::Sol);
    assert_eq!(of("a.conf", "# x\nlistener 1883\nlog_type all\n"), Format::Mosquitto);
    assert_eq!(of("a.conf", ""), Format::Mosquitto);
    assert_eq!(of("a", "[limits]\n"), Format::Toml);
    assert_eq!(of("a", "sys.interval = 1\n"), Format::Toml);
    assert_eq!(of("a", "listeners:\n"), Format::Moat);
    assert_eq!(of("a", "listener 1883\n"), Format::Mosquitto);
}

#[test]
fn what_is_imported_can_be_read() {
    use postrider_config::native::{Beside, read};
    use postrider_config::print::{What, toml};
    for config in [sol_of("ip_port 9090\n"), sol_of("unix_socket /s\n"), moat_of(YAML), moat_of("")] {
        let text = toml(&config, What::Changed);
        let again = read("a.toml", &text, Beside::default()).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"));
        assert!(again.is_same(&config), "{text}\n{again:#?}\n{config:#?}");
    }
}

#[test]
fn each_file_of_the_table_is_taken_or_refused_as_it_says() {
    let table = include_str!("../../testdata/other-files.txt");
    let mut wrong = Vec::new();
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('|').map(str::trim).collect();
        let [target, name, want, field, _why] = fields[..] else { panic!("not five fields: {line}") };
        let repeated = field.rsplit_once('*').and_then(|(piece, times)| Some(piece.repeat(times.parse().ok()?)));
        let text = repeated.unwrap_or_else(|| field.to_owned());
        let signs =
            [("\\n", "\n"), ("\\r", "\r"), ("\\t", "\t"), ("\\x00", "\0"), ("\\p", "|"), ("\\ufeff", "\u{FEFF}")];
        let text = signs.iter().fold(text, |text, (sign, bytes)| text.replace(sign, bytes));
        let read = match target {
            "native" => native::read("a.toml", &text, Beside::default()),
            "sol_conf" => sol::read("sol.conf", &text),
            "moat_yaml" => moat::read("a.yaml", &text),
            other => panic!("there is no target {other}"),
        };
        let said = if read.is_ok() { "taken" } else { "refused" };
        if said != want {
            wrong.push(format!("{target} {name}: {said}, {:?}", told(read)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
