//! Configurations that people have: those that come with mosquitto.

use postrider_config::{Disk, Fault, mosquitto};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// With mosquitto, in Debian and what comes from it.
const EXAMPLE: &str = "/usr/share/doc/mosquitto/examples/mosquitto.conf";
const INSTALLED: &str = "/etc/mosquitto/mosquitto.conf";

#[test]
fn the_installed_configuration_is_read() {
    for file in [EXAMPLE, INSTALLED] {
        assert!(Path::new(file).exists(), "{file} is missing: run `cargo xtask test --install`");
        if let Err(faults) = mosquitto::read(file, &Disk) {
            panic!("{faults:?}");
        }
    }
}

/// The example has every option of 2.0 in a comment; most have no value there.
#[test]
fn every_option_that_the_example_names_is_known() {
    let example = std::fs::read_to_string(EXAMPLE).expect("run `cargo xtask test --install`");
    let is_option = |line: &&str| line.starts_with(|letter: char| letter.is_ascii_lowercase());
    let options: Vec<&str> = example.lines().filter_map(|line| line.strip_prefix('#')).filter(is_option).collect();
    assert!(options.len() > 90, "{}", options.len());
    let files = BTreeMap::from([(PathBuf::from("m.conf"), options.join("\n"))]);
    let faults: Vec<Fault> = mosquitto::read("m.conf", &files).err().unwrap_or_default();
    let unknown: Vec<&Fault> = faults.iter().filter(|fault| fault.what.contains("there is no option")).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
