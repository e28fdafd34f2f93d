//! TLS listeners: who gets in, what is learnt of them, and what happens to the files.

use crate::authority::{Authority, handshake};
use crate::ground::{everywhere, local};
use crate::tunnel;
use crate::wire::{Wire, until};
use postrider::{
    Authenticate, AuthenticateAnswer, AuthenticateRequest, Broker, Builder, Certificate, ClientCertificates, Dates,
    ErrorKind, Event, Listen, Reply, TlsOptions, TlsVersion, Trust, Version,
};
use postrider_testkit::{Hello, publish};
use rcgen::date_time_ymd;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

fn with_tls(options: TlsOptions) -> Builder {
    Broker::builder().listen_on(Listen::tcp(local()).tls(options))
}

/// A subscriber and a publisher that talk with each other.
async fn converse(mut subscriber: Wire, mut publisher: Wire) {
    subscriber.enter(&Hello::new("s")).await;
    publisher.enter(&Hello::new("p")).await;
    subscriber.subscribed("t/#", 1).await;
    publisher.publish(&publish("t/1", "small").q1(1)).await;
    assert_eq!(subscriber.receive().await.2, b"small");
    for (id, size) in [(2, 100_000), (3, 1_900_000)] {
        let large = publish("t/large", "").sized(size).q1(id);
        publisher.send_and_hear(&large.bytes(Version::V5)).await;
        assert_eq!(subscriber.receive().await.2.len(), size);
        publisher.expect(&format!("PUBACK #{id}")).await;
    }
    subscriber.expect_silence().await;
}

#[test]
fn clients_talk_over_tls_with_small_and_large_messages_wherever_they_are_served() {
    everywhere(async |builder: Builder| {
        let authority = Authority::new();
        let broker = builder.listen_on(Listen::tcp(local()).tls(authority.server())).start().expect("a broker");
        let address = broker.addresses()[1];
        converse(tunnel::tls(address, &authority, None).await, tunnel::tls(address, &authority, None).await).await;
        // And with those who come without.
        let plain = Wire::dial(broker.addresses()[0]).await;
        converse(plain, tunnel::tls(address, &authority, None).await).await;
    });
}

