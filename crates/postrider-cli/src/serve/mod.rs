//! `postrider serve`: the broker as a process.
//!
//! Owns: the order of starting and stopping, signals, the exit.

mod activation;
pub(crate) mod as_mosquitto;
pub(crate) mod examine;
mod fence;
mod files;
mod gate;
mod greeting;
mod http_api;
mod limits;
mod links;
mod list_commands;
mod listens;
mod log;
mod notify;
mod process;
mod reload;
mod roster;
mod secrecy;
mod settings;
mod unheeded;
mod watch;

pub(crate) use log::Log;
pub(crate) use settings::Settings;

use crate::args::Serve;
use crate::data;
use crate::events::Printer;
use crate::take_over::{self, Outcome};
use anyhow::{Context, anyhow};
use as_mosquitto::SideFile;
use fence::Fence;
use files::Files;
use gate::{Gate, Lock};
use http_api::Api;
use list_commands::ListCommands;
use postrider::{Broker, Error, ErrorKind, Failure, ReasonCode};
use postrider_auth::dynamic::{Change, Dynamic};
use postrider_config::model::{Bind, LogType};
use postrider_config::mosquitto::wording;
use process::{PidFile, Someone};
use reload::Running;
use std::io::Write;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::MissedTickBehavior;
use watch::Watch;

/// How long connections may take what still waits for them.
const GRACE: Duration = Duration::from_secs(5);

/// Blocks up to this size come from the heap; up to twice as much free memory at its end is kept.
const LARGE_BLOCK_BYTES: usize = 4 << 20;

pub(crate) fn run(args: &Serve) -> anyhow::Result<ExitCode> {
    let settings = Settings::read(args)?;
    if args.test_config {
        settings.notices().for_each(|notice| say(&notice));
        return Ok(ExitCode::SUCCESS);
    }
    if settings.config.process.daemonize && !process::is_behind() {
        return process::go_behind();
    }
    process::renounce();
    // As many connections as the system lets one process have.
    let _ = postrider_net::raise_limit();
    teach_allocator();
    // Before any thread: each has the fence of the one that made it.
    let fence = Fence::raise(&settings.config, args.config.as_deref());
    crate::runtime()?.block_on(serve(args, settings, fence))
}

/// glibc takes the size of the first large block that is given back as the measure of what is worth keeping
/// (mallopt(3), `M_MMAP_THRESHOLD`). Otherwise each burst of large messages fetches its pages from the system and
/// returns them, which costs more than half of a message of 16 KiB.
fn teach_allocator() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(LARGE_BLOCK_BYTES)));
}

async fn serve(args: &Serve, settings: Settings, fence: Fence) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::catch()?;
    let log = Log::open(&settings.config.log)?;
    let pid_file = settings.config.process.pid_file.as_deref().map(PidFile::write).transpose()?;
    let running = start(args, settings, log, fence)?;
    if process::is_behind() {
        say(process::READY);
    }
    notify::tell("READY=1");
    let mut failed = pin!(running.broker.failed());
    let mut running = running;
    let mut looks = tokio::time::interval(watch::LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let heard = tokio::select! {
            heard = signals.next() => heard,
            failure = &mut failed => return Ok(fail(&failure)),
            _ = looks.tick(), if running.watches() => {
                running.look();
                continue;
            }
        };
        match heard {
            Heard::Stop => break,
            Heard::Reload => {
                notify::tell("RELOADING=1");
                running.reload(args).await;
                notify::tell("READY=1");
            }
            Heard::Save => running.note("everything that is acknowledged is kept already; there is nothing to save"),
            Heard::Show => running.show().await,
        }
    }
    notify::tell("STOPPING=1");
    let Running { broker, log, settings, .. } = running;
    if settings.is_like_mosquitto {
        log.write(LogType::Information, &wording::terminating("postrider", env!("CARGO_PKG_VERSION")));
    }
    tokio::select! {
        is_done = broker.shutdown(GRACE) => {
            if !is_done && !args.quiet {
                let seconds = GRACE.as_secs();
                let text = format!("some connections did not take their last messages in {seconds} s and were cut");
                log.write(LogType::Warning, &text);
            }
        }
        _ = signals.next() => return Ok(ExitCode::SUCCESS),
    }
    drop(pid_file);
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

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    user_1: Signal,
    user_2: Signal,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Stop,
    Reload,
    Save,
    Show,
}

