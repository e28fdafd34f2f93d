//! Strangers who begin TLS and never come to its end.

use crate::authority::{Authority, Identity};
use crate::broker::{Memory, POSTRIDER};
use crate::memory::processor_time;
use crate::patience::until;
use crate::program::{Lines, Program};
use crate::wire::Wire;
use postrider_testkit::{Hello, publish};
use rustix::process::Signal;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long the broker waits for a handshake here.
const DEADLINE: Duration = Duration::from_secs(4);
/// Strangers who stay: a third says nothing, a third a half of the first message, a third all of it and no more.
const HALF: usize = 1500;
/// Threads that say the first message and hang up, again and again.
const FLOODERS: usize = 4;
/// Those of the flood that are under way count too.
const HALF_OPEN_KIB_MAX: u64 = 64;

/// A broker with a port for TLS and one without.
struct Guarded {
    program: Program,
    _lines: Lines,
    authority: Authority,
    plain: SocketAddr,
    tls: SocketAddr,
}

impl Guarded {
    fn start() -> Self {
        let authority = Authority::new("half-handshakes");
        let Identity { certificate, key } = authority.sign("server", &["localhost"]);
        let file = authority.folder().join("broker.toml");
        let text = format!(
            "[data]\ndirectory = \"memory\"\n[log]\ndestinations = [\"stdout\"]\n[limits]\nconnect_timeout = \"{}s\"\n\
             [[listener]]\nname = \"plain\"\nbind = \"127.0.0.1:0\"\nauth.allow_anonymous = true\n\
             [[listener]]\nname = \"secret\"\nbind = \"127.0.0.1:0\"\nauth.allow_anonymous = true\n\
             tls.certificate = \"{}\"\ntls.key = \"{}\"\n",
            DEADLINE.as_secs(),
            certificate.display(),
            key.display()
        );
        std::fs::write(&file, text).expect("written");
        let (program, lines) = Program::start_and_hear(Command::new(POSTRIDER).arg("serve").arg("-c").arg(&file));
        let at = |scheme: &str| {
            let line = lines.wait_for(&format!("listening on {scheme}://"));
            let digits = line.rsplit(':').next().map(|rest| rest.split(|one: char| !one.is_ascii_digit()).next());
            let port: u16 = digits.flatten().and_then(|digits| digits.parse().ok()).unwrap_or_else(|| panic!("{line}"));
            SocketAddr::from((Ipv4Addr::LOCALHOST, port))
        };
        let (plain, tls) = (at("mqtt"), at("mqtts"));
        Self { program, _lines: lines, authority, plain, tls }
    }

    fn client(&self) -> ClientConnection {
        let mut roots = RootCertStore::empty();
        let file = CertificateDer::from_pem_file(self.authority.file()).expect("a certificate");
        roots.add(file).expect("it can be trusted");
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().expect("versions");
        let config = builder.with_root_certificates(roots).with_no_client_auth();
        ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").expect("a name")).expect("a client")
    }

    /// The first message of a handshake.
    fn hello(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.client().write_tls(&mut bytes).expect("written");
        bytes
    }

    /// How long somebody honest takes until the broker lets it in through TLS; nothing if it was turned away.
    fn enter(&self) -> Option<Duration> {
        let started = Instant::now();
        let mut stream = StreamOwned::new(self.client(), TcpStream::connect(self.tls).expect("the system takes it"));
        let mut connack = [0; 4];
        stream.write_all(&Hello::new("honest").v3().bytes()).and_then(|()| stream.read_exact(&mut connack)).ok()?;
        assert_eq!(connack, [0x20, 2, 0, 0]);
        Some(started.elapsed())
    }

    fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.program.id())).expect("it runs").count()
    }

    fn resident_kib(&self) -> u64 {
        Memory::of(self.program.id()).resident_kib
    }
}

