//! Whatever stands in a mosquitto.conf, reading it ends, in a tree that can be printed and read again, or in faults
//! with their lines.

use postrider_config::model::Origin;
use postrider_config::mosquitto::{differences, option_names, psk_file, read};
use postrider_config::native::{self, Beside};
use postrider_config::print::{What, toml};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Bytes as text; what is none, as words of a configuration, so that chance gets past the first name.
fn text_of(bytes: &[u8], words: &[String]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let pairs = bytes.chunks(2).map(|pair| usize::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| usize::from(*low)));
    pairs.map(|number| words[number % words.len()].as_str()).collect()
}

/// Every option with values that it may have, and pieces of others.
fn words() -> Vec<String> {
    let values =
        "true|false|0|1|2|-1|65536|a/b|none|/x|5d|tlsv1.3|websockets|a:1 b|# both 1 a/ b/|3,4|7 9|1 2 3|\"x y\" in";
    let values = || values.split('|').map(str::to_owned);
    let lines = option_names().flat_map(|name| values().map(move |value| format!("\n{name} {value}")));
    let whole = [
        "\nlistener 1\n",
        "\nlistener 2 ::1\ncertfile c\nkeyfile k\n",
        "\nlistener 0 /s\n",
        "\nconnection b\naddress h\ntopic #\n",
        "\nplugin /x/mosquitto_acl_file.so\nplugin_opt_acl_file a\n",
        "\nper_listener_settings true\n",
        "\ninclude_dir d\n",
        " # x",
        "\r",
        "\"",
        "é",
    ];
    lines.chain(values()).chain(whole.map(str::to_owned)).collect()
}

#[test]
fn mosquitto_conf() {
    let words = words();
    bolero::check!().with_iterations(10_000).with_max_len(1024).for_each(|bytes: &[u8]| {
        let text = &text_of(bytes, &words);
        let lines = u32::try_from(text.split('\n').count()).expect("few lines");
        let files = BTreeMap::from([(PathBuf::from("m.conf"), text.to_owned())]);
        match read("m.conf", &files) {
            Ok(config) => {
                assert!(!config.listeners.is_empty(), "a broker that nobody can reach");
                assert!(differences("m.conf", &files).iter().all(|notice| notice.line <= lines));
                let printed = toml(&config, What::Changed);
                // A secret that stands in the file becomes a variable of the environment.
                if toml(&config, What::All).contains("(hidden)") {
                    return;
                }
                match native::read("again.toml", &printed, Beside::default()) {
                    Ok(again) => assert!(again.is_same(&config), "{printed}"),
                    Err(faults) => panic!("{printed}\n{faults:?}"),
                }
            }
            Err(faults) => {
                assert!(!faults.is_empty());
                for fault in faults {
                    let Origin::File { file, line } = &fault.origin else { panic!("{fault} has no place") };
                    assert!(file == "m.conf" && *line <= lines, "{fault}");
                }
            }
        }
    });
}

#[test]
fn psk() {
    bolero::check!().with_iterations(10_000).with_max_len(1024).for_each(|bytes: &[u8]| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        if let Ok(keys) = psk_file("p", text) {
            assert!(keys.identities().all(|name| keys.key(name).is_some_and(|key| (1..=64).contains(&key.len()))));
        }
    });
}
