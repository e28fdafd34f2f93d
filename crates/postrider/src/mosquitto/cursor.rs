//! Numbers and texts of a chunk, one behind the other.
//!
//! Never: reads beyond the chunk, or trusts a length in it.

/// What a chunk says that cannot be.
pub(super) type Wrong = &'static str;

/// The rest of a chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Wrong> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or("it ends in the middle of a value")?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Wrong> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N)?);
        Ok(array)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Wrong> {
        self.array::<1>().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Wrong> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Wrong> {
        self.array().map(u32::from_be_bytes)
    }

    /// Numbers of 64 bits have the order of the machine that wrote them; all that have run mosquitto for long are little
    /// endian.
    pub(super) fn native_u64(&mut self) -> Result<u64, Wrong> {
        self.array().map(u64::from_le_bytes)
    }

    /// Seconds since 1970; nothing where it is 0.
    pub(super) fn seconds(&mut self) -> Result<Option<u64>, Wrong> {
        match self.native_u64()? {
            0 => Ok(None),
            seconds if seconds <= SECONDS_MAX => Ok(Some(seconds)),
            _ => Err("a time that is none"),
        }
    }

    pub(super) fn text(&mut self, bytes: u16) -> Result<&'a str, Wrong> {
        std::str::from_utf8(self.bytes(usize::from(bytes))?).map_err(|_| "a text that is not UTF-8")
    }

    /// A text behind its length.
    pub(super) fn counted_text(&mut self) -> Result<&'a str, Wrong> {
        let bytes = self.u16()?;
        self.text(bytes)
    }

    pub(super) const fn end(self) -> Result<(), Wrong> {
        if self.0.is_empty() { Ok(()) } else { Err("its length is not that of what it holds") }
    }
}

/// Some 35,000 years.
const SECONDS_MAX: u64 = 1 << 40;
