//! The two kinds of stream a connection can have.
//!
//! Owns: reading either; writing the one that only its task can write.

use crate::backlog::Backlog;
use crate::conn::Conn;
use postrider_net::Socket;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream of an embedder's own: TLS, a pipe, a test.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Stream for T {}

/// Where a connection's bytes come from, and go to.
pub(crate) enum Transport {
    /// The socket stands with the connection, as any thread may write to it.
    Direct,
    /// The task's own.
    Task(Box<TaskStream>),
}

pub(crate) struct TaskStream {
    stream: Pin<Box<dyn Stream>>,
    /// What is being written.
    writing: Option<Box<Backlog>>,
    /// Bytes that the stream has taken and may not have given to the socket: they are the outbox's until then.
    taken: usize,
}

/// The most that a stream of ours keeps of what it was given: TLS 64 KiB, WebSocket a frame of 16 KiB.
const TAKEN_MAX: usize = 80 * 1024;

/// What became of writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// Nothing is left.
    All,
    /// The stream took something and takes no more now.
    Part,
    /// The stream takes nothing now.
    Blocked,
    /// The stream is broken.
    Broken,
}

impl Transport {
    pub(crate) fn task(stream: impl Stream + 'static) -> Self {
        Self::boxed(Box::pin(stream))
    }

    pub(crate) fn boxed(stream: Pin<Box<dyn Stream>>) -> Self {
        Self::Task(Box::new(TaskStream { stream, writing: None, taken: 0 }))
    }

    /// Reads what is there; 0 is the end.
    pub(crate) fn poll_read(
        &mut self,
        socket: Option<&Socket>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match (self, socket) {
            (Self::Direct, Some(socket)) => socket.poll_read(context, buffer),
            (Self::Direct, None) => Poll::Ready(Ok(0)),
            (Self::Task(task), _) => {
                let mut buffer = ReadBuf::new(buffer);
                match task.stream.as_mut().poll_read(context, &mut buffer) {
                    Poll::Pending => Poll::Pending,
                    Poll::Ready(result) => Poll::Ready(result.map(|()| buffer.filled().len())),
                }
            }
        }
    }
}

impl TaskStream {
    /// Writes what waits in the outbox, in its order, as far as the stream takes it.
    pub(crate) fn write(&mut self, conn: &Conn, context: &mut Context<'_>) -> Written {
        let mut stuck = Written::Blocked;
        loop {
            let Some(batch) = &mut self.writing else {
                self.writing = conn.outbox().take_batch();
                if self.writing.is_none() {
                    return self.flush(conn, stuck, context);
                }
                continue;
            };
            let before = batch.len();
            let result = write(self.stream.as_mut(), batch, context);
            let written = before - batch.len();
            self.on_taken(conn, written);
            if written > 0 {
                stuck = Written::Part;
            }
            match result {
                Poll::Ready(Ok(())) => self.writing = None,
                Poll::Ready(Err(_)) => return Written::Broken,
                Poll::Pending => {
                    self.wait(conn);
                    return stuck;
                }
            }
        }
    }

    /// What is left waits in the outbox, where control packets can overtake it.
    fn wait(&mut self, conn: &Conn) {
        if let Some(batch) = self.writing.take() {
            conn.outbox().put_back(batch, 0);
        }
    }

    /// Bytes that it cannot keep any more have left.
    fn on_taken(&mut self, conn: &Conn, written: usize) {
        self.taken += written;
        if let Some(left) = self.taken.checked_sub(TAKEN_MAX).filter(|left| *left > 0) {
            self.taken = TAKEN_MAX;
            conn.outbox().release(left);
        }
    }

    fn flush(&mut self, conn: &Conn, stuck: Written, context: &mut Context<'_>) -> Written {
        match self.stream.as_mut().poll_flush(context) {
            Poll::Ready(Ok(())) => {
                if self.taken > 0 {
                    conn.outbox().release(core::mem::take(&mut self.taken));
                }
                Written::All
            }
            Poll::Ready(Err(_)) => Written::Broken,
            Poll::Pending => stuck,
        }
    }

    /// Says that nothing more will be written.
    pub(crate) fn shut_down(&mut self, context: &mut Context<'_>) {
        // The stream is dropped soon, whatever it says.
        let _ = self.stream.as_mut().poll_shutdown(context);
    }
}

fn write(
    mut stream: Pin<&mut (dyn Stream + 'static)>,
    batch: &mut Backlog,
    context: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    while !batch.is_empty() {
        let mut pieces = [IoSlice::new(&[]); 16];
        let count = batch.slices(&mut pieces);
        match stream.as_mut().poll_write_vectored(context, &pieces[..count]) {
            Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Poll::Ready(Ok(written)) => batch.advance(written),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => return Poll::Pending,
        }
    }
    Poll::Ready(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conn::Exit;
    use crate::gates::Wait;
    use crate::outbox::Pushed;
    use crate::scratch::Scratch;
    use postrider_engine::{Lane, LinkId};

    /// Takes whatever it is given, as TLS does, and lets nothing out until it is told to.
    #[derive(Default)]
    struct Hoarder {
        is_open: std::sync::Arc<std::sync::atomic::AtomicBool>,
    }

    impl AsyncRead for Hoarder {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Hoarder {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            if self.is_open.load(std::sync::atomic::Ordering::Relaxed) { Poll::Ready(Ok(())) } else { Poll::Pending }
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn what_a_stream_keeps_for_itself_is_no_room_until_it_has_left() {
        let hoarder = Hoarder::default();
        let is_open = hoarder.is_open.clone();
        let Transport::Task(mut task) = Transport::task(hoarder) else { unreachable!() };
        let (conn, mut scratch) = (Conn::new(Exit::TASK), Scratch::default());
        conn.outbox().link = Some(LinkId { slot: 0, epoch: 1 });
        let mut context = Context::from_waker(std::task::Waker::noop());
        let room = || conn.outbox().take_room().map_or(0, |(_, bytes)| bytes as usize);
        assert_eq!(conn.push(&[0; 1000], Lane::Data, Wait::NOT, &mut scratch), Pushed::Dirty);
        assert_eq!(task.write(&conn, &mut context), Written::Part);
        assert_eq!(room(), 0);
        // What it cannot have any more has left.
        conn.push(&[0; TAKEN_MAX], Lane::Data, Wait::NOT, &mut scratch);
        task.write(&conn, &mut context);
        assert_eq!(room(), 1000);
        is_open.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(task.write(&conn, &mut context), Written::All);
        assert_eq!(room(), TAKEN_MAX);
    }
}
