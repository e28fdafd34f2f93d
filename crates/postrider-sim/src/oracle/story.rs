//! One way in which a run that ended in a crash may have gone.
//!
//! Owns: the difference between what clients saw until the crash and what the log kept of it.
//! Never: take anything into what was kept that came after the first thing that was lost, but what clients have
//! received. Records are lost from one on, so what came after that had no record that is found, and a message that it
//! released is found as well.

use super::Oracle;
use super::chronicle::Item;
use postrider_testkit::Witnessed;

#[derive(Clone, Debug)]
pub(super) struct Story {
    /// The broker that crashed, without the inputs whose records are lost.
    lived: Oracle,
    /// What its log has of it, once something is lost.
    kept: Option<Oracle>,
}

impl Story {
    pub(super) const fn new(oracle: Oracle) -> Self {
        Self { lived: oracle, kept: None }
    }

    pub(super) const fn lived(&self) -> &Oracle {
        &self.lived
    }

    /// What the log may have of an input, some of whose records are found.
    pub(super) fn halves(&self, now_ms: u64, events: &[Witnessed]) -> Vec<Self> {
        let mut oracle = self.lived.clone();
        oracle.now_ms = now_ms;
        oracle.halves(0, events).into_iter().map(Self::new).collect()
    }

    /// Something is lost, and with it whatever follows from it.
    pub(super) fn lose(&mut self) {
        self.lived.has_lost = true;
        self.kept.get_or_insert_with(|| self.lived.clone());
    }

    pub(super) fn tell(&mut self, now_ms: u64, item: &Item) -> Result<(), String> {
        if let (Some(kept), Item::Received(..)) = (&mut self.kept, item) {
            // It may be something that the log knows nothing of. Whether it was owed is asked of the other.
            let _ = item.tell(now_ms, kept);
        }
        item.tell(now_ms, &mut self.lived)
    }

    /// What the next broker begins with.
    pub(super) fn kept(self) -> Oracle {
        self.kept.unwrap_or(self.lived)
    }
}
