//! The saved fuzz corpus: one file per golden packet and per hostile shape, in each target it concerns.
//!
//! Owns: the text form of `hostile.txt`, the names of corpus files.
//! Never: keeps a file that no line asks for, so that the corpus can always be made anew.

use crate::command::root;
use anyhow::{Context, Result, bail, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Writes the corpus anew.
pub(crate) fn run() -> Result<()> {
    for (target, inputs) in wanted()? {
        let folder = folder(target);
        fs::create_dir_all(&folder)?;
        for stale in saved(&folder)?.keys().filter(|name| !inputs.contains_key(*name)) {
            fs::remove_file(folder.join(stale))?;
        }
        for (name, bytes) in &inputs {
            fs::write(folder.join(name), bytes).with_context(|| format!("writing {name}"))?;
        }
        let bytes: usize = inputs.values().map(Vec::len).sum();
        println!("{target:<18} {:>4} files {bytes:>7} bytes", inputs.len());
    }
    Ok(())
}

/// What the golden packets and `hostile.txt` ask for.
fn wanted() -> Result<BTreeMap<&'static str, BTreeMap<String, Vec<u8>>>> {
    let testdata = root().join("crates/postrider-proto/testdata");
    let mut corpus: BTreeMap<&'static str, BTreeMap<String, Vec<u8>>> =
        TARGETS.map(|target| (target, BTreeMap::new())).into();
    for (name, text) in texts(&testdata)? {
        let inputs = if name == "hostile" { hostile_in(&text) } else { golden_in(&name, &text) };
        for input in inputs.with_context(|| format!("{name}.txt"))? {
            for target in input.dialect.targets() {
                // Beyond what a target reads of a file, one copy is enough.
                if *target == FRAME && input.bytes.len() > TARGET_BYTES_MAX {
                    continue;
                }
                insert(corpus.entry(target).or_default(), &input)?;
            }
        }
    }
    corpus.insert(PASSWORD_FILE, password_files()?);
    corpus.append(&mut of_doors()?);
    corpus.insert(MOSQUITTO_CONF, mosquitto_files()?);
    corpus.insert(MOSQUITTO_DB, persistence_files()?);
    corpus.append(&mut other_files()?);
    Ok(corpus)
}

/// Password files, whole and broken: `name | text | why`, where `\n`, `\r` and `\x00` stand for bytes.
fn password_files() -> Result<BTreeMap<String, Vec<u8>>> {
    let path = root().join("crates/postrider-auth/testdata/password-files.txt");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let mut inputs = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('|').map(str::trim).collect();
        let [name, text, why] = fields[..] else { bail!("not `name | text | why`: {line}") };
        ensure!(!why.is_empty() && slug(name) == name, "{name} needs a reason and a plain name");
        let bytes = text.replace("\\n", "\n").replace("\\r", "\r").replace("\\x00", "\0").into_bytes();
        ensure!(inputs.insert(name.to_owned(), bytes).is_none(), "{name} names two inputs");
    }
    Ok(inputs)
}

/// What comes to listeners before MQTT: `target | name | hex | why`.
fn of_doors() -> Result<BTreeMap<&'static str, BTreeMap<String, Vec<u8>>>> {
    let path = root().join("crates/postrider-net/testdata/doors.txt");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let mut corpus: BTreeMap<&'static str, BTreeMap<String, Vec<u8>>> =
        DOORS.map(|target| (target, BTreeMap::new())).into();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('|').map(str::trim).collect();
        let [target, name, digits, why] = fields[..] else { bail!("not `target | name | hex | why`: {line}") };
        ensure!(!why.is_empty() && slug(name) == name, "{name} needs a reason and a plain name");
        let inputs = corpus.get_mut(target).with_context(|| format!("there is no target {target}"))?;
        ensure!(inputs.insert(name.to_owned(), parse_hex(digits)?).is_none(), "{name} names two inputs");
    }
    Ok(corpus)
}

/// Configurations of mosquitto: `name | here | mosquitto | text | why`; most stand below a listener.
fn mosquitto_files() -> Result<BTreeMap<String, Vec<u8>>> {
    let path = root().join("crates/postrider-config/testdata/mosquitto-conf.txt");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let mut inputs = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('|').collect();
        let [name, _, _, text, _] = fields[..] else { bail!("not five fields: {line}") };
        let (name, text) = (name.trim(), text.trim_start().replace("PORT", "1884"));
        ensure!(slug(name) == name, "{name} is no plain name");
        let text = text.replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r").replace("\\x00", "\0");
        let whole = text.strip_prefix('!').map(str::to_owned);
        let text = whole.unwrap_or_else(|| format!("listener 1884 127.0.0.1\n{text}"));
        ensure!(inputs.insert(name.to_owned(), text.into_bytes()).is_none(), "{name} names two inputs");
    }
    Ok(inputs)
}

