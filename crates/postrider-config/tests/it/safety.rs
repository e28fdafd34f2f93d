//! Doors that are open by mistake.

use crate::keys::parse;
use postrider_config::native::{Beside, read};

fn is_refused(text: &str) -> bool {
    let text = format!("[[listener]]\nname = 'x'\n{text}");
    let faults = read("a.toml", &text, Beside::default()).err().unwrap_or_default();
    assert!(faults.iter().all(|fault| fault.key == "listener.x.auth.allow_anonymous"), "{faults:?}");
    assert!(faults.iter().all(|fault| fault.to_string().contains("allow_anonymous = true")), "{faults:?}");
    !faults.is_empty()
}

#[test]
fn a_listener_for_other_machines_is_refused_where_nobody_is_asked_and_nobody_said_so() {
    for bind in [":1883", "0.0.0.0:1883", "[::]:1883", "10.1.2.3:1883", "example.org:1883", "systemd:mqtt"] {
        let bind = format!("bind = '{bind}'\n");
        assert!(is_refused(&bind), "{bind}");
        assert!(!is_refused(&format!("{bind}auth.allow_anonymous = true\n")));
        assert!(!is_refused(&format!("{bind}auth.allow_anonymous = false\n")));
        assert!(!is_refused(&format!("{bind}auth.password_file = 'p'\n")));
        assert!(is_refused(&format!("{bind}tls = {{ certificate = 'c', key = 'k' }}\n")));
        let asks = "tls = { certificate = 'c', key = 'k', client_ca_file = 'a', client_certificate = ";
        assert!(is_refused(&format!("{bind}{asks}'optional' }}\n")));
        assert!(!is_refused(&format!("{bind}{asks}'required' }}\n")));
    }
    for bind in ["localhost:1883", "127.0.0.1:1883", "127.9.9.9:1883", "[::1]:1883", "unix:/run/x"] {
        assert!(!is_refused(&format!("bind = '{bind}'\n")), "{bind}");
    }
}

#[test]
fn a_word_for_all_listeners_is_a_word_for_each() {
    let all = "[auth]\nallow_anonymous = true\n[[listener]]\nbind = ':1883'\n";
    assert_eq!(parse(all).listeners[0].security.allow_anonymous, Some(true));
}

#[test]
fn clients_without_a_name_come_in_only_where_that_is_safe_or_said() {
    let lets_in = |text: &str| {
        let config = parse(text);
        config.lets_anonymous_in(&config.listeners[0])
    };
    assert!(lets_in(""));
    assert!(lets_in("[[listener]]\nbind = 'localhost:1883'\n"));
    assert!(!lets_in("[[listener]]\nbind = 'localhost:1883'\nauth.password_file = 'p'\n"));
    assert!(!lets_in("[[listener]]\nbind = ':1883'\nauth.password_file = 'p'\n"));
    assert!(lets_in("[[listener]]\nbind = ':1883'\nauth = { password_file = 'p', allow_anonymous = true }\n"));
}

#[test]
fn without_a_listener_this_machine_alone_is_served() {
    let config = parse("");
    assert!(config.is_same(&postrider_config::defaults::config()));
    assert_eq!(config.listeners.len(), 1);
    assert!(!config.listeners[0].bind.reaches_others());
}
