//! What a key takes.
//!
//! Owns: ranges and words, and the sentence that says them.

pub use crate::units::Unit;

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Yes or no.
    Flag,
    /// Yes, no, or what the program finds out.
    FlagOrAuto,
    /// A number.
    Number(Range),
    /// One word of these.
    Word(&'static [&'static str]),
    /// The same, or what the program finds out.
    WordOrAuto(&'static [&'static str]),
    /// Some words of these.
    Words(&'static [&'static str]),
    /// Any text.
    Text,
    /// A file or directory.
    Path,
    /// Texts.
    Texts,
    /// A text of a form.
    Form(&'static str),
    /// Texts of a form.
    Forms(&'static str),
    /// What nobody may read.
    Secret,
    /// Lists of texts by name.
    Map,
}

/// Which numbers.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// What it counts.
    pub unit: Unit,
    /// Smallest, in that unit.
    pub min: u64,
    /// Largest, in that unit.
    pub max: u64,
    /// A word for one number: `unlimited`.
    pub word: Option<(&'static str, u64)>,
    /// Whether the program may find it out: `auto`.
    pub has_auto: bool,
}

impl Kind {
    pub(super) const fn number(unit: Unit, min: u64, max: u64) -> Self {
        Self::Number(Range { unit, min, max, word: None, has_auto: false })
    }

    pub(super) const fn count(min: u64, max: u64) -> Self {
        Self::number(Unit::Count, min, max)
    }

    pub(super) const fn bytes(min: u64, max: u64) -> Self {
        Self::number(Unit::Bytes, min, max)
    }

    pub(super) const fn seconds(min: u64, max: u64) -> Self {
        Self::number(Unit::Seconds, min, max)
    }

    pub(super) const fn milliseconds(min: u64, max: u64) -> Self {
        Self::number(Unit::Milliseconds, min, max)
    }

    pub(super) const fn or(self, word: &'static str, number: u64) -> Self {
        match self {
            Self::Number(range) => Self::Number(Range { word: Some((word, number)), ..range }),
            _ => panic!("only a number has a word"),
        }
    }

    pub(super) const fn or_auto(self) -> Self {
        match self {
            Self::Number(range) => Self::Number(Range { has_auto: true, ..range }),
            _ => panic!("only a number here can be found out"),
        }
    }

    /// What may be written, for people.
    #[must_use]
    pub fn allowed(&self) -> String {
        match self {
            Self::Flag => "true or false".to_owned(),
            Self::FlagOrAuto => "true, false or \"auto\"".to_owned(),
            Self::Number(range) => range.allowed(),
            Self::Word(words) => format!("one of {}", words.join(", ")),
            Self::WordOrAuto(words) => format!("one of {}, auto", words.join(", ")),
            Self::Words(words) => format!("a list, each of {}", words.join(", ")),
            Self::Text => "a text".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::Texts => "a list of texts".to_owned(),
            Self::Form(form) => format!("a text: {form}"),
            Self::Forms(form) => format!("a list of texts: {form}"),
            Self::Secret => "a text, or `file:/path`, `env:NAME`, `credential:NAME`".to_owned(),
            Self::Map => "a table: user names and lists of filters, `anonymous` for clients without a name".to_owned(),
        }
    }
}

impl Range {
    fn allowed(&self) -> String {
        let bounds = format!("{} to {}", self.unit.print(self.min), self.unit.print(self.max));
        let word = self.word.map_or_else(String::new, |(word, _)| format!(", or \"{word}\""));
        let auto = if self.has_auto { ", or \"auto\"" } else { "" };
        format!("{}, {bounds}{word}{auto}", self.unit.forms())
    }
}