/// Says the first message and hangs up until it is over; how often.
fn flood(tls: SocketAddr, hello: &[u8], is_over: &AtomicBool) -> u64 {
    let mut count = 0;
    while !is_over.load(Ordering::Relaxed) {
        // The system's queue may be full.
        if let Ok(mut stream) = TcpStream::connect(tls) {
            count += u64::from(stream.write_all(hello).is_ok());
        }
    }
    count
}

/// The longest that a message takes between two clients that are in, until it is over.
fn talk([old, writer]: &mut [Wire; 2], is_over: &AtomicBool) -> (Duration, u32) {
    let (mut longest, mut count) = (Duration::ZERO, 0);
    while !is_over.load(Ordering::Relaxed) {
        let sent = Instant::now();
        writer.publish(&publish("a", "x").q1(1));
        assert_eq!(old.receive().payload, b"x");
        (longest, count) = (longest.max(sent.elapsed()), count + 1);
        thread::park_timeout(Duration::from_millis(10));
    }
    (longest, count)
}

// A23
#[test]
fn a_flood_of_handshakes_that_never_end_harms_no_client_and_leaves_when_its_time_is_over() {
    let _ = postrider_net::raise_limit();
    let broker = Guarded::start();
    let hello = broker.hello();
    broker.enter().expect("nobody is there");
    let mut old = ["old", "writer"].map(|name| Wire::client(broker.plain, &Hello::new(name)));
    old[0].subscribed("a", 1);
    let (base_kib, base_open) = (broker.resident_kib(), broker.descriptors());
    let half = [&[][..], &hello[..hello.len() / 2], &hello];
    let strangers: Vec<TcpStream> = (0..HALF)
        .map(|number| {
            let mut stranger = TcpStream::connect(broker.tls).expect("the system takes it");
            stranger.write_all(half[number % half.len()]).expect("it is not refused");
            stranger
        })
        .collect();
    let is_over = AtomicBool::new(false);
    let (spent, since, flooded) = (processor_time(broker.program.id()), Instant::now(), AtomicU64::new(0));
    let ((longest, served), largest, honest) = thread::scope(|scope| {
        let talker = scope.spawn(|| talk(&mut old, &is_over));
        for _ in 0..FLOODERS {
            scope.spawn(|| flooded.fetch_add(flood(broker.tls, &hello, &is_over), Ordering::Relaxed));
        }
        let (mut largest, mut honest) = (0, Vec::new());
        while since.elapsed() < DEADLINE {
            honest.extend(broker.enter());
            largest = largest.max(broker.resident_kib());
            thread::park_timeout(Duration::from_millis(100));
        }
        is_over.store(true, Ordering::Relaxed);
        (talker.join().expect("it is served"), largest, honest)
    });
    let cores = (processor_time(broker.program.id()) - spent).as_secs_f64() / since.elapsed().as_secs_f64();
    let each = largest.saturating_sub(base_kib) / HALF as u64;
    println!(
        "{HALF} half handshakes and {} more in {} ms: {cores:.2} processors, {each} KiB for each that stays; {served} \
         messages of an old client, {} ms at most; {} newcomers got in, after {} ms at most",
        flooded.load(Ordering::Relaxed),
        since.elapsed().as_millis(),
        longest.as_millis(),
        honest.len(),
        honest.iter().max().map_or(0, Duration::as_millis)
    );
    assert!(longest < Duration::from_secs(1), "{longest:?}");
    assert!(each <= HALF_OPEN_KIB_MAX, "{each} KiB");
    assert!(!honest.is_empty(), "nobody got in");
    // The deadline ends them all, however far they came.
    until("all strangers are gone", || broker.descriptors() <= base_open + 2);
    assert!(since.elapsed() < DEADLINE * 3, "{:?}", since.elapsed());
    drop(strangers);
    old.iter_mut().for_each(Wire::expect_silence);
    broker.enter().expect("there is room again");
    broker.program.signal(Signal::TERM);
    assert_eq!(broker.program.finish().code, Some(0));
}
