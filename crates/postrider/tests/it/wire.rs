//! A client that says exactly what it is told, and hears everything that is said to it.
//!
//! Owns: one stream, the bytes that are not decoded yet, and the patience of all tests.

use bytes::{Buf, BytesMut};
use postrider::{Broker, Version};
use postrider_proto::{AckKind, Packet, Qos, ReasonCode, split};
use postrider_testkit::{Hello, Pub, ack, describe, pingreq, subscribe};
use std::io::Cursor;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Long enough for a machine that does much else; whatever takes longer never comes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub(crate) struct Wire {
    stream: Box<dyn Stream>,
    version: Version,
    received: BytesMut,
}

impl Wire {
    pub(crate) fn over(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), version: Version::V5, received: BytesMut::new() }
    }

    /// A TCP connection on which nothing has been said.
    pub(crate) async fn dial(address: SocketAddr) -> Self {
        let stream = patiently(TcpStream::connect(address)).await.expect("the broker listens");
        stream.set_nodelay(true).expect("a socket");
        Self::over(stream)
    }

    /// One end of a pipe that holds `bytes`; the broker has the other.
    pub(crate) fn attach(broker: &Broker, bytes: usize) -> Self {
        let (near, far) = tokio::io::duplex(bytes);
        broker.attach(far, "pipe");
        Self::over(near)
    }

    /// The same, but first the broker reads a head and then a tail with all that follows it.
    pub(crate) fn attach_behind(broker: &Broker, head: &[u8], tail: &[u8]) -> Self {
        let (near, far) = tokio::io::duplex(1 << 20);
        let (read, write) = tokio::io::split(far);
        let bytes = AsyncReadExt::chain(Cursor::new(head.to_vec()), Cursor::new(tail.to_vec()));
        let read = bytes.chain(read);
        broker.attach(tokio::io::join(read, write), "pipe");
        Self::over(near)
    }

    /// A TCP client that is in.
    pub(crate) async fn client(broker: &Broker, hello: &Hello) -> Self {
        let mut wire = Self::dial(broker.addresses()[0]).await;
        wire.enter(hello).await;
        wire
    }

    /// Sends CONNECT and is let in; says whether a session was there.
    pub(crate) async fn enter(&mut self, hello: &Hello) -> bool {
        self.hail(hello).await;
        let line = self.next().await;
        assert!(line.starts_with("CONNACK Success"), "{line}");
        line.starts_with("CONNACK Success present")
    }

    /// Sends CONNECT and no more.
    pub(crate) async fn hail(&mut self, hello: &Hello) {
        self.version = hello.version;
        self.send(&hello.bytes()).await;
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        patiently(self.stream.write_all(bytes)).await.expect("the broker reads");
    }

    /// Sends to somebody who may have hung up; false if he has.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> bool {
        patiently(self.stream.write_all(bytes)).await.is_ok()
    }

    /// Sends and reads at the same time, so that neither end of a narrow pipe waits for the other.
    pub(crate) async fn send_and_hear(&mut self, bytes: &[u8]) {
        let (mut read, mut write) = tokio::io::split(&mut self.stream);
        let received = &mut self.received;
        patiently(async {
            let sending = write.write_all(bytes);
            tokio::pin!(sending);
            loop {
                tokio::select! {
                    sent = &mut sending => return sent.expect("the broker reads"),
                    count = read.read_buf(received) => assert!(count.is_ok_and(|count| count > 0), "the broker hung up"),
                }
            }
        })
        .await;
    }

    /// What `look` makes of the next packet; `None` at the end of the stream.
    pub(crate) async fn take<R>(&mut self, look: impl FnOnce(&Packet<'_>) -> R) -> Option<R> {
        patiently(async {
            loop {
                if let Some(frame) = split(&self.received, usize::MAX).expect("the broker frames well") {
                    let packet = Packet::decode(frame, self.version).expect("the broker encodes well");
                    let (seen, len) = (look(&packet), frame.len);
                    self.received.advance(len);
                    return Some(seen);
                }
                match self.stream.read_buf(&mut self.received).await {
                    Ok(count) if count > 0 => {}
                    _ => {
                        assert!(self.received.is_empty(), "a packet is cut off");
                        return None;
                    }
                }
            }
        })
        .await
    }

    /// The next packet as a line, or `end`.
    pub(crate) async fn next(&mut self) -> String {
        let version = self.version;
        self.take(|packet| describe(packet, version)).await.unwrap_or_else(|| "end".to_owned())
    }

    /// The same, where the stream may end with an error.
    pub(crate) async fn next_or_end(&mut self) -> String {
        self.received.clear();
        self.next().await
    }

    pub(crate) async fn expect(&mut self, line: &str) {
        assert_eq!(self.next().await, line);
    }

    /// The broker closes and says nothing before.
    pub(crate) async fn expect_end(&mut self) {
        self.expect("end").await;
    }

    /// Whatever was owed to this client before has come: nothing is left but the answer to a ping.
    pub(crate) async fn expect_silence(&mut self) {
        self.send(&pingreq()).await;
        self.expect("PINGRESP").await;
    }

    pub(crate) async fn subscribed(&mut self, filter: &str, qos: u8) {
        self.send(&subscribe(60_000, filter, qos).bytes(self.version)).await;
        self.expect(&format!("SUBACK #60000 {qos:02x}")).await;
    }

    /// Publishes and goes through with the whole exchange of the QoS.
    pub(crate) async fn publish(&mut self, publish: &Pub) {
        self.send(&publish.bytes(self.version)).await;
        let bytes = publish.bytes(Version::V3_1_1);
        let frame = split(&bytes, usize::MAX).expect("whole").expect("whole");
        let Ok(Packet::Publish(publish)) = Packet::decode(frame, Version::V3_1_1) else { panic!("a PUBLISH") };
        let Some(id) = publish.packet_id else { return };
        let is_twice = publish.qos == Qos::ExactlyOnce;
        let line = self.next().await;
        let name = if is_twice { "PUBREC" } else { "PUBACK" };
        assert!(line.starts_with(&format!("{name} #{id}")), "{line}");
        if is_twice {
            self.acknowledge(AckKind::Pubrel, id.as_u16()).await;
            self.expect(&format!("PUBCOMP #{id}")).await;
        }
    }

    pub(crate) async fn acknowledge(&mut self, kind: AckKind, id: u16) {
        let bytes = ack(kind, id, ReasonCode::Success, self.version);
        self.send(&bytes).await;
    }

    /// The next message, its QoS's exchange gone through: topic, QoS and payload.
    pub(crate) async fn receive(&mut self) -> (String, Qos, Vec<u8>) {
        let look = |packet: &Packet<'_>| {
            let Packet::Publish(publish) = packet else { panic!("{packet:?} is no PUBLISH") };
            let id = publish.packet_id.map(|id| id.as_u16());
            (publish.topic.as_str().to_owned(), publish.qos, publish.payload.to_vec(), id)
        };
        let (topic, qos, payload, id) = self.take(look).await.expect("a message");
        match (qos, id) {
            (Qos::AtLeastOnce, Some(id)) => self.acknowledge(AckKind::Puback, id).await,
            (Qos::ExactlyOnce, Some(id)) => {
                self.acknowledge(AckKind::Pubrec, id).await;
                self.expect(&format!("PUBREL #{id}")).await;
                self.acknowledge(AckKind::Pubcomp, id).await;
            }
            _ => {}
        }
        (topic, qos, payload)
    }

    /// Everything up to the end of the stream, as it comes.
    pub(crate) async fn take_raw(&mut self, heard: &mut Vec<u8>) {
        patiently(self.stream.read_to_end(heard)).await.expect("an orderly end");
    }

    /// Reads up to `count` bytes and forgets them.
    pub(crate) async fn sip(&mut self, count: usize) -> usize {
        let mut bytes = vec![0; count];
        patiently(self.stream.read(&mut bytes)).await.expect("the stream is open")
    }
}

/// Waits, but not for ever.
pub(crate) async fn patiently<F: Future>(future: F) -> F::Output {
    timeout(PATIENCE, future).await.expect("it comes within all patience")
}

/// Looks again and again until something holds.
pub(crate) async fn until(mut holds: impl AsyncFnMut() -> bool) {
    patiently(async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}
