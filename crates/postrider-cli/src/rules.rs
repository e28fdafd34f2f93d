//! The rules that `postrider serve` keeps: reading them, and reading them again.

use crate::acl::count;
use crate::args::Serve;
use crate::serve::say;
use anyhow::anyhow;
use postrider::Broker;
use postrider_auth::acl::{Acl, Rules};
use std::path::PathBuf;

/// The rules and where they come from.
#[derive(Clone, Debug)]
pub(crate) struct Keeper {
    pub(crate) acl: Acl,
    file: PathBuf,
    is_quiet: bool,
}

impl Keeper {
    /// Nothing if nobody asked for rules.
    pub(crate) fn open(args: &Serve) -> anyhow::Result<Option<Self>> {
        let Some(file) = &args.acl_file else { return Ok(None) };
        let rules = Rules::read(file).map_err(|error| anyhow!("{error}; `postrider acl check` reads it too"))?;
        Ok(Some(Self { acl: Acl::new(rules), file: file.clone(), is_quiet: args.quiet }))
    }

    /// One line for people.
    pub(crate) fn describe(&self) -> String {
        format!("rules: {} of {}; SIGHUP reads them again", count(&self.acl.rules()), self.file.display())
    }

    /// Reads the file again. With a fault in it the rules stay as they are, and so does everything else.
    pub(crate) async fn reload(&self, broker: &Broker) {
        let rules = match self.acl.reload(&self.file) {
            Ok(rules) => rules,
            Err(error) => return crate::print_error(&anyhow!("{error}; the rules stay as they were")),
        };
        // A broker that has stopped has nothing to look at.
        let sessions = broker.review().await.unwrap_or(0);
        if !self.is_quiet {
            let (count, version) = (count(&rules), self.acl.version());
            say(&format!(
                "rules: {count} of {}, version {version}; sessions looked at: {sessions}",
                self.file.display()
            ));
        }
    }
}