/// Configurations of ours and of others: `target | name | taken or refused | text | why`. A zero in front says that the
/// text is one.
fn other_files() -> Result<BTreeMap<&'static str, BTreeMap<String, Vec<u8>>>> {
    let path = root().join("crates/postrider-config/testdata/other-files.txt");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let mut corpus: BTreeMap<&'static str, BTreeMap<String, Vec<u8>>> =
        CONFIGURATIONS.map(|target| (target, BTreeMap::new())).into();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('|').map(str::trim).collect();
        let [target, name, _, text, why] = fields[..] else { bail!("not five fields: {line}") };
        ensure!(!why.is_empty() && slug(name) == name, "{name} needs a reason and a plain name");
        let inputs = corpus.get_mut(target).with_context(|| format!("there is no target {target}"))?;
        let bytes = [b"\0", unfold(text).as_bytes()].concat();
        ensure!(inputs.insert(name.to_owned(), bytes).is_none(), "{name} names two inputs");
    }
    Ok(corpus)
}

/// The text that a field stands for.
fn unfold(field: &str) -> String {
    let repeated = field.rsplit_once('*').and_then(|(piece, times)| Some(piece.repeat(times.parse().ok()?)));
    let mut text = repeated.unwrap_or_else(|| field.to_owned());
    for (sign, bytes) in
        [("\\n", "\n"), ("\\r", "\r"), ("\\t", "\t"), ("\\x00", "\0"), ("\\p", "|"), ("\\ufeff", "\u{FEFF}")]
    {
        text = text.replace(sign, bytes);
    }
    text
}

/// Persistence files of mosquitto: `name | what is said | hex | why`. They begin with a zero, so a target that takes its
/// first byte for a choice reads them as they are.
fn persistence_files() -> Result<BTreeMap<String, Vec<u8>>> {
    let path = root().join("crates/postrider/testdata/mosquitto-db.txt");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let mut inputs = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('|').map(str::trim).collect();
        let [name, _, digits, why] = fields[..] else { bail!("not `name | what is said | hex | why`: {line}") };
        ensure!(!why.is_empty() && slug(name) == name, "{name} needs a reason and a plain name");
        ensure!(inputs.insert(name.to_owned(), parse_hex(digits)?).is_none(), "{name} names two inputs");
    }
    Ok(inputs)
}

/// One line of testdata.
struct Input {
    name: String,
    dialect: Dialect,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    V3_1,
    V3_1_1,
    V5,
    All,
    Filter,
}

impl Dialect {
    fn parse(word: &str) -> Result<Self> {
        Ok(match word {
            "3.1" => Self::V3_1,
            "3.1.1" => Self::V3_1_1,
            "5.0" => Self::V5,
            "all" => Self::All,
            "filter" => Self::Filter,
            other => bail!("unknown dialect {other}"),
        })
    }

    const fn targets(self) -> &'static [&'static str] {
        match self {
            Self::V3_1 => &[FRAME, "packet_v3_1"],
            Self::V3_1_1 => &[FRAME, "packet_v3_1_1"],
            Self::V5 => &[FRAME, "packet_v5"],
            Self::All => &[FRAME, "packet_v3_1", "packet_v3_1_1", "packet_v5"],
            Self::Filter => &["topic_and_filter"],
        }
    }
}

/// Golden cases: `# sentence`, then `<dialect> <hex>`. The sentence names the file.
fn golden_in(stem: &str, text: &str) -> Result<Vec<Input>> {
    let mut inputs: Vec<Input> = Vec::new();
    let mut names = BTreeSet::new();
    let mut sentence = "";
    for line in text.lines().filter(|line| !line.starts_with("=>")) {
        if let Some(words) = line.strip_prefix('#') {
            sentence = words;
        } else if let Some((dialect, digits)) = line.split_once(' ') {
            let first = format!("{stem}-{}", slug(sentence));
            let further = (2..).map(|number| format!("{first}-{number}"));
            let mut free = std::iter::once(first.clone()).chain(further).filter(|name| !names.contains(name));
            let name = free.next().context("no name is left")?;
            names.insert(name.clone());
            inputs.push(Input { name, dialect: Dialect::parse(dialect)?, bytes: parse_hex(digits)? });
        }
    }
    Ok(inputs)
}

/// Hostile shapes: `name | dialect | hex | why`.
fn hostile_in(text: &str) -> Result<Vec<Input>> {
    let is_case = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
    let read = |line: &str| {
        let fields: Vec<&str> = line.split('|').map(str::trim).collect();
        let [name, dialect, digits, why] = fields[..] else { bail!("not `name | dialect | bytes | why`: {line}") };
        ensure!(!why.is_empty() && slug(name) == name, "{name} needs a reason and a plain name");
        Ok(Input { name: format!("hostile-{name}"), dialect: Dialect::parse(dialect)?, bytes: parse_hex(digits)? })
    };
    text.lines().filter(is_case).map(read).collect()
}

