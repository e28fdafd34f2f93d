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
}

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
        Self::Task(Box::new(TaskStream { stream, writing: None }))
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
                    return self.flush(stuck, context);
                }
                continue;
            };
            let before = batch.len();
            let result = write(self.stream.as_mut(), batch, context);
            let written = before - batch.len();
            conn.outbox().release(written);
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

    fn flush(&mut self, stuck: Written, context: &mut Context<'_>) -> Written {
        match self.stream.as_mut().poll_flush(context) {
            Poll::Ready(Ok(())) => Written::All,
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
