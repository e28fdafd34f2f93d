//! Why a case does not pass.

use crate::wire::heard::Heard;
use postrider_client::Qos;
use std::fmt::Debug;

/// How a case ends early.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The broker did otherwise than it must.
    Failed(Evidence),
    /// The case does not apply to this broker, and why.
    Skipped(String),
    /// The broker is not there any more.
    Lost(Evidence),
}

pub(crate) type Played = Result<(), Fault>;

/// What should have been, and what was.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    pub(crate) expected: String,
    pub(crate) came: String,
    /// The packet that was wrong, if one was.
    pub(crate) bytes: Vec<u8>,
}

impl Fault {
    pub(crate) fn failed(expected: impl Into<String>, came: impl Into<String>) -> Self {
        Self::Failed(Evidence { expected: expected.into(), came: came.into(), bytes: Vec::new() })
    }

    /// A packet that should have been another one.
    pub(crate) fn wrong(expected: impl Into<String>, heard: &Heard) -> Self {
        Self::malformed(expected, heard.describe(), &heard.bytes)
    }

    pub(crate) fn malformed(expected: impl Into<String>, came: impl Into<String>, bytes: &[u8]) -> Self {
        let bytes = bytes[..bytes.len().min(BYTES_SHOWN)].to_vec();
        Self::Failed(Evidence { expected: expected.into(), came: came.into(), bytes })
    }

    pub(crate) fn lost(expected: impl Into<String>, came: impl Into<String>) -> Self {
        Self::Lost(Evidence { expected: expected.into(), came: came.into(), bytes: Vec::new() })
    }
}

/// Nobody reads more of a packet.
const BYTES_SHOWN: usize = 256;

/// Something about a packet that must have one value.
pub(crate) fn check_eq<T: PartialEq + Debug>(what: &str, expected: T, came: T) -> Played {
    if expected == came {
        return Ok(());
    }
    Err(Fault::failed(format!("{what}: {}", shown(&expected)), format!("{what}: {}", shown(&came))))
}

/// The same of a QoS, which people know as a number.
pub(crate) fn check_qos(what: &str, expected: Qos, came: Qos) -> Played {
    check_eq(what, expected.as_u8(), came.as_u8())
}

/// Not longer than a line or two.
fn shown(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    if text.len() <= TEXT_SHOWN { text } else { text.chars().take(TEXT_SHOWN).chain("…".chars()).collect() }
}

const TEXT_SHOWN: usize = 300;
