//! The process: its number in a file, the background, and who it is.
//!
//! Owns: giving up root, for good, once everything is open that root alone may open.

use anyhow::{Context, bail};
use nix::unistd::{Gid, Uid, User};
use postrider_config::model::Process;
use postrider_config::mosquitto::user_instead_of;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::lchown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// Who the process is to be.
#[derive(Clone, Debug)]
pub(crate) struct Someone {
    name: String,
    user: Uid,
    group: Gid,
}

impl Someone {
    /// The user of the configuration, if the process is root and there is one. `nobody` takes the place of a
    /// `mosquitto` that this machine does not have.
    pub(crate) fn of(process: &Process) -> anyhow::Result<Option<Self>> {
        let Some(name) = process.user.as_deref().filter(|_| Uid::effective().is_root()) else { return Ok(None) };
        if name == "root" {
            return Ok(None);
        }
        let found = match User::from_name(name)? {
            None => user_instead_of(name).map(User::from_name).transpose()?.flatten(),
            found => found,
        };
        match found {
            Some(user) => Ok(Some(Self { name: user.name, user: user.uid, group: user.gid })),
            None => bail!("this machine has no user {name}; make one, or name another as process.user"),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Gives a data directory that the broker has opened to the user, with the files in it. What lies deeper is not ours.
    pub(crate) fn own(&self, directory: &Path) -> anyhow::Result<()> {
        let give = |path: &Path| {
            let (user, group) = (Some(self.user.as_raw()), Some(self.group.as_raw()));
            lchown(path, user, group).with_context(|| format!("{} cannot be given away", path.display()))
        };
        give(directory)?;
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                give(&entry.path())?;
            }
        }
        Ok(())
    }

    /// The whole process is this user from now on.
    pub(crate) fn become_it(&self) -> anyhow::Result<()> {
        nix::unistd::setgroups(&[self.group])?;
        nix::unistd::setgid(self.group)?;
        nix::unistd::setuid(self.user)?;
        if Uid::effective().is_root() || nix::unistd::setuid(Uid::from_raw(0)).is_ok() {
            bail!("root could not be given up");
        }
        Ok(())
    }
}

/// A file with the process's number, taken away at the end.
#[derive(Debug)]
pub(crate) struct PidFile(PathBuf);

impl PidFile {
    pub(crate) fn write(path: &Path) -> anyhow::Result<Self> {
        let text = format!("{}\n", std::process::id());
        std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Whoever gave up root may not be allowed to.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Set for the process in the background.
const BEHIND: &str = "POSTRIDER_IN_BACKGROUND";
/// What it says when it serves.
pub(crate) const READY: &str = "ready";

/// Whether this is the process in the background; it has no terminal then.
pub(crate) fn is_behind() -> bool {
    let is = std::env::var_os(BEHIND).is_some();
    if is {
        // It is the leader already if somebody started it by hand.
        let _ = nix::unistd::setsid();
    }
    is
}

/// Starts the same again without a terminal and ends when that serves.
pub(crate) fn go_behind() -> anyhow::Result<ExitCode> {
    let mut args = std::env::args_os();
    let name = args.next().unwrap_or_default();
    let mut child = Command::new(std::env::current_exe()?)
        .arg0(name)
        .args(args)
        .env(BEHIND, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()?;
    let said = child.stdout.take().map(BufReader::new);
    let is_ready = said.is_some_and(|said| said.lines().map_while(Result::ok).any(|line| line == READY));
    if is_ready {
        return Ok(ExitCode::SUCCESS);
    }
    let status = child.wait()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Nothing that is started from here can become more than this is.
pub(crate) fn renounce() {
    // An old kernel without it serves as well.
    let _ = rustix::thread::set_no_new_privs(true);
}
