//! What arrives in WebSocket frames, taken out where it lies.
//!
//! Owns: the rules of frames (RFC 6455, 5), and nothing but the rest of a header between two reads.
//! Never: holds a payload back, or makes room for a length that somebody has announced.

use std::io::Cursor;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// Header with the longest length and a mask.
const HEADER_BYTES_MAX: usize = 14;
/// RFC 6455, 5.5
const CONTROL_BYTES_MAX: usize = 125;

/// Why the far end is closed; the number is what it is told. RFC 6455, 7.4.1
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Refusal {
    /// A rule of frames was broken.
    Protocol = 1002,
    /// Text came. [MQTT-6.0.0-1]
    Text = 1003,
    /// A frame is larger than the limit.
    TooLarge = 1009,
}

/// What one step found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// So many bytes of payload, now at the beginning of what was given, out of so many.
    Payload {
        from: usize,
        len: usize,
    },
    /// All was used up, and there was no payload in it.
    Nothing,
    Ping(Vec<u8>),
    /// The far end closes, with these words.
    Close(Vec<u8>),
    Refused(Refusal),
}

/// The receiving half of a server.
#[derive(Debug)]
pub(super) struct Frames {
    /// The beginning of a header.
    header: [u8; HEADER_BYTES_MAX],
    header_len: u8,
    state: State,
    /// A message goes on in the next data frame.
    is_fragmented: bool,
}

#[derive(Debug)]
enum State {
    Header,
    Data { left: u64, mask: [u8; 4] },
    Control { kind: Control, left: usize, mask: [u8; 4], payload: Vec<u8> },
}

impl Frames {
    pub(super) const fn new() -> Self {
        Self { header: [0; HEADER_BYTES_MAX], header_len: 0, state: State::Header, is_fragmented: false }
    }

    /// Takes what `bytes` begins with and says how much that was. A payload is unmasked where it lies.
    pub(super) fn take(&mut self, bytes: &mut [u8], frame_bytes_max: u64) -> (usize, Found) {
        let mut used = 0;
        loop {
            let rest = bytes.get_mut(used..).unwrap_or_default();
            match &mut self.state {
                State::Header => match self.take_header(rest, frame_bytes_max) {
                    Ok(0) => return (used, Found::Nothing),
                    Ok(count) => used += count,
                    Err(refusal) => return (used, Found::Refused(refusal)),
                },
                State::Data { left: 0, .. } => self.state = State::Header,
                State::Data { .. } if rest.is_empty() => return (used, Found::Nothing),
                State::Data { left, mask } => {
                    let len = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    unmask(&mut rest[..len], mask);
                    *left -= len as u64;
                    return (used + len, Found::Payload { from: used, len });
                }
                State::Control { kind, left, mask, payload } => {
                    let len = (*left).min(rest.len());
                    unmask(&mut rest[..len], mask);
                    payload.extend_from_slice(&rest[..len]);
                    *left -= len;
                    used += len;
                    if *left > 0 {
                        return (used, Found::Nothing);
                    }
                    let (kind, payload) = (*kind, core::mem::take(payload));
                    self.state = State::Header;
                    match kind {
                        Control::Ping => return (used, Found::Ping(payload)),
                        Control::Close => return (used, close(payload)),
                        // Nobody asked; RFC 6455, 5.5.3
                        Control::Pong | Control::Reserved(_) => {}
                    }
                }
            }
        }
    }

    /// Takes a header or the beginning of one; 0 if there is nothing to take.
    fn take_header(&mut self, bytes: &[u8], frame_bytes_max: u64) -> Result<usize, Refusal> {
        let had = usize::from(self.header_len);
        let count = bytes.len().min(HEADER_BYTES_MAX - had);
        if count == 0 {
            return Ok(0);
        }
        self.header[had..had + count].copy_from_slice(&bytes[..count]);
        let mut cursor = Cursor::new(&self.header[..had + count]);
        let parsed = FrameHeader::parse(&mut cursor).map_err(|_| Refusal::Protocol)?;
        let Some((header, length)) = parsed else {
            self.header_len += u8::try_from(count).unwrap_or(0);
            return Ok(count);
        };
        let header_len = usize::try_from(cursor.position()).unwrap_or(0);
        self.header_len = 0;
        self.begin(&header, length, frame_bytes_max)?;
        Ok(header_len.saturating_sub(had))
    }

    fn begin(&mut self, header: &FrameHeader, length: u64, frame_bytes_max: u64) -> Result<(), Refusal> {
        let is_reserved = header.rsv1 || header.rsv2 || header.rsv3;
        let mask = header.mask.filter(|_| !is_reserved).ok_or(Refusal::Protocol)?;
        match header.opcode {
            OpCode::Control(kind) => {
                let left = usize::try_from(length).ok().filter(|length| *length <= CONTROL_BYTES_MAX);
                let left = left.filter(|_| header.is_final).ok_or(Refusal::Protocol)?;
                self.state = State::Control { kind, left, mask, payload: Vec::new() };
            }
            OpCode::Data(kind) => {
                match kind {
                    Data::Text => return Err(Refusal::Text),
                    Data::Binary if !self.is_fragmented => {}
                    Data::Continue if self.is_fragmented => {}
                    Data::Binary | Data::Continue | Data::Reserved(_) => return Err(Refusal::Protocol),
                }
                if length > frame_bytes_max {
                    return Err(Refusal::TooLarge);
                }
                self.is_fragmented = !header.is_final;
                self.state = State::Data { left: length, mask };
            }
        }
        Ok(())
    }
}

/// What a far end that closes is answered. RFC 6455, 5.5.1
fn close(payload: Vec<u8>) -> Found {
    let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
    let is_text = payload.get(2..).is_none_or(|reason| std::str::from_utf8(reason).is_ok());
    match code {
        None if payload.is_empty() => Found::Close(payload),
        Some(1000..=1003 | 1007..=1014 | 3000..=4999) if is_text => Found::Close(payload),
        _ => Found::Refused(Refusal::Protocol),
    }
}

/// Takes the mask off, eight bytes at a time, and leaves it turned to where the next byte begins.
fn unmask(bytes: &mut [u8], mask: &mut [u8; 4]) {
    let [a, b, c, d] = *mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut eights = bytes.chunks_exact_mut(8);
    for eight in &mut eights {
        if let Ok(word) = <[u8; 8]>::try_from(&*eight) {
            eight.copy_from_slice(&(u64::from_ne_bytes(word) ^ wide).to_ne_bytes());
        }
    }
    let rest = eights.into_remainder();
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    mask.rotate_left(rest.len() % 4);
}
