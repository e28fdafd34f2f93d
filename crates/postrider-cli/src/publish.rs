//! `postrider pub`: publishes what it is given and waits until the server has it.

use crate::args::{Plan, Pub};
use crate::contact;
use anyhow::{Context, anyhow, bail};
use postrider_client::{Client, Event, Publication, Qos, ReasonCode, Version};
use std::io::BufRead;
use std::process::ExitCode;
use tokio::sync::mpsc::{Receiver, channel};

/// Lines read ahead of what the server has taken.
const LINES_AHEAD: usize = 1000;

pub(crate) fn run(args: &Pub) -> anyhow::Result<ExitCode> {
    let plan = args.connection.plan(Version::V3_1_1)?;
    let Some(topic) = plan.topic.as_ref().or(args.topic.as_ref()) else {
        bail!("nowhere to publish to: give a topic with --topic TOPIC, or with --url");
    };
    if !args.source.is_given() && !args.stdin_line {
        bail!("nothing to publish: give --message, --file, --null-message, --stdin-file or --stdin-line");
    }
    let mut message = Publication::new(topic, Vec::new()).qos(args.qos);
    message.retain = args.retain;
    message.properties = plan.declared.publish.clone();
    let result = crate::runtime()?.block_on(publish(args, &plan, message));
    Ok(contact::end(result, plan.options.version, &args.connection))
}

async fn publish(args: &Pub, plan: &Plan, message: Publication) -> anyhow::Result<ExitCode> {
    let address = || plan.options.address.clone();
    let mut client = contact::client(plan, &args.connection);
    let mut failures = Failures::default();
    let result = if args.stdin_line {
        client.reconnect().await.with_context(address)?;
        publish_lines(&mut client, args, &message, &mut failures).await
    } else {
        let payload = args.source.read()?;
        publish_times(&mut client, args, Publication { payload: payload.into(), ..message }, &mut failures).await
    };
    failures.take(&mut client);
    let parted = client.disconnect_with(ReasonCode::Success, &plan.declared.disconnect).await.with_context(address);
    // What went wrong first explains the rest.
    result.and(parted)?;
    failures.report()
}

/// Publishes the message as often as asked for, each time after the server has taken it.
async fn publish_times(
    client: &mut Client,
    args: &Pub,
    message: Publication,
    failures: &mut Failures,
) -> anyhow::Result<()> {
    let address = client.options().address.clone();
    let address = || address.clone();
    // What is wrong with the topic is told before anything is sent.
    client.publish(message.clone())?;
    client.reconnect().await.with_context(address)?;
    client.flush().await.with_context(address)?;
    for _ in 1..args.repeat {
        failures.take(client);
        let pause = tokio::time::sleep(args.repeat_delay);
        tokio::select! {
            () = pause => {}
            error = client.until_lost() => return Err(error).with_context(address),
        }
        client.publish(message.clone())?;
        client.flush().await.with_context(address)?;
    }
    Ok(())
}

/// Publishes each line of standard input while answers to earlier ones come in.
async fn publish_lines(
    client: &mut Client,
    args: &Pub,
    message: &Publication,
    failures: &mut Failures,
) -> anyhow::Result<()> {
    let mut lines = read_lines()?;
    let mut is_over = false;
    let mut losses = 0;
    while !is_over || client.unfinished() > 0 {
        tokio::select! {
            biased;
            line = lines.recv(), if !is_over && client.unfinished() < LINES_AHEAD => match line {
                Some(line) => drop(client.publish(Publication { payload: line?.into(), ..message.clone() })?),
                None => is_over = true,
            },
            moved = client.advance() => match moved {
                Ok(()) => {
                    if failures.take(client) == Taken::Some {
                        losses = 0;
                    }
                }
                // A line that goes out again may be what breaks the connection.
                Err(error) if args.qos != Qos::AtMostOnce && losses == LOSSES_MAX => return Err(error.into()),
                Err(error) => {
                    losses += 1;
                    contact::reconnect(client, error, &args.connection).await?;
                }
            },
        }
    }
    Ok(())
}

/// Connections in a row that may be lost before the server took anything.
const LOSSES_MAX: u32 = 3;

/// A thread of its own reads, for standard input cannot be waited for otherwise.
fn read_lines() -> std::io::Result<Receiver<std::io::Result<Vec<u8>>>> {
    let (sender, lines) = channel(LINES_AHEAD);
    std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        for line in std::io::stdin().lock().split(b'\n') {
            let line = line.map(|mut line| {
                line.truncate(line.strip_suffix(b"\r").unwrap_or(&line).len());
                line
            });
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    })?;
    Ok(lines)
}

/// Messages that the server did not take.
#[derive(Default)]
struct Failures {
    count: u64,
    reason: Option<ReasonCode>,
}

/// Whether the server took anything, be it to refuse it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    Nothing,
    Some,
}

impl Failures {
    /// Looks at what has come, and says whether an acknowledgement was among it.
    fn take(&mut self, client: &mut Client) -> Taken {
        let mut taken = Taken::Nothing;
        while let Some(event) = client.take_event() {
            if let Event::Acknowledged { reason, .. } = event {
                taken = Taken::Some;
                if reason.is_error() {
                    self.count += 1;
                    self.reason = Some(reason);
                }
            }
        }
        taken
    }

    fn report(&self) -> anyhow::Result<ExitCode> {
        match self.reason {
            Some(reason) => Err(anyhow!("the server refused {} of the messages: {}", self.count, reason.text())),
            None => Ok(ExitCode::SUCCESS),
        }
    }
}
