//! A conversation with its socket.
//!
//! Owns: one connection at a time, the bytes on their way in and out, the clock.
//! Never: does anything while nobody waits in one of its calls.

use crate::witness::Witness;
use crate::{Conversation, Error, ErrorKind, Event, Options, Publication, Token, Way};
use postrider_net::dial::Stream;
use postrider_proto::{Packet, PropertiesBuf, Qos, ReasonCode, SubscribeOptions};
use postrider_session::Mono;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// A client with a connection. It lives from its caller's waiting: call [`Client::next`] again and again.
///
/// All calls that wait may be dropped halfway without losing anything. Needs a tokio runtime with I/O and time.
#[derive(Debug)]
pub struct Client {
    conversation: Conversation,
    stream: Option<Stream>,
    input: Vec<u8>,
    /// How much of `input` is taken.
    taken: usize,
    output: Vec<u8>,
    /// Something was written that a layer below may still hold.
    is_unflushed: bool,
    witness: Option<Witness>,
    started: Instant,
}

/// How long opening a connection may take, CONNACK included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const READ_BYTES: usize = 64 * 1024;

impl Client {
    /// Opens a connection and waits for the server's answer.
    ///
    /// # Errors
    /// [`ErrorKind::Connect`], [`ErrorKind::Refused`], [`ErrorKind::Closed`], [`ErrorKind::Violation`]; those of
    /// [`Conversation::open`].
    pub async fn connect(options: Options) -> Result<Self, Error> {
        let mut client = Self::new(options);
        client.reconnect().await?;
        Ok(client)
    }

