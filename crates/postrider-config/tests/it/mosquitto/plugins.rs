//! Plugins by their names.

use super::{faults, notices, read};
use postrider_config::model::{Durability, Place};
use std::path::PathBuf;

#[test]
fn dynamic_security_is_a_file_of_the_broker() {
    let text = "plugin /usr/lib/mosquitto_dynamic_security.so\nplugin_opt_config_file /x/ds.json\nlistener 1883\n";
    assert_eq!(read(text).sys.dynamic_security, Some(PathBuf::from("/x/ds.json")));
    assert_eq!(faults("plugin /usr/lib/mosquitto_dynamic_security.so\n").len(), 1, "a file is missing");
}

#[test]
fn plugins_of_files_are_the_same_as_the_options() {
    let plugins = "listener 1883\nplugin /x/mosquitto_password_file.so\nplugin_opt_password_file p\n\
                   plugin /x/mosquitto_acl_file.so\nplugin_opt_acl_file a\n";
    let options = "listener 1883\npassword_file p\nacl_file a\n";
    assert!(read(plugins).is_same(&read(options)));
    assert!(read(&plugins.replace("plugin_opt_", "auth_opt_")).is_same(&read(options)));
}

#[test]
fn a_plugin_is_for_its_listener_or_for_those_that_use_it() {
    let lines = "plugin_load pw /x/mosquitto_password_file.so\nplugin_opt_password_file p\n\
                 listener 1\nplugin_use pw\nlistener 2\nlistener 3\nplugin_use pw\n";
    let has = |text: &str| {
        let listeners = read(text).listeners;
        listeners.iter().map(|listener| listener.security.password_file.is_some()).collect::<Vec<_>>()
    };
    assert_eq!(has(&format!("per_listener_settings true\n{lines}")), [true, false, true]);
    assert_eq!(has(lines), [true, true, true]);
    let one = "per_listener_settings true\nlistener 1\nplugin /x/mosquitto_password_file.so\n\
               plugin_opt_password_file p\nlistener 2\n";
    assert_eq!(has(one), [true, false]);
    assert_eq!(has(&one.replace("plugin /", "global_plugin /")), [true, true]);
}

#[test]
fn the_store_of_sqlite_becomes_ours_with_a_notice() {
    let text = "persistence_location /d\nplugin /x/mosquitto_persist_sqlite.so\nplugin_opt_sync full\n";
    let config = read(text);
    assert_eq!(config.data.place, Place::Directory(PathBuf::from("/d/postrider")));
    assert_eq!(config.data.durability, Durability::Fsync);
    let said = notices(text);
    assert!(said.iter().any(|text| text.starts_with("m.conf:2: plugin: The log here")), "{said:?}");
    assert!(said.iter().any(|text| text.starts_with("m.conf:3: plugin_opt_sync: ")), "{said:?}");
}

#[test]
fn sparkplug_is_a_setting() {
    assert!(read("plugin /x/mosquitto_sparkplug_aware.so\n").compat.sparkplug_aware);
}

#[test]
fn what_cannot_be_had_is_refused_with_what_to_do() {
    let go = faults("auth_plugin /x/go-auth.so\nauth_opt_backends jwt\n");
    assert!(go[0].starts_with("m.conf:1: plugin /x/go-auth.so: mosquitto-go-auth is not here"), "{go:?}");
    let other = faults("plugin /x/ours.so\nplugin_opt_a b\n");
    assert!(other[0].contains("cannot be loaded here"), "{other:?}");
    assert_eq!(
        faults("listener 1\nplugin_use none\n"),
        ["m.conf:2: plugin_use: no plugin_load above has the name `none`"]
    );
}

#[test]
fn an_option_that_a_plugin_does_not_have_is_told() {
    let said = notices("plugin /x/mosquitto_acl_file.so\nplugin_opt_acl_file a\nplugin_opt_colour red\n");
    assert_eq!(said, ["m.conf:3: plugin_opt_colour: acl-file has no such option"]);
}
