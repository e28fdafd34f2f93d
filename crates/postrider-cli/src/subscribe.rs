//! `postrider sub`: prints what comes.

use crate::args::Sub;
use crate::events::shown;
use anyhow::{Context, anyhow, bail};
use postrider_client::{Client, Event, Message, ReasonCode, RetainHandling, SubscribeOptions};
use std::io::{ErrorKind, Write};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// What mosquitto_sub ends with when the time is up.
const TIMED_OUT: u8 = 27;

pub(crate) fn run(args: &Sub) -> anyhow::Result<ExitCode> {
    crate::runtime()?.block_on(subscribe(args))
}

async fn subscribe(args: &Sub) -> anyhow::Result<ExitCode> {
    let address = args.connection.address();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let connection = args.connection.options();
    // Before 5.0 the server cannot be told to leave out what is retained. [MQTT-3.8.3-4] of 3.1.1
    let is_told = args.no_retained && connection.version.is_v5();
    let mut client = Client::new(connection);
    let options = SubscribeOptions {
        retain_handling: if is_told { RetainHandling::Never } else { RetainHandling::Always },
        ..SubscribeOptions::of(args.qos)
    };
    let filters: Vec<_> = args.topic.iter().map(|filter| (&**filter, options)).collect();
    client.subscribe_with(&filters, postrider_client::PropertiesBuf::new())?;
    client.reconnect().await.with_context(|| address.clone())?;
    let end = tokio::select! {
        end = print_all(&mut client, args) => end.with_context(|| address)?,
        () = elapsed(args.timeout) => ExitCode::from(TIMED_OUT),
        _ = interrupt.recv() => ExitCode::SUCCESS,
        _ = terminate.recv() => ExitCode::SUCCESS,
    };
    // The messages are printed; a connection that is gone already changes nothing.
    let _ = client.disconnect(ReasonCode::Success).await;
    Ok(end)
}

async fn elapsed(seconds: Option<u64>) {
    match seconds {
        Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
        None => std::future::pending().await,
    }
}

async fn print_all(client: &mut Client, args: &Sub) -> anyhow::Result<ExitCode> {
    let mut left = args.count.unwrap_or(u64::MAX);
    while left > 0 {
        let event = client.next().await?;
        if let Event::Subscribed { codes, .. } = &event {
            check_granted(codes, args)?;
        }
        // Whoever could not tell the server leaves it out here.
        if let Event::Message(message) = event
            && !(message.retain && args.no_retained)
        {
            match print(&message, args) {
                Ok(()) => left -= 1,
                // The reader has seen enough.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Some filters may be refused as long as one is not.
fn check_granted(codes: &[ReasonCode], args: &Sub) -> anyhow::Result<()> {
    let refused = args.topic.iter().zip(codes).filter(|(_, code)| code.is_error());
    let reasons: Vec<String> = refused.map(|(filter, code)| format!("{} ({})", shown(filter), code.text())).collect();
    if !reasons.is_empty() && reasons.len() == args.topic.len() {
        bail!("the server refused the subscription to {}", reasons.join(", "));
    }
    if !reasons.is_empty() {
        crate::print_error(&anyhow!("the server refused the subscription to {}", reasons.join(", ")));
    }
    Ok(())
}

fn print(message: &Message, args: &Sub) -> std::io::Result<()> {
    let mut line = Vec::with_capacity(message.topic.len() + message.payload.len() + 2);
    if args.verbose {
        line.extend_from_slice(message.topic.as_bytes());
        line.push(b' ');
    }
    line.extend_from_slice(&message.payload);
    if !args.no_line_end {
        line.push(b'\n');
    }
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(&line)?;
    stdout.flush()
}
