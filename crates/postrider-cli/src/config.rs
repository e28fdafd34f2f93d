//! `postrider config`: what a configuration says, before anything is opened.
//!
//! Owns: what people read about it, and its exit codes.

use crate::args::{Configure, Form, Said, Verb};
use crate::serve::{examine, say};
use anyhow::{Context, anyhow, bail};
use postrider_config::model::{Notice, Origin};
use postrider_config::native::{self, Beside};
use postrider_config::print::{What, secrets, toml};
use postrider_config::{Config, Disk, Fault, Format, Value as Setting, explain, keys, load, mosquitto};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

pub(crate) fn run(args: &Configure) -> anyhow::Result<ExitCode> {
    match &args.verb {
        Verb::Check { said, json } => check(said, *json),
        Verb::Print { said, origins } => print(said, if *origins { What::AllWithOrigins } else { What::All }),
        Verb::Explain { key } => explain_key(key.as_deref()),
        Verb::Import { file, from, out } => import(file, *from, out.as_deref()),
    }
}

fn check(said: &Said, json: bool) -> anyhow::Result<ExitCode> {
    let Some(file) = &said.file else { bail!("name a file to check") };
    let mut read = read(said)?;
    let faults = read.as_mut().map_or_else(|faults| faults.clone(), |(config, _)| unusable(config));
    if json {
        say(&report(file, read.as_ref().ok(), &faults).to_string());
    } else if let (Ok((config, format)), true) = (&read, faults.is_empty()) {
        config.notices.iter().chain(&differences(file, *format)).for_each(|notice| say(&notice.to_string()));
        say(&format!("{}: {}", file.display(), summary(config, *format)));
    } else {
        tell(&faults);
    }
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What works here in another way than its writer knows it.
fn differences(file: &Path, format: Format) -> Vec<Notice> {
    match format {
        Format::Mosquitto => mosquitto::differences(&file.display().to_string(), &Disk),
        Format::Toml | Format::Sol | Format::Moat => Vec::new(),
    }
}

/// Files that are not there, cannot be used or do not fit; what is merely unwise becomes a notice.
fn unusable(config: &mut Config) -> Vec<Fault> {
    let mut faults = unreadable(config);
    let found = examine::files(config);
    faults.extend(found.faults);
    config.notices.extend(found.warnings.into_iter().map(|warning| {
        let (file, line) = match warning.origin {
            Origin::File { file, line } => (file, line),
            other @ (Origin::Default | Origin::Environment { .. } | Origin::CommandLine) => (other.to_string(), 0),
        };
        Notice { file, line, what: warning.key, reason: warning.what }
    }));
    faults
}

/// Secrets that are not where the configuration says they are.
fn unreadable(config: &Config) -> Vec<Fault> {
    let variable = |name: &str| std::env::var(name).ok();
    let mut faults = Vec::new();
    let mut look = |path: String, value: Setting| {
        if let Setting::Hidden(secret) = value
            && let Err(what) = secret.resolve(&Disk, &variable)
        {
            faults.push(Fault { origin: config.origins.of(&path), column: 0, key: path, what });
        }
    };
    for key in keys::all() {
        for listener in &config.listeners {
            look(format!("listener.{}.{}", listener.name, key.name), key.value_in(listener));
        }
        for bridge in &config.bridges {
            look(format!("bridge.{}.{}", bridge.name, key.name), key.value_of(bridge));
        }
    }
    faults
}

fn summary(config: &Config, format: Format) -> String {
    let form = match format {
        Format::Toml => "",
        Format::Mosquitto => " (mosquitto.conf)",
        Format::Sol => " (sol.conf)",
        Format::Moat => " (YAML)",
    };
    let count = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let (listeners, bridges) = (config.listeners.len(), config.bridges.len());
    let notices = config.notices.len();
    format!(
        "all right{form}: {}, {}, {}",
        count(listeners, "listener"),
        count(bridges, "bridge"),
        count(notices, "notice")
    )
}

fn report(file: &Path, read: Option<&(Config, Format)>, faults: &[Fault]) -> Value {
    let place = |origin: &Origin| match origin {
        Origin::File { file, line } => json!({ "file": file, "line": line }),
        Origin::Default => json!({}),
        Origin::Environment { name } => json!({ "variable": name }),
        Origin::CommandLine => json!({ "command_line": true }),
    };
    let fault = |fault: &Fault| json!({ "at": place(&fault.origin), "column": fault.column, "key": fault.key, "what": fault.what });
    let other = read.map_or_else(Vec::new, |(_, format)| differences(file, *format));
    let notices = read.map_or(&[][..], |(config, _)| &config.notices).iter().chain(&other).map(|notice| {
        json!({ "at": { "file": notice.file, "line": notice.line }, "what": notice.what, "reason": notice.reason })
    });
    json!({
        "file": file.display().to_string(),
        "ok": faults.is_empty(),
        "faults": faults.iter().map(fault).collect::<Vec<_>>(),
        "notices": notices.collect::<Vec<_>>(),
    })
}

fn print(said: &Said, what: What) -> anyhow::Result<ExitCode> {
    match read(said)? {
        Ok((config, _)) => {
            say(toml(&config, what).trim_end());
            Ok(ExitCode::SUCCESS)
        }
        Err(faults) => Ok(tell(&faults)),
    }
}

fn explain_key(name: Option<&str>) -> anyhow::Result<ExitCode> {
    let Some(name) = name else {
        keys::all().for_each(|key| say(&format!("{:<40} {}", key.path(), key.doc)));
        return Ok(ExitCode::SUCCESS);
    };
    match explain::find(name) {
        Ok(found) => found.iter().for_each(|key| say(&explain::explain(key))),
        Err(Some(near)) => bail!("there is no key {name}; did you mean {near}?"),
        Err(None) => bail!("there is no key {name}; `postrider config explain` names them all"),
    }
    Ok(ExitCode::SUCCESS)
}

fn import(file: &Path, from: Option<Form>, out: Option<&Path>) -> anyhow::Result<ExitCode> {
    let config = match load(file, from.map(Format::from), &Disk, Beside::default()) {
        Ok((_, Format::Toml)) => bail!("{} is a configuration of ours already", file.display()),
        Ok((config, _)) => config,
        Err(faults) => return Ok(tell(&faults)),
    };
    let text = imported(file, &config);
    if let Err(faults) = native::read("the import", &text, Beside::default()) {
        tell(&faults);
        bail!("what was made of {} cannot be read; please report it with that file", file.display());
    }
    let Some(out) = out else {
        say(text.trim_end());
        return Ok(ExitCode::SUCCESS);
    };
    let write = || File::create_new(out).and_then(|mut new| new.write_all(text.as_bytes()));
    write().with_context(|| format!("writing {}; choose a file that is not there yet", out.display()))?;
    config.notices.iter().for_each(|notice| say(&notice.to_string()));
    Ok(ExitCode::SUCCESS)
}

/// The configuration, and above it what its reader should know.
fn imported(file: &Path, config: &Config) -> String {
    let mut text = format!("# Made of {} by `postrider config import`.\n", one_line(&file.display().to_string()));
    for notice in &config.notices {
        let _ = writeln!(text, "# {}", one_line(&notice.to_string()));
    }
    for (key, variable) in secrets(config) {
        let _ = writeln!(text, "# {}: put it into ${variable}, or say file:/path", one_line(&key));
    }
    text.push('\n');
    text + &toml(config, What::Changed)
}

fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

type Read = Result<(Config, Format), Vec<Fault>>;

fn read(said: &Said) -> anyhow::Result<Read> {
    let pair = |text: &String| {
        let (key, value) = text.split_once('=').ok_or_else(|| anyhow!("--set {text}: write KEY=VALUE"))?;
        Ok((key.trim().to_owned(), value.trim().to_owned()))
    };
    let command_line = said.set.iter().map(pair).collect::<anyhow::Result<Vec<_>>>()?;
    let environment: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let beside = Beside { environment: &environment, command_line: &command_line };
    Ok(match &said.file {
        Some(file) => load(file, said.from.map(Format::from), &Disk, beside),
        None => native::read("(no file)", "", beside).map(|config| (config, Format::Toml)),
    })
}

/// Every fault, a line each.
#[expect(clippy::print_stderr, reason = "this is where people read it")]
fn tell(faults: &[Fault]) -> ExitCode {
    faults.iter().for_each(|fault| eprintln!("{fault}"));
    ExitCode::FAILURE
}
