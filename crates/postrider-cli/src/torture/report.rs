//! What a run found, for people and for programs.

use super::fate::Fate;
use super::findings::{Findings, Kind};
use super::options::Torture;
use super::recipe::Recipe;
use super::town::Progress;
use super::verdict;
use crate::bench::grouped;
use serde_json::{Value, json};
use std::io::Write;
use std::time::Duration;

/// A line on standard error; nobody may read it.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

pub(super) fn opening(args: &Torture, recipe: &Recipe, seed: u64) {
    tell(&format!("{} kills with {}, --seed {seed}: {}", args.kills, args.signal.name(), recipe.shown()));
}

pub(super) fn progress(number: u32, kills: u32, progress: &Progress) {
    let [copies, retained, sessions, subscriptions] = progress.lost;
    let mut line = format!(
        "kill {number} of {kills} after {} ms: {} messages acknowledged",
        progress.load.as_millis(),
        grouped(&progress.acknowledged.to_string())
    );
    let losses = [(copies, "copies"), (retained, "retained"), (sessions, "sessions"), (subscriptions, "subscriptions")];
    let lost: Vec<String> =
        losses.iter().filter(|(count, _)| *count > 0).map(|(count, of)| format!("{count} {of}")).collect();
    line += &if lost.is_empty() { ", nothing lost".to_owned() } else { format!(", lost: {}", lost.join(", ")) };
    tell(&format!("{line}; back after {:.0} ms", ms(progress.restart)));
}

/// What the broker printed before it was given up.
pub(super) fn last_words(lines: &[String]) {
    if lines.is_empty() {
        tell("  (it has printed nothing)");
    }
    lines.iter().for_each(|line| tell(&format!("  | {line}")));
}

pub(super) fn table(findings: &Findings) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{:<36}{:>10}{:>10}{:>9}{:>10}  the lost: acknowledged before the kill",
        "", "owed", "lost", "", "doubled"
    )?;
    for (kind, fate) in &findings.copies {
        let doubled = if kind.qos == 2 { grouped(&fate.doubled.to_string()) } else { format!("({})", fate.doubled) };
        writeln!(out, "{}", row(&name(*kind), fate, &doubled))?;
    }
    writeln!(out, "{}", row("retained messages", &findings.retained, ""))?;
    writeln!(out, "{}", row("sessions", &findings.sessions, ""))?;
    writeln!(out, "{}", row("subscriptions", &findings.subscriptions, ""))?;
    for (count, what) in others(findings) {
        if count > 0 {
            writeln!(out, "{what:<36}{:>10}", grouped(&count.to_string()))?;
        }
    }
    let (p50, p99) = (findings.restart_ms(50), findings.restart_ms(99));
    writeln!(out, "{:<36}{:>10} ms p50, {p99:.0} ms p99", "from start to the first client", format!("{p50:.0}"))?;
    writeln!(out, "\n{}", verdict::sentence(findings))
}

/// Figures that are told only where there is something to tell.
const fn others(findings: &Findings) -> [(u64, &'static str); 8] {
    [
        (findings.outdated, "retained, an older one was there"),
        (findings.falsely_present, "sessions that should have ended"),
        (findings.altered, "messages not as they were sent"),
        (findings.ended_by_itself, "ends before the kill"),
        (findings.stubborn, "not stopped in time"),
        (findings.cut, "connections cut before the kill"),
        (findings.refused, "messages refused"),
        (findings.abandoned, "unacknowledged, session lost"),
    ]
}

fn name(kind: Kind) -> String {
    let place = if kind.is_away { "subscriber away" } else { "subscriber connected" };
    format!("QoS {}, {place}", kind.qos)
}

fn row(name: &str, fate: &Fate, doubled: &str) -> String {
    let counts = [fate.owed, fate.lost].map(|count| grouped(&count.to_string()));
    let percent = format!("{:.2} %", fate.percent());
    let mut line = format!("{name:<36}{:>10}{:>10}{percent:>9}{doubled:>10}", counts[0], counts[1]);
    if let Some(ages) = fate.ages.filter(|ages| !ages.oldest.is_zero()) {
        line += &format!("  {:.1} to {:.1} ms", ms(ages.newest), ms(ages.oldest));
    }
    line.trim_end().to_owned()
}

pub(super) fn json(args: &Torture, seed: u64, findings: &Findings) -> std::io::Result<()> {
    let copies: Vec<Value> = findings
        .copies
        .iter()
        .map(|(kind, fate)| {
            let mut object = fate_json(fate);
            object["qos"] = json!(kind.qos);
            object["subscriber"] = json!(if kind.is_away { "away" } else { "connected" });
            object["doubled"] = json!(fate.doubled);
            object
        })
        .collect();
    let mut retained = fate_json(&findings.retained);
    retained["outdated"] = json!(findings.outdated);
    let mut sessions = fate_json(&findings.sessions);
    sessions["falsely_present"] = json!(findings.falsely_present);
    let object = json!({
        "command": args.command,
        "seed": seed,
        "signal": args.signal.name(),
        "kills": findings.kills,
        "acknowledged": findings.acknowledged,
        "messages": copies,
        "retained": retained,
        "sessions": sessions,
        "subscriptions": fate_json(&findings.subscriptions),
        "altered": findings.altered,
        "refused": findings.refused,
        "abandoned": findings.abandoned,
        "ended_by_itself": findings.ended_by_itself,
        "not_stopped_in_time": findings.stubborn,
        "connections_cut": findings.cut,
        "restart_p50_ms": rounded(findings.restart_ms(50)),
        "restart_p99_ms": rounded(findings.restart_ms(99)),
        "ended": findings.end,
        "sound": findings.is_sound(),
        "verdict": verdict::sentence(findings),
    });
    writeln!(std::io::stdout().lock(), "{object}")
}

fn fate_json(fate: &Fate) -> Value {
    json!({
        "owed": fate.owed,
        "lost": fate.lost,
        "lost_percent": rounded(fate.percent()),
        "newest_lost_ms": fate.ages.map(|ages| rounded(ms(ages.newest))),
        "oldest_lost_ms": fate.ages.map(|ages| rounded(ms(ages.oldest))),
    })
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
