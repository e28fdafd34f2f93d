//! Bytes that wait for a socket.
//!
//! Owns: small packets side by side in one buffer, large payloads by reference between them, and the
//! knowledge of where packets end.
//! Never: copies a large payload unless it has to outlive the buffer it came in.

use bytes::Bytes;
use postrider_engine::Body;
use postrider_proto::Frame;
use std::io::IoSlice;

/// A queue of whole packets that is written with few system calls.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    bytes: Vec<u8>,
    cuts: Vec<Cut>,
    /// Bytes in all, payloads included.
    total: usize,
    /// How many of them are written.
    written: usize,
    /// Everything before this index of `bytes` is written.
    start: usize,
    /// Everything before this index of `cuts` is written.
    next_cut: usize,
}

/// A payload in front of the byte at `at`.
#[derive(Debug)]
struct Cut {
    at: usize,
    body: Body,
}

/// A buffer beyond this capacity is not kept for the next use.
const KEPT_BYTES_MAX: usize = 128 * 1024;

impl Backlog {
    /// Appends whole packets.
    #[inline]
    pub(crate) fn push(&mut self, packets: &[u8]) {
        self.bytes.extend_from_slice(packets);
        self.total += packets.len();
    }

    /// Appends one packet: its head, and its payload by reference.
    pub(crate) fn push_shared(&mut self, head: &[u8], body: Body) {
        self.push(head);
        self.total += body.bytes.len();
        self.cuts.push(Cut { at: self.bytes.len(), body });
    }

    /// Bytes that wait.
    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.total - self.written
    }

    /// Bytes of memory it keeps for the next use.
    pub(crate) fn capacity(&self) -> usize {
        size_of::<Self>() + self.bytes.capacity()
    }

    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is to be written next, in order; as many pieces as there is room for.
    pub(crate) fn slices<'a>(&'a self, pieces: &mut [IoSlice<'a>]) -> usize {
        let (mut at, mut count) = (self.start, 0);
        for cut in &self.cuts[self.next_cut..] {
            if count + 2 > pieces.len() {
                return count;
            }
            if cut.at > at {
                pieces[count] = IoSlice::new(&self.bytes[at..cut.at]);
                count += 1;
                at = cut.at;
            }
            pieces[count] = IoSlice::new(&cut.body.bytes);
            count += 1;
        }
        if at < self.bytes.len() && count < pieces.len() {
            pieces[count] = IoSlice::new(&self.bytes[at..]);
            count += 1;
        }
        count
    }

    /// `count` bytes more are written.
    pub(crate) fn advance(&mut self, mut count: usize) {
        self.written += count;
        loop {
            let until = self.cuts.get(self.next_cut).map_or(self.bytes.len(), |cut| cut.at);
            let inline = (until - self.start).min(count);
            self.start += inline;
            count -= inline;
            if count == 0 {
                return;
            }
            let Some(cut) = self.cuts.get_mut(self.next_cut) else { return };
            let taken = cut.body.bytes.len().min(count);
            let _ = cut.body.bytes.split_to(taken);
            count -= taken;
            if !cut.body.bytes.is_empty() {
                return;
            }
            self.next_cut += 1;
        }
    }

    /// Appends all of a backlog of which nothing is written.
    pub(crate) fn append(&mut self, other: Self) {
        debug_assert_eq!(other.written, 0, "the rest of a packet is appended nowhere");
        let shift = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.cuts.extend(other.cuts.into_iter().map(|cut| Cut { at: cut.at + shift, ..cut }));
        self.total += other.total;
    }

    /// Cuts off whatever follows the packet that is written in part, and returns it.
    pub(crate) fn split_behind_packet(&mut self) -> Self {
        let (mut at, mut cuts, mut end) = (0, 0, 0);
        while end < self.written {
            let Some(len) = Frame::announced_len(&self.bytes[at..]) else { return Self::default() };
            end += len;
            // The head of a packet with a shared payload ends at its cut; any other ends before the next cut.
            match self.cuts.get(cuts) {
                Some(cut) if at + len > cut.at => {
                    at = cut.at;
                    cuts += 1;
                }
                _ => at += len,
            }
        }
        let mut behind = Self { bytes: self.bytes.split_off(at), total: self.total - end, ..Self::default() };
        behind.cuts.extend(self.cuts.drain(cuts..).map(|cut| Cut { at: cut.at - at, ..cut }));
        self.total = end;
        behind
    }

    /// Copies payloads that are part of a read buffer, as they have to wait.
    pub(crate) fn unshare(&mut self) {
        for cut in self.cuts.iter_mut().filter(|cut| cut.body.is_borrowed) {
            cut.body = Body { bytes: Bytes::copy_from_slice(&cut.body.bytes), is_borrowed: false };
        }
    }

    /// Forgets everything and keeps a moderate buffer.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.cuts.clear();
        (self.total, self.written, self.start, self.next_cut) = (0, 0, 0, 0);
        if self.bytes.capacity() > KEPT_BYTES_MAX {
            self.bytes = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests;
