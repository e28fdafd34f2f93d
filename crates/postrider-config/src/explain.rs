//! What a key means, for people.
//!
//! Owns: the sentences of `postrider config explain` and the page of all keys.

use crate::defaults;
use crate::keys::{self, Key, Kind, Reload, Scope};
use crate::model::Bind;
use crate::value::Value;
use std::fmt::Write;

/// A key by its name, by its last part where only one key has it, or by mosquitto's name for it.
///
/// # Errors
///
/// The names that it may have meant, none or several.
pub fn find(name: &str) -> Result<&'static Key, Vec<String>> {
    let is = |found: &dyn Fn(&Key) -> bool| keys::all().filter(|key| found(key)).collect::<Vec<_>>();
    let ways: [&dyn Fn(&Key) -> bool; 3] = [
        &|key| key.path() == name || key.name == name && matches!(key.scope(), Scope::Broker | Scope::Shared),
        &|key| key.name.rsplit('.').next() == Some(name),
        &|key| key.mosquitto.split(", ").any(|theirs| theirs == name),
    ];
    for way in ways {
        match is(way).as_slice() {
            [] => {}
            [key] => return Ok(key),
            several => return Err(several.iter().map(|key| key.path()).collect()),
        }
    }
    let paths: Vec<String> = keys::all().map(Key::path).collect();
    Err(keys::nearest(name, paths.iter().map(String::as_str)).map(str::to_owned).into_iter().collect())
}

/// Everything about one key.
#[must_use]
pub fn explain(key: &Key) -> String {
    let mut text = format!("{}\n  {}\n\n", key.path(), key.doc);
    let mut line = |name: &str, what: &str| {
        let _ = writeln!(text, "  {name:<10} {what}");
    };
    line("takes", &key.kind.allowed());
    line("default", &default_of(key));
    line("because", key.reason);
    line("stands in", stands_in(key));
    if let Some(variable) = key.variable() {
        line("variable", &variable);
    }
    line("holds", holds(key));
    line("since", SINCE);
    if !key.mosquitto.is_empty() {
        line("mosquitto", key.mosquitto);
    }
    text
}

const fn stands_in(key: &Key) -> &'static str {
    match key.scope() {
        Scope::Broker => "the file, once",
        Scope::Shared => "the file, for all listeners, and in a listener for itself",
        Scope::Listener => "a [[listener]]",
        Scope::Bridge => "a [[bridge]]",
    }
}

const fn holds(key: &Key) -> &'static str {
    match key.reload {
        Reload::Live => "with the next reading of the file",
        Reload::Restart => "with the next start",
    }
}

const SINCE: &str = "0.1";

/// A default as it is written.
#[must_use]
pub fn default_of(key: &Key) -> String {
    let config = defaults::config();
    let mut listener = defaults::loopback();
    listener.tls = Some(defaults::tls("".into(), "".into()));
    listener.proxy = Some(defaults::proxy(crate::model::ProxyVersion::Both));
    if key.name == "unix_mode" {
        listener.bind = Bind::Unix { path: "".into(), mode: None };
    }
    let mut bridge = defaults::bridge(String::new(), Vec::new());
    bridge.tls = Some(defaults::bridge_tls());
    let value = match key.scope() {
        Scope::Broker | Scope::Shared => key.value(&config),
        Scope::Listener => key.value_in(&listener),
        Scope::Bridge => key.value_of(&bridge),
    };
    if value == Value::Text(String::new()) && matches!(key.kind, Kind::Path | Kind::Text | Kind::Secret | Kind::Form(_))
    {
        return "none".to_owned();
    }
    crate::print::plain(&value, key)
}

/// `docs/configuration.md`: every key.
#[must_use]
pub fn page() -> String {
    let mut text = String::from(HEAD);
    let mut section = String::new();
    for key in keys::all() {
        let path = key.path();
        let title = title(key);
        if title != section {
            let _ = write!(text, "\n## {title}\n\n{COLUMNS}");
            section = title;
        }
        let theirs = if key.mosquitto.is_empty() { "–" } else { key.mosquitto };
        let changes = if key.reload == Reload::Live { "live" } else { "restart" };
        let allowed = key.kind.allowed().replace('|', "\\|");
        let default = default_of(key).replace('|', "\\|");
        let _ = writeln!(
            text,
            "| `{path}` | {} | {allowed} | {default} | {} | {changes} | {theirs} |",
            key.doc.replace('|', "\\|"),
            key.reason
        );
    }
    text
}

fn title(key: &Key) -> String {
    let head = key.name.split('.').next().unwrap_or_default();
    match key.scope() {
        Scope::Broker if key.name.starts_with("limits.") => "`[limits]`, for the whole broker".to_owned(),
        Scope::Broker => format!("`[{head}]`"),
        Scope::Shared => format!("`[{head}]`, for all listeners, and in a `[[listener]]` for itself"),
        Scope::Listener => "`[[listener]]`".to_owned(),
        Scope::Bridge => "`[[bridge]]`".to_owned(),
    }
}

const COLUMNS: &str = "| Key | Means | Takes | Default | Why | Change | mosquitto |\n|---|---|---|---|---|---|---|\n";

const HEAD: &str = "\
# Configuration

Every key of `postrider.toml`; written by `cargo xtask configuration` from the table that reads, prints and explains them.

A key's value is the last of these that says one: the default, the file, the environment, the command line.
`POSTRIDER_LIMITS_MAX_PACKET_SIZE` is the variable of `limits.max_packet_size`, and so on for what does not stand in a listener or a bridge.
Sizes are bytes or have a unit, whose letters may be large or small: b, k, kb, KiB, m, mb, MiB, g, gb, GiB, all powers of 1024.
Times are seconds or have a unit: ms, s, m, h, d, w.
What stands in `[limits]`, `[auth]` and `[acl]` for all listeners can stand in a `[[listener]]` too, where it holds for that one.
A password or passphrase may be `file:/path`, `env:NAME` or `credential:NAME`, which is a file of systemd's `$CREDENTIALS_DIRECTORY`.

```toml
[data]
directory = \"/var/lib/postrider\"

[[listener]]
bind = \":8883\"
tls.certificate = \"/etc/postrider/server.pem\"
tls.key = \"/etc/postrider/server.key\"
auth.password_file = \"/etc/postrider/passwords\"
limits.max_packet_size = \"512KiB\"

[[listener]]
bind = \"unix:/run/postrider.sock\"
```

A listener that other machines reach has to say who may come in: a file of passwords, a client certificate, dynamic security, or `auth.allow_anonymous = true`.
Without a listener the broker listens on localhost:1883, for this machine only, and asks nobody for anything.
`postrider config check FILE` tells everything that is wrong with a file, `config print` every value that holds, `config explain KEY` what a key means, and `config import FILE` makes such a file of one of another broker.
";
