//! Which files of TLS have changed since they were read.
//!
//! Owns: what a file looked like, and when a change is old enough to be whole.
//! Never: reads what is in a file, or follows a change before two looks have seen the same.

use postrider_config::Config;
use postrider_config::model::Tls;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Between two looks. A change holds after one or two of them.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// The files of every listener that is watched, by the listener's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Watch(BTreeMap<String, Watched>);

/// The files of one listener.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Watched {
    paths: Vec<PathBuf>,
    /// When they were read, or when reading them was tried.
    read: Vec<Mark>,
    /// At the last look.
    seen: Vec<Mark>,
}

/// What a file looks like at the end of all links: another file, or the same one written again, looks otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Mark {
    There { file: (u64, u64), bytes: u64, written: (i64, i64), changed: (i64, i64) },
    Absent(std::io::ErrorKind),
}

impl Watch {
    /// As the files are now; they are read after this.
    pub(super) fn new(config: &Config) -> Self {
        let watched = |tls: &Tls| {
            let paths = paths(tls);
            let read = marks(&paths);
            Watched { paths, seen: read.clone(), read }
        };
        let listeners = config.listeners.iter();
        let secured = listeners.filter_map(|listener| Some((listener, listener.tls.as_ref()?)));
        Self(
            secured
                .filter(|(_, tls)| tls.watches)
                .map(|(listener, tls)| (listener.name.clone(), watched(tls)))
                .collect(),
        )
    }

    pub(super) fn is_idle(&self) -> bool {
        self.0.is_empty()
    }

    /// Looks once. The listeners whose files are others than those that were read, and have not changed since the
    /// look before; they count as read from now on.
    pub(super) fn look(&mut self) -> Vec<String> {
        let mut due = Vec::new();
        for (name, watched) in &mut self.0 {
            let now = marks(&watched.paths);
            let is_settled = now == watched.seen;
            watched.seen = now;
            if is_settled && watched.seen != watched.read {
                watched.read.clone_from(&watched.seen);
                due.push(name.clone());
            }
        }
        due
    }
}

/// Every file that a listener's TLS is made of.
pub(super) fn paths(tls: &Tls) -> Vec<PathBuf> {
    let named = [&tls.certificate, &tls.key].into_iter().filter(|path| !path.as_os_str().is_empty());
    let passphrase = tls.key_passphrase.as_ref().and_then(|secret| secret.file(&|name| std::env::var(name).ok()));
    named
        .chain(&tls.client_ca_file)
        .chain(&tls.client_ca_directory)
        .chain(&tls.crl)
        .chain(&passphrase)
        .cloned()
        .collect()
}

fn marks(paths: &[PathBuf]) -> Vec<Mark> {
    let mut marks = Vec::new();
    for path in paths {
        marks.push(Mark::of(path));
        if path.is_dir() {
            let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
            let mut inside: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
            inside.sort();
            marks.extend(inside.iter().map(|path| Mark::of(path)));
        }
    }
    marks
}

