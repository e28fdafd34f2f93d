//! A broker with a limit of memory, and more offered to it than that.

use crate::broker::{Broker, Memory, POSTRIDER, port_in};
use crate::folder::Folder;
use crate::patience::until;
use crate::program::Program;
use crate::wire::Wire;
use postrider_proto::{ReasonCode, Version};
use postrider_testkit::{Hello, publish};
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const LIMIT: &str = "[limits]\nmemory = \"64 MiB\"\n[log]\ndestinations = [\"stdout\"]\n";
const LIMIT_KIB: u64 = 64 * 1024;
const AWAY: usize = 10;
const SLOW: usize = 100;
const CROWD: usize = 2000;
/// How long memory is short, and how long that may take to come: first the system's buffers are filled.
const FLOOD: Duration = Duration::from_secs(4);
const PATIENCE: Duration = Duration::from_secs(100);

/// A broker with the limit, and the file that says so.
fn limited(folder: &Folder, directory: &Path) -> Broker {
    std::fs::create_dir_all(&folder.0).expect("a directory");
    let file = folder.0.join("limited.toml");
    std::fs::write(&file, LIMIT).expect("a file");
    Broker::keeping(directory, &["-c", file.to_str().expect("a name")])
}

/// What is acknowledged for `topic` until it is over, in the order it was sent.
fn write_acknowledged(broker: SocketAddr, topic: &str, is_over: &AtomicBool) -> BTreeSet<u32> {
    let mut acknowledged = BTreeSet::new();
    let mut writer = Wire::client(broker, &Hello::new(&format!("writer of {topic}")));
    for number in 0u32.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let id = u16::try_from(number % 60_000 + 1).expect("small");
        writer.send(&publish(topic, &format!("{number:08} {}", "x".repeat(4000))).q1(id).bytes(Version::V5));
        let line = writer.next();
        if !line.contains(&format!("{:?}", ReasonCode::QuotaExceeded)) {
            assert!(line.starts_with("PUBACK"), "{line}");
            acknowledged.insert(number);
        }
    }
    acknowledged
}

fn flood(broker: SocketAddr, number: usize, is_over: &AtomicBool) -> u64 {
    let mut writer = Wire::client(broker, &Hello::new(&format!("flood {number}")));
    let burst: Vec<u8> = (0..20).flat_map(|_| publish("flood", "").sized(1000).bytes(Version::V5)).collect();
    let mut sent = 0;
    while !is_over.load(Ordering::Relaxed) {
        writer.send(&burst);
        sent += 20;
    }
    sent
}

/// The largest that the broker was. It is over when memory has been short for some time.
fn watch(id: u32, is_over: &AtomicBool) -> u64 {
    let (mut largest, start, mut short_since) = (0, Instant::now(), None);
    loop {
        largest = largest.max(Memory::of(id).resident_kib);
        if largest > LIMIT_KIB / 4 * 3 {
            let since: &mut Instant = short_since.get_or_insert_with(Instant::now);
            if since.elapsed() > FLOOD {
                break;
            }
        } else if start.elapsed() > PATIENCE {
            break;
        }
        thread::park_timeout(Duration::from_millis(10));
    }
    is_over.store(true, Ordering::Relaxed);
    largest
}

/// Everything that was acknowledged for a session that was away.
fn check_nothing_lost(broker: &Broker, number: usize, acknowledged: &BTreeSet<u32>) {
    let mut reader = Wire::dial(broker);
    reader.enter(&Hello::new(&format!("away {number}")).resume().expiry(1000));
    let mut missing = acknowledged.clone();
    while !missing.is_empty() {
        let message = reader.receive();
        let text = String::from_utf8(message.payload).expect("text");
        missing.remove(&text.split(' ').next().expect("a number").parse().expect("a number"));
    }
}

/// Ten times as much as there is memory is offered, to clients that read nothing and to sessions that are away.
fn offer_too_much(broker: &Broker, slow_clients: usize) {
    let mut slow: Vec<Wire> = Vec::new();
    for number in 0..slow_clients {
        let mut client = Wire::client(broker, &Hello::new(&format!("slow {number}")));
        client.subscribed("flood", u8::from(number % 2 == 0));
        slow.push(client);
    }
    for number in 0..AWAY {
        let mut client = Wire::client(broker, &Hello::new(&format!("away {number}")).expiry(1000));
        client.subscribed(&format!("own/{number}"), 1);
    }
    let (is_over, offered) = (&AtomicBool::new(false), AtomicU64::new(0));
    let (address, id) = (SocketAddr::from(broker), broker.id());
    let mut acknowledged = Vec::new();
    let largest = thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(id, is_over));
        let floods: Vec<_> = (0..3).map(|number| scope.spawn(move || flood(address, number, is_over))).collect();
        let writers =
            (0..AWAY).map(|number| scope.spawn(move || write_acknowledged(address, &format!("own/{number}"), is_over)));
        let writers: Vec<_> = writers.collect();
        acknowledged.extend(writers.into_iter().map(|writer| writer.join().expect("it wrote")));
        for flood in floods {
            offered.fetch_add(flood.join().expect("it flooded"), Ordering::Relaxed);
        }
        watcher.join().expect("it watched")
    });
    let kept: usize = acknowledged.iter().map(BTreeSet::len).sum();
    eprintln!("{offered:?} messages of 1,000 bytes offered to {slow_clients}, {kept} kept, {largest} KiB at most");
    assert!(largest > LIMIT_KIB / 4 * 3, "{largest} KiB: nothing was short");
    assert!(largest <= LIMIT_KIB / 10 * 11, "{largest} KiB");
    drop(slow);
    acknowledged.iter().enumerate().for_each(|(number, own)| check_nothing_lost(broker, number, own));
}

