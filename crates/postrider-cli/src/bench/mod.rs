//! `postrider bench`: loads any broker, and says what a message costs and whether all of them arrived.
//!
//! Owns: the scenarios. One thread, raw sockets and prepared packets, so that the load costs little itself.
//! Never: trusts the broker; every message carries who sent it, its number and when.

mod crew;
mod cycles;
mod device;
mod feed;
mod idle;
mod link;
mod messages;
mod offline;
mod options;
mod poll;
mod process;
mod report;
mod retained;
mod soak;
mod stamp;
mod stuck;
mod tally;

pub(crate) use options::{Bench, Edition, Scenario};
pub(crate) use report::grouped;

use anyhow::Context;
use cycles::Goal;
use std::process::ExitCode;

pub(crate) fn run(args: &Bench) -> anyhow::Result<ExitCode> {
    // As many connections as the system lets one process have.
    let _ = postrider_net::raise_limit();
    let route = args.target.route()?;
    let report = match &args.scenario {
        Scenario::Messages(shape) => messages::run(args, shape, &route),
        Scenario::Connect(shape) => cycles::run(args, shape, Goal::Message, &route),
        Scenario::Handshake(shape) => cycles::run(args, shape, Goal::Connack, &route),
        Scenario::Retained(shape) => retained::run(args, shape, &route),
        Scenario::Offline(shape) => offline::run(args, shape, &route),
        Scenario::Idle(shape) => idle::run(args, shape, &route),
        Scenario::Stuck(shape) => stuck::run(args, shape, &route),
        Scenario::Soak(shape) => soak::run(args, shape, &route),
    };
    let mut report = report.with_context(|| route.to_string())?;
    report.print(route.scheme(), args.json)?;
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
