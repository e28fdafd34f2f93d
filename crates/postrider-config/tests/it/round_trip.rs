//! What is printed is read again.

use crate::keys::{contradicts, file, good, parse};
use postrider_config::model::Secret;
use postrider_config::print::{What, toml};
use postrider_config::{Config, keys};

fn comes_back(config: &Config) {
    for what in [What::All, What::AllWithOrigins, What::Changed] {
        let printed = toml(config, what);
        let again = parse(&printed);
        assert!(again.is_same(config), "{what:?}\n{printed}\n{again:#?}\n{config:#?}");
    }
}

#[test]
fn every_value_of_every_key_comes_back() {
    comes_back(&parse(""));
    for key in keys::all() {
        for value in good(key).iter().filter(|value| !contradicts(key, value)) {
            comes_back(&parse(&file(key, value)));
        }
    }
}

#[test]
fn a_listener_that_takes_something_back_comes_back() {
    let text = r#"
[auth]
password_file = 'p'
allow_anonymous = true
client_id_prefixes = ['a']
[acl.users]
bob = ['#']
[limits]
max_qos = 1
durability = 'os'
[[listener]]
bind = ':1'
acl.users = 'off'
auth = { password_file = '', allow_anonymous = false, client_id_prefixes = [] }
limits = { max_qos = 2, durability = 'auto' }
[[listener]]
name = 'a "b" \ c'
bind = 'localhost:2'
"#;
    comes_back(&parse(text));
}

#[test]
fn a_secret_is_never_printed() {
    let mut config =
        parse("[[bridge]]\nname = 'x y'\naddresses = ['a']\nremote = { username = 'u', password = 'hush' }\n");
    for what in [What::All, What::AllWithOrigins, What::Changed] {
        assert!(!toml(&config, what).contains("hush"));
    }
    assert!(!format!("{config:?}").contains("hush"));
    assert!(toml(&config, What::All).contains("remote.password = \"(hidden)\""));
    let import = toml(&config, What::Changed);
    assert!(import.contains("remote.password = \"env:POSTRIDER_SECRET_BRIDGE_X_Y_REMOTE_PASSWORD\""), "{import}");
    config.bridges[0].remote.password = Some(Secret::parse("file:/run/s"));
    comes_back(&config);
}

#[test]
fn a_secret_is_where_it_says_it_is() {
    let files = std::collections::BTreeMap::from([
        ("/run/s".into(), "one\n".to_owned()),
        ("/creds/s".into(), "two".to_owned()),
    ]);
    let variable = |name: &str| match name {
        "S" => Some("three".to_owned()),
        "CREDENTIALS_DIRECTORY" => Some("/creds".to_owned()),
        _ => None,
    };
    let resolved = |text: &str| Secret::parse(text).resolve(&files, &variable).map(|secret| secret.to_string());
    assert_eq!(resolved("file:/run/s"), Ok("one".to_owned()));
    assert_eq!(resolved("credential:s"), Ok("two".to_owned()));
    assert_eq!(resolved("env:S"), Ok("three".to_owned()));
    assert_eq!(resolved("plain"), Ok("plain".to_owned()));
    assert_eq!(resolved("env:T"), Err("the environment variable T is not set".to_owned()));
    assert!(resolved("file:/nowhere").is_err());
}

#[test]
fn origins_are_printed_beside_the_values() {
    let printed = toml(&parse("sys.interval = 10\n"), What::AllWithOrigins);
    assert!(printed.contains("interval = \"10s\"  # a.toml:1\n"), "{printed}");
    assert!(printed.contains("control_api = false\n"), "{printed}");
}