impl Signals {
    fn catch() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            user_1: signal(SignalKind::user_defined1())?,
            user_2: signal(SignalKind::user_defined2())?,
        })
    }

    async fn next(&mut self) -> Heard {
        tokio::select! {
            _ = self.interrupt.recv() => Heard::Stop,
            _ = self.terminate.recv() => Heard::Stop,
            _ = self.hang_up.recv() => Heard::Reload,
            _ = self.user_1.recv() => Heard::Save,
            _ = self.user_2.recv() => Heard::Show,
        }
    }
}

fn start(args: &Serve, settings: Settings, log: Log, fence: Fence) -> anyhow::Result<Running> {
    let config = &settings.config;
    let someone = Someone::of(&config.process)?;
    // Whatever changes from here on is another file than what is read now.
    let watch = Watch::new(config);
    let files = Files::read(config).context(SideFile)?;
    let gate = Gate::default();
    let api = Api::new(gate.clone());
    let places = listens::all(&config.listeners, &api)?;
    let order: Vec<usize> = places.iter().map(|place| place.at).collect();
    gate.set(order.iter().filter_map(|at| Lock::of(config, *at, &files)).collect());
    let limits = limits::of(config, &order);
    let directory = data::directory(config)?;
    let Outcome { fresh, lines } = take_over::begin(config, directory.as_deref(), args)?;
    lines.iter().for_each(|line| log.write(LogType::Notice, line));
    let mut builder = Broker::builder().threads(threads(config.process.threads)).limits(limits.clone());
    for place in places {
        builder = builder.listen_on(place.listen);
    }
    builder = builder.memory_bytes_max(limits::memory_bytes_max(config));
    if config.limits.connections_max < u32::MAX {
        builder = builder.connections_max(config.limits.connections_max.into());
    }
    // Nobody makes an event that nobody would read.
    let is_news = args.verbose || gate.asks_who() || gate.has_rules();
    if settings.file.is_some() || settings.is_like_mosquitto || (is_news && !args.quiet) {
        builder = builder.observe(Printer::new(log.clone(), &settings));
    }
    builder = builder.authenticate(gate.clone()).authorize(gate.clone());
    if let Some(dynamic) = &files.dynamic {
        builder = builder.control(Dynamic::NAME, dynamic.clone());
    }
    if config.sys.control_api {
        builder = builder.control(ListCommands::NAME, ListCommands::new(api.roster(), files.dynamic.is_some()));
    }
    let broker =
        data::keep(builder, config, directory.clone(), args)?.start().map_err(|error| explain(error, config))?;
    fresh.keep();
    if let Some(someone) = &someone {
        if let Some(directory) = &directory {
            someone.own(directory)?;
        }
        someone.become_it().with_context(|| format!("the process cannot become {}", someone.name()))?;
    }
    if let Some(dynamic) = &files.dynamic {
        obey(dynamic, &broker);
    }
    log.speak_through(broker.handle());
    api.ask(broker.handle());
    let ids = broker.listeners().into_iter().map(|info| info.id);
    let places = ids.zip(order).collect();
    let running = Running { broker, log, gate, files, settings, api, places, limits, watch, fence };
    running.consult();
    running.seat();
    greeting::greet(&running, args);
    Ok(running)
}

/// What commands change reaches those who are in.
fn obey(dynamic: &Dynamic, broker: &Broker) {
    let handle = broker.handle();
    dynamic.on_change(move |change| match change {
        Change::Rights => drop(handle.review()),
        Change::Gone(principals) => drop(handle.end_connections(principals, ReasonCode::AdministrativeAction)),
    });
}

fn explain(error: Error, config: &postrider_config::Config) -> anyhow::Error {
    let is_root_only = |bind: &Bind| matches!(bind, Bind::Tcp { port, .. } if *port < 1024 && *port > 0);
    let advice = match error.advice() {
        Some(advice) if error.kind() == ErrorKind::InUse => format!("{advice} with --data-dir"),
        Some(advice) => advice.to_owned(),
        None if error.is_address_in_use() => {
            "another broker may be running there; stop it or choose another port with -p".to_owned()
        }
        None if config.listeners.iter().any(|listener| is_root_only(&listener.bind)) => {
            "ports below 1024 are for root, or for CAP_NET_BIND_SERVICE".to_owned()
        }
        None => "choose where to listen with --bind and -p".to_owned(),
    };
    anyhow!("{:#}; {advice}", anyhow::Error::new(error))
}

/// Batches are larger and cheaper with few threads, and half the processors are left to those who are served.
fn threads(asked: u16) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if asked == 0 { (processors / 2).clamp(1, 4) } else { usize::from(asked) }
}

pub(crate) fn say(line: &str) {
    // Nobody reads: the broker serves all the same.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
