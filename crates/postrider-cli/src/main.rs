//! The postrider command: an MQTT broker and its tools.
//!
//! Owns: what people type, what they read, exit codes.

mod acl;
mod args;
mod backup;
mod bench;
mod check;
mod concern;
mod config;
mod conformance;
mod contact;
mod data;
mod debug;
mod dump;
mod events;
mod import;
mod output;
mod parts;
mod passwd;
mod people;
mod prompt;
mod publish;
mod request;
mod serve;
#[cfg(feature = "sqlite")]
mod sqlite;
mod subscribe;
mod take_over;
mod torture;
mod wire;

use args::{Args, Command};
use std::process::ExitCode;

fn main() -> ExitCode {
    if serve::as_mosquitto::is_asked() {
        return serve::as_mosquitto::main();
    }
    run().unwrap_or_else(|error| {
        print_error(&error);
        ExitCode::FAILURE
    })
}

fn run() -> anyhow::Result<ExitCode> {
    let Args { serve, command } = Args::read()?;
    match command {
        None => serve::run(&serve),
        Some(Command::Serve(serve)) => serve::run(&serve),
        Some(Command::Acl(args)) => acl::run(&args),
        Some(Command::Pub(args)) => publish::run(&args),
        Some(Command::Sub(args)) => subscribe::run(&args),
        Some(Command::Rr(args)) => request::run(&args),
        Some(Command::Bench(args)) => bench::run(&args),
        Some(Command::Conformance(args)) => conformance::run(&args),
        Some(Command::Torture(args)) => torture::run(&args),
        Some(Command::Passwd(args)) => passwd::run(&args),
        Some(Command::User(args)) => people::user(&args),
        Some(Command::Client(args)) => people::client(&args),
        Some(Command::Config(args)) => config::run(&args),
        Some(Command::Check(args)) => check::run(&args),
        Some(Command::Salvage(args)) => check::salvage(&args),
        Some(Command::Dump(args)) => dump::run(&args),
        Some(Command::Backup(args)) => backup::run(&args),
        Some(Command::Restore(args)) => backup::restore(&args),
        #[cfg(feature = "sqlite")]
        Some(Command::Export(args)) => sqlite::export(&args),
        Some(Command::Import(args)) => import::run(&args),
    }
}

/// One line: what, and why.
#[expect(clippy::print_stderr, reason = "this is where people read it")]
fn print_error(error: &anyhow::Error) {
    eprintln!("postrider: {error:#}");
}

/// A runtime of one thread, which is all that the caller's own work needs.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
