//! Clients and one engine on a fake wire with fake time.

use postrider_client::{Conversation, Error, Event, Options};
use postrider_ports::PartitionId;
use postrider_session::{Mono, Now, Wall};
use postrider_testkit::{PureDriver, limits};

/// One engine and the clients that talk to it.
pub(crate) struct Wire {
    pub(crate) broker: PureDriver,
    pub(crate) now: Now,
    pub(crate) clients: Vec<End>,
}

/// A client with its end of the wire.
pub(crate) struct End {
    pub(crate) conversation: Conversation,
    at: Option<usize>,
    up: Vec<u8>,
    down: Vec<u8>,
    pub(crate) events: Vec<Event>,
    pub(crate) errors: Vec<Error>,
}

impl Wire {
    pub(crate) fn new() -> Self {
        let broker = PureDriver::new(limits(), PartitionId(0), 1);
        Self { broker, now: Now { mono: Mono(1000), wall: Wall(1_700_000_000_000) }, clients: Vec::new() }
    }

    /// A client that is not connected.
    pub(crate) fn client(&mut self, options: Options) -> usize {
        self.clients.push(End {
            conversation: Conversation::new(options),
            at: None,
            up: Vec::new(),
            down: Vec::new(),
            events: Vec::new(),
            errors: Vec::new(),
        });
        self.clients.len() - 1
    }

    /// Opens a connection and sends the CONNECT.
    pub(crate) fn dial(&mut self, client: usize) {
        let at = self.broker.open(self.now);
        let end = &mut self.clients[client];
        end.at = Some(at);
        end.conversation.open(self.now.mono, &mut end.up).expect("legal options");
    }

    /// A connected client.
    pub(crate) fn connected(&mut self, options: Options) -> usize {
        let client = self.client(options);
        self.dial(client);
        self.settle();
        assert!(self.clients[client].conversation.is_connected(), "{:?}", self.clients[client].errors);
        client
    }

    /// The wire breaks; what is on its way is lost.
    pub(crate) fn cut(&mut self, client: usize) {
        let end = &mut self.clients[client];
        end.up.clear();
        end.down.clear();
        end.conversation.on_lost();
        if let Some(at) = end.at.take() {
            self.broker.close(self.now, at);
        }
    }

    /// Moves at most `up` and `down` bytes of one client.
    pub(crate) fn carry(&mut self, client: usize, up: usize, down: usize) -> bool {
        let end = &mut self.clients[client];
        end.conversation.send(self.now.mono, &mut end.up);
        let Some(at) = end.at else { return false };
        let sent: Vec<u8> = end.up.drain(..up.min(end.up.len())).collect();
        if !sent.is_empty() {
            self.broker.receive(self.now, at, &sent);
        }
        let came = self.broker.take_output(self.now, at, down);
        end.down.extend_from_slice(&came);
        loop {
            match end.conversation.on_bytes(self.now.mono, &end.down, &mut end.up) {
                Ok(0) => break,
                Ok(len) => drop(end.down.drain(..len)),
                Err(error) => {
                    end.errors.push(error);
                    end.at = None;
                    break;
                }
            }
        }
        while let Some(event) = end.conversation.take_event() {
            end.events.push(event);
        }
        !sent.is_empty() || !came.is_empty()
    }

    /// Moves everything until nobody has anything to say.
    pub(crate) fn settle(&mut self) {
        while (0..self.clients.len()).fold(false, |moved, client| self.carry(client, usize::MAX, usize::MAX) | moved) {}
    }

    pub(crate) fn take(&mut self, client: usize) -> Vec<Event> {
        core::mem::take(&mut self.clients[client].events)
    }
}

/// The payloads of the messages among `events`, as text.
pub(crate) fn payloads(events: &[Event]) -> Vec<String> {
    let mut texts = Vec::new();
    for event in events {
        if let Event::Message(message) = event {
            texts.push(String::from_utf8_lossy(&message.payload).into_owned());
        }
    }
    texts
}
