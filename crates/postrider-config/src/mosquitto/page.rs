//! The list of options as a page: what each is, and what differs here.
//!
//! Owns: `docs/mosquitto.md`, of which a test says when it is out of date.

use super::finish::PLUGINS;
use super::table::{self, Entry, Here, Since};
use super::value::Kind;

/// The whole page.
#[must_use]
pub fn page() -> String {
    let mut page = TOP.to_owned();
    for (title, entries) in table::groups() {
        page.push_str(&format!(
            "\n## {title}\n\n| Option | Value | Default | Scope | SIGHUP | Since | What it does | Here |\n"
        ));
        page.push_str("|---|---|---|---|---|---|---|---|\n");
        entries.iter().for_each(|entry| page.push_str(&row(entry)));
    }
    page.push_str(PLUGINS_TOP);
    for known in PLUGINS {
        let options: Vec<String> = known.options.iter().map(|option| format!("`{option}`")).collect();
        page.push_str(&format!("| {} | {} | {} |\n", known.name, options.join(", "), known.says));
    }
    page.push_str(BOTTOM);
    page
}

fn row(entry: &Entry) -> String {
    let names: Vec<String> = std::iter::once(&entry.name).chain(entry.aliases).map(|name| code(name)).collect();
    let reread = if entry.is_reread { "yes" } else { "no" };
    let since = match entry.since {
        Since::V2_0 => "",
        Since::V2_1 => "2.1",
    };
    let here = match entry.here {
        Here::Same => String::new(),
        Here::Differs(how) => how.to_owned(),
        Here::NoEffect(why) => format!("No effect. {why}"),
        Here::Refused(advice) => format!("Refused: {advice}."),
    };
    let (names, form, scope) = (names.join(", "), form(entry.kind), entry.scope());
    format!("| {names} | {form} | {} | {scope} | {reread} | {since} | {} | {here} |\n", entry.default, entry.says)
}

fn code(name: &str) -> String {
    if name.ends_with('_') { format!("`{name}NAME`") } else { format!("`{name}`") }
}

