//! What each payload begins with: when it was due, whose it is, its number.

use std::time::Instant;

/// Bytes of a stamp.
pub(crate) const BYTES: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Nanoseconds since the run began.
    pub(crate) due_ns: u64,
    pub(crate) publisher: u32,
    /// 0, 1, 2 ... of this publisher.
    pub(crate) number: u32,
}

impl Stamp {
    pub(crate) fn write(self, payload: &mut [u8]) {
        let Some(place) = payload.first_chunk_mut::<BYTES>() else { return };
        place[..8].copy_from_slice(&self.due_ns.to_le_bytes());
        place[8..12].copy_from_slice(&self.publisher.to_le_bytes());
        place[12..].copy_from_slice(&self.number.to_le_bytes());
    }

    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let (due, rest) = payload.split_first_chunk::<8>()?;
        let (publisher, rest) = rest.split_first_chunk::<4>()?;
        let (number, _) = rest.split_first_chunk::<4>()?;
        Some(Self {
            due_ns: u64::from_le_bytes(*due),
            publisher: u32::from_le_bytes(*publisher),
            number: u32::from_le_bytes(*number),
        })
    }
}

/// Nanoseconds since `start`.
pub(crate) fn ns_since(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_as_it_was_written() {
        let stamp = Stamp { due_ns: u64::MAX - 1, publisher: 7, number: 99 };
        let mut payload = [0; 20];
        stamp.write(&mut payload);
        assert_eq!(Stamp::read(&payload), Some(stamp));
        assert_eq!(Stamp::read(&payload[..15]), None);
    }
}
