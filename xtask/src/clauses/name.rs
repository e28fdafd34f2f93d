//! The names of clauses in a comment.
//!
//! Owns: `[MQTT-3.8.4-1] to [MQTT-3.8.4-3], [MQTT-3.1.2-6] of 3.1.1`; without an edition 5.0 is meant.

use std::fmt;

/// Which specification a clause belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Edition {
    V3_1_1,
    V5,
}

impl Edition {
    pub(super) const ALL: [Self; 2] = [Self::V3_1_1, Self::V5];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::V3_1_1 => "3.1.1",
            Self::V5 => "5.0",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|edition| edition.as_str() == word)
    }
}

/// A clause of one edition; the editions give the same numbers to different clauses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Clause {
    pub(super) edition: Edition,
    pub(super) id: String,
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] of {}", self.id, self.edition.as_str())
    }
}

/// Every clause that a comment names.
pub(super) fn clauses_in(comment: &str) -> Vec<Clause> {
    let mut clauses = Vec::new();
    let mut range_from: Option<&str> = None;
    let names = comment.split("[MQTT-").skip(1).filter_map(|part| part.split_once(']'));
    for (number, rest) in names {
        if rest.trim() == "to" {
            range_from = Some(number);
            continue;
        }
        let edition = if rest.starts_with(" of 3.1.1") { Edition::V3_1_1 } else { Edition::V5 };
        let numbers = range_from.take().map_or_else(|| vec![number.to_owned()], |first| range(first, number));
        clauses.extend(numbers.into_iter().map(|number| Clause { edition, id: format!("MQTT-{number}") }));
    }
    clauses
}

/// `3.8.4-1` to `3.8.4-3`; both ends alone if they do not belong together, so that whatever is wrong is not found.
fn range(first: &str, last: &str) -> Vec<String> {
    let ends = || vec![format!("{first} to"), last.to_owned()];
    let (Some((section, from)), Some((other, to))) = (first.rsplit_once('-'), last.rsplit_once('-')) else {
        return ends();
    };
    match (from.parse::<u16>(), to.parse::<u16>()) {
        (Ok(from), Ok(to)) if section == other && from < to => {
            (from..=to).map(|number| format!("{section}-{number}")).collect()
        }
        _ => ends(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(comment: &str) -> Vec<String> {
        clauses_in(comment).iter().map(Clause::to_string).collect()
    }

    #[test]
    fn a_name_without_an_edition_is_of_5_0_and_the_suffix_holds_for_its_own_name_alone() {
        assert_eq!(
            shown("[MQTT-3.1.4-5], [MQTT-3.1.4-4] of 3.1.1, [MQTT-4.2-1], A3"),
            ["[MQTT-3.1.4-5] of 5.0", "[MQTT-3.1.4-4] of 3.1.1", "[MQTT-4.2-1] of 5.0"]
        );
        assert!(shown("MQTT-3.1.4-5 is only talked about, [3.1.4] is a chapter").is_empty());
    }

    #[test]
    fn a_range_names_everything_between_its_ends() {
        assert_eq!(
            shown("[MQTT-3.8.4-1] to [MQTT-3.8.4-3] of 3.1.1"),
            ["[MQTT-3.8.4-1] of 3.1.1", "[MQTT-3.8.4-2] of 3.1.1", "[MQTT-3.8.4-3] of 3.1.1"]
        );
    }

    #[test]
    fn a_range_whose_ends_do_not_belong_together_names_no_clause_that_exists() {
        for wrong in ["[MQTT-3.8.4-3] to [MQTT-3.8.4-1]", "[MQTT-3.8.4-3] to [MQTT-3.8.3-4]", "[MQTT-x] to [MQTT-y-2]"]
        {
            assert!(shown(wrong)[0].contains(" to]"), "{wrong}");
        }
    }
}