// D-08, G20
#[test]
fn the_limit_of_memory_holds_under_a_flood_and_nothing_acknowledged_is_lost() {
    let folder = Folder::new("memory-flood");
    offer_too_much(&limited(&folder, Path::new("memory")), SLOW);
}

// G20
#[test]
fn the_limit_of_memory_holds_with_two_thousand_who_do_not_read() {
    // As many descriptors as the system lets us have.
    let _ = postrider_net::raise_limit();
    let folder = Folder::new("memory-crowd");
    offer_too_much(&limited(&folder, Path::new("memory")), CROWD);
}

#[test]
fn the_limit_of_memory_holds_with_a_data_directory_too() {
    let folder = Folder::new("memory-flood-on-disk");
    offer_too_much(&limited(&folder, &folder.0.join("data")), SLOW);
}

#[test]
fn packets_that_come_in_part_take_no_more_than_a_part_of_the_limit() {
    let folder = Folder::new("memory-parts");
    let broker = limited(&folder, Path::new("memory"));
    let packet = publish("a", "").sized(1_500_000).q1(1).bytes(Version::V5);
    let mut writers: Vec<Wire> =
        (0..100).map(|number| Wire::client(&broker, &Hello::new(&format!("writer {number}")))).collect();
    for writer in &mut writers {
        // Who was sent away has hung up.
        let _ = writer.try_send(&packet[..1_400_000]);
    }
    until("somebody is sent away", || writers.iter_mut().any(|writer| !writer.is_open()));
    assert!(broker.memory().resident_kib <= LIMIT_KIB / 10 * 11, "{:?}", broker.memory());
    Wire::client(&broker, &Hello::new("other")).expect_silence();
}

/// Descriptors of a broker that has few: what is kept in reserve, and those for connections.
const DESCRIPTORS: usize = 64 + CONNECTIONS;
const CONNECTIONS: usize = 50;
const WATCHED: Duration = Duration::from_secs(3);

/// What a process has had of the processors.
pub(crate) fn processor_time(id: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("it runs");
    let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(ticks * 10)
}

// G21
#[test]
fn at_the_limit_of_descriptors_a_broker_rests_serves_whoever_is_in_and_takes_the_next_at_once() {
    let command = format!("ulimit -n {DESCRIPTORS}; exec {POSTRIDER} serve -p 0 --data-dir memory");
    let (program, lines) = Program::start_and_hear(Command::new("sh").args(["-c", &command]));
    let port = port_in(&lines.wait_for("listening on mqtt://")).expect("a port");
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut old: Vec<Wire> =
        (0..CONNECTIONS).map(|number| Wire::client(address, &Hello::new(&format!("old {number}")))).collect();
    let mut new: Vec<Wire> = (0..20).map(|_| Wire::dial(address)).collect();
    new.iter_mut().enumerate().for_each(|(number, new)| new.hail(&Hello::new(&format!("new {number}"))));
    let (before, since) = (processor_time(program.id()), Instant::now());
    old[0].subscribed("a", 1);
    while since.elapsed() < WATCHED {
        old[1].publish(&publish("a", "x").q1(1));
        assert_eq!(old[0].receive().payload, b"x");
        thread::park_timeout(Duration::from_millis(100));
    }
    let spent = processor_time(program.id()) - before;
    println!("{} ms of processor in {} ms at the limit", spent.as_millis(), since.elapsed().as_millis());
    assert!(spent * 20 <= since.elapsed(), "{spent:?}");
    old.iter_mut().for_each(Wire::expect_silence);
    let freed = Instant::now();
    drop(old.pop());
    assert!(new[0].next().starts_with("CONNACK Success"));
    assert!(freed.elapsed() < Duration::from_secs(1), "{:?}", freed.elapsed());
    program.signal(Signal::TERM);
    assert_eq!(program.finish().code, Some(0));
}
