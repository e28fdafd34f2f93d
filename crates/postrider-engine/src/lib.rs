//! The broker as a deterministic function: inputs in, effects out; one instance a partition.
//!
//! Owns: sessions, subscriptions, retained messages, wills, and every decision about them.
//! Never: reads a clock, touches a socket or a file, draws entropy, locks, logs.
//!
//! Begin with [`Input`], everything that can happen, and [`Effect`], everything it can ask of the world.

mod accept;
mod acks;
mod adopt;
mod aliases;
mod asked;
mod authorized;
mod authors;
mod bans;
mod connect;
pub mod contents;
mod control;
mod deliver;
mod durable_state;
mod effect;
mod end;
mod engine;
mod entropy;
mod fanout;
mod fetch;
mod frames;
mod groups;
mod input;
mod invariants;
mod judge;
mod leave;
mod ledger;
mod limits;
mod links;
mod load;
mod log;
mod mount;
mod outgoing;
mod pictures;
mod pressure;
mod promise;
mod publish;
mod pump;
mod rates;
mod recording;
mod records;
mod recovery;
mod renewal;
mod replay;
mod retain;
mod review;
mod sessions;
mod share;
mod sparkplug;
mod stored;
mod stored_groups;
mod subscribe;
mod sys;
mod tell;
mod timers;
mod verdicts;
mod will;

pub use bans::BanRule;
pub use durable_state::{durable_state, is_settled};
pub use effect::{Body, Effect, Importance, Judge, Lane, Tray, Urgency};
pub use engine::Engine;
pub use input::{Input, LinkId, LoadedRecord, Passed, Progress, Verdict};
pub use invariants::check_all;
pub use ledger::Ledger;
pub use limits::{Durability, Limits, ListenerLimits, PayloadFormat, Seeds, ShareStrategy, Who};
pub use pressure::Pressure;
pub use rates::{Rate, Rates};
pub use records::{KINDS_KEPT, RecordError, describe_record};
pub use recovery::{Concerned, LostRecord, Nameless, Owed, Recovery};
