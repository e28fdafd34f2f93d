//! Whatever stands in a mosquitto.conf, reading it ends, in a tree that can be printed and read again, or in faults
//! with their lines.

use postrider_config::model::Origin;
use postrider_config::mosquitto::{differences, psk_file, read};
use postrider_config::native::{self, Beside};
use postrider_config::print::{What, toml};
use std::collections::BTreeMap;
use std::path::PathBuf;

#[test]
fn mosquitto_conf() {
    bolero::check!().with_iterations(10_000).with_max_len(4096).for_each(|bytes: &[u8]| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let lines = u32::try_from(text.split('\n').count()).expect("few lines");
        let files = BTreeMap::from([(PathBuf::from("m.conf"), text.to_owned())]);
        match read("m.conf", &files) {
            Ok(config) => {
                assert!(!config.listeners.is_empty(), "a broker that nobody can reach");
                assert!(differences("m.conf", &files).iter().all(|notice| notice.line <= lines));
                let printed = toml(&config, What::Changed);
                let again = native::read("again.toml", &printed, Beside::default());
                assert!(again.is_ok() || toml(&config, What::All).contains("(hidden)"), "{printed}\n{again:?}");
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
            assert!(keys.values().all(|key| (1..=64).contains(&key.len())));
        }
    });
}
