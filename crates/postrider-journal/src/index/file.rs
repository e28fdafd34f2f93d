//! The file of an index, so that an old segment need not be read to find a record in it.
//!
//! Owns: its bytes and their checksum. It is never needed: what is missing or wrong is made again from the segment.

use super::{At, Index, decode};
use crate::coding::{Cursor, put_varint};
use crate::frame::FrameKey;

impl Index {
    pub(crate) fn encode(&self, key: FrameKey, end: u64) -> Vec<u8> {
        let mut bytes = head(key, end).to_vec();
        put_varint(&mut bytes, self.runs.len() as u64);
        for run in &self.runs {
            put_varint(&mut bytes, run.coded.len() as u64);
            bytes.extend_from_slice(&run.coded);
        }
        let checksum = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Nothing if these bytes are not the index of this segment, ending there.
    pub(crate) fn decode(bytes: &[u8], key: FrameKey, end: u64) -> Option<Self> {
        let (content, checksum) = bytes.split_last_chunk::<4>()?;
        if crc32c::crc32c(content) != u32::from_le_bytes(*checksum) {
            return None;
        }
        let mut cursor = Cursor::new(content);
        if cursor.array::<HEAD_SIZE>()? != head(key, end) {
            return None;
        }
        let mut index = Self::default();
        for _ in 0..cursor.varint()? {
            let length = usize::try_from(cursor.varint()?).ok()?;
            index.decode_run(cursor.take(length)?, end)?;
        }
        (cursor.remaining() == 0).then_some(index)
    }

    fn decode_run(&mut self, coded: &[u8], end: u64) -> Option<()> {
        let mut cursor = Cursor::new(coded);
        let mut at = At::default();
        self.runs.push(super::Run::default());
        let run = self.runs.last_mut()?;
        while cursor.remaining() > 0 {
            let before = at;
            let (entry, next) = decode(&mut cursor, &at)?;
            let is_ascending = entry.sequence > before.sequence && next.offset <= end;
            if !is_ascending {
                return None;
            }
            at = next;
            run.push(entry);
        }
        Some(())
    }
}

fn head(key: FrameKey, end: u64) -> [u8; HEAD_SIZE] {
    let mut head = [0; HEAD_SIZE];
    head[..8].copy_from_slice(MAGIC);
    head[8..12].copy_from_slice(&key.number().to_le_bytes());
    head[12..].copy_from_slice(&end.to_le_bytes());
    head
}

const MAGIC: &[u8; 8] = b"PRJINDX1";
const HEAD_SIZE: usize = 20;

#[cfg(test)]
mod tests {
    use super::super::Entry;
    use super::*;
    use crate::frame::StoreId;
    use crate::sequence::Sequence;

    #[test]
    fn an_index_comes_back_for_its_own_segment_and_length_only() {
        let mut index = Index::default();
        let entry = |sequence| Entry { sequence: Sequence::new(sequence), offset: sequence * 9, length: 9, kind: 1 };
        (5..200).for_each(|sequence| _ = index.add_fresh(entry(sequence)));
        (1..4).for_each(|sequence| _ = index.add_copy(entry(sequence)));
        let key = |segment| FrameKey::new(StoreId([2; 16]), segment);
        let bytes = index.encode(key(1), 1800);
        assert_eq!(Index::decode(&bytes, key(1), 1800), Some(index));
        assert_eq!(Index::decode(&bytes, key(2), 1800), None);
        assert_eq!(Index::decode(&bytes, key(1), 1799), None);
        for end in 0..bytes.len() {
            assert_eq!(Index::decode(&bytes[..end], key(1), 1800), None);
        }
    }
}
