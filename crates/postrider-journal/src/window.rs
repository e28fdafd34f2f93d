//! Reads a file a large piece at a time and hands out small ones.
//!
//! Owns: one buffer, and what part of the file is in it.
//! Never: takes memory for more than its caller has seen to be in the file.

use crate::storage::{StorageFile, read_full};
use std::io;

#[derive(Debug)]
pub(crate) struct Window {
    bytes: Vec<u8>,
    start: u64,
    size: usize,
    /// Where the file ends for us: nothing behind it is read ahead.
    limit: u64,
}

impl Window {
    pub(crate) const fn new(size: usize, limit: u64) -> Self {
        Self { bytes: Vec::new(), start: 0, size, limit }
    }

    /// These bytes of the file, or what there is of them.
    pub(crate) fn read(&mut self, file: &impl StorageFile, offset: u64, length: usize) -> io::Result<&[u8]> {
        let held = self.range(offset, length).filter(|(start, end)| end - start == length);
        if held.is_none() {
            self.bytes.clear();
            self.bytes.shrink_to(self.size);
            let ahead = usize::try_from(self.limit.saturating_sub(offset)).unwrap_or(usize::MAX).min(self.size);
            self.bytes.resize(length.max(ahead), 0);
            self.start = offset;
            let count = read_full(file, offset, &mut self.bytes)?;
            self.bytes.truncate(count);
        }
        let (start, end) = self.range(offset, length).unwrap_or_default();
        Ok(&self.bytes[start..end])
    }

    /// Where in the buffer these bytes are, as far as they are.
    fn range(&self, offset: u64, length: usize) -> Option<(usize, usize)> {
        let start = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        (start <= self.bytes.len()).then(|| (start, start.saturating_add(length).min(self.bytes.len())))
    }
}
