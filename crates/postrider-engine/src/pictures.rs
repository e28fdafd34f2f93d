//! The records that stand for something that keeps changing: the flows of a session, what a group is owed.
//!
//! Owns: the newest picture, and what was recorded since. A newer picture makes all of that superfluous.

use crate::log::Log;
use crate::{Effect, Tray};
use postrider_session::Sequence;

/// A picture and the steps behind it.
#[derive(Debug, Default)]
pub(crate) struct Pictures {
    /// The newest one, if there is one.
    pub(crate) newest: Sequence,
    /// Records since then that are about nothing else.
    pub(crate) steps: Vec<Sequence>,
    /// Records since then that others need as well: messages, and steps from a group to a session.
    pub(crate) pinned: Vec<Sequence>,
}

impl Pictures {
    /// There is a newer one.
    pub(crate) fn renew(&mut self, picture: Sequence, log: &mut Log, tray: &mut Tray) {
        let old = core::mem::replace(self, Self { newest: picture, ..Self::default() });
        old.end(log, tray);
    }

    /// What they were about is over.
    pub(crate) fn end(self, log: &mut Log, tray: &mut Tray) {
        for record in self.records() {
            tray.push(Effect::Release(record));
        }
        for pinned in self.pinned {
            log.let_go(pinned, tray);
        }
    }

    /// The picture and its steps.
    pub(crate) fn records(&self) -> impl Iterator<Item = Sequence> {
        self.steps.iter().copied().chain(Some(self.newest).filter(|newest| newest.is_some()))
    }
}
