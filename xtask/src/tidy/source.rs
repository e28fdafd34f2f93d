//! Rust source with everything blanked that is not code: comments, literals, and items under `#[cfg(test)]`.
//!
//! Owns: as much of Rust's lexing as that takes. Lines keep their numbers.

/// `text` with comments and the insides of literals blanked.
pub(super) fn code_of(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match (chars[at], chars.get(at + 1)) {
            ('/', Some('/')) => end_of_line(&chars, at),
            ('/', Some('*')) => end_of_block_comment(&chars, at),
            ('"', _) => end_of_string(&chars, at),
            ('r', Some('"' | '#')) if !is_in_word(&chars, at) => end_of_raw_string(&chars, at),
            ('\'', _) => end_of_char(&chars, at),
            _ => at,
        };
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// `code` without the items that exist for tests only.
pub(super) fn product_of(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(start) = rest.find(TEST_ATTRIBUTE) {
        let (before, item) = rest.split_at(start);
        let (item, after) = item.split_at(end_of_item(item));
        out.push_str(before);
        out.extend(item.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = after;
    }
    out + rest
}

/// Behind the first `;` outside brackets, or behind the brace that closes the outermost one.
fn end_of_item(item: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in item.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' | ')' | ']' => depth = depth.saturating_sub(1),
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    item.len()
}

fn end_of_line(chars: &[char], start: usize) -> usize {
    chars[start..].iter().position(|c| *c == '\n').map_or(chars.len(), |len| start + len)
}

fn end_of_block_comment(chars: &[char], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) if depth == 1 => return at + 2,
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    chars.len()
}

fn end_of_string(chars: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// `start` itself when it is a raw identifier such as `r#type`.
fn end_of_raw_string(chars: &[char], start: usize) -> usize {
    let hashes = chars[start + 1..].iter().take_while(|c| **c == '#').count();
    if chars.get(start + 1 + hashes) != Some(&'"') {
        return start;
    }
    let body = start + 2 + hashes;
    let closes = |at: &usize| {
        chars[*at] == '"' && chars.get(at + 1..at + 1 + hashes).is_some_and(|tail| tail.iter().all(|c| *c == '#'))
    };
    (body..chars.len()).find(closes).map_or(chars.len(), |at| at + 1 + hashes)
}

/// `start` itself when it is a lifetime.
fn end_of_char(chars: &[char], start: usize) -> usize {
    match (chars.get(start + 1), chars.get(start + 2)) {
        (Some('\\'), _) => {
            let tail = chars.get(start + 3..).unwrap_or_default();
            tail.iter().position(|c| *c == '\'').map_or(chars.len(), |len| start + 4 + len)
        }
        (Some(_), Some('\'')) => start + 3,
        _ => start,
    }
}

/// Whether the letter at `at` continues a word; `b` and `c` may stand before a raw string.
fn is_in_word(chars: &[char], at: usize) -> bool {
    let is_word = |c: &char| c.is_alphanumeric() || *c == '_';
    match at.checked_sub(1).map(|before| chars[before]) {
        Some('b' | 'c') => at >= 2 && is_word(&chars[at - 2]),
        Some(before) => is_word(&before),
        None => false,
    }
}

const TEST_ATTRIBUTE: &str = "#[cfg(test)]";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_lines_stay() {
        let text = "a // tokio\n/* std::fs /* nested */\n still */ b \"println!(\\\" tokio\" c r#\"x\" tokio\"# d";
        let code = code_of(text);
        assert!(!code.contains("tokio") && !code.contains("std") && !code.contains("still"), "{code}");
        assert_eq!(code.lines().count(), text.lines().count());
        assert_eq!(code.split_whitespace().collect::<String>(), "abcd");
    }

    #[test]
    fn lifetimes_stay_and_characters_go() {
        assert_eq!(code_of("fn f<'a>(x: &'a str) { '\"'; '\\''; y }").split_whitespace().last(), Some("}"));
        assert!(code_of("&'a str; '\"'; tokio; '\"'").contains("tokio"));
        assert!(code_of("r#type; tokio").contains("tokio"));
    }

    #[test]
    fn what_is_for_tests_is_not_product() {
        let code = "use a;\n#[cfg(test)]\nmod tests {\n fn f() { x }\n}\nuse b;\n#[cfg(test)]\nfn more(a: [u8; 4]) { x }\nuse c;";
        let product = product_of(code);
        assert!(product.contains("use a;") && product.contains("use b;") && product.contains("use c;"), "{product}");
        assert!(!product.contains('x') && !product.contains("more"), "{product}");
        assert_eq!(product.lines().count(), code.lines().count());
    }
}
