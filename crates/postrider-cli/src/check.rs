//! `postrider check` and `postrider salvage`: a data directory without a broker.
//!
//! Owns: what is said about damage, to people and to programs.

use crate::args::{Check, Salvage};
use crate::concern;
use crate::serve::say;
use anyhow::anyhow;
use postrider::{Damage, Error, Examined, check_data, salvage_data};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Reads everything; fails if something is damaged.
pub(crate) fn run(args: &Check) -> anyhow::Result<ExitCode> {
    let examined = check_data(&args.directory).map_err(explain)?;
    if args.json {
        say(&document(&examined).to_string());
    } else {
        lines(args, &examined).iter().for_each(|line| say(line));
    }
    Ok(if examined.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Copies what is whole.
pub(crate) fn salvage(args: &Salvage) -> anyhow::Result<ExitCode> {
    let salvaged = salvage_data(&args.directory, &args.new).map_err(explain)?;
    if args.json {
        let damage: Vec<Value> = salvaged.damage.iter().map(place).collect();
        let concerned = concern::document(&salvaged.concerned);
        say(&json!({ "records": salvaged.records, "damage": damage, "concerned": concerned }).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    for damage in &salvaged.damage {
        say(&format!("left behind: {damage}"));
    }
    concern::lines(&salvaged.concerned).iter().for_each(|line| say(line));
    say(&format!("{} records are in {}", salvaged.records, args.new.display()));
    say(&format!("start with it:  postrider --data-dir {}", args.new.display()));
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn explain(error: Error) -> anyhow::Error {
    match error.advice().map(str::to_owned) {
        Some(advice) => anyhow!("{:#}; {advice}", anyhow::Error::new(error)),
        None => anyhow::Error::new(error),
    }
}

fn lines(args: &Check, examined: &Examined) -> Vec<String> {
    let Examined { openings, files, bytes, records, sessions, messages, retained, .. } = examined;
    let shown = args.directory.display();
    let mut lines = vec![
        format!("{shown}: {records} records in {files} files, {bytes} bytes, opened {openings} times"),
        format!("sessions {sessions}, messages for them {messages}, retained messages {retained}"),
    ];
    lines.extend(examined.torn.iter().map(|torn| format!("{torn}: it was never promised, and goes at the next start")));
    lines.extend(examined.damage.iter().map(|damage| format!("damaged: {damage}")));
    lines.extend(concern::lines(&examined.concerned));
    if !examined.damage.is_empty() && examined.concerned.is_empty() {
        lines.push("whom that concerns can be read nowhere any more".to_owned());
    }
    lines.extend(examined.senseless.iter().map(|what| format!("makes no sense: {what}")));
    if examined.is_whole() {
        lines.push("nothing is damaged".to_owned());
    } else {
        lines.push(format!(
            "`postrider salvage {shown} NEW` copies what is whole; `postrider --data-dir {shown} --accept-loss` starts \
             with it and puts the rest aside"
        ));
    }
    lines
}

fn document(examined: &Examined) -> Value {
    let Examined { openings, files, bytes, records, sessions, messages, retained, senseless, torn, .. } = examined;
    let damage: Vec<Value> = examined.damage.iter().map(place).collect();
    json!({
        "whole": examined.is_whole(), "openings": openings, "files": files, "bytes": bytes, "records": records,
        "sessions": sessions, "messages": messages, "retained": retained, "damage": damage, "senseless": senseless,
        "torn": torn, "concerned": concern::document(&examined.concerned),
    })
}

fn place(damage: &Damage) -> Value {
    let Damage { file, offset, length, what, sequences } = damage;
    let records = sequences.map(|(first, last)| [first.number(), last.number()]);
    json!({ "file": file, "offset": offset, "length": length, "what": what.to_string(), "records": records })
}
