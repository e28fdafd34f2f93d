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
    /// Something in it may be no message.
    is_mixed: bool,
}

/// A payload in front of the byte at `at`.
#[derive(Debug)]
struct Cut {
    at: usize,
    body: Body,
}

/// Type of the first packet that a client gets.
const CONNACK: u8 = 2;
/// Type of the packets that are messages.
const PUBLISH: u8 = 3;
/// Type of the last packet that a client of 5.0 gets.
const DISCONNECT: u8 = 14;
/// A buffer beyond this capacity is not kept for the next use.
const KEPT_BYTES_MAX: usize = 128 * 1024;

impl Backlog {
    /// Appends whole packets.
    #[inline]
    pub(crate) fn push(&mut self, packets: &[u8]) {
        self.bytes.extend_from_slice(packets);
        self.total += packets.len();
    }

    /// Makes room for so many bytes, and for little more.
    pub(crate) fn reserve_little(&mut self, bytes: usize) {
        if self.bytes.capacity() - self.bytes.len() < bytes {
            self.bytes.reserve_exact(bytes.max(self.bytes.len() / 8));
        }
    }

    /// Appends whole packets that are no messages.
    #[inline]
    pub(crate) fn push_control(&mut self, packets: &[u8]) {
        self.is_mixed = true;
        self.push(packets);
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
    pub(crate) fn append(&mut self, mut other: Self) {
        self.drain(&mut other);
    }

    /// The same, and leaves the other one empty.
    pub(crate) fn drain(&mut self, other: &mut Self) {
        debug_assert_eq!(other.written, 0, "the rest of a packet is appended nowhere");
        let shift = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.cuts.extend(other.cuts.drain(..).map(|cut| Cut { at: cut.at + shift, ..cut }));
        self.total += other.total;
        self.is_mixed |= other.is_mixed;
        other.clear();
    }

    /// Whether the first packet, of which nothing is written, is a CONNACK.
    pub(crate) fn begins_with_connack(&self) -> bool {
        self.bytes.first().is_some_and(|first| first >> 4 == CONNACK)
    }

    /// The last packet, if it is a DISCONNECT, of a backlog of which nothing is written.
    pub(crate) fn farewell(&self) -> Option<&[u8]> {
        let (mut at, mut cuts, mut last) = (0, self.cuts.iter().peekable(), None);
        while let Some(len) = Frame::announced_len(&self.bytes[at..]) {
            let end = cuts.next_if(|cut| at + len > cut.at).map_or(at + len, |cut| cut.at);
            last = Some(&self.bytes[at..end]);
            at = end;
        }
        last.filter(|packet| packet[0] >> 4 == DISCONNECT)
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
        let (bytes, total) = (self.bytes.split_off(at), self.total - end);
        let mut behind = Self { bytes, total, is_mixed: self.is_mixed, ..Self::default() };
        behind.cuts.extend(self.cuts.drain(cuts..).map(|cut| Cut { at: cut.at - at, ..cut }));
        self.total = end;
        // Both stay for long, and may have been a large buffer.
        self.bytes.shrink_to_fit();
        behind.bytes.shrink_to_fit();
        behind
    }

    /// Takes everything that is no message out of a backlog of which nothing is written, in order.
    pub(crate) fn take_control(&mut self) -> Self {
        let mut control = Self::default();
        if !core::mem::take(&mut self.is_mixed) {
            return control;
        }
        debug_assert_eq!(self.written, 0, "the rest of a packet belongs to no lane");
        let mut all = core::mem::take(self);
        let (mut at, mut cuts) = (0, all.cuts.drain(..).peekable());
        while let Some(len) = Frame::announced_len(&all.bytes[at..]) {
            let cut = cuts.next_if(|cut| at + len > cut.at);
            let packet = &all.bytes[at..cut.as_ref().map_or(at + len, |cut| cut.at)];
            at += packet.len();
            match cut {
                Some(cut) => self.push_shared(packet, cut.body),
                None if packet[0] >> 4 == PUBLISH => self.push(packet),
                None => control.push_control(packet),
            }
        }
        debug_assert_eq!(at, all.bytes.len(), "a backlog holds whole packets");
        control
    }

    /// Copies payloads that are part of a read buffer, as they have to wait.
    pub(crate) fn unshare(&mut self) {
        for cut in self.cuts.iter_mut().filter(|cut| cut.body.is_borrowed) {
            cut.body = owned(cut.body.clone());
        }
    }

    /// Forgets everything and keeps a moderate buffer.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.cuts.clear();
        (self.total, self.written, self.start, self.next_cut) = (0, 0, 0, 0);
        self.is_mixed = false;
        if self.bytes.capacity() > KEPT_BYTES_MAX {
            self.bytes = Vec::new();
        }
    }
}

/// A payload that holds no read buffer.
pub(crate) fn owned(body: Body) -> Body {
    if body.is_borrowed { Body { bytes: Bytes::copy_from_slice(&body.bytes), is_borrowed: false } } else { body }
}

#[cfg(test)]
mod tests;
