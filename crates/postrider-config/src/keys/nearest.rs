//! The known word that somebody probably meant.
//!
//! Owns: the distance between two words.

/// The nearest of these, if it is near enough to be a slip.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    let word = word.replace('-', "_");
    let leaf = |name: &str| name.rsplit('.').next().is_some_and(|leaf| leaf == word);
    let measured = known.map(|name| (if leaf(name) { 0 } else { distance(&word, name) }, name));
    let (distance, name) = measured.min_by_key(|(distance, _)| *distance)?;
    (distance <= word.len().div_ceil(3)).then_some(name)
}

/// Insertions, removals and changes of letters that make one of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut corner = line;
        row[0] = line + 1;
        for (at, theirs) in other.iter().enumerate() {
            let change = corner + usize::from(letter != *theirs);
            corner = row[at + 1];
            row[at + 1] = change.min(corner + 1).min(row[at] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// Nobody slips for longer.
const WORD_BYTES_MAX: usize = 64;
