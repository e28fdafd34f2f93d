//! A disk as a directory of the system, as long as it lives.
//!
//! Owns: mounting and unmounting, and what a run that was killed has left mounted.

use crate::desk::Desk;
use crate::files::Files;
use fuser::{BackgroundSession, Config, MountOption, Session};
use postrider_journal::{Loss, SimulatedDisk};
use rustix::io::Errno;
use rustix::mount::{UnmountFlags, unmount};
use std::fs::{DirBuilder, OpenOptions};
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A [`SimulatedDisk`] that is mounted. Every call of a program reaches the disk before it returns: nothing is cached.
///
/// When the power is cut, calls hang as they do on a machine that has none, until [`thaw`](Self::thaw).
#[derive(Debug)]
pub struct Mount {
    path: PathBuf,
    desk: Arc<Desk>,
    session: Option<BackgroundSession>,
}

impl Mount {
    /// Mounts a disk there; the directory is made if it is not there.
    pub fn new(path: impl Into<PathBuf>, disk: &SimulatedDisk) -> Result<Self> {
        let path = path.into();
        check_device()?;
        detach_stale(&path)?;
        DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        let desk = Arc::new(Desk::new(disk.clone()));
        let root = path.metadata()?;
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName(NAME.to_owned()), MountOption::NoAtime, MountOption::NoExec];
        // A slow sync holds up nobody who reads.
        config.n_threads = Some(THREADS);
        let session = Session::new(Files::new(desk.clone(), root.uid(), root.gid()), &path, &config)?.spawn()?;
        Ok(Self { path, desk, session: Some(session) })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The disk itself.
    #[must_use]
    pub fn disk(&self) -> &SimulatedDisk {
        self.desk.disk()
    }

    /// How long each sync takes from now on.
    pub fn slow_sync(&self, delay: Duration) {
        self.desk.slow_sync(delay);
    }

    /// Cuts the power now: whatever is asked for hangs.
    pub fn freeze(&self) {
        self.disk().cut_power();
    }

    /// Lets calls fail that hang since the power was cut, so that a process that was killed can end.
    pub fn thaw(&self) {
        self.desk.thaw();
    }

    /// Starts the disk again without what the loss takes. Whoever had files open has ended before.
    pub fn restart(&self, loss: Loss) {
        self.desk.restart(loss);
    }

    /// When a program was told of the refusal that the disk was asked for.
    #[must_use]
    pub fn refused_at(&self) -> Option<Instant> {
        self.desk.refused_at()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        self.disk().cut_power();
        self.thaw();
        drop(self.session.take());
        // Where somebody still has a file open, the session could not do it.
        let _ = unmount(&self.path, UnmountFlags::DETACH);
        let _ = std::fs::remove_dir(&self.path);
    }
}

fn check_device() -> Result<()> {
    let opened = OpenOptions::new().read(true).write(true).open(DEVICE);
    let explain = |error: Error| {
        let is_forbidden = error.kind() == ErrorKind::PermissionDenied;
        let advice = if is_forbidden { "run this as root" } else { "load it with `modprobe fuse`" };
        Error::new(error.kind(), format!("cannot use {DEVICE}: {error}; {advice}"))
    };
    opened.map(drop).map_err(explain)
}

/// A run that was killed leaves a mount whose other end is gone. One whose other end lives is not touched.
fn detach_stale(path: &Path) -> Result<()> {
    loop {
        match path.metadata() {
            Err(error) if error.raw_os_error() == Some(Errno::NOTCONN.raw_os_error()) => {
                unmount(path, UnmountFlags::DETACH)?;
            }
            Ok(found) if path.parent().is_some_and(|parent| is_elsewhere(&found, parent)) => {
                let text = format!("something is mounted at {}: end who uses it, or unmount it", path.display());
                return Err(Error::new(ErrorKind::AlreadyExists, text));
            }
            Ok(_) | Err(_) => return Ok(()),
        }
    }
}

fn is_elsewhere(found: &std::fs::Metadata, parent: &Path) -> bool {
    parent.metadata().is_ok_and(|parent| parent.dev() != found.dev())
}

const DEVICE: &str = "/dev/fuse";
const NAME: &str = "postrider-faultfs";
const THREADS: usize = 4;