fn form(kind: Kind) -> String {
    match kind {
        Kind::Flag => "`true`, `false`".to_owned(),
        Kind::Number(min, i64::MAX) => format!("from {min}"),
        Kind::Number(min, max) => format!("{min} to {max}"),
        Kind::AtLeast(min, i64::MAX) => format!("from {min}; less becomes {min}"),
        Kind::AtLeast(min, max) => format!("{min} to {max}; less becomes {min}"),
        Kind::Text => "text".to_owned(),
        Kind::Short => "text of at most 50 bytes".to_owned(),
        Kind::Prefix => "text without wildcards".to_owned(),
        Kind::Word(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Kind::Span => "a time".to_owned(),
        Kind::Place => "a port and a host or path".to_owned(),
        Kind::Port => "1 to 65535".to_owned(),
        Kind::Addresses => "hosts and ports".to_owned(),
        Kind::Rule => "pattern and what follows".to_owned(),
        Kind::Restart => "one to three numbers".to_owned(),
        Kind::Probes => "three numbers".to_owned(),
        Kind::Versions => "3, 4, 5".to_owned(),
    }
}

const TOP: &str = "\
# mosquitto.conf

A configuration of mosquitto, from 1.6 to 2.1, is read as it is.
`postrider config check FILE` says what is wrong with one, and what differs here from mosquitto.
`cargo xtask configuration` writes this page from the list that the reader uses; a test fails when it is out of date.

## In the place of mosquitto

    postrider config check /etc/mosquitto/mosquitto.conf
    systemctl stop mosquitto
    postrider -c /etc/mosquitto/mosquitto.conf

The first says what is different here, and opens nothing.
The second has mosquitto write all that must survive into `persistence_file`; kill it, and it saves nothing.
The third reads that file when the folder `postrider` of `persistence_location` is empty or not there yet, and says in one line what it has taken over; no client is let in before all of it is on the device.
Clients that come back find their sessions, and go on where they were.

What comes along:

| In the file | Here |
|---|---|
| sessions with client identifier, user name, expiry and packet identifiers | the same; a session of 3.1 or 3.1.1 lives as long as `persistent_client_expiration` says |
| subscriptions with QoS, options and identifiers | the same |
| messages that wait, with QoS 1 and 2 | the same, in their order, with their properties, flags and time to live |
| messages that were sent, up to PUBACK, PUBREC or PUBCOMP | they keep their packet identifiers, so nobody gets QoS 2 twice |
| messages of QoS 2 from clients that have not sent PUBREL | mosquitto has given them to nobody yet; everybody who wants them has them waiting now, and their identifiers are remembered |
| retained messages, with author and time to live | the same |

What does not:

- Messages of QoS 0 that wait because of `queue_qos0_messages`; they survive no restart here.
- What mosquitto does not write: wills, which it publishes when it ends; and shared subscriptions in 2.0.11, which a start of its own does not bring back either.
- A session belongs to the user who made it. Formats before 6 have no user names, so only clients without one can go on with sessions from 1.6 and older.
- `mosquitto.sqlite3` of the plugin persist-sqlite.

`packaging/postrider.service` lets the broker write below `/var/lib/postrider` only; with a mosquitto.conf it also needs `ReadWritePaths=` with `persistence_location`, and `User=` with who owns that.

The formats 2 to 6 are read, which are those of 1.2 to 2.1, as machines with the least byte first write them.
The file is never changed. The folder remembers which file it was made of: a second start reads nothing, and says so if the file has changed since.
To begin with the file again, or to go back to mosquitto with what it had, move the folder away.
A broker that cannot start, as when mosquitto still has the port, leaves no folder behind.

The file has no checksums. A place that makes no sense is named by its byte, and nothing starts.
With `--accept-loss` that place is left out and what is around it is taken over; each is named, up to a hundred.
`postrider import mosquitto.db NEW` makes a data directory of such a file by itself.

## How a file is read

- One option a line: its name, a space, its value.
- `#` begins a comment in the first column only.
  Behind a single word or number, and on `listener`, `address` and `topic` lines, it is left out; elsewhere it is part of the value, and a notice says so.
- `true` and `false` may be written 1 and 0.
- An option that is not on this page is an error with file and line and the name that is most like it.
  All errors are told at once.
- A text that stands twice in one place is an error; of numbers and of `true` or `false` the last holds.
- `listener`, `connection` and `plugin` open a context for the lines below them.
  Options of a listener above the first `listener` are those of the unnamed one on port 1883, which is then opened too; a notice says so.
- `include_dir` reads the files of a directory whose names end in `.conf` in the order of their bytes.
  Each begins without a context.
  It has an effect in the main file only.
- Without `listener`, `port` or `bind_address`, the broker is there for this machine only, on port 1883, and lets everybody on it in.
  With one of them nobody without a user name comes in, unless the file allows it.
- Relative paths begin at the working directory.

## Where it is stricter than mosquitto

- A number has digits only. mosquitto reads `10M` as 10, `0x10` as 0 and `abc` as 0.
- An option without a value is an error, also where mosquitto only writes a line.
- A QoS in a `topic` line is 0, 1 or 2; mosquitto reads a word as 0.
- `certfile` without `keyfile`, and `require_certificate true` without either, are errors; mosquitto opens such a listener without TLS.
- Options of a listener in a file without `listener` do not open port 1883 to others.
- A shared object cannot be loaded: known plugins have a part here that does the same, others are refused.
- `log_timestamp_format` has a `%`; mosquitto takes any text.
- Files of passwords, rules and PSK behind a symbolic link are read if nobody else can have laid the link or can write the file; with `MOSQUITTO_UNSAFE_ALLOW_SYMLINKS` in the environment any is. mosquitto 2.1 reads none without it, 2.0 reads all.
- A line of a PSK file without a colon is an error, and so is an identity that comes twice.

## Columns

Scope: **G** the whole broker; **S** the whole broker, or one listener with `per_listener_settings true`; **L** the listener above; **B** the bridge above; **P** the plugin above.
SIGHUP: whether mosquitto reads it again then.
Since: empty where 2.0 has it.
Here: empty where it means the same.
";

const PLUGINS_TOP: &str = "
## Known plugins

The name is looked for in the name of the file, with `-` for `_`.

| Plugin | Options | Here |
|---|---|---|
";

const BOTTOM: &str = "
## The command line

`postrider -c FILE` takes these, and so does the program when it is called `mosquitto`.

| Option | What it does |
|---|---|
| `-c`, `--config-file` FILE | the configuration |
| `-p`, `--port` PORT | a port on this machine, up to ten; without effect where the file says where to listen |
| `-v`, `--verbose` | all types of lines are logged |
| `-q`, `--quiet` | none is |
| `-d`, `--daemon` | in the background |
| `--test-config` | looks at the configuration and opens nothing |
| `--tls-keylog` FILE | file for the keys of TLS sessions |
| `-h`, `--help` | the options |
| `--version` | the version |

| Exit code | When |
|---:|---|
| 0 | it was asked to end; `--version`; a good file with `--test-config` |
| 1 | a port is taken, a user unknown, a certificate or the file for the process number cannot be used |
| 3 | the command line or the configuration is wrong, or the file is not there; `-h` |
| 13 | a file of passwords, rules or PSK keys cannot be read |
";
