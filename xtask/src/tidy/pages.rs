//! Pages for people: nothing of an unfinished merge stands in them.

use super::Finding;
use std::fs;
use std::path::Path;

/// Looks at the pages of the root and of `docs`.
pub(super) fn check(root: &Path) -> Vec<Finding> {
    let folders = [root.to_owned(), root.join("docs"), root.join("docs/adr")];
    let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let pages = entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "md"));
    let mut findings = Vec::new();
    for page in pages {
        let name = page.strip_prefix(root).unwrap_or(&page).display().to_string();
        findings.extend(find(&name, &fs::read_to_string(&page).unwrap_or_default()));
    }
    findings
}

fn find(name: &str, text: &str) -> Vec<Finding> {
    let is_mark = |line: &str| MARKS.iter().any(|mark| line.starts_with(mark)) || line == "=======";
    let lines = text.lines().enumerate().filter(|(_, line)| is_mark(line));
    lines.map(|(at, _)| Finding::new(name, at + 1, "an unfinished merge", "choose one of the two")).collect()
}

const MARKS: [&str; 2] = ["<<<<<<< ", ">>>>>>> "];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_merge_is_found_and_a_line_below_a_heading_is_not() {
        assert!(find("a.md", "Title\n=====\n\ntext\n").is_empty());
        let text = format!("{}HEAD\none\n=======\nother\n{}x\n", MARKS[0], MARKS[1]);
        assert_eq!(find("a.md", &text).len(), 3);
    }
}
