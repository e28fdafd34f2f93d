//! The way an answer takes back to whoever asked.

/// Carries one answer to the broker, now or later, from any thread.
///
/// Dropping it unanswered gives the answer that it was made with for this case, so a question never stays
/// open and a plugin that fails refuses.
pub struct Reply<T> {
    send: Option<Box<dyn FnOnce(T) + Send>>,
    otherwise: fn() -> T,
}

impl<T> Reply<T> {
    /// `send` takes the answer; `otherwise` makes one if the reply is dropped.
    pub fn new(send: impl FnOnce(T) + Send + 'static, otherwise: fn() -> T) -> Self {
        Self { send: Some(Box::new(send)), otherwise }
    }

    /// Gives the answer.
    pub fn send(mut self, answer: T) {
        if let Some(send) = self.send.take() {
            send(answer);
        }
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        if let Some(send) = self.send.take() {
            send((self.otherwise)());
        }
    }
}

impl<T> core::fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Reply")
    }
}
