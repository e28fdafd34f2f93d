//! What the owner of a log decides.

use crate::frame::StoreId;

/// Settings of a log; [`Options::new`] gives the usual ones.
#[derive(Clone, Debug)]
pub struct Options {
    /// What to do where there is no store yet.
    pub creation: Creation,
    /// What to do with damage.
    pub damage: OnDamage,
    /// The size of a segment; half of it at least is left for records. 64 MiB: a segment costs two syncs of a
    /// directory and an index, and is what disappears at once.
    pub segment_bytes: u64,
    /// The reserve that only essential records may use when the device is full. 64 MiB; 0 is none.
    pub reserve_bytes: u64,
    /// The most bytes of a group. 1 MiB: some milliseconds of a slow device.
    pub group_bytes_max: u64,
    /// The most records of a group.
    pub group_records_max: usize,
    /// The largest record, with some bytes of its own. 272 MiB: the largest packet of MQTT and its description.
    pub record_bytes_max: u32,
    /// The memory for indexes of old segments. 32 MiB: some eight million records.
    pub index_bytes_max: u64,
    /// Kinds of records that may go only when no older segment remains: those that say something about older ones.
    pub keep_while_older: Kinds,
}

impl Options {
    /// The usual settings.
    #[must_use]
    pub const fn new(creation: Creation) -> Self {
        Self {
            creation,
            damage: OnDamage::Refuse,
            segment_bytes: 64 * MIB,
            reserve_bytes: 64 * MIB,
            group_bytes_max: MIB,
            group_records_max: 4096,
            record_bytes_max: 272 * 1024 * 1024,
            index_bytes_max: 32 * MIB,
            keep_while_older: Kinds::none(),
        }
    }

    /// A group never takes more than a quarter of a segment, whatever was asked for.
    pub(crate) fn group_limit(&self) -> u64 {
        self.group_bytes_max.min(self.segment_bytes / 4)
    }
}

/// What to do where there is no store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creation {
    /// Make one, with this id, which the caller took by chance.
    Allowed(StoreId),
    /// Refuse: data was here before, so this is the wrong directory.
    Refused,
}

/// What to do when a segment is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDamage {
    /// Open nothing and say what is wrong.
    Refuse,
    /// Put the damaged segments aside, under another name, and open the rest.
    AcceptLoss,
}

/// A set of kinds of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds([u64; 4]);

impl Kinds {
    /// No kind.
    #[must_use]
    pub const fn none() -> Self {
        Self([0; 4])
    }

    /// These kinds and one more.
    #[must_use]
    pub const fn with(mut self, kind: u8) -> Self {
        self.0[kind as usize / 64] |= 1 << (kind % 64);
        self
    }

    /// Whether a kind is one of them.
    #[must_use]
    pub const fn contains(&self, kind: u8) -> bool {
        self.0[kind as usize / 64] >> (kind % 64) & 1 == 1
    }
}

const MIB: u64 = 1024 * 1024;
