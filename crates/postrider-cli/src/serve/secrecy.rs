//! Who else can read or change the files that locks are made of.
//!
//! Owns: what is said about owners, modes and links of such files, and which links are refused in mosquitto's place.
//! Never: changes a file.

use super::links::{self, Trail};
use anyhow::bail;
use nix::unistd::{Uid, User};
use postrider_config::model::{Config, Profile, Secret};
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Something that should not be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Concern {
    /// Of the key that names the file.
    pub(crate) key: String,
    pub(crate) what: String,
}

/// mosquitto 2.1.1 knows it, with any value.
const ALLOW_LINKS: &str = "MOSQUITTO_UNSAFE_ALLOW_SYMLINKS";

const READABLE: u32 = 0o004;
const WRITABLE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// A file that a lock is made of.
struct Lock {
    key: String,
    path: PathBuf,
    /// Whether it is one that nobody else may read.
    is_secret: bool,
}

/// Files that others can read or change, each once.
pub(crate) fn concerns(config: &Config) -> Vec<Concern> {
    let trusted = trusted(config);
    let mut seen = BTreeSet::new();
    let mut concerns = Vec::new();
    for lock in locks(config).into_iter().filter(|lock| seen.insert(lock.path.clone())) {
        let Ok(found) = std::fs::metadata(&lock.path) else { continue };
        let (shown, mode) = (lock.path.display(), found.mode());
        let what = if mode & WRITABLE != 0 {
            format!("{shown} can be written by everybody on this machine; chmod o-w {shown}")
        } else if !trusted.contains(&found.uid()) {
            let owner = found.uid();
            format!(
                "{shown} belongs to user {owner}, who can change it; chown it to the user of this process or to root"
            )
        } else if lock.is_secret && mode & READABLE != 0 {
            format!("{shown} can be read by everybody on this machine; chmod o-r {shown}")
        } else {
            continue;
        };
        concerns.push(Concern { key: lock.key, what });
    }
    concerns
}

/// In mosquitto's place, which follows no link to these files: follows those that nobody else could have laid.
pub(crate) fn refuse_links(config: &Config) -> anyhow::Result<()> {
    if config.compat.profile != Profile::Mosquitto || std::env::var_os(ALLOW_LINKS).is_some() {
        return Ok(());
    }
    let trusted = trusted(config);
    for security in config.listeners.iter().map(|listener| &listener.security) {
        let paths = security.password_file.iter().chain(&security.acl_file).chain(&security.psk_file);
        for path in paths.filter(|path| path.is_symlink()) {
            if let Some(why) = stranger(&links::follow(path), &trusted) {
                let shown = path.display();
                bail!(
                    "{shown} is a symbolic link and {why}; name the file itself, or set {ALLOW_LINKS} if that is meant"
                );
            }
        }
    }
    Ok(())
}

/// Why somebody else can have a say in where a path leads or in what is there.
fn stranger(trail: &Trail, trusted: &BTreeSet<u32>) -> Option<String> {
    for (link, _) in &trail.links {
        let owner = std::fs::symlink_metadata(link).map(|found| found.uid()).ok()?;
        if !trusted.contains(&owner) {
            return Some(format!("{} belongs to user {owner}", link.display()));
        }
        let directory = link.parent()?;
        let mode = std::fs::metadata(directory).map(|found| found.mode()).ok()?;
        if mode & WRITABLE != 0 && mode & STICKY == 0 {
            return Some(format!("everybody can replace what is in {}", directory.display()));
        }
    }
    let end = std::fs::metadata(&trail.end).ok()?;
    if !trusted.contains(&end.uid()) {
        return Some(format!("{} belongs to user {}", trail.end.display(), end.uid()));
    }
    (end.mode() & WRITABLE != 0).then(|| format!("{} can be written by everybody", trail.end.display()))
}

/// Whose files are as good as ours: root, who this is, and whom it becomes.
fn trusted(config: &Config) -> BTreeSet<u32> {
    let user = config.process.user.as_deref().and_then(|name| User::from_name(name).ok().flatten());
    let uids = [Uid::from_raw(0), Uid::effective()].into_iter().chain(user.map(|user| user.uid));
    uids.map(Uid::as_raw).collect()
}

/// Every file that a lock is made of.
pub(super) fn files(config: &Config) -> Vec<PathBuf> {
    locks(config).into_iter().map(|lock| lock.path).collect()
}

