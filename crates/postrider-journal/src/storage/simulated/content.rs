//! The bytes of a file, of which only those that were written take memory: a segment is 64 MiB of zeros at first.
//!
//! Owns: blocks, which copies share until one of them changes.

use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    length: u64,
    /// By their number; what is not there is zero, and so is what a block has behind the length.
    blocks: BTreeMap<u64, Arc<[u8; BLOCK]>>,
}

impl Content {
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn resize(&mut self, bytes: u64) {
        if bytes < self.length {
            self.blocks.split_off(&bytes.div_ceil(BLOCK as u64));
            let (number, at) = place(bytes);
            if let Some(block) = self.blocks.get_mut(&number) {
                Arc::make_mut(block)[at..].fill(0);
            }
        }
        self.length = bytes;
    }

    pub(super) fn grow(&mut self, bytes: u64) {
        self.length = self.length.max(bytes);
    }

    pub(super) fn read(&self, offset: u64, buffer: &mut [u8]) -> usize {
        let rest = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = rest.min(buffer.len());
        for (number, at, range) in pieces(offset, count) {
            let piece = &mut buffer[range];
            match self.blocks.get(&number) {
                Some(block) => piece.copy_from_slice(&block[at..at + piece.len()]),
                None => piece.fill(0),
            }
        }
        count
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        for (number, at, range) in pieces(offset, bytes.len()) {
            let piece = &bytes[range];
            let block = self.blocks.entry(number).or_insert_with(|| Arc::new([0; BLOCK]));
            Arc::make_mut(block)[at..at + piece.len()].copy_from_slice(piece);
        }
        if !bytes.is_empty() {
            self.grow(offset + bytes.len() as u64);
        }
    }

    pub(super) fn flip(&mut self, offset: u64, bits: u8) -> bool {
        let mut byte = [0];
        let is_there = self.read(offset, &mut byte) == 1;
        if is_there {
            self.write(offset, &[byte[0] ^ bits]);
        }
        is_there
    }
}

/// The number of a block and a place in it.
fn place(offset: u64) -> (u64, usize) {
    let at = usize::try_from(offset % BLOCK as u64).expect("less than a block");
    (offset / BLOCK as u64, at)
}

/// For each block that a range touches: its number, where in it the range begins, and which part of the range it has.
fn pieces(offset: u64, count: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let (number, at) = place(offset + done as u64);
        let start = done;
        done = count.min(start + BLOCK - at);
        (start < count).then_some((number, at, start..done))
    })
}

const BLOCK: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    /// The same as in one piece, whatever is done.
    #[test]
    fn what_is_cut_off_is_zero_when_the_file_grows_again() {
        let mut content = Content::default();
        content.write(4000, &[7; 5000]);
        assert_eq!((content.length(), content.blocks.len()), (9000, 3));
        content.resize(5000);
        content.grow(100 << 20);
        assert_eq!((content.length(), content.blocks.len()), (100 << 20, 2));
        let mut read = [1; 5000];
        assert_eq!(content.read(3999, &mut read), 5000);
        let expected = |at: usize| u8::from((1..1001).contains(&at)) * 7;
        assert!(read.iter().enumerate().all(|(at, byte)| *byte == expected(at)));
        assert_eq!(content.read((100 << 20) - 3, &mut read), 3);
    }

    #[test]
    fn a_copy_keeps_what_the_other_changes() {
        let mut content = Content::default();
        content.write(10, b"first");
        let copy = content.clone();
        content.write(10, b"other");
        assert!(content.flip(10, 1) && !content.flip(15, 1));
        let mut read = [0; 5];
        copy.read(10, &mut read);
        assert_eq!(&read, b"first");
    }
}