    /// A client that has not connected yet; what is published now goes out after [`Client::reconnect`].
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            conversation: Conversation::new(options),
            stream: None,
            input: Vec::new(),
            taken: 0,
            output: Vec::new(),
            is_unflushed: false,
            witness: None,
            started: Instant::now(),
        }
    }

    /// Opens a new connection in place of the old one; what was not acknowledged goes out again.
    /// [`Event::Connected`] is the next event.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub async fn reconnect(&mut self) -> Result<(), Error> {
        self.drop_connection();
        self.conversation.connect_packet()?;
        let attempt = tokio::time::timeout(CONNECT_TIMEOUT, self.dial()).await;
        let result = attempt.unwrap_or_else(|_| {
            let late = io::Error::new(io::ErrorKind::TimedOut, "no answer in 10 seconds");
            Err(Error::with_source(ErrorKind::Connect, late))
        });
        if result.is_err() {
            self.drop_connection();
        }
        result
    }

    async fn dial(&mut self) -> Result<(), Error> {
        let connect_error = |source| Error::with_source(ErrorKind::Connect, source);
        let route = self.conversation.options().route().map_err(connect_error)?;
        self.stream = Some(route.open().await.map_err(connect_error)?);
        self.conversation.open(self.now(), &mut self.output)?;
        while !self.conversation.is_connected() {
            self.step().await?;
        }
        Ok(())
    }

    /// Publishes as soon as the connection and the server's quota allow it; QoS 1 and 2 are answered by
    /// [`Event::Acknowledged`]. Nothing moves before one of the waiting calls.
    ///
    /// # Errors
    /// Those of [`Conversation::publish`].
    pub fn publish(&mut self, publication: Publication) -> Result<Token, Error> {
        self.conversation.publish(publication)
    }

    /// Asks for subscriptions; [`Event::Subscribed`] is the answer.
    ///
    /// # Errors
    /// [`ErrorKind::Filter`], [`ErrorKind::NoFilters`].
    pub fn subscribe(&mut self, filters: &[(&str, Qos)]) -> Result<Token, Error> {
        let options = filters.iter().map(|(filter, qos)| (*filter, SubscribeOptions::of(*qos)));
        self.conversation.subscribe(options, None)
    }

    /// Asks for subscriptions with everything that 5.0 offers.
    ///
    /// # Errors
    /// Those of [`Conversation::subscribe`].
    pub fn subscribe_with(
        &mut self,
        filters: &[(&str, SubscribeOptions)],
        properties: PropertiesBuf,
    ) -> Result<Token, Error> {
        self.conversation.subscribe_with(filters.iter().copied(), properties)
    }

    /// Asks to end subscriptions; [`Event::Unsubscribed`] is the answer.
    ///
    /// # Errors
    /// [`ErrorKind::Filter`], [`ErrorKind::NoFilters`].
    pub fn unsubscribe(&mut self, filters: &[&str]) -> Result<Token, Error> {
        self.unsubscribe_with(filters, PropertiesBuf::new())
    }

    /// Asks to end subscriptions, with properties of UNSUBSCRIBE.
    ///
    /// # Errors
    /// [`ErrorKind::Filter`], [`ErrorKind::NoFilters`].
    pub fn unsubscribe_with(&mut self, filters: &[&str], properties: PropertiesBuf) -> Result<Token, Error> {
        self.conversation.unsubscribe_with(filters.iter().copied(), properties)
    }

    /// Waits for the next thing to happen, keeping the connection alive meanwhile.
    ///
    /// # Errors
    /// The connection is over: [`ErrorKind::Closed`], [`ErrorKind::Disconnected`], [`ErrorKind::Violation`],
    /// [`ErrorKind::NotConnected`]. [`Client::reconnect`] goes on from there.
    pub async fn next(&mut self) -> Result<Event, Error> {
        loop {
            if let Some(event) = self.conversation.take_event() {
                return Ok(event);
            }
            self.step().await?;
        }
    }

    /// Waits until something moved: a packet came, what was to be written is written, or a deadline passed. For
    /// those who want to go on when there is room again. Events stay for [`Client::next`].
    ///
    /// # Errors
    /// As [`Client::next`].
    pub async fn advance(&mut self) -> Result<(), Error> {
        self.step().await
    }

    /// Keeps the connection alive and waits until it is over, with why. Events stay for [`Client::next`].
    pub async fn until_lost(&mut self) -> Error {
        loop {
            if let Err(error) = self.step().await {
                return error;
            }
        }
    }

    /// The next thing that has happened already, without waiting.
    pub fn take_event(&mut self) -> Option<Event> {
        self.conversation.take_event()
    }

    /// Waits until everything published has been acknowledged, and QoS 0 handed to the system. Events stay for
    /// [`Client::next`].
    ///
    /// # Errors
    /// As [`Client::next`].
    pub async fn flush(&mut self) -> Result<(), Error> {
        self.conversation.send(self.now(), &mut self.output);
        while self.conversation.unfinished() > 0 || !self.output.is_empty() || self.is_unflushed {
            self.step().await?;
        }
        Ok(())
    }

    /// Says good-bye with `reason` and closes the connection. Waits until what was published with QoS 0 is with
    /// the system, not for acknowledgements: see [`Client::flush`].
    ///
    /// # Errors
    /// [`ErrorKind::Closed`] when the connection broke before.
    pub async fn disconnect(&mut self, reason: ReasonCode) -> Result<(), Error> {
        self.disconnect_with(reason, &PropertiesBuf::new()).await
    }

    /// [`Client::disconnect`] with properties of DISCONNECT.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`] when the connection broke before.
    pub async fn disconnect_with(&mut self, reason: ReasonCode, properties: &PropertiesBuf) -> Result<(), Error> {
        self.conversation.send(self.now(), &mut self.output);
        self.conversation.close_with(reason, properties.as_properties(), &mut self.output);
        let written = poll_fn(|context| self.poll_write(context)).await;
        if let Some(stream) = &mut self.stream {
            // The good-byes below MQTT's, for those who wait for them.
            let _ = Pin::new(stream).poll_shutdown(&mut Context::from_waker(Waker::noop()));
        }
        self.drop_connection();
        written
    }

    /// Closes the connection without a word, as a cable that breaks. [`Client::reconnect`] goes on from there.
    pub fn hang_up(&mut self) {
        self.drop_connection();
    }

    /// Shows every packet that goes out or comes in to `look`, from now on.
    pub fn watch(&mut self, look: impl FnMut(Way, &Packet<'_>) + Send + 'static) {
        self.witness = Some(Witness::new(look));
    }

    /// Between an accepted CONNECT and the end of its connection.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        self.conversation.is_connected()
    }

    /// How many publications and requests wait for an answer or to be sent.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.conversation.unfinished()
    }

    /// What it presents itself with; changes hold from the next connection on.
    #[must_use]
    pub const fn options(&mut self) -> &mut Options {
        self.conversation.options()
    }

    /// One packet, one write or one deadline.
    async fn step(&mut self) -> Result<(), Error> {
        self.conversation.send(self.now(), &mut self.output);
        if self.take_packet()? {
            return Ok(());
        }
        let deadline = self.conversation.next_deadline();
        let wait = deadline.map(|deadline| Duration::from_millis(deadline.since_ms(self.now())));
        let mut timer = pin!(wait.map(tokio::time::sleep));
        let result = poll_fn(|context| self.poll_step(context, timer.as_mut().as_pin_mut())).await;
        if result.is_err() {
            self.drop_connection();
        }
        result
    }

    fn poll_step(&mut self, context: &mut Context<'_>, timer: Option<Pin<&mut Sleep>>) -> Poll<Result<(), Error>> {
        let had_output = !self.output.is_empty() || self.is_unflushed;
        match self.poll_write(context) {
            Poll::Ready(Ok(())) if had_output && self.output.is_empty() => return Poll::Ready(Ok(())),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        if let Poll::Ready(result) = self.poll_read(context) {
            return Poll::Ready(result);
        }
        if timer.is_some_and(|timer| timer.poll(context).is_ready()) {
            let now = self.now();
            return Poll::Ready(self.conversation.on_timeout(now, &mut self.output));
        }
        Poll::Pending
    }

    /// Decodes what was read, one packet at a time; false when more bytes are needed.
    fn take_packet(&mut self) -> Result<bool, Error> {
        let now = self.now();
        let rest = self.input.get(self.taken..).unwrap_or_default();
        if rest.is_empty() {
            self.input.clear();
            self.taken = 0;
            return Ok(false);
        }
        match self.conversation.on_bytes(now, rest, &mut self.output) {
            Ok(0) => {
                self.input.drain(..self.taken);
                self.taken = 0;
                Ok(false)
            }
            Ok(len) => {
                self.show_input(len);
                self.taken += len;
                Ok(true)
            }
            Err(error) => {
                self.show_input(usize::MAX);
                self.say_why();
                self.drop_connection();
                Err(error)
            }
        }
    }

    fn show_input(&mut self, len: usize) {
        if let Some(witness) = &mut self.witness {
            let rest = self.input.get(self.taken..).unwrap_or_default();
            witness.on_input(&rest[..len.min(rest.len())], self.conversation.options().version);
        }
    }

    /// A last word, as far as the socket takes it at once.
    fn say_why(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        if let Some(stream) = &mut self.stream {
            let _ = Pin::new(&mut *stream).poll_write(&mut context, &self.output);
            let _ = Pin::new(stream).poll_flush(&mut context);
        }
    }

    /// Ready with an empty output when everything is with the system; pending with what is left.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(Err(Error::new(ErrorKind::NotConnected))) };
        let mut stream = Pin::new(stream);
        if let Some(witness) = &mut self.witness {
            witness.on_output(&self.output, self.conversation.options().version);
        }
        let mut written = 0;
        let result = loop {
            if written == self.output.len() {
                break Poll::Ready(Ok(()));
            }
            match stream.as_mut().poll_write(context, &self.output[written..]) {
                Poll::Ready(Ok(count)) => written += count,
                Poll::Ready(Err(error)) => break Poll::Ready(Err(closed(error))),
                Poll::Pending => break Poll::Pending,
            }
        };
        self.output.drain(..written);
        self.is_unflushed |= written > 0;
        if let Some(witness) = &mut self.witness {
            witness.on_written(written);
        }
        if self.is_unflushed && !matches!(result, Poll::Ready(Err(_))) {
            ready!(stream.poll_flush(context)).map_err(closed)?;
            self.is_unflushed = false;
        }
        result
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(Err(Error::new(ErrorKind::NotConnected))) };
        let len = self.input.len();
        self.input.resize(len + READ_BYTES, 0);
        let mut room = ReadBuf::new(&mut self.input[len..]);
        let read = Pin::new(stream).poll_read(context, &mut room);
        let got = room.filled().len();
        self.input.truncate(len + got);
        read.map(|result| match result {
            Ok(()) if got == 0 => Err(Error::new(ErrorKind::Closed)),
            Ok(()) => Ok(()),
            Err(error) => Err(closed(error)),
        })
    }

    fn drop_connection(&mut self) {
        self.stream = None;
        self.is_unflushed = false;
        self.conversation.on_lost();
        self.input.clear();
        self.output.clear();
        self.taken = 0;
        if let Some(witness) = &mut self.witness {
            witness.on_written(usize::MAX);
        }
    }

    fn now(&self) -> Mono {
        Mono(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

fn closed(error: io::Error) -> Error {
    Error::with_source(ErrorKind::Closed, error)
}
