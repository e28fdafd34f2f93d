//! Sizes of files, and the plate at each module's door.

use super::Finding;
use super::source::{code_of, product_of};

pub(super) fn check(file: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = product_lines(text);
    if lines > LINES_MAX {
        let what = format!("{lines} lines without tests");
        findings.push(Finding::new(file, LINES_MAX, what, format!("name its parts and split it below {LINES_MAX}")));
    }
    if is_test(file) {
        return findings;
    }
    match plate_lines(text) {
        0 => findings.push(Finding::new(
            file,
            1,
            "no plate",
            "begin with `//!`: what it is, what it owns, what it never does",
        )),
        lines if lines > PLATE_MAX && !is_crate_root(file) => {
            let what = format!("a plate of {lines} lines");
            findings.push(Finding::new(
                file,
                1,
                what,
                format!("say it in {PLATE_MAX}; drawings in a fence are not counted"),
            ));
        }
        _ => {}
    }
    findings
}

/// Lines of the file less those of inline tests.
fn product_lines(text: &str) -> usize {
    let code = code_of(text);
    let blank = |text: &str| text.lines().filter(|line| line.trim().is_empty()).count();
    text.lines().count() - (blank(&product_of(&code)) - blank(&code))
}

/// Lines of words at the top: not the empty ones, and no drawings.
fn plate_lines(text: &str) -> usize {
    let mut is_fenced = false;
    let mut count = 0;
    for line in text.lines().map_while(|line| line.strip_prefix("//!")) {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
        } else if !is_fenced && !line.trim().is_empty() {
            count += 1;
        }
    }
    count
}

fn is_test(file: &str) -> bool {
    file.contains("/tests/") || file.ends_with("/tests.rs")
}

/// Its first lines are the front page of the crate's documentation.
fn is_crate_root(file: &str) -> bool {
    file.ends_with("src/lib.rs") || file.ends_with("src/main.rs")
}

const LINES_MAX: usize = 800;
const PLATE_MAX: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "crates/a/src/b.rs";

    #[test]
    fn a_module_without_a_plate_is_a_finding() {
        assert_eq!(check(FILE, "use a;\n").len(), 1);
        assert_eq!(check(FILE, "// A comment.\n//! Late.\n").len(), 1);
        assert!(check(FILE, "//! What it is.\nuse a;\n").is_empty());
        assert!(check("crates/a/tests/it/b.rs", "use a;\n").is_empty());
    }

    #[test]
    fn a_long_plate_is_a_finding_and_a_drawing_is_not() {
        assert_eq!(check(FILE, &"//! Word.\n".repeat(7)).len(), 1);
        let drawing = format!("{}//!\n//! ```text\n{}//! ```\n", "//! Word.\n".repeat(6), "//! ──▶\n".repeat(9));
        assert!(check(FILE, &drawing).is_empty());
        assert!(check("crates/a/src/lib.rs", &"//! Word.\n".repeat(20)).is_empty());
    }

    #[test]
    fn a_file_of_more_than_800_lines_is_a_finding_and_its_tests_do_not_count() {
        let body = format!("//! A.\n{}", "fn f() {}\n".repeat(799));
        assert!(check(FILE, &body).is_empty());
        assert_eq!(check(FILE, &format!("{body}fn g() {{}}\n")).len(), 1);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "fn t() {}\n".repeat(300));
        assert!(check(FILE, &format!("{body}{tests}")).is_empty());
    }
}
