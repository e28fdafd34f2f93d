//! A WebSocket connection as a stream of bytes.
//!
//! Owns: frames of what is written, one for each write; answers to pings and to good-byes.
//! Never: holds a buffer while nothing is under way. One task has both halves: they share a waker.

use super::frames::{Found, Frames, Refusal};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// A stream of bytes within the frames of a WebSocket.
#[derive(Debug)]
pub struct WebSocket<S> {
    stream: S,
    frames: Frames,
    frame_bytes_max: u64,
    /// What was read with the request.
    ahead: Vec<u8>,
    /// Whole frames on their way out, and how much of them has left.
    out: Vec<u8>,
    sent: usize,
    /// Answers to pings among them.
    pongs: u8,
    end: End,
}

/// How far the end of a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Not begun.
    No,
    /// The close frame is on its way out; then the far end's half is read to its end.
    Closing(Option<Refusal>),
    /// It is out.
    Closed,
}

/// As much as one record of TLS.
const FRAME_OUT_BYTES_MAX: usize = 16 * 1024;
/// Who asks more often without reading the answers is not read either.
const PONGS_MAX: u8 = 8;

impl<S> WebSocket<S> {
    pub(super) const fn new(stream: S, ahead: Vec<u8>, frame_bytes_max: u64) -> Self {
        let frames = Frames::new();
        Self { stream, frames, frame_bytes_max, ahead, out: Vec::new(), sent: 0, pongs: 0, end: End::No }
    }

    /// What it is put over.
    #[must_use]
    pub const fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The same, to be changed. Whoever reads or writes it breaks the frames.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Appends a whole frame to what goes out.
    fn push(&mut self, opcode: OpCode, payload: &[IoSlice<'_>], len: usize) -> io::Result<()> {
        let header = FrameHeader { opcode, ..FrameHeader::default() };
        header.format(len as u64, &mut self.out).map_err(io::Error::other)?;
        let mut left = len;
        for slice in payload {
            let count = slice.len().min(left);
            self.out.extend_from_slice(&slice[..count]);
            left -= count;
        }
        Ok(())
    }

    fn push_control(&mut self, kind: Control, payload: &[u8]) -> io::Result<()> {
        self.push(OpCode::Control(kind), &[IoSlice::new(payload)], payload.len())
    }

    /// Tells the far end that this is the end.
    fn begin_end(&mut self, words: &[u8], refusal: Option<Refusal>) -> io::Result<()> {
        if self.end == End::No {
            self.push_control(Control::Close, words)?;
            self.end = End::Closing(refusal);
        }
        Ok(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// Writes what is on its way out.
    fn poll_out(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.out.len() {
            let count = ready!(Pin::new(&mut self.stream).poll_write(context, &self.out[self.sent..]))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += count;
        }
        // Given back: an idle connection has no buffer.
        self.out = Vec::new();
        (self.sent, self.pongs) = (0, 0);
        Poll::Ready(Ok(()))
    }

    fn poll_all_out(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_out(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// Sends the close frame and says once how the connection ended; after that whatever comes is read and forgotten, so
    /// that the far end has the time to read why.
    fn poll_end(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let End::Closing(refusal) = self.end {
            ready!(self.poll_all_out(context))?;
            self.end = End::Closed;
            // Some streams say so at a second call only; nothing depends on it.
            let _ = Pin::new(&mut self.stream).poll_shutdown(context);
            if let Some(refusal) = refusal {
                let what = format!("closed with {} ({refusal:?})", refusal as u16);
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, what)));
            }
            return Poll::Ready(Ok(()));
        }
        loop {
            let mut rest = ReadBuf::new(buffer.initialize_unfilled());
            if ready!(Pin::new(&mut self.stream).poll_read(context, &mut rest)).is_err() || rest.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Reads from the stream, or what came with the request.
    fn poll_more(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        if !self.ahead.is_empty() {
            let count = self.ahead.len().min(buffer.remaining());
            buffer.initialize_unfilled_to(count).copy_from_slice(&self.ahead[..count]);
            self.ahead.drain(..count);
            if self.ahead.is_empty() {
                self.ahead = Vec::new();
            }
            return Poll::Ready(Ok(count));
        }
        let mut rest = ReadBuf::new(buffer.initialize_unfilled());
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut rest))?;
        Poll::Ready(Ok(rest.filled().len()))
    }

    /// Takes the payload out of `bytes` and moves it to their beginning; says how much it is.
    fn take(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let (mut used, mut filled) = (0, 0);
        while used < bytes.len() && self.end == End::No {
            let (count, found) = self.frames.take(&mut bytes[used..], self.frame_bytes_max);
            match found {
                Found::Payload { from, len } => {
                    bytes.copy_within(used + from..used + from + len, filled);
                    filled += len;
                }
                Found::Nothing => {}
                Found::Ping(payload) => {
                    self.push_control(Control::Pong, &payload)?;
                    self.pongs = self.pongs.saturating_add(1);
                }
                Found::Close(words) => self.begin_end(&words, None)?,
                Found::Refused(refusal) => self.begin_end(&(refusal as u16).to_be_bytes(), Some(refusal))?,
            }
            used += count;
        }
        Ok(filled)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for WebSocket<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let own = self.get_mut();
        loop {
            if own.end != End::No {
                return own.poll_end(context, buffer);
            }
            if own.pongs > 0 && own.poll_all_out(context)?.is_pending() && own.pongs >= PONGS_MAX {
                return Poll::Pending;
            }
            let count = ready!(own.poll_more(context, buffer))?;
            if count == 0 {
                return Poll::Ready(Ok(()));
            }
            let filled = own.take(&mut buffer.initialize_unfilled()[..count])?;
            if filled > 0 {
                buffer.advance(filled);
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WebSocket<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let own = self.get_mut();
        if own.end != End::No {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        ready!(own.poll_out(context))?;
        let len = slices.iter().map(|slice| slice.len()).sum::<usize>().min(FRAME_OUT_BYTES_MAX);
        if len > 0 {
            own.push(OpCode::Data(Data::Binary), slices, len)?;
            // It has been taken; what does not leave now leaves with the next write, or with a flush.
            if let Poll::Ready(Err(error)) = own.poll_out(context) {
                return Poll::Ready(Err(error));
            }
        }
        Poll::Ready(Ok(len))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_all_out(context)
    }

    /// Says good-bye with 1000 and that nothing more will be written.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let own = self.get_mut();
        own.begin_end(&1000u16.to_be_bytes(), None)?;
        ready!(own.poll_all_out(context))?;
        own.end = End::Closed;
        Pin::new(&mut own.stream).poll_shutdown(context)
    }
}
