//! A way to tell a broker that rights have changed, for those who do not own it.
//!
//! Never: keeps a broker alive. A plugin belongs to the broker, so what it holds of it must not.

use crate::error::Error;
use crate::shared::Shared;
use postrider_ports::{Answer, Principal, Question};
use postrider_proto::ReasonCode;
use std::fmt;
use std::sync::{Arc, Weak};

/// Speaks to a running broker, from any thread; see [`Broker::handle`](crate::Broker::handle).
///
/// What is asked for happens when the method is called; the future that it returns need not be awaited.
#[derive(Clone)]
pub struct Handle(Weak<Shared>);

impl Handle {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self(Arc::downgrade(shared))
    }

    /// Ends the connections of these principals, and with `None` those of anonymous clients; how many that were. 5.0
    /// clients are told the reason. Their sessions stay.
    ///
    /// # Errors
    /// [`ErrorKind::Stopped`](crate::ErrorKind::Stopped).
    pub fn end_connections(
        &self,
        principals: impl IntoIterator<Item = Option<Principal>>,
        reason: ReasonCode,
    ) -> impl Future<Output = Result<u64, Error>> + Send + 'static {
        let mut principals: Vec<Option<Principal>> = principals.into_iter().collect();
        principals.sort_unstable();
        let answer = self.ask(Question::Dismiss(principals.into(), reason));
        async move {
            match answer.await {
                Some(Answer::Ended(count)) => Ok(count),
                _ => Err(Error::stopped()),
            }
        }
    }

    /// As [`Broker::review`](crate::Broker::review).
    ///
    /// # Errors
    /// [`ErrorKind::Stopped`](crate::ErrorKind::Stopped).
    pub fn review(&self) -> impl Future<Output = Result<u64, Error>> + Send + 'static {
        let answer = self.ask(Question::Review);
        async move {
            match answer.await {
                Some(Answer::Reviewing(sessions)) => Ok(sessions),
                _ => Err(Error::stopped()),
            }
        }
    }

    /// What the broker says of itself below `$SYS/broker`, as it is now and without averages: topics and texts.
    ///
    /// # Errors
    /// [`ErrorKind::Stopped`](crate::ErrorKind::Stopped).
    pub fn figures(&self) -> impl Future<Output = Result<Vec<(String, String)>, Error>> + Send + 'static {
        let answer = self.ask(Question::Figures);
        async move {
            match answer.await {
                Some(Answer::Figures(figures)) => Ok(figures),
                _ => Err(Error::stopped()),
            }
        }
    }

    /// Publishes something in the broker's own name, with the highest QoS there is, to those who subscribe to it now, such
    /// as a line of a log below `$SYS`. It is neither retained nor kept for a restart. Nothing happens if `topic` is none,
    /// or the broker has stopped.
    pub fn say(&self, topic: &str, text: &[u8]) {
        drop(self.ask(Question::Say { topic: topic.into(), text: text.into() }));
    }

    /// The question enters the broker now.
    fn ask(&self, question: Question) -> impl Future<Output = Option<Answer>> + Send + 'static {
        let running = self.0.upgrade().filter(|shared| !shared.is_over());
        let answer = running.map(|shared| shared.ask(question));
        async move { answer?.await.ok() }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle")
    }
}
