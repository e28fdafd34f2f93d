//! One sentence about a run.

use super::findings::Findings;
use crate::bench::grouped;
use std::time::Duration;

pub(super) fn sentence(findings: &Findings) -> String {
    let kills = if findings.kills == 1 { "one kill".to_owned() } else { format!("{} kills", findings.kills) };
    if findings.is_sound() {
        let acknowledged = grouped(&findings.acknowledged.to_string());
        return format!("Nothing of {acknowledged} acknowledged messages was lost or doubled in {kills}.");
    }
    let mut parts = wrongs(findings);
    parts.extend(window(findings));
    let mut text = format!("In {kills}: {}.", parts.join("; "));
    if let Some(end) = &findings.end {
        text += &format!(" What was owed at the last one is not counted: {end}.");
    }
    text
}

fn wrongs(findings: &Findings) -> Vec<String> {
    let copies = findings.all_copies();
    let lost = |count: u64, owed: u64, what: &str| {
        (count > 0).then(|| format!("{} of {} {what} lost", grouped(&count.to_string()), grouped(&owed.to_string())))
    };
    let counted = |count: u64, what: &str| (count > 0).then(|| format!("{} {what}", grouped(&count.to_string())));
    let (retained, sessions, subscriptions) = (findings.retained, findings.sessions, findings.subscriptions);
    let all = [
        lost(copies.lost, copies.owed, "copies of acknowledged messages"),
        counted(findings.doubled(), "messages of QoS 2 doubled"),
        lost(retained.lost, retained.owed, "retained messages"),
        lost(sessions.lost, sessions.owed, "sessions"),
        counted(findings.falsely_present, "sessions there that had ended"),
        lost(subscriptions.lost, subscriptions.owed, "subscriptions"),
        counted(findings.altered, "messages not as they were sent"),
        counted(findings.ended_by_itself, "times the broker ended by itself"),
        findings.end.as_ref().map(|_| "the broker did not come back".to_owned()),
    ];
    all.into_iter().flatten().collect()
}

/// How long something that was acknowledged had not been safe.
fn window(findings: &Findings) -> Option<String> {
    let oldest =
        findings.all_copies().ages?.oldest.max(findings.retained.ages.map_or(Duration::ZERO, |ages| ages.oldest));
    Some(format!("the oldest message that was lost had been acknowledged {} ms before the kill", oldest.as_millis()))
}
