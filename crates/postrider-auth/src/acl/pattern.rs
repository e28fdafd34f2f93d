//! Topic filters of rules, and what stands for a client's names in them.
//!
//! Owns: `%u` and `%c`, and which names may stand there.
//! Never: lets a name add a level or a wildcard.

use postrider_proto::Filter;
use smallvec::SmallVec;

/// A client's own names, as placeholders stand for them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names<'a> {
    pub(crate) user: Option<&'a str>,
    pub(crate) client: &'a str,
}

/// A level with `%u` or `%c` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Box<str>);

/// How a level compares with a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    Yes,
    No,
    /// A name that cannot stand in a topic.
    Unusable,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Name(Box<str>),
    Template(Template),
    Plus,
}

/// A filter of a rule. `#` is kept as `+/#` and `/#` as `/+/#`, which match the same topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub(crate) levels: Vec<Level>,
    /// It ends in `#`.
    pub(crate) is_open: bool,
}

/// The set of topics that somebody asks for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) levels: SmallVec<[&'a str; 16]>,
    pub(crate) is_open: bool,
}

/// Whether `%u` and `%c` are placeholders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placeholders {
    Meant,
    Literal,
}

/// Levels of a rule's filter; the broker takes no deeper topic.
const LEVELS_MAX: usize = 128;

impl Pattern {
    /// The filter of a rule, or why it is none.
    pub(crate) fn parse(text: &str, placeholders: Placeholders) -> Result<Self, String> {
        let filter = Filter::parse(text.as_bytes()).map_err(|error| format!("{text:?} is no topic filter: {error}"))?;
        if filter.share().is_some() {
            return Err(format!(
                "{text:?}: a rule holds for shared subscriptions too; write the filter behind $share/NAME/"
            ));
        }
        if filter.level_count() > LEVELS_MAX {
            return Err(format!("a filter has at most {LEVELS_MAX} levels"));
        }
        let Wanted { levels, is_open } = Wanted::of(text);
        let level = |text: &str| match text {
            "+" => Level::Plus,
            _ if placeholders == Placeholders::Meant && Template::has_placeholder(text) => {
                Level::Template(Template(text.into()))
            }
            _ => Level::Name(text.into()),
        };
        Ok(Self { levels: levels.into_iter().map(level).collect(), is_open })
    }

    /// As a filter for one client. A name that cannot stand in a topic opens it there: a rule that denies something
    /// to it denies all that might be meant. `None` if there is no user and the filter needs one.
    pub(crate) fn resolve(&self, names: Names<'_>) -> Option<Box<str>> {
        let mut filter = String::new();
        for (at, level) in self.levels.iter().enumerate() {
            if at > 0 {
                filter.push('/');
            }
            match level {
                Level::Plus => filter.push('+'),
                Level::Name(name) => filter.push_str(name),
                Level::Template(template) => match template.resolve(names) {
                    Resolved::Name(name) => filter.push_str(&name),
                    Resolved::NoUser => return None,
                    Resolved::Unusable => {
                        filter.push('#');
                        return Some(filter.into());
                    }
                },
            }
        }
        if self.is_open {
            filter.push_str("/#");
        }
        Some(filter.into())
    }
}

enum Resolved {
    Name(String),
    NoUser,
    Unusable,
}

impl Template {
    fn has_placeholder(text: &str) -> bool {
        text.contains("%u") || text.contains("%c")
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for this level; without an allocation.
    pub(crate) fn fits(&self, names: Names<'_>, level: &str) -> Fit {
        let (mut text, mut rest) = (&*self.0, Some(level));
        while let Some((before, letter, after)) = next_placeholder(text) {
            let Some(name) = (if letter == 'u' { names.user } else { Some(names.client) }) else { return Fit::No };
            if !is_usable(name) {
                return Fit::Unusable;
            }
            rest = rest.and_then(|rest| rest.strip_prefix(before)).and_then(|rest| rest.strip_prefix(name));
            text = after;
        }
        if rest == Some(text) { Fit::Yes } else { Fit::No }
    }

    fn resolve(&self, names: Names<'_>) -> Resolved {
        let (mut text, mut out) = (&*self.0, String::new());
        while let Some((before, letter, after)) = next_placeholder(text) {
            let Some(name) = (if letter == 'u' { names.user } else { Some(names.client) }) else {
                return Resolved::NoUser;
            };
            if !is_usable(name) {
                return Resolved::Unusable;
            }
            out.push_str(before);
            out.push_str(name);
            text = after;
        }
        out.push_str(text);
        Resolved::Name(out)
    }
}

/// What stands before the first placeholder, its letter, and what stands behind it.
fn next_placeholder(text: &str) -> Option<(&str, char, &str)> {
    let at = text.match_indices('%').map(|(at, _)| at).find(|at| {
        let next = text.as_bytes().get(at + 1);
        matches!(next, Some(b'u' | b'c'))
    })?;
    let letter = if text.as_bytes().get(at + 1) == Some(&b'u') { 'u' } else { 'c' };
    Some((text.get(..at)?, letter, text.get(at + 2..)?))
}

/// Whether a name can be one level of a topic, or a part of one. A10
fn is_usable(name: &str) -> bool {
    !name.is_empty() && !name.contains(['+', '#', '/'])
}

impl<'a> Wanted<'a> {
    /// The topics that a filter matches, or a topic alone.
    pub(crate) fn of(text: &'a str) -> Self {
        let mut levels: SmallVec<[&'a str; 16]> = text.split('/').collect();
        let is_open = levels.last() == Some(&"#");
        if is_open {
            levels.pop();
        }
        // Every topic has a first level, and one whose first level is empty has a second.
        if levels.is_empty() || (is_open && levels.as_slice() == [""]) {
            levels.push("+");
        }
        Self { levels, is_open }
    }
}
