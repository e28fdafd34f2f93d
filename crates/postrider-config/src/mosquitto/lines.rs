//! The lines of mosquitto.conf and of the files it includes: a name, a value, a place.
//!
//! Owns: what is a comment, what ends a name, which files are included.
//! Never: knows an option but `include_dir`.

use super::fault::Faults;
use crate::Files;
use std::path::Path;
use std::rc::Rc;

/// Where a line stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct At {
    pub(super) file: Rc<str>,
    /// From 1; 0 for the file as a whole.
    pub(super) line: u32,
}

/// One option as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) at: At,
    /// Of the file: the main one is 0. Each file begins without a context, and the main one keeps its own.
    pub(super) part: usize,
    pub(super) name: String,
    /// The rest of the line, without blanks around it.
    pub(super) value: String,
}

/// All lines, those of included files where they are included.
pub(super) fn read(main: &str, files: &dyn Files, faults: &mut Faults) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut parts = 1;
    for line in lines_of(main, 0, files, faults) {
        if line.name == INCLUDE {
            for path in included(&line, files, faults) {
                lines.extend(lines_of(&path, parts, files, faults));
                parts += 1;
            }
        }
        lines.push(line);
    }
    lines
}

fn lines_of(path: &str, part: usize, files: &dyn Files, faults: &mut Faults) -> Vec<Line> {
    let file: Rc<str> = path.into();
    match files.read(Path::new(path)) {
        Ok(text) => split(&text, &file, part, faults),
        Err(error) => {
            faults.add(&At { file, line: 0 }, format!("cannot be read: {error}"));
            Vec::new()
        }
    }
}

fn split(text: &str, file: &Rc<str>, part: usize, faults: &mut Faults) -> Vec<Line> {
    let mut lines = Vec::new();
    for (index, written) in text.split('\n').enumerate() {
        let at = At { file: Rc::clone(file), line: u32::try_from(index + 1).unwrap_or(u32::MAX) };
        match split_line(written) {
            Ok(None) => {}
            Ok(Some((name, value))) => {
                lines.push(Line { at, part, name: name.to_owned(), value: value.to_owned() });
            }
            Err(what) => faults.add(&at, what),
        }
    }
    lines
}

/// A comment begins in the first column only. Blanks may stand before a name; it ends at a space.
fn split_line(written: &str) -> Result<Option<(&str, &str)>, &'static str> {
    let written = written.trim_end_matches('\r');
    if written.starts_with('#') {
        return Ok(None);
    }
    if written.contains('\0') {
        return Err("a zero byte; mosquitto would read the line up to it");
    }
    if written.starts_with('\u{feff}') {
        return Err("the file begins with a byte order mark; save it as UTF-8 without one");
    }
    let written = written.trim_start_matches(' ');
    if written.is_empty() {
        return Ok(None);
    }
    if written.starts_with('#') {
        return Err("a comment begins in the first column; take the blanks before `#` away");
    }
    let (name, value) = written.split_once(' ').unwrap_or((written, ""));
    if name.contains('\t') {
        return Err("a tab; one space stands between an option and its value, and nothing before it");
    }
    Ok(Some((name, value.trim_matches([' ', '\t']))))
}

/// Files of a directory that end in `.conf`, in the order of their bytes: upper case first.
fn included(line: &Line, files: &dyn Files, faults: &mut Faults) -> Vec<String> {
    if line.value.is_empty() {
        faults.add(&line.at, "include_dir names no directory");
        return Vec::new();
    }
    let listed = match files.list(Path::new(&line.value)) {
        Ok(listed) => listed,
        Err(error) => {
            faults.add(&line.at, format!("include_dir {}: {error}", line.value));
            return Vec::new();
        }
    };
    let mut names = Vec::new();
    for path in listed.iter().filter(|path| path.as_os_str().as_encoded_bytes().ends_with(SUFFIX)) {
        match path.to_str() {
            Some(path) => names.push(path.to_owned()),
            None => faults.add(&line.at, format!("{} has a name that is no UTF-8; rename it", path.display())),
        }
    }
    names.sort_unstable();
    names
}

pub(super) const INCLUDE: &str = "include_dir";
const SUFFIX: &[u8] = b".conf";