async fn version_of(
    broker: &Broker,
    authority: &Authority,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Option<rustls::ProtocolVersion> {
    let config = authority.client_with(None, versions);
    let stream = handshake(config, tunnel::tcp(broker.addresses()[0]).await).await.ok()?;
    stream.get_ref().1.protocol_version()
}

#[tokio::test]
async fn the_oldest_version_that_is_spoken_can_be_chosen() {
    let authority = Authority::new();
    let (old, new) = (&rustls::version::TLS12, &rustls::version::TLS13);
    let broker = with_tls(authority.server()).start().expect("a broker");
    assert_eq!(version_of(&broker, &authority, &[old]).await, Some(rustls::ProtocolVersion::TLSv1_2));
    assert_eq!(version_of(&broker, &authority, &[old, new]).await, Some(rustls::ProtocolVersion::TLSv1_3));
    let strict = TlsOptions { version_min: TlsVersion::V1_3, ..authority.server() };
    let broker = with_tls(strict).start().expect("a broker");
    assert_eq!(version_of(&broker, &authority, &[old]).await, None);
    assert_eq!(version_of(&broker, &authority, &[old, new]).await, Some(rustls::ProtocolVersion::TLSv1_3));
}

// A23
#[tokio::test]
async fn what_is_no_hello_of_tls_1_2_or_later_is_closed_and_told_so() {
    let authority = Authority::new();
    let broker = with_tls(authority.server()).start().expect("a broker");
    // ClientHello of TLS 1.0 and 1.1: versions, random, no session, one cipher, no compression.
    let old = |minor: u8| {
        let hello = [&[3, minor][..], &[7; 32], &[0, 0, 2, 0xc0, 0x13, 1, 0]].concat();
        let len = u8::try_from(hello.len()).expect("small");
        [&[22, 3, 1, 0, len + 4, 1, 0, 0, len][..], &hello].concat()
    };
    let garbage: [&[u8]; 5] = [
        &Hello::new("c").bytes(),
        b"GET / HTTP/1.1\r\n\r\n",
        &[22, 3, 1, 0xff, 0xff],
        &[22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff],
        &[0; 64],
    ];
    for bytes in [&old(1)[..], &old(2)].into_iter().chain(garbage) {
        let mut stream = tunnel::tcp(broker.addresses()[0]).await;
        stream.write_all(bytes).await.expect("it reads");
        stream.shutdown().await.expect("it is open");
        let mut heard = Vec::new();
        // A reset is an end as well.
        let _ = crate::wire::patiently(stream.read_to_end(&mut heard)).await;
        assert!(heard.len() < 16, "{heard:02x?}");
        if bytes[..3] == [22, 3, 1] && bytes.len() > 20 {
            assert_eq!(heard[..6], [21, 3, 3, 0, 2, 2], "a fatal alert");
        }
    }
    assert_eq!(broker.counters().await.expect("it runs").connects_received, 0);
}

/// Lets everybody in and keeps their certificates.
#[derive(Clone, Default)]
struct Curious(Arc<Mutex<Vec<Option<Certificate>>>>);

impl Authenticate for Curious {
    fn begin(&self, request: AuthenticateRequest, reply: Reply<AuthenticateAnswer>) {
        self.0.lock().expect("nobody panics").push(request.peer.certificate().cloned());
        reply.send(AuthenticateAnswer::accept(None));
    }
}

async fn gets_in(address: SocketAddr, authority: &Authority, identity: Option<&crate::authority::Identity>) -> bool {
    let Ok(stream) = handshake(authority.client(identity), tunnel::tcp(address).await).await else { return false };
    let mut wire = Wire::over(stream);
    // In TLS 1.3 a client hears of a refusal only when it reads.
    wire.try_send(&Hello::new("c").bytes()).await && wire.next_or_end().await.starts_with("CONNACK Success")
}

#[tokio::test]
async fn certificates_of_clients_are_asked_for_checked_and_told_to_authentication() {
    let authority = Authority::new();
    let known = authority.sign("sensor-7");
    let stranger = Authority::new().sign("sensor-7");
    for (is_required, without) in [(true, false), (false, true)] {
        let trust = authority.trust();
        let clients =
            if is_required { ClientCertificates::Required(trust) } else { ClientCertificates::Optional(trust) };
        let curious = Curious::default();
        let options = TlsOptions { clients, ..authority.server() };
        let broker = with_tls(options).authenticate(curious.clone()).start().expect("a broker");
        let address = broker.addresses()[0];
        assert!(gets_in(address, &authority, Some(&known)).await);
        let seen = curious.0.lock().expect("nobody panics").pop().flatten().expect("a certificate");
        assert_eq!(seen.common_name.as_deref(), Some("sensor-7"));
        assert_eq!(seen.subject.as_deref(), Some("CN=sensor-7,O=Example\\, Ltd"));
        assert_eq!(seen.dns.as_deref(), Some("localhost"));
        assert!(seen.uri.as_deref().is_some_and(|uri| uri.starts_with("urn:dev:")), "{seen:?}");
        assert!(!gets_in(address, &authority, Some(&stranger)).await);
        assert_eq!(gets_in(address, &authority, None).await, without);
        if without {
            assert_eq!(curious.0.lock().expect("nobody panics").pop(), Some(None));
        }
    }
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_as_soon_as_the_list_was_read() {
    let authority = Authority::new();
    let (good, bad) = (authority.sign("good"), authority.sign("bad"));
    let revoked = vec![authority.revoke(&[])];
    let trust = Trust { revoked, ..authority.trust() };
    let options = TlsOptions { clients: ClientCertificates::Required(trust), ..authority.server() };
    let broker = with_tls(options).start().expect("a broker");
    let address = broker.addresses()[0];
    // A client that would come back with a ticket.
    let config = authority.client(Some(&bad));
    let mut before = Wire::over(handshake(config.clone(), tunnel::tcp(address).await).await.expect("let in"));
    before.enter(&Hello::new("before")).await;
    authority.revoke(&[&bad]);
    assert!(gets_in(address, &authority, Some(&bad)).await, "it was not read yet");
    assert_eq!(broker.reload_tls().expect("good files"), 1);
    assert!(!gets_in(address, &authority, Some(&bad)).await);
    assert!(gets_in(address, &authority, Some(&good)).await);
    before.expect_silence().await;
    if let Ok(stream) = handshake(config, tunnel::tcp(address).await).await {
        let mut again = Wire::over(stream);
        let _ = again.try_send(&Hello::new("again").bytes()).await;
        assert_eq!(again.next_or_end().await, "end", "a ticket of before is worth nothing");
    }
}

#[tokio::test]
async fn certificates_that_are_too_old_are_refused_unless_their_dates_are_not_to_be_checked() {
    let authority = Authority::new();
    let old = authority.sign_with("old", |params| params.not_after = date_time_ymd(2021, 1, 1));
    let old_stranger = Authority::new().sign_with("old", |params| params.not_after = date_time_ymd(2021, 1, 1));
    let revoked = authority.sign_with("revoked", |params| params.not_after = date_time_ymd(2021, 1, 1));
    let list = authority.revoke(&[&revoked]);
    for (dates, is_in) in [(Dates::Checked, false), (Dates::NotChecked, true)] {
        let trust = Trust { dates, revoked: vec![list.clone()], ..authority.trust() };
        let options = TlsOptions { clients: ClientCertificates::Required(trust), ..authority.server() };
        let broker = with_tls(options).start().expect("a broker");
        assert_eq!(gets_in(broker.addresses()[0], &authority, Some(&old)).await, is_in);
        assert!(!gets_in(broker.addresses()[0], &authority, Some(&old_stranger)).await);
        assert!(!gets_in(broker.addresses()[0], &authority, Some(&revoked)).await);
    }
}

/// The certificate that a server shows.
async fn shown(address: SocketAddr, authority: &Authority) -> Vec<u8> {
    let stream = handshake(authority.client(None), tunnel::tcp(address).await).await.expect("a handshake");
    stream.get_ref().1.peer_certificates().expect("a chain")[0].to_vec()
}

#[tokio::test]
async fn a_certificate_is_replaced_while_connections_live_and_kept_if_the_new_one_is_wrong() {
    let authority = Authority::new();
    let broker = with_tls(authority.server()).start().expect("a broker");
    let address = broker.addresses()[0];
    let first = shown(address, &authority).await;
    let mut living = tunnel::tls(address, &authority, None).await;
    living.enter(&Hello::new("living")).await;
    // The key is another one's.
    let (next, other) = (authority.sign("localhost"), authority.sign("localhost"));
    authority.write("server.pem", &next.chain);
    let error = broker.reload_tls().expect_err("the key is that of before");
    assert_eq!(error.kind(), ErrorKind::Tls);
    let why = format!("{:?}", std::error::Error::source(&error).map(ToString::to_string));
    assert!(why.contains("server.key: the key does not belong to the certificate"), "{why}");
    assert_eq!(shown(address, &authority).await, first);
    authority.write("server.key", &next.key);
    assert_eq!(broker.reload_tls().expect("good files"), 1);
    let second = shown(address, &authority).await;
    assert_ne!(second, first);
    living.expect_silence().await;
    authority.install(&other);
    assert_eq!(shown(address, &authority).await, second, "nobody asked for it yet");
}

#[tokio::test]
async fn a_listener_gets_other_options_while_it_listens() {
    let authority = Authority::new();
    let broker = with_tls(authority.server()).listen(local()).start().expect("a broker");
    let (id, plain, address) = (broker.listeners()[0].id, broker.listeners()[1].id, broker.addresses()[0]);
    let mut living = tunnel::tls(address, &authority, None).await;
    living.enter(&Hello::new("living")).await;
    let clients = ClientCertificates::Required(authority.trust());
    let strict = TlsOptions { clients, ..authority.server() };
    assert!(broker.replace_tls(id, strict.clone()).expect("good files"));
    assert!(!broker.replace_tls(plain, strict).expect("good files"), "it has no TLS");
    assert!(!gets_in(address, &authority, None).await);
    assert!(gets_in(address, &authority, Some(&authority.sign("c"))).await);
    assert!(broker.replace_tls(id, TlsOptions::new("missing.pem", "missing.key")).is_err());
    assert!(!gets_in(address, &authority, None).await, "what was there stays");
    living.expect_silence().await;
}

// A23
#[tokio::test]
async fn half_handshakes_do_not_keep_honest_clients_out() {
    let authority = Authority::new();
    let broker = with_tls(authority.server()).start().expect("a broker");
    let address = broker.addresses()[0];
    // Some say nothing, some a part of a hello, some a whole one and then nothing.
    let mut hello = Vec::new();
    let name = rustls::pki_types::ServerName::try_from("localhost").expect("a name");
    let mut client = rustls::ClientConnection::new(Arc::new(authority.client(None)), name).expect("a client");
    client.write_tls(&mut hello).expect("a hello");
    let mut halves = Vec::new();
    for number in 0..2_000 {
        let mut half = tunnel::tcp(address).await;
        let bytes = [0, 20, hello.len()][number % 3];
        half.write_all(&hello[..bytes]).await.expect("it reads");
        halves.push(half);
    }
    let begun = Instant::now();
    let mut honest = tunnel::tls(address, &authority, None).await;
    honest.enter(&Hello::new("honest")).await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    eprintln!("in after {:?}, with 2,000 before", begun.elapsed());
    honest.expect_silence().await;
}

// A23
#[tokio::test]
async fn who_does_not_get_through_the_handshake_in_time_is_closed_and_leaves_word() {
    let authority = Authority::new();
    let mut limits = postrider::defaults::limits();
    limits.link.connect_ms_max = 300;
    let (tell, events) = mpsc::channel();
    let broker = with_tls(authority.server()).limits(limits).observe(Notes(tell)).start().expect("a broker");
    let mut silent = tunnel::tcp(broker.addresses()[0]).await;
    let mut byte = [0];
    assert_eq!(crate::wire::patiently(silent.read(&mut byte)).await.expect("an end"), 0);
    until(async || events.try_recv().is_ok_and(|event| matches!(event, Event::HandshakeFailed { .. }))).await;
    // The handshake and CONNECT have one deadline together.
    let mut half = tunnel::tls(broker.addresses()[0], &authority, None).await;
    half.expect_end().await;
}

struct Notes(mpsc::Sender<Event>);

impl postrider::Observe for Notes {
    fn observe(&mut self, event: &Event) {
        let _ = self.0.send(event.clone());
    }
}

#[tokio::test]
async fn a_broker_that_stops_does_not_wait_for_handshakes() {
    let authority = Authority::new();
    let broker = with_tls(authority.server()).start().expect("a broker");
    let _half = tunnel::tcp(broker.addresses()[0]).await;
    until(async || broker.listeners().len() == 1).await;
    tokio::task::yield_now().await;
    assert!(timeout(Duration::from_secs(5), broker.shutdown(Duration::from_secs(4))).await.expect("in time"));
}

#[tokio::test]
async fn a_slow_reader_behind_tls_is_cut_off_from_nothing_but_its_own_messages() {
    let authority = Authority::new();
    let broker = with_tls(authority.server()).listen(local()).start().expect("a broker");
    let mut slow = tunnel::tls(broker.addresses()[0], &authority, None).await;
    slow.enter(&Hello::new("slow")).await;
    slow.subscribed("t", 1).await;
    let mut publisher = Wire::dial(broker.addresses()[1]).await;
    publisher.enter(&Hello::new("p")).await;
    for id in 1..=500 {
        publisher.publish(&publish("t", &format!("{id}")).sized(20_000).q1(id)).await;
    }
    let queued = broker.session("slow").await.expect("it runs").expect("there").queued;
    assert!(queued > 100, "{queued} wait");
    for _ in 1..=500 {
        assert_eq!(slow.receive().await.2.len(), 20_000);
    }
    slow.expect_silence().await;
}

#[tokio::test]
async fn a_client_is_taken_over_from_one_kind_of_listener_to_another() {
    let authority = Authority::new();
    let broker = with_tls(authority.server()).listen(local()).start().expect("a broker");
    let mut first = tunnel::tls(broker.addresses()[0], &authority, None).await;
    first.enter(&Hello::new("c")).await;
    let mut second = Wire::dial(broker.addresses()[1]).await;
    second.enter(&Hello::new("c")).await;
    assert!(first.next().await.starts_with("DISCONNECT SessionTakenOver"));
    first.expect_end().await;
    let mut third = tunnel::tls(broker.addresses()[0], &authority, None).await;
    third.enter(&Hello::new("c")).await;
    assert!(second.next().await.starts_with("DISCONNECT SessionTakenOver"));
    third.expect_silence().await;
}
