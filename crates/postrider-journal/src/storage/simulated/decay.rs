//! Bytes that change by themselves.
//!
//! Owns: where they are, so that they can be undone.

use super::SimulatedDisk;

impl SimulatedDisk {
    /// Flips bits of one byte, as decay does: at once, and beyond all syncs. False if there is no such byte.
    pub fn flip(&self, name: &str, offset: u64, bits: u8) -> bool {
        let mut state = self.state();
        let Some(inode) = state.names.find(name) else { return false };
        state.inodes.get_mut(&inode).is_some_and(|inode| inode.flip(offset, bits))
    }

    /// The same, remembered until something else is written there or [`heal`](Self::heal) undoes it. False where there
    /// is no such byte, or it is not synced.
    pub fn decay(&self, name: &str, offset: u64, bits: u8) -> bool {
        let mut state = self.state();
        let Some(inode) = state.names.find(name) else { return false };
        state.inodes.get_mut(&inode).is_some_and(|inode| inode.decay(offset, bits))
    }

    /// The bytes that have decayed: file and place.
    #[must_use]
    pub fn decayed(&self) -> Vec<(String, u64)> {
        let state = self.state();
        let of = |name: String| {
            let inode = state.names.find(&name).and_then(|inode| state.inodes.get(&inode));
            let places: Vec<u64> = inode.map(|inode| inode.decayed().collect()).unwrap_or_default();
            places.into_iter().map(move |offset| (name.clone(), offset))
        };
        state.names.list().into_iter().flat_map(of).collect()
    }

    /// Undoes all decay.
    pub fn heal(&self) {
        self.state().inodes.values_mut().for_each(super::Inode::heal);
    }
}