impl Mark {
    fn of(path: &Path) -> Self {
        match std::fs::metadata(path) {
            Ok(found) => Self::There {
                file: (found.dev(), found.ino()),
                bytes: found.len(),
                written: (found.mtime(), found.mtime_nsec()),
                changed: (found.ctime(), found.ctime_nsec()),
            },
            Err(error) => Self::Absent(error.kind()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_config::native::{self, Beside};
    use std::os::unix::fs::symlink;

    /// A directory of its own, gone with the test.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("postrider-watch-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
            std::fs::create_dir_all(&path).expect("a temporary directory");
            Self(path)
        }

        fn write(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.join(name);
            std::fs::create_dir_all(path.parent().expect("it is below the place")).expect("made");
            std::fs::write(&path, text).expect("written");
            path
        }

        /// What watches `certificate` and `key` of one listener.
        fn watch(&self, certificate: &Path, rest: &str) -> Watch {
            let key = self.write("key.pem", "key");
            let text = format!(
                "[[listener]]\nname = \"tls\"\nbind = \"127.0.0.1:0\"\n[listener.tls]\ncertificate = {certificate:?}\n\
                 key = {key:?}\n{rest}"
            );
            Watch::new(&native::read("test", &text, Beside::default()).expect("a configuration"))
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    /// It is told at the second look after the change, and once.
    fn is_told_once(watch: &mut Watch) {
        assert!(watch.look().is_empty(), "it may be half of it");
        assert_eq!(watch.look(), ["tls"]);
        assert!(watch.look().is_empty() && watch.look().is_empty(), "it was told already");
    }

    #[test]
    fn a_file_that_is_written_again_is_told_once_it_has_settled() {
        let place = Place::new("written");
        let certificate = place.write("cert.pem", "first");
        let mut watch = place.watch(&certificate, "");
        assert!(watch.look().is_empty() && watch.look().is_empty(), "nothing has changed");
        place.write("cert.pem", "second, half of it");
        assert!(watch.look().is_empty());
        place.write("cert.pem", "second, all of it");
        is_told_once(&mut watch);
        std::fs::remove_file(&certificate).expect("it is there");
        is_told_once(&mut watch);
    }

    #[test]
    fn another_target_of_a_link_is_told_as_certbot_and_kubernetes_make_it() {
        let place = Place::new("linked");
        place.write("archive/cert1.pem", "same bytes");
        place.write("archive/cert2.pem", "same bytes");
        let live = place.0.join("live.pem");
        symlink("archive/cert1.pem", &live).expect("a link");
        let mut watch = place.watch(&live, "");
        std::fs::remove_file(&live).expect("it is there");
        symlink("archive/cert2.pem", &live).expect("a link");
        is_told_once(&mut watch);
        // A volume of secrets: file -> ..data/file, ..data -> a directory with a date, replaced by a rename.
        place.write("..2026_1/tls.crt", "one");
        place.write("..2026_2/tls.crt", "two");
        symlink("..2026_1", place.0.join("..data")).expect("a link");
        symlink("..data/tls.crt", place.0.join("tls.crt")).expect("a link");
        let mut watch = place.watch(&place.0.join("tls.crt"), "");
        symlink("..2026_2", place.0.join("..data_tmp")).expect("a link");
        std::fs::rename(place.0.join("..data_tmp"), place.0.join("..data")).expect("renamed");
        is_told_once(&mut watch);
    }

    #[test]
    fn a_renamed_directory_is_told() {
        let place = Place::new("renamed");
        let certificate = place.write("now/cert.pem", "first");
        place.write("next/cert.pem", "other");
        let mut watch = place.watch(&certificate, "");
        std::fs::rename(place.0.join("now"), place.0.join("before")).expect("renamed");
        std::fs::rename(place.0.join("next"), place.0.join("now")).expect("renamed");
        is_told_once(&mut watch);
    }

    #[test]
    fn authorities_in_a_directory_and_lists_of_revoked_certificates_are_watched() {
        let place = Place::new("authorities");
        let certificate = place.write("cert.pem", "first");
        place.write("ca/one.pem", "one");
        let list = place.write("crl.pem", "list");
        let rest = format!("client_ca_directory = {:?}\ncrl = {list:?}\n", place.0.join("ca"));
        let mut watch = place.watch(&certificate, &rest);
        place.write("ca/one.pem", "another");
        is_told_once(&mut watch);
        place.write("ca/two.pem", "two");
        is_told_once(&mut watch);
        place.write("crl.pem", "a longer list");
        is_told_once(&mut watch);
    }

    #[test]
    fn nothing_is_watched_where_that_is_switched_off() {
        let place = Place::new("off");
        let certificate = place.write("cert.pem", "first");
        assert!(place.watch(&certificate, "watch = false\n").is_idle());
        assert!(!place.watch(&certificate, "").is_idle());
    }
}
