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

#[test]
fn native() {
    bolero::check!().with_iterations(5_000).with_max_len(4096).for_each(|bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        if let Ok(config) = read("a.toml", text, Beside::default()) {
            comes_back(&config);
        }
    });
}

#[test]
fn sol_conf() {
    bolero::check!().with_iterations(5_000).with_max_len(4096).for_each(|bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        if let Ok(config) = sol::read("sol.conf", text) {
            comes_back(&config);
        }
    });
}

#[test]
fn moat_yaml() {
    bolero::check!().with_iterations(5_000).with_max_len(4096).for_each(|bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        if let Ok(config) = moat::read("a.yaml", text) {
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
