//! An embedded durable log.
//!
//! Owns: the files of one directory: group commit, segments, compaction, recovery.
//! Never: knows what a record means, or asks a device again for what it refused once.

mod catalog;
mod check;
mod coding;
mod copy;
mod error;
mod frame;
mod group;
mod identity;
mod index;
mod log;
mod names;
mod options;
mod record;
mod recovered;
mod remains;
mod roster;
mod salvage;
mod scan;
mod sequence;
mod shared;
mod storage;
mod survey;
mod view;
mod window;
mod writer;

pub use check::{Report, SegmentReport, check, check_records};
pub use copy::copy_live;
pub use error::{AppendError, Damage, DamageKind, Fault, OpenError, Operation, ReadError};
pub use frame::StoreId;
pub use log::{Compaction, Importance, Log, Room, Usage};
pub use options::{Creation, Kinds, OnDamage, Options};
pub use recovered::{Aside, Recovered};
pub use salvage::{Salvaged, restore, salvage};
pub use sequence::Sequence;
pub use shared::Reader;
pub use storage::{
    Call, Directory, DirectoryFile, DirectoryLock, LockError, Loss, Refusal, RefusedCall, SimulatedDisk, SimulatedFile,
    SimulatedLock, Storage, StorageFile,
};
pub use survey::Tail;
pub use view::View;
pub use writer::{Appended, Durability, Handle, NewRecord, Refused, Standing, Urgency, Waker, Writer, WriterOptions};
