//! In the place of mosquitto: a new data directory begins with its persistence file.
//!
//! Owns: when that happens, and what is said about it.
//! Never: touches the file, or a directory that has data.

use crate::args::{Import, Serve};
use crate::check::explain;
use anyhow::{Context, bail};
use postrider::{OnFlaw, Origin, TakeOver, TakenOver, take_over_mosquitto, taken_from};
use postrider_config::Config;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A directory that was made just now. Nobody knows of it until the broker runs: if it never does, mosquitto may still
/// run and write a newer file.
pub(crate) struct Fresh(Option<PathBuf>);

/// What was done, and what there is to say about it.
pub(crate) struct Outcome {
    pub(crate) fresh: Fresh,
    pub(crate) lines: Vec<String>,
}

/// Makes the data directory of mosquitto's file if there is one and the directory is new.
pub(crate) fn begin(config: &Config, directory: Option<&Path>, args: &Serve) -> anyhow::Result<Outcome> {
    let nothing = |lines| Ok(Outcome { fresh: Fresh(None), lines });
    let (Some(file), Some(directory)) = (&config.data.take_over, directory) else { return nothing(Vec::new()) };
    if config.data.must_exist || !file.is_file() {
        return nothing(Vec::new());
    }
    if !is_new(directory)? {
        return nothing(described(file, directory));
    }
    let how = TakeOver { on_flaw: on_flaw(args.accept_loss), for_ever_s: config.limits.session_expiry_v3_s };
    // What is made gets its name when it is complete.
    let taken = take_over_mosquitto(file, directory, how).map_err(explain)?;
    Ok(Outcome { fresh: Fresh(Some(directory.to_owned())), lines: lines(file, &taken) })
}

/// `postrider import` of such a file.
pub(crate) fn import(args: &Import) -> anyhow::Result<Vec<String>> {
    let Import { file, new, accept_loss } = args;
    if !is_new(new)? {
        bail!("{} is not empty; name a directory that is empty or not there yet", new.display());
    }
    let how = TakeOver { on_flaw: on_flaw(*accept_loss), ..TakeOver::default() };
    Ok(lines(file, &take_over_mosquitto(file, new, how).map_err(explain)?))
}

const fn on_flaw(accept_loss: bool) -> OnFlaw {
    if accept_loss { OnFlaw::Skip } else { OnFlaw::Refuse }
}

impl Fresh {
    /// The broker runs.
    pub(crate) fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if let Some(directory) = self.0.take() {
            // Nobody has been told that anything in it is kept; the file that it was made of is still there.
            let _ = std::fs::remove_dir_all(directory);
        }
    }
}

fn is_new(directory: &Path) -> anyhow::Result<bool> {
    match directory.read_dir() {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if let Some(above) = directory.parent().filter(|above| !above.as_os_str().is_empty()) {
                std::fs::create_dir_all(above).with_context(|| format!("cannot make {}", above.display()))?;
            }
            Ok(true)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", directory.display())),
    }
}

fn lines(file: &Path, taken: &TakenOver) -> Vec<String> {
    let shown = file.display();
    let mut lines = vec![format!("taken over from {shown}, which stays as it is: {taken}")];
    if !taken.is_last {
        lines.push(format!(
            "{shown} was saved while mosquitto ran; what came later is not in it. Stop mosquitto with SIGTERM, and it \
             saves all"
        ));
    }
    if taken.without_user > 0 {
        lines.push(format!(
            "sessions taken over without a user name: {}; only clients without one can go on with them",
            taken.without_user
        ));
    }
    lines.extend(taken.flaws.iter().map(|flaw| format!("{shown}, {flaw}; it was left out")));
    lines
}

/// What there is to say about a file that is not read any more.
fn described(file: &Path, directory: &Path) -> Vec<String> {
    let (shown, place) = (file.display(), directory.display());
    match taken_from(file, directory) {
        Origin::Same => Vec::new(),
        Origin::Other => vec![format!(
            "{shown} has changed since {place} was made of it, and is not read again; to begin with it, stop this \
             broker and move {place} away"
        )],
        Origin::Unknown => vec![format!(
            "{shown} is not read, as {place} has data already; to begin with it, stop this broker and move {place} away"
        )],
    }
}