fn insert(inputs: &mut BTreeMap<String, Vec<u8>>, input: &Input) -> Result<()> {
    if inputs.values().any(|bytes| *bytes == input.bytes) {
        return Ok(());
    }
    let before = inputs.insert(input.name.clone(), input.bytes.clone());
    ensure!(before.is_none(), "{} names two inputs", input.name);
    Ok(())
}

/// `10 0e 0004 2f*100`: white space is free, a group may be repeated.
fn parse_hex(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for group in text.split_whitespace() {
        let (digits, times) = group.split_once('*').unwrap_or((group, "1"));
        ensure!(digits.len().is_multiple_of(2) && digits.is_ascii(), "odd number of digits in {group}");
        let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).with_context(|| format!("no hexadecimal: {group}"));
        let group = (0..digits.len()).step_by(2).map(byte).collect::<Result<Vec<u8>>>()?;
        bytes.extend(group.repeat(times.parse().with_context(|| format!("no number: {times}"))?));
    }
    Ok(bytes)
}

/// A sentence as a file name: letters, digits and dots.
fn slug(sentence: &str) -> String {
    let sentence = sentence.to_lowercase();
    let words = sentence.split(|c: char| !c.is_ascii_alphanumeric() && c != '.').filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

fn texts(folder: &Path) -> Result<Vec<(String, String)>> {
    let mut texts = Vec::new();
    for (name, bytes) in saved(folder)? {
        let stem = name.strip_suffix(".txt").with_context(|| format!("{name} is not a text of packets"))?;
        texts.push((stem.to_owned(), String::from_utf8(bytes)?));
    }
    Ok(texts)
}

/// The files of a folder; none if there is no folder.
fn saved(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    if folder.is_dir() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.insert(name, fs::read(&path).with_context(|| format!("reading {}", path.display()))?);
        }
    }
    Ok(files)
}

/// Where bolero looks for the saved inputs of `tests/it/fuzz.rs`.
fn folder(target: &str) -> PathBuf {
    let (package, module) = match target {
        PASSWORD_FILE => ("postrider-auth", "fuzz"),
        MOSQUITTO_CONF => ("postrider-config", "fuzz_mosquitto"),
        MOSQUITTO_DB => ("postrider", "fuzz"),
        target if CONFIGURATIONS.contains(&target) => ("postrider-config", "fuzz"),
        target if DOORS.contains(&target) => ("postrider-net", "fuzz"),
        _ => ("postrider-proto", "fuzz"),
    };
    root().join(format!("crates/{package}/tests/it/__fuzz__/{module}__{target}/corpus"))
}

const FRAME: &str = "frame";
const MOSQUITTO_CONF: &str = "mosquitto_conf";
const MOSQUITTO_DB: &str = "mosquitto_db";
const PASSWORD_FILE: &str = "password_file";
const CONFIGURATIONS: [&str; 3] = ["moat_yaml", "native", "sol_conf"];
const DOORS: [&str; 3] = ["http_request", "proxy_header", "websocket_frames"];
const TARGETS: [&str; 5] = [FRAME, "packet_v3_1", "packet_v3_1_1", "packet_v5", "topic_and_filter"];
const TARGET_BYTES_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_saved_corpus_is_what_its_sources_ask_for() {
        for (target, inputs) in wanted().expect("testdata can be read") {
            let saved = saved(&folder(target)).expect("corpus can be read");
            assert!(saved == inputs, "the corpus of {target} is out of date: run `cargo xtask corpus`");
        }
    }

    #[test]
    fn hexadecimal_groups_may_repeat() {
        assert_eq!(parse_hex("10 0e 2f2b*2 00").expect("legal"), [0x10, 0x0E, 0x2F, 0x2B, 0x2F, 0x2B, 0]);
        assert!(parse_hex("1").is_err() && parse_hex("zz").is_err() && parse_hex("00*x").is_err());
    }

    #[test]
    fn lines_become_named_inputs() {
        let golden = golden_in("acks", "# PUBACK, id 1\n5.0 40 02 0001\n=> x\n# PUBACK, id 1\n3.1 40 02 0001\n");
        let names: Vec<String> = golden.expect("legal").into_iter().map(|input| input.name).collect();
        assert_eq!(names, ["acks-puback-id-1", "acks-puback-id-1-2"]);
        assert_eq!(hostile_in("# x\n\na-b | all | c0 00 | why\n").expect("legal")[0].name, "hostile-a-b");
        assert!(hostile_in("a-b | all | c0 00 |\n").is_err() && hostile_in("a | b | c\n").is_err());
    }
}
