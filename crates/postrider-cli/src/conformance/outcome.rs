//! What became of a case.

use super::fault::{Evidence, Fault, Played};
use super::options::Planned;
use serde_json::{Value, json};
use std::time::Duration;

/// One case in one edition, and how it went.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) planned: Planned,
    pub(crate) verdict: Verdict,
    pub(crate) took: Duration,
}

#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    Passed,
    Failed(Evidence),
    /// It does not apply, and why.
    Skipped(String),
    /// Allowed but unusual.
    Noted(Vec<String>),
}

impl Verdict {
    /// Remarks count only where nothing failed.
    pub(crate) fn of(played: Played, notes: Vec<String>) -> Self {
        match played {
            Ok(()) if notes.is_empty() => Self::Passed,
            Ok(()) => Self::Noted(notes),
            Err(Fault::Failed(evidence) | Fault::Lost(evidence)) => Self::Failed(evidence),
            Err(Fault::Skipped(why)) => Self::Skipped(why),
        }
    }

    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "failed",
            Self::Skipped(_) => "skipped",
            Self::Noted(_) => "note",
        }
    }
}

impl Finding {
    /// A line, and indented lines with what there is to say.
    pub(crate) fn lines(&self) -> Vec<String> {
        let Planned { case, version } = self.planned;
        let mut lines = vec![format!("{:<8}{:<7}{}", self.verdict.word(), version.to_string(), case.name)];
        let mut say = |text: String| lines.push(format!("{:15}{text}", ""));
        match &self.verdict {
            Verdict::Passed => {}
            Verdict::Skipped(why) => say(why.clone()),
            Verdict::Noted(notes) => notes.iter().cloned().for_each(say),
            Verdict::Failed(evidence) => {
                say(format!("expected: {}", evidence.expected));
                say(format!("came: {}", evidence.came));
                if !evidence.bytes.is_empty() {
                    say(format!("bytes: {}", hex(&evidence.bytes)));
                }
                let clauses = case.clauses(version);
                if !clauses.is_empty() {
                    say(format!("clauses: {}", clauses.join(", ")));
                }
            }
        }
        lines
    }

    pub(crate) fn to_json(&self) -> Value {
        let Planned { case, version } = self.planned;
        let mut object = json!({
            "case": case.name,
            "edition": version.to_string(),
            "clauses": case.clauses(version),
            "result": self.verdict.word(),
            "ms": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
        });
        match &self.verdict {
            Verdict::Passed => {}
            Verdict::Skipped(why) => object["reason"] = json!(why),
            Verdict::Noted(notes) => object["notes"] = json!(notes),
            Verdict::Failed(evidence) => {
                object["expected"] = json!(evidence.expected);
                object["came"] = json!(evidence.came);
                object["bytes"] = json!(hex(&evidence.bytes));
            }
        }
        object
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
