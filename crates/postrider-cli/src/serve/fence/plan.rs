//! Which files and directories the server needs once it runs.
//!
//! Owns: the way from a configuration to places, wide enough for files beside the old ones, for logs that are rotated and
//! for certificates behind links.
//! Never: opens anything, or allows the root directory as a whole.

use crate::data;
use crate::serve::links::{self, Trail};
use crate::serve::{secrecy, watch};
use postrider_config::Config;
use postrider_config::model::{Bind, LogDestination};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// Places, all of them without links.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// What may be read, with all that is below it.
    pub(super) read: BTreeSet<PathBuf>,
    /// Where files may be made, written and removed as well.
    pub(super) write: BTreeSet<PathBuf>,
}

impl Plan {
    /// What `config`, read from `file`, needs.
    pub(crate) fn of(config: &Config, file: Option<&Path>) -> Self {
        let mut plan = Self::default();
        let old = config.data.take_over.as_ref();
        reads(config, file).iter().chain(&secrecy::files(config)).chain(old).for_each(|path| plan.may_read(path));
        for tls in config.bridges.iter().filter_map(|bridge| bridge.tls.as_ref()) {
            let files = tls.ca_file.iter().chain(&tls.ca_directory).chain(&tls.certificate);
            files.for_each(|path| plan.may_read(path));
        }
        let once = config.process.pid_file.iter().chain(&config.sys.dynamic_security);
        writes(config).iter().chain(once).for_each(|path| plan.may_write_beside(path));
        if let Ok(Some(directory)) = data::directory(config) {
            let directory = links::follow(&directory).end;
            if let Some(file) = old {
                // What is made of it gets its name beside it when it is complete.
                let is_new = !directory.read_dir().is_ok_and(|mut entries| entries.next().is_some());
                let is_made = file.is_file() && is_new;
                plan.write.extend(directory.parent().filter(|above| is_made && is_narrow(above)).map(Path::to_owned));
            }
            plan.write.insert(directory);
        }
        plan
    }

    /// The first file that a configuration names for its next reading and that this plan does not have.
    pub(crate) fn outside(&self, config: &Config, file: Option<&Path>) -> Option<PathBuf> {
        let stranger = reads(config, file).into_iter().find(|path| !self.may_be_read(path));
        stranger.or_else(|| writes(config).into_iter().find(|path| !self.may_be_written(path)))
    }

    /// Whether what is at the end of a path may be read.
    pub(crate) fn may_be_read(&self, path: &Path) -> bool {
        let end = links::follow(path).end;
        is_below(&self.read, &end) || is_below(&self.write, &end)
    }

    fn may_be_written(&self, path: &Path) -> bool {
        is_below(&self.write, &links::follow(path).end)
    }

    /// A file, those beside it, and those that its links may point to one day.
    fn may_read(&mut self, path: &Path) {
        let trail = links::follow(path);
        self.read.extend(around(&trail));
        self.read.insert(trail.end);
    }

    fn may_write_beside(&mut self, path: &Path) {
        let end = links::follow(path).end;
        let is_plain = !end.exists() || end.is_file() || end.is_dir() || is_socket(&end);
        match end.parent().filter(|parent| is_plain && is_narrow(parent)) {
            Some(parent) => self.write.insert(parent.to_owned()),
            // A device or a pipe, or the root directory: this one file and nothing beside it.
            None => self.write.insert(end),
        };
    }
}

fn is_below(places: &BTreeSet<PathBuf>, path: &Path) -> bool {
    path.ancestors().any(|above| places.contains(above))
}

fn is_socket(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

/// The directory of the file, and for each link on the way the directory it lies in and the one it points into: that is
/// where another link is laid, and where its target will be. Links near the root are of the system and stay.
fn around(trail: &Trail) -> Vec<PathBuf> {
    let mut directories: Vec<PathBuf> = trail.end.parent().map(Path::to_owned).into_iter().collect();
    for (link, target) in &trail.links {
        let near = [link.parent(), target.parent()].into_iter().flatten().map(|path| links::follow(path).end);
        directories.extend(near.filter(|path| depth(path) > 1));
    }
    directories.retain(|path| is_narrow(path));
    directories
}

fn depth(path: &Path) -> usize {
    path.components().filter(|part| matches!(part, Component::Normal(_))).count()
}

fn is_narrow(directory: &Path) -> bool {
    depth(directory) > 0
}

/// Everything that is read when the configuration is.
fn reads(config: &Config, file: Option<&Path>) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = file.map(Path::to_owned).into_iter().collect();
    paths.extend(config.origins.files().map(PathBuf::from));
    for listener in &config.listeners {
        let security = &listener.security;
        let files = [&security.password_file, &security.user_store, &security.acl_file, &security.psk_file];
        paths.extend(files.into_iter().flatten().cloned());
        paths.extend(listener.tls.iter().flat_map(watch::paths));
        paths.extend(listener.websocket.http_directory.clone());
    }
    paths.retain(|path| !path.as_os_str().is_empty());
    paths
}

