//! Connections that speak HTTP and nothing else.
//!
//! Owns: how many requests of a listener are answered at a time.

use postrider_net::websocket::{self, Request, Response};
use postrider_ports::Peer;
use std::fmt;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;

/// Makes responses of requests.
pub(crate) type Answer = Arc<dyn Fn(&Request, &Peer) -> Response + Send + Sync>;

/// Each takes a thread while it is answered.
const TURNS: usize = 16;

/// Who answers, and whose turn it is.
#[derive(Clone)]
pub(crate) struct Http {
    answer: Answer,
    turns: Arc<Semaphore>,
}

impl Http {
    pub(crate) fn new(answer: Answer) -> Self {
        Self { answer, turns: Arc::new(Semaphore::new(TURNS)) }
    }

    /// Serves one request.
    pub(crate) async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin, peer: Peer) -> io::Result<()> {
        let answer = |request: Request| async move {
            let turn = self.turns.clone().acquire_owned().await.map_err(io::Error::other)?;
            let answer = self.answer.clone();
            let work = move || {
                // Also if nobody waits for it any more.
                let _turn = turn;
                answer(&request, &peer)
            };
            tokio::task::spawn_blocking(work).await.map_err(io::Error::other)
        };
        websocket::serve(stream, answer).await
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}
