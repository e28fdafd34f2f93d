//! The words of a source, and the paths they make; trees of `use` are unfolded.

/// An identifier, or one character of punctuation; `::` is one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    pub(super) line: usize,
}

/// `a::b::c`, as written in code or as a leaf of a `use`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CodePath<'a> {
    pub(super) segments: Vec<&'a str>,
    pub(super) line: usize,
    pub(super) place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Use,
    Code,
}

pub(super) fn words_of(code: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let len = match first {
                c if is_word_char(c) => rest.find(|c| !is_word_char(c)).unwrap_or(rest.len()),
                ':' if rest.starts_with("::") => 2,
                c => c.len_utf8(),
            };
            words.push(Word { text: &rest[..len], line: number + 1 });
            rest = rest[len..].trim_start();
        }
    }
    words
}

pub(super) fn paths_of<'a>(words: &[Word<'a>]) -> Vec<CodePath<'a>> {
    let mut paths = Vec::new();
    let mut at = 0;
    while at < words.len() {
        // `use<'a>` is a bound, not an import.
        if words[at].text == "use" && text_at(words, at + 1) != "<" {
            at = read_use(words, at + 1, &[], &mut paths);
        } else if is_word(words[at].text) {
            let (segments, end) = read_segments(words, at);
            paths.push(CodePath { segments, line: words[at].line, place: Place::Code });
            at = end;
        } else {
            at += 1;
        }
    }
    paths
}

/// Reads one tree of a `use` and gives where it ends.
fn read_use<'a>(words: &[Word<'a>], start: usize, prefix: &[&'a str], paths: &mut Vec<CodePath<'a>>) -> usize {
    let mut segments = prefix.to_vec();
    let mut at = start;
    let line = words.get(start).map_or(0, |word| word.line);
    while at < words.len() {
        match words[at].text {
            "{" => return read_branches(words, at + 1, &segments, paths),
            "as" => at += 2,
            "::" => at += 1,
            "self" if !segments.is_empty() => at += 1,
            word if is_word(word) || word == "*" => {
                segments.push(word);
                at += 1;
            }
            _ => break,
        }
    }
    paths.push(CodePath { segments, line, place: Place::Use });
    at
}

fn read_branches<'a>(words: &[Word<'a>], start: usize, prefix: &[&'a str], paths: &mut Vec<CodePath<'a>>) -> usize {
    let mut at = start;
    while at < words.len() {
        match words[at].text {
            "}" => return at + 1,
            "," => at += 1,
            _ => {
                let end = read_use(words, at, prefix, paths);
                // A word that no `use` can hold: give up rather than stand still.
                at = if end == at { at + 1 } else { end };
            }
        }
    }
    at
}

fn read_segments<'a>(words: &[Word<'a>], start: usize) -> (Vec<&'a str>, usize) {
    let mut segments = vec![words[start].text];
    let mut at = start + 1;
    while text_at(words, at) == "::" && is_word(text_at(words, at + 1)) {
        segments.push(words[at + 1].text);
        at += 2;
    }
    (segments, at)
}

fn text_at<'a>(words: &[Word<'a>], at: usize) -> &'a str {
    words.get(at).map_or("", |word| word.text)
}

fn is_word(text: &str) -> bool {
    text.chars().next().is_some_and(is_word_char)
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(code: &str) -> Vec<String> {
        paths_of(&words_of(code)).iter().map(|path| format!("{}:{}", path.line, path.segments.join("::"))).collect()
    }

    #[test]
    fn trees_of_use_are_unfolded_with_the_line_of_each_leaf() {
        let code = "use std::{\n  fs as files,\n  sync::{self, Arc},\n  time::*,\n};\nuse bytes;";
        let expected = ["2:std::fs", "3:std::sync", "3:std::sync::Arc", "4:std::time::*", "6:bytes"];
        assert_eq!(paths(code).iter().filter(|path| !path.ends_with(":;")).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn paths_in_code_are_read_whole() {
        assert_eq!(paths("::std::fs::read(x)"), ["1:std::fs::read", "1:x"]);
        assert_eq!(paths("fn f() -> impl Sized + use<'a> {}").len(), 6);
    }
}
