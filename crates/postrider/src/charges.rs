//! What is kept for connections beside what the engine knows of.
//!
//! Owns: how much that is: packets in part, what is wrapped around sockets, handshakes under way.
//! Never: decides anything; `memory.rs` adds it to the ledger.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of all connections, by what they are kept for.
#[derive(Debug, Default)]
pub(crate) struct Charges {
    partial: AtomicU64,
    streams: AtomicU64,
    handshakes: AtomicU64,
}

/// What TLS keeps for a connection that is in: `postrider bench idle` tells 8,759 bytes with it and 1,168 without.
pub(crate) const TLS_BYTES: u32 = 7_600;
/// What a WebSocket is, beside frames on their way, which are in the outbox until they have left.
pub(crate) const WEBSOCKET_BYTES: u32 = 600;
/// What a connection needs until it is in.
pub(crate) const HANDSHAKE_BYTES: u64 = 16 * 1024;

impl Charges {
    /// A connection keeps another amount of packets that it cannot offer yet.
    #[cold]
    pub(crate) fn on_partial(&self, before: usize, now: usize) {
        // No lock: only the sum is looked at, and it is never in between for long.
        self.partial.fetch_add(now as u64, Ordering::Relaxed);
        self.partial.fetch_sub(before as u64, Ordering::Relaxed);
    }

    /// A connection has something around its socket.
    pub(crate) fn on_stream(&self, bytes: u32) {
        self.streams.fetch_add(bytes.into(), Ordering::Relaxed);
    }

    /// It is over.
    pub(crate) fn on_stream_over(&self, bytes: u32) {
        self.streams.fetch_sub(bytes.into(), Ordering::Relaxed);
    }

    pub(crate) fn on_handshake(&self) {
        self.handshakes.fetch_add(HANDSHAKE_BYTES, Ordering::Relaxed);
    }

    pub(crate) fn on_handshake_over(&self) {
        self.handshakes.fetch_sub(HANDSHAKE_BYTES, Ordering::Relaxed);
    }

    pub(crate) fn partial(&self) -> u64 {
        self.partial.load(Ordering::Relaxed)
    }

    pub(crate) fn streams(&self) -> u64 {
        self.streams.load(Ordering::Relaxed)
    }

    pub(crate) fn handshakes(&self) -> u64 {
        self.handshakes.load(Ordering::Relaxed)
    }

    /// All of it.
    pub(crate) fn all(&self) -> u64 {
        self.partial() + self.streams() + self.handshakes()
    }
}
