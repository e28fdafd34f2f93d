//! A fence around the process: the system refuses it every file that it does not need (landlock).
//!
//! Owns: raising it, once and for good, before there is any other thread.
//! Never: stops a broker because the system has no such thing.

mod plan;

use anyhow::bail;
use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, make_bitflags,
};
use plan::Plan;
use postrider_config::Config;
use postrider_config::model::Place;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// What the process may still reach.
#[derive(Debug)]
pub(crate) struct Fence {
    plan: Plan,
    state: State,
}

#[derive(Debug)]
enum State {
    Up,
    /// Why not.
    Down(String),
}

/// What the system's library needs to look names and times up, and what we ask about our own process.
const SYSTEM: [&str; 17] = [
    "/etc/localtime",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/passwd",
    "/etc/group",
    "/etc/ld.so.cache",
    "/usr/share/zoneinfo",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/proc/self",
    "/sys/fs/cgroup",
    "/dev/urandom",
];

const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
/// No devices are made, and nothing is executed.
const WRITE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
    ReadFile | ReadDir | WriteFile | Truncate | RemoveFile | RemoveDir | MakeReg | MakeDir | MakeSock | MakeSym | Refer
});

impl Fence {
    /// Whoever calls this has one thread: others that are there already would stay outside.
    pub(crate) fn raise(config: &Config, file: Option<&Path>) -> Self {
        make_data_directory(config);
        let plan = Plan::of(config, file);
        if !config.process.landlock {
            return Self { plan, state: State::Down("process.landlock is false".to_owned()) };
        }
        let state = match restrict(&plan) {
            Ok(RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced) => State::Up,
            Ok(RulesetStatus::NotEnforced) => {
                State::Down("the kernel has none before 5.19, or this process may not use it".to_owned())
            }
            Err(error) => State::Down(error.to_string()),
        };
        Self { plan, state }
    }

    /// For who asks for every detail.
    pub(crate) fn describe(&self) -> String {
        match &self.state {
            State::Up => {
                let count =
                    |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
                let (read, write) = (self.plan.read.len(), self.plan.write.len());
                format!(
                    "landlock: this process can read {} and write {}, besides what the system's library needs",
                    count(read, "place", "places"),
                    count(write, "place", "places")
                )
            }
            State::Down(why) => format!("landlock: not in use: {why}; this process can open what its user can"),
        }
    }

    /// Whether a configuration needs nothing beyond the fence.
    pub(crate) fn check(&self, config: &Config, file: Option<&Path>) -> anyhow::Result<()> {
        let outside = self.plan.outside(config, file);
        match (&self.state, outside) {
            (State::Up, Some(path)) => bail!(
                "{} lies outside of what this process has been able to reach since it started (process.landlock); restart \
                 the broker for it",
                path.display()
            ),
            (State::Up | State::Down(_), _) => Ok(()),
        }
    }

    /// What to do about an error that the fence may be the reason of.
    pub(crate) fn advice(&self, error: &anyhow::Error) -> Option<&'static str> {
        let is_ours = matches!(self.state, State::Up) && format!("{error:#}").contains("ermission denied");
        is_ours.then_some(
            " (what this process did not need when it started is out of its reach; restart the broker for it)",
        )
    }

    /// The same for files that are read again.
    pub(crate) fn check_files<'a>(&self, mut paths: impl Iterator<Item = &'a Path>) -> anyhow::Result<()> {
        let outside = paths.find(|path| !self.plan.may_be_read(path));
        match (&self.state, outside) {
            (State::Up, Some(path)) => bail!(
                "{} leads outside of what this process has been able to reach since it started (process.landlock); \
                 restart the broker for it",
                path.display()
            ),
            (State::Up | State::Down(_), _) => Ok(()),
        }
    }
}

/// A rule is for what is there. Whoever cannot make the directory says so when the broker starts. Where the data of
/// another broker is taken over, the directory appears when that is complete, in one that can be written.
fn make_data_directory(config: &Config) {
    let is_made_here = !config.data.must_exist && config.data.place != Place::Memory;
    if let Ok(Some(directory)) = crate::data::directory(config)
        && is_made_here
    {
        if config.data.take_over.as_ref().is_some_and(|file| file.is_file()) && !directory.exists() {
            // It is made elsewhere, and gets its place when it is complete.
            let _ = directory.parent().map(std::fs::create_dir_all);
            return;
        }
        let _ = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    }
}

fn restrict(plan: &Plan) -> Result<RulesetStatus, RulesetError> {
    // Where renaming from one directory to another cannot be allowed, it would be refused to the data as well.
    let rules = Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(AccessFs::Refer);
    let Ok(rules) = rules else { return Ok(RulesetStatus::NotEnforced) };
    let rules = rules.set_compatibility(CompatLevel::BestEffort).handle_access(AccessFs::from_all(ABI::V5))?;
    let mut rules = rules.create()?;
    for path in SYSTEM.iter().map(Path::new).chain(plan.read.iter().map(AsRef::as_ref)) {
        rules = allow(rules, path, READ)?;
    }
    rules = allow(rules, Path::new("/dev/null"), make_bitflags!(AccessFs::{ReadFile | WriteFile}))?;
    if let Ok(program) = std::env::current_exe() {
        // A panic names functions and lines, which stand there.
        rules = allow(rules, &program, READ)?;
    }
    if let Some(credentials) = std::env::var_os("CREDENTIALS_DIRECTORY") {
        rules = allow(rules, Path::new(&credentials), READ)?;
    }
    for path in &plan.write {
        rules = allow(rules, path, WRITE)?;
    }
    Ok(rules.restrict_self()?.ruleset)
}

/// What is not there needs no rule; a file has no use for the rights of directories.
fn allow(rules: RulesetCreated, path: &Path, access: BitFlags<AccessFs>) -> Result<RulesetCreated, RulesetError> {
    let Ok(place) = PathFd::new(path) else { return Ok(rules) };
    let access = if path.is_dir() { access } else { access & AccessFs::from_file(ABI::V5) };
    rules.add_rule(PathBeneath::new(place, access))
}
