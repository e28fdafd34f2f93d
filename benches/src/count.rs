//! Counts instructions: each workload runs N and 2N times as a child under valgrind, and the difference is
//! what N iterations cost. What comes before the first of them cancels out.

use crate::summary::instructions;
use crate::workload::Benchmark;
use anyhow::{Context, bail, ensure};
use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Instructions per unit, by name.
pub(crate) fn count(chosen: &[Benchmark]) -> anyhow::Result<BTreeMap<String, f64>> {
    ensure!(!cfg!(debug_assertions), "a build without --release says nothing about the product's");
    let valgrind = find_valgrind()?;
    let folder = Folder::make()?;
    let mut counts = BTreeMap::new();
    for (at, benchmark) in chosen.iter().enumerate() {
        say(&format!("{}/{} {}", at + 1, chosen.len(), benchmark.name));
        counts.insert(benchmark.name.to_owned(), count_one(&valgrind, benchmark, &folder.0)?);
    }
    say("");
    Ok(counts)
}

fn count_one(valgrind: &Path, benchmark: &Benchmark, folder: &Path) -> anyhow::Result<f64> {
    let once = run(valgrind, benchmark, benchmark.iterations, folder)?;
    let twice = run(valgrind, benchmark, benchmark.iterations * 2, folder)?;
    let spent = twice.checked_sub(once).with_context(|| format!("{}: more iterations cost less", benchmark.name))?;
    Ok(per_unit(spent, benchmark))
}

/// To a tenth of an instruction: what is left of the noise is smaller.
fn per_unit(spent: u64, benchmark: &Benchmark) -> f64 {
    let units = benchmark.iterations * benchmark.units;
    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
    let tenths = (spent as f64 * 10.0 / units as f64).round();
    tenths / 10.0
}

/// One child's instructions. Of valgrind's exact counters, cachegrind without its caches is the cheapest.
fn run(valgrind: &Path, benchmark: &Benchmark, iterations: u64, folder: &Path) -> anyhow::Result<u64> {
    let program = std::env::current_exe()?;
    let profile = folder.join("profile");
    let mut out = std::ffi::OsString::from("--cachegrind-out-file=");
    out.push(&profile);
    let done = Command::new(valgrind)
        .args(["--tool=cachegrind", "--cache-sim=no", "--branch-sim=no"])
        .arg(out)
        .arg(Path::new(".").join(program.file_name().context("this program has no name")?))
        .args(["run", benchmark.name, "--iterations", &iterations.to_string()])
        // Environment and path lie in the child's memory: another size of them, other addresses, other code in
        // `memcmp`.
        .env_clear()
        .current_dir(program.parent().context("this program is nowhere")?)
        .output()
        .context("valgrind does not start")?;
    if !done.status.success() {
        let words = String::from_utf8_lossy(&done.stderr);
        bail!("{} under valgrind: {}\n{}", benchmark.name, done.status, words.trim_end());
    }
    let text = std::fs::read_to_string(&profile).context("valgrind wrote no profile")?;
    instructions(&text)
}

fn find_valgrind() -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("valgrind")).find(|file| file.is_file());
    found.context("valgrind is not installed; `apt-get install valgrind` (or your system's package) brings it")
}

/// One line of progress that the next one replaces.
fn say(line: &str) {
    let mut terminal = io::stderr();
    if terminal.is_terminal() {
        // Progress that cannot be shown is not worth failing for.
        let _ = write!(terminal, "\r\x1b[K{line}").and_then(|()| terminal.flush());
    }
}

/// A folder for profiles, gone with its owner.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn make() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("postrider-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left in the temporary folder is the system's to sweep.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
