//! Whom lost records concern, in words and in JSON.
//!
//! Owns: how much of it people are shown.

use postrider::{Concerned, Nameless, Owed};
use serde_json::{Value, json};

/// A line for each, the first of them.
pub(crate) fn lines(concerned: &Concerned) -> Vec<String> {
    let mut lines = Vec::new();
    let nameless = concerned.nameless.iter().map(|session| {
        let who = session.session.as_ref().map_or_else(
            || format!("session {}, whose client is not known any more", session.number),
            |subject| format!("the session of client {}", subject.client_id),
        );
        let filters = session.filters.iter().take(SHOWN_MAX).map(|filter| filter.escape_debug().to_string());
        let filters = filters.collect::<Vec<_>>().join(", ");
        let to = if filters.is_empty() { String::new() } else { format!(", subscribed to {filters}") };
        format!("gone: {who}{to}, with {} messages", session.messages)
    });
    add(&mut lines, "sessions that are gone", nameless);
    let owed = concerned.owed.iter().map(|owed| format!("messages lost: {} of {}", owed.messages, owner(owed)));
    add(&mut lines, "sessions that have lost messages", owed);
    let retained = concerned.retained.iter().map(|topic| format!("retained message lost: {}", topic.escape_debug()));
    add(&mut lines, "topics that have lost what they retained", retained);
    let topics = concerned.topics.iter().map(|topic| format!("lost messages had the topic: {}", topic.escape_debug()));
    add(&mut lines, "topics of lost messages", topics);
    lines
}

/// Everything.
pub(crate) fn document(concerned: &Concerned) -> Value {
    let gone = concerned.nameless.iter().map(|Nameless { number, session, filters, messages }| {
        let client_id = session.as_ref().map(|subject| subject.client_id.as_str());
        json!({ "number": number, "client_id": client_id, "filters": filters, "messages": messages })
    });
    let owed = concerned.owed.iter().map(|Owed { session, share, messages }| {
        let client_id = session.as_ref().map(|subject| subject.client_id.as_str());
        let principal = session.as_ref().and_then(|subject| subject.principal.as_ref()).map(|it| it.as_str());
        json!({ "client_id": client_id, "principal": principal, "share": share, "messages": messages })
    });
    json!({
        "sessions_gone": gone.collect::<Vec<_>>(), "messages_lost": owed.collect::<Vec<_>>(),
        "retained_lost": concerned.retained, "topics": concerned.topics,
    })
}

fn owner(owed: &Owed) -> String {
    match (&owed.session, &owed.share) {
        (Some(subject), _) => format!("client {}", subject.client_id),
        (None, Some(share)) => format!("the shared subscription {}", share.escape_debug()),
        (None, None) => "somebody".to_owned(),
    }
}

fn add(lines: &mut Vec<String>, what: &str, all: impl ExactSizeIterator<Item = String>) {
    let more = all.len().saturating_sub(SHOWN_MAX);
    lines.extend(all.take(SHOWN_MAX));
    if more > 0 {
        lines.push(format!("and {more} more {what}; --json of `postrider check` and `postrider salvage` has all"));
    }
}

const SHOWN_MAX: usize = 10;
