//! `postrider serve`: the broker as a process.
//!
//! Owns: the first lines people read, signals, the exit.

use crate::args::Serve;
use crate::data;
use crate::events::Printer;
use crate::passwords::Door;
use crate::rules::Keeper;
use anyhow::{anyhow, bail};
use postrider::{Broker, Error, ErrorKind, Failure, Limits, defaults};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long connections may take what still waits for them.
const GRACE: Duration = Duration::from_secs(5);

/// Blocks up to this size come from the heap; up to twice as much free memory at its end is kept.
const LARGE_BLOCK_BYTES: usize = 4 << 20;

pub(crate) fn run(args: &Serve) -> anyhow::Result<ExitCode> {
    // As many connections as the system lets one process have.
    let _ = postrider_net::raise_limit();
    teach_allocator();
    crate::runtime()?.block_on(serve(args))
}

/// glibc takes the size of the first large block that is given back as the measure of what is worth keeping
/// (mallopt(3), `M_MMAP_THRESHOLD`). Otherwise each burst of large messages fetches its pages from the system and
/// returns them, which costs more than half of a message of 16 KiB.
fn teach_allocator() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(LARGE_BLOCK_BYTES)));
}

async fn serve(args: &Serve) -> anyhow::Result<ExitCode> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let locks = Locks { door: Door::of(args)?, rules: Keeper::open(args)? };
    let mut hang_up = locks.are_there().then(|| signal(SignalKind::hangup())).transpose()?;
    let broker = start(args, &locks)?;
    if !args.quiet {
        greet(&broker, args, &locks);
    }
    let mut failed = pin!(broker.failed());
    loop {
        tokio::select! {
            () = stopped(&mut interrupt, &mut terminate) => break,
            () = asked_again(&mut hang_up) => locks.read_again(&broker).await,
            failure = &mut failed => return Ok(fail(&failure)),
        }
    }
    tokio::select! {
        is_done = broker.shutdown(GRACE) => {
            if !is_done && !args.quiet {
                say(&format!("some connections did not take their last messages in {} s and were cut", GRACE.as_secs()));
            }
        }
        () = stopped(&mut interrupt, &mut terminate) => return Ok(ExitCode::SUCCESS),
    }
    tokio::select! {
        biased;
        // What was appended last may not have been kept.
        failure = &mut failed => Ok(fail(&failure)),
        () = std::future::ready(()) => Ok(ExitCode::SUCCESS),
    }
}

/// Nobody can rely on this broker any more; whoever looks after it starts it again.
fn fail(failure: &Failure) -> ExitCode {
    crate::print_error(&anyhow!("{failure}; nothing was acknowledged since; {}", failure.advice()));
    ExitCode::FAILURE
}

async fn stopped(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// Who may come in, and what he may do then.
struct Locks {
    door: Option<Door>,
    rules: Option<Keeper>,
}

impl Locks {
    const fn are_there(&self) -> bool {
        self.door.is_some() || self.rules.is_some()
    }

    async fn read_again(&self, broker: &Broker) {
        if let Some(door) = &self.door {
            door.read_again(broker).await;
        }
        if let Some(rules) = &self.rules {
            rules.reload(broker).await;
        }
    }
}

/// Somebody wants the files read again. Without any, SIGHUP ends the process, as it always does.
async fn asked_again(hang_up: &mut Option<Signal>) {
    match hang_up {
        Some(hang_up) => _ = hang_up.recv().await,
        None => std::future::pending().await,
    }
}

fn start(args: &Serve, locks: &Locks) -> anyhow::Result<Broker> {
    let addresses = addresses(args)?;
    let limits = Limits { sys_interval_s: sys_interval_s(args), ..data::limits(args)? };
    let mut builder = Broker::builder().threads(threads(args)).limits(limits);
    for address in addresses {
        builder = builder.listen(address);
    }
    if args.verbose {
        builder = builder.observe(Printer::of_everything());
    } else if locks.rules.is_some() && !args.quiet {
        builder = builder.observe(Printer::of_denials());
    }
    if let Some(rules) = &locks.rules {
        builder = builder.authorize(rules.acl.clone());
    }
    if let Some(door) = &locks.door {
        builder = door.guard(builder);
    }
    data::keep(builder, args)?.start().map_err(explain)
}

fn explain(error: Error) -> anyhow::Error {
    let advice = match error.advice() {
        Some(advice) if error.kind() == ErrorKind::InUse => format!("{advice} with --data-dir"),
        Some(advice) => advice.to_owned(),
        None if error.is_address_in_use() => {
            "another broker may be running there; stop it or choose another port with -p".to_owned()
        }
        None => "choose where to listen with --bind and -p".to_owned(),
    };
    anyhow!("{:#}; {advice}", anyhow::Error::new(error))
}

/// Whoever can reach the broker may use it or can hear passwords, so far; so others than this machine only on request.
fn addresses(args: &Serve) -> anyhow::Result<Vec<SocketAddr>> {
    let open = args.bind.iter().find(|address| !address.is_loopback());
    if let Some(address) = open
        && !args.allow_anonymous
    {
        let why = match args.password_file {
            None => "nobody is asked for a password; add --allow-anonymous if that is wanted",
            Some(_) => "there is no TLS yet, so passwords could be heard on the way; listen on this machine only",
        };
        bail!("{address} can be reached from other machines and {why}");
    }
    let all = if args.bind.is_empty() { &[IpAddr::V4(Ipv4Addr::LOCALHOST)][..] } else { &args.bind };
    Ok(all.iter().map(|address| SocketAddr::new(*address, args.port)).collect())
}

/// Batches are larger and cheaper with few threads, and half the processors are left to those who are served.
fn threads(args: &Serve) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    args.threads.map_or_else(|| (processors / 2).clamp(1, 4), |count| usize::from(count.get()))
}

/// Everybody who is let in can read the report, so it is for this machine only unless it is asked for.
fn sys_interval_s(args: &Serve) -> u16 {
    let is_local = args.bind.iter().all(IpAddr::is_loopback);
    let usual = || if is_local { defaults::limits().sys_interval_s } else { 0 };
    args.sys_interval.unwrap_or_else(usual)
}

fn greet(broker: &Broker, args: &Serve, locks: &Locks) {
    say(&format!("postrider {}: an MQTT 3.1, 3.1.1 and 5.0 broker", env!("CARGO_PKG_VERSION")));
    for address in broker.addresses() {
        let reach = if address.ip().is_loopback() { "this machine only" } else { "every machine that reaches it" };
        let asked = locks.door.as_ref().map_or("nobody is asked for a password", Door::asks);
        say(&format!("listening on mqtt://{address} ({reach}; {asked})"));
    }
    if let Some(door) = &locks.door {
        say(&door.describe());
    }
    if let Some(rules) = &locks.rules {
        say(&rules.describe());
    }
    data::describe(broker, args).iter().for_each(|line| say(line));
    let name = std::env::args().next().unwrap_or_else(|| "postrider".to_owned());
    let port = broker.addresses().first().map(SocketAddr::port).filter(|port| *port != 1883);
    let port = port.map_or_else(String::new, |port| format!(" -p {port}"));
    let port = if args.password_file.is_some() { format!("{port} -u USER -P PASSWORD") } else { port };
    say(&format!("try it:  {name} sub{port} -t 'hello/#' -v"));
    say(&format!("    and  {name} pub{port} -t hello/world -m hi"));
    say("stop it with Ctrl-C");
}

pub(crate) fn say(line: &str) {
    // Nobody reads: the broker serves all the same.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
