//! Whatever stands in a file, reading it ends, in a tree or in faults, and what is read can be printed and read again.

use postrider_config::native::{Beside, read};
use postrider_config::print::{What, toml};
use postrider_config::{Config, moat, sol};

/// A tree that was read comes back from what is printed of it.
fn comes_back(config: &Config) {
    let text = toml(config, What::Changed);
    match read("again.toml", &text, Beside::default()) {
        Ok(again) => assert!(again.is_same(config) || has_secret(config), "{text}"),
        Err(faults) => panic!("{text}\n{faults:?}"),
    }
}

/// A secret that stood in the file is an environment variable in what is printed.
fn has_secret(config: &Config) -> bool {
    let text = toml(config, What::All);
    text.contains("(hidden)")
}

/// Bytes as text: as they are, or, so that chance gets past the first word, as words of a configuration.
fn text_of(bytes: &[u8], words: &[String]) -> Option<String> {
    let (first, rest) = bytes.split_first()?;
    if first % 4 == 0 {
        return std::str::from_utf8(rest).ok().map(str::to_owned);
    }
    let pairs = rest.chunks(2).map(|pair| usize::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| usize::from(*low)));
    Some(pairs.map(|number| words[number % words.len()].as_str()).collect())
}

/// What a configuration is made of, in the grammar of TOML.
fn words_of_toml() -> Vec<String> {
    let values = "\n|\n|\n| = | = | = |[|]|{|}|,|true|false|0|1|2|65535|'auto'|'off'|'never'|'1s'|'1KB'|['a', 'b']|'a'|\
                  '127.0.0.1:1'|':2'|'unix:/a'|name = 'x'\n|\n[[listener]]\nbind = 'localhost:1'\n|'10/s'|'required'|\
                  \n[[bridge]]\nname = 'b'\naddresses = ['c']\n|\n[limits]\n|\n[auth]\n|'file:s'|'(hidden)'|\"|#|.|é";
    let names = postrider_config::keys::all().flat_map(|key| {
        let leaf = key.name.rsplit('.').next().unwrap_or_default();
        [format!("\n{} = ", key.name), format!("\n{leaf} = ")]
    });
    values.split('|').map(str::to_owned).chain(names).collect()
}

#[test]
fn native() {
    let words = words_of_toml();
    bolero::check!().with_iterations(5_000).with_max_len(4096).for_each(|bytes| {
        let Some(text) = text_of(bytes, &words) else { return };
        if let Ok(config) = read("a.toml", &text, Beside::default()) {
            comes_back(&config);
        }
    });
}

#[test]
fn sol_conf() {
    let words = "\n|\n| |#|ip_address |ip_port |unix_socket |log_level |log_path |max_memory |max_request_size |\
                 tcp_backlog |stats_publish_interval |keepalive |certfile |keyfile |cafile |tls_protocols |\
                 allow_anonymous |password_file |true\n|false\n|1\n|1883\n|2MB\n|10s\n|tlsv1_2\n|DEBUG\n|/a\n|::1\n";
    let words: Vec<String> = words.split('|').map(str::to_owned).collect();
    bolero::check!().with_iterations(5_000).with_max_len(4096).for_each(|bytes| {
        let Some(text) = text_of(bytes, &words) else { return };
        if let Ok(config) = sol::read("sol.conf", &text) {
            comes_back(&config);
        }
    });
}

#[test]
fn moat_yaml() {
    let words = "\n|\n|  |    |- |: |[|]|{|}|,|&a |*a|!!int |'|\"|#|listeners:\n|  default:\n|  one:\n|    bind: 127.0.0.1:1\n|\
                 \n    bind: |    type: ws\n|    ssl: on\n|    certfile: c\n|    keyfile: k\n|    max-connections: 3\n|auth:\n|\
                   allow-anonymous: false\n|  password-file: p\n|  plugins: [auth_file]\n|topic-check:\n|  enabled: on\n|\
                   acl:\n|    bob: [a, b]\n|sys_interval: 1\n|retain: off\n|max-qos: 1\n|tcp-keepalive: 9\n|---\n|...\n";
    let words: Vec<String> = words.split('|').map(str::to_owned).collect();
    bolero::check!().with_iterations(5_000).with_max_len(4096).for_each(|bytes| {
        let Some(text) = text_of(bytes, &words) else { return };
        if let Ok(config) = moat::read("a.yaml", &text) {
            comes_back(&config);
        }
    });
}

#[test]
fn one_value() {
    bolero::check!().with_iterations(20_000).with_max_len(64).for_each(|bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let keys: Vec<String> = postrider_config::keys::all()
            .filter(|key| key.variable().is_some())
            .map(|key| key.name.to_owned())
            .collect();
        let at = bytes.first().map_or(0, |byte| usize::from(*byte)) % keys.len();
        let typed = [(keys[at].clone(), text.to_owned())];
        if let Ok(config) = read("a.toml", "", Beside { environment: &[], command_line: &typed }) {
            comes_back(&config);
        }
    });
}