/// What is written by whatever a reading can change.
fn writes(config: &Config) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for listener in &config.listeners {
        if let Bind::Unix { path, .. } = &listener.bind {
            paths.push(path.clone());
        }
        paths.extend(listener.tls.iter().filter_map(|tls| tls.key_log.clone()));
    }
    paths.extend(config.listeners.iter().filter_map(|listener| listener.security.user_store.clone()));
    for destination in &config.log.destinations {
        if let LogDestination::File(path) = destination {
            paths.push(path.clone());
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_config::native::{self, Beside};
    use std::os::unix::fs::symlink;

    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("postrider-fence-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
            std::fs::create_dir_all(&path).expect("a temporary directory");
            Self(std::fs::canonicalize(path).expect("it is there"))
        }

        fn file(&self, name: &str) -> PathBuf {
            let path = self.0.join(name);
            std::fs::create_dir_all(path.parent().expect("it is below the place")).expect("made");
            std::fs::write(&path, "x").expect("written");
            path
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn config(text: &str) -> Config {
        native::read("test.toml", text, Beside::default()).expect("a configuration")
    }

    fn with_certificate(path: &Path) -> Config {
        config(&format!(
            "data.directory = \"memory\"\n[[listener]]\nname = \"tls\"\nbind = \"127.0.0.1:0\"\n[listener.tls]\n\
             certificate = {path:?}\nkey = {path:?}\n"
        ))
    }

    #[test]
    fn a_renewed_certificate_behind_links_is_within_the_plan() {
        let place = Place::new("links");
        // certbot
        place.file("letsencrypt/archive/host/cert1.pem");
        std::fs::create_dir_all(place.0.join("letsencrypt/live/host")).expect("made");
        let live = place.0.join("letsencrypt/live/host/cert.pem");
        symlink("../../archive/host/cert1.pem", &live).expect("a link");
        let plan = Plan::of(&with_certificate(&live), None);
        let next = place.file("letsencrypt/archive/host/cert2.pem");
        std::fs::remove_file(&live).expect("there");
        symlink("../../archive/host/cert2.pem", &live).expect("a link");
        assert!(plan.may_be_read(&next) && plan.may_be_read(&live));
        assert!(!plan.may_be_read(&place.file("letsencrypt/accounts/key")));
        assert!(!plan.may_be_read(&place.file("letsencrypt/archive/another/cert1.pem")));
        // a directory that is a link to a release
        place.file("certs/releases/1/cert.pem");
        symlink("releases/1", place.0.join("certs/current")).expect("a link");
        let plan = Plan::of(&with_certificate(&place.0.join("certs/current/cert.pem")), None);
        assert!(plan.may_be_read(&place.file("certs/releases/2/cert.pem")));
        assert!(!plan.may_be_read(&place.file("other/cert.pem")));
    }

    #[test]
    fn files_beside_the_old_ones_are_within_the_plan_and_the_root_directory_never_is() {
        let place = Place::new("beside");
        let plan = Plan::of(&with_certificate(&place.file("a/cert.pem")), Some(&place.file("conf/postrider.toml")));
        assert!(
            plan.may_be_read(&place.0.join("a/later.pem")) && plan.may_be_read(&place.0.join("conf/conf.d/x.conf"))
        );
        assert!(!plan.may_be_read(Path::new("/etc/shadow")) && !plan.may_be_read(&place.0.join("b/x")));
        let plan = Plan::of(&with_certificate(Path::new("/cert-that-nobody-has.pem")), None);
        assert!(plan.may_be_read(Path::new("/cert-that-nobody-has.pem")), "{plan:?}");
        assert!(!plan.read.contains(Path::new("/")) && !plan.may_be_read(Path::new("/etc/shadow")), "{plan:?}");
    }

    #[test]
    fn what_is_written_is_a_directory_so_that_logs_are_rotated_and_a_device_is_itself() {
        let place = Place::new("write");
        let log = place.file("log/postrider.log");
        let data = place.0.join("data");
        let text = format!(
            "data.directory = {data:?}\nlog.destinations = [\"file:{}\", \"file:/dev/null\"]\nprocess.pid_file = \"{}/run/pid\"\n",
            log.display(),
            place.0.display()
        );
        let plan = Plan::of(&config(&text), None);
        let wanted = [place.0.join("data"), place.0.join("log"), place.0.join("run"), PathBuf::from("/dev/null")];
        assert_eq!(plan.write, BTreeSet::from(wanted));
    }

    #[test]
    fn a_user_store_can_be_written_anew_and_a_file_of_passwords_cannot() {
        let place = Place::new("store");
        let (store, users) = (place.0.join("store/people"), place.file("conf/users"));
        let text = format!(
            "data.directory = \"memory\"\nauth.user_store = {store:?}\n[[listener]]\nname = \"one\"\n\
             bind = \"127.0.0.1:0\"\n[[listener]]\nname = \"two\"\nbind = \"127.0.0.1:1\"\nauth.password_file = {users:?}\n"
        );
        let plan = Plan::of(&config(&text), None);
        assert!(plan.may_be_written(&store) && plan.may_be_read(&store), "{plan:?}");
        assert!(plan.may_be_read(&users) && !plan.may_be_written(&users), "{plan:?}");
    }

    #[test]
    fn a_file_outside_is_found_before_it_is_read() {
        let place = Place::new("outside");
        let before = with_certificate(&place.file("a/cert.pem"));
        let plan = Plan::of(&before, None);
        assert_eq!(plan.outside(&before, None), None);
        let stranger = place.file("b/cert.pem");
        assert_eq!(plan.outside(&with_certificate(&stranger), None), Some(stranger));
        let log = place.0.join("log");
        let text = format!("data.directory = \"memory\"\nlog.destinations = [\"file:{}/x\"]\n", log.display());
        assert_eq!(plan.outside(&config(&text), None), Some(log.join("x")));
    }
}
