//! Fuzz targets: tests that give random bytes to a decoder, first those of the saved corpus.
//!
//! Owns: finding the targets in the sources, running one for a given time.
//! Never: says it fuzzed when no test ran.

use crate::command::{cargo, command, first_line, listen, root, run as run_command};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// One test that uses bolero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    package: String,
    module: String,
    pub(crate) name: String,
}

/// `cargo xtask fuzz list`, or a target's name.
pub(crate) fn run(name: &str, seconds: u64) -> Result<()> {
    let targets = targets()?;
    if name == "list" {
        targets.iter().for_each(|target| println!("{:<20} {}", target.name, target.package));
        return Ok(());
    }
    let target = targets.iter().find(|target| target.name == name);
    let target = target.with_context(|| format!("there is no fuzz target {name}; see `cargo xtask fuzz list`"))?;
    if has_cpp() {
        target.run_libfuzzer(seconds)
    } else {
        println!("libFuzzer needs a C++ compiler (`c++`), which is not here: random input instead, behind the corpus");
        target.run_random(seconds)
    }
}

/// Every target of the workspace.
pub(crate) fn targets() -> Result<Vec<Target>> {
    let mut targets = Vec::new();
    for package in sorted(&root().join("crates"))? {
        let tests = root().join("crates").join(&package).join("tests/it");
        if !tests.is_dir() {
            continue;
        }
        for file in sorted(&tests)?.iter().filter(|file| file.ends_with(".rs")) {
            let text = fs::read_to_string(tests.join(file)).with_context(|| format!("reading {file}"))?;
            let module = file.trim_end_matches(".rs");
            let names = names_in(&text).into_iter();
            let target = |name| Target { package: package.clone(), module: module.to_owned(), name };
            targets.extend(names.map(target));
        }
    }
    if targets.is_empty() {
        bail!("no fuzz target was found under crates/*/tests/it");
    }
    Ok(targets)
}

impl Target {
    fn path(&self) -> String {
        format!("{}::{}", self.module, self.name)
    }

    /// The corpus, then random input until the time is over.
    pub(crate) fn run_random(&self, seconds: u64) -> Result<()> {
        let test = || cargo(&format!("test --quiet --package {} --test it", self.package));
        run_command(test().arg("--no-run"))?;
        let mut command = test();
        command.args(["--", "--exact", &self.path()]);
        // Whatever bound the target sets for itself in the test command yields to the time.
        command.env("BOLERO_RANDOM_ITERATIONS", usize::MAX.to_string());
        command.env("BOLERO_RANDOM_TEST_TIME_MS", (seconds * 1000).to_string());
        let output = listen(&mut command)?;
        let said = String::from_utf8_lossy(&output.stdout);
        println!("{}{}", said.trim_end(), String::from_utf8_lossy(&output.stderr).trim_end());
        if !output.status.success() {
            bail!("{} found an input that fails; it is printed above", self.name);
        }
        if !said.contains("1 passed") {
            bail!("no test of the name {} ran", self.path());
        }
        Ok(())
    }

    /// Coverage-guided, from the saved corpus. What it learns goes to `target/fuzz`; an input that fails deserves a
    /// line in `hostile.txt`.
    fn run_libfuzzer(&self, seconds: u64) -> Result<()> {
        let grown = root().join("target/fuzz").join(&self.name);
        let (learned, failing) = (grown.join("corpus"), grown.join("failing"));
        fs::create_dir_all(&learned)?;
        fs::create_dir_all(&failing)?;
        let host = first_line(&mut command("rustc", "--print host-tuple")).context("rustc names no host")?;
        // With a target of its own, build scripts and macros stay as they are.
        let build = format!("test --release --target {host} --target-dir target/fuzz/build --test it");
        let test = || {
            let mut test = cargo(&build);
            test.args(["--package", &self.package]).env("RUSTFLAGS", LIBFUZZER_FLAGS);
            test
        };
        run_command(test().args(["--quiet", "--no-run"]))?;
        let listed = listen(test().args(["--quiet", "--", "--exact", &self.path(), "--list"]))?;
        if !String::from_utf8_lossy(&listed.stdout).contains(&self.path()) {
            bail!("no test of the name {} is there", self.path());
        }
        let folders = [&learned, &self.corpus()].map(|folder| folder.display().to_string()).join(" ");
        let bounds = format!("-max_total_time={seconds} -timeout=10 -max_len=4096");
        let output = format!("-artifact_prefix={}/ -verbosity=0 -print_final_stats=1", failing.display());
        let mut command = test();
        command.args(["--quiet", "--", "--exact", &self.path(), "--nocapture", "--test-threads=1"]);
        command.env("BOLERO_LIBFUZZER_ARGS", format!("{folders} {bounds} {output}"));
        run_command(&mut command).with_context(|| format!("the input that fails is in {}", failing.display()))
    }

    /// Where bolero looks for saved inputs.
    fn corpus(&self) -> PathBuf {
        let tests = root().join("crates").join(&self.package).join("tests/it");
        tests.join("__fuzz__").join(format!("{}__{}", self.module, self.name)).join("corpus")
    }
}

/// The functions of a source that call `bolero::check!`.
fn names_in(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut last = None;
    for line in text.lines() {
        if let Some(rest) = line.trim_start().strip_prefix("fn ") {
            last = rest.split('(').next();
        }
        if line.contains("bolero::check!") {
            names.extend(last.take().map(str::to_owned));
        }
    }
    names
}

/// libFuzzer comes as source with bolero; any toolchain of ours can build for it.
fn has_cpp() -> bool {
    first_line(&mut command("c++", "--version")).is_some()
}

fn sorted(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let name = |entry: std::io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    let mut names = entries.map(name).collect::<Result<Vec<String>>>()?;
    names.sort();
    Ok(names)
}

/// What `cargo bolero` would pass; that tool also links the package's unit tests, which have no fuzzer in them.
const LIBFUZZER_FLAGS: &str = "--cfg fuzzing --cfg fuzzing_libfuzzer -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cllvm-args=-sanitizer-coverage-stack-depth";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_the_functions_that_call_bolero() {
        let text = "fn check() {}\n#[test]\nfn frame() {\n    bolero::check!().for_each(|x| {});\n}\nfn other() {}\n";
        assert_eq!(names_in(text), ["frame"]);
    }

    #[test]
    fn the_targets_of_the_workspace_are_found() {
        let names: Vec<String> = targets().expect("targets").into_iter().map(|target| target.name).collect();
        for name in ["frame", "packet_v3_1", "packet_v3_1_1", "packet_v5", "topic_and_filter"] {
            assert!(names.iter().any(|found| found == name), "{name} in {names:?}");
        }
    }
}