fn locks(config: &Config) -> Vec<Lock> {
    let mut locks = Vec::new();
    let mut add = |key: String, path: Option<PathBuf>, is_secret: bool| {
        locks.extend(path.filter(|path| !path.as_os_str().is_empty()).map(|path| Lock { key, path, is_secret }));
    };
    let file = |secret: Option<&Secret>| secret.and_then(|secret| secret.file(&|name| std::env::var(name).ok()));
    for listener in &config.listeners {
        let of = |key: &str| format!("listener.{}.{key}", listener.name);
        if let Some(tls) = &listener.tls {
            add(of("tls.key"), Some(tls.key.clone()), true);
            add(of("tls.key_passphrase"), file(tls.key_passphrase.as_ref()), true);
        }
        add(of("auth.password_file"), listener.security.password_file.clone(), true);
        add(of("auth.user_store"), listener.security.user_store.clone(), true);
        add(of("auth.psk_file"), listener.security.psk_file.clone(), true);
        add(of("acl.file"), listener.security.acl_file.clone(), false);
    }
    add("sys.dynamic_security".to_owned(), config.sys.dynamic_security.clone(), true);
    for bridge in &config.bridges {
        let of = |key: &str| format!("bridge.{}.{key}", bridge.name);
        add(of("remote.password"), file(bridge.remote.password.as_ref()), true);
        if let Some(tls) = &bridge.tls {
            add(of("tls.key"), tls.key.clone(), true);
            add(of("tls.psk"), file(tls.psk.as_ref()), true);
        }
    }
    locks
}

/// For greetings: one sentence each.
pub(super) fn sentences(config: &Config) -> impl Iterator<Item = String> {
    concerns(config).into_iter().map(|concern| format!("{}: {}", concern.key, concern.what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("postrider-secrecy-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
            std::fs::create_dir_all(&path).expect("a temporary directory");
            Self(path)
        }

        fn file(&self, name: &str, mode: u32) -> PathBuf {
            let path = self.0.join(name);
            std::fs::create_dir_all(path.parent().expect("it is below the place")).expect("made");
            std::fs::write(&path, "x").expect("written");
            set(&path, mode);
            path
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn set(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("it is ours");
    }

    fn us() -> BTreeSet<u32> {
        BTreeSet::from([0, Uid::effective().as_raw()])
    }

    #[test]
    fn links_of_a_volume_of_secrets_are_followed() {
        let place = Place::new("volume");
        let end = place.file("..2026/passwd", 0o644);
        symlink("..2026", place.0.join("..data")).expect("a link");
        symlink("..data/passwd", place.0.join("passwd")).expect("a link");
        let trail = links::follow(&place.0.join("passwd"));
        assert_eq!(std::fs::canonicalize(&end).expect("there"), trail.end);
        assert!(trail.links.len() >= 2, "{trail:?}");
        assert_eq!(stranger(&trail, &us()), None);
    }

    #[test]
    fn a_link_that_somebody_else_can_have_laid_is_not() {
        let place = Place::new("stranger");
        let end = place.file("passwd", 0o600);
        let open = place.0.join("open");
        std::fs::create_dir(&open).expect("made");
        symlink(&end, open.join("link")).expect("a link");
        assert_eq!(stranger(&links::follow(&open.join("link")), &us()), None);
        set(&open, 0o777);
        let why = stranger(&links::follow(&open.join("link")), &us()).expect("everybody can replace it");
        assert!(why.contains("everybody can replace"), "{why}");
        set(&open, 0o1777);
        assert_eq!(stranger(&links::follow(&open.join("link")), &us()), None, "a sticky directory protects it");
        set(&end, 0o602);
        let why = stranger(&links::follow(&open.join("link")), &us()).expect("everybody can write it");
        assert!(why.contains("can be written by everybody"), "{why}");
        set(&end, 0o600);
        let nobody = BTreeSet::from([Uid::effective().as_raw() + 1]);
        let why = stranger(&links::follow(&open.join("link")), &nobody).expect("it is somebody else's");
        assert!(why.contains("belongs to user"), "{why}");
    }

    #[test]
    fn a_circle_of_links_ends() {
        let place = Place::new("circle");
        symlink("b", place.0.join("a")).expect("a link");
        symlink("a", place.0.join("b")).expect("a link");
        assert_eq!(links::follow(&place.0.join("a")).links.len(), 40);
    }
}
