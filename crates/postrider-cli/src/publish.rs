//! `postrider pub`: publishes what it is given and waits until the server has it.

use crate::args::{Pub, Source};
use anyhow::{Context, anyhow};
use postrider_client::{Client, Event, Publication, ReasonCode};
use std::io::{BufRead, Read};
use std::process::ExitCode;
use tokio::sync::mpsc::{Receiver, channel};

/// Lines read ahead of what the server has taken.
const LINES_AHEAD: usize = 1000;

pub(crate) fn run(args: Pub) -> anyhow::Result<ExitCode> {
    crate::runtime()?.block_on(publish(args))
}

async fn publish(args: Pub) -> anyhow::Result<ExitCode> {
    let payload = if args.source.stdin_line { None } else { Some(read(&args.source)?) };
    let address = args.connection.address();
    let options = args.connection.options();
    let mut client = Client::new(options);
    let message = |payload: Vec<u8>| {
        let publication = Publication::new(&args.topic, payload).qos(args.qos);
        if args.retain { publication.retained() } else { publication }
    };
    let mut failures = Failures::default();
    let result = match payload {
        Some(payload) => {
            client.publish(message(payload))?;
            client.reconnect().await.with_context(|| address.clone())?;
            client.flush().await
        }
        None => {
            client.reconnect().await.with_context(|| address.clone())?;
            publish_lines(&mut client, message, &mut failures).await?
        }
    };
    failures.take(&mut client);
    result.with_context(|| address.clone())?;
    client.disconnect(ReasonCode::Success).await.with_context(|| address)?;
    failures.report()
}

fn read(source: &Source) -> anyhow::Result<Vec<u8>> {
    if let Some(text) = &source.message {
        return Ok(text.clone().into_bytes());
    }
    if let Some(path) = &source.file {
        return std::fs::read(path).with_context(|| path.display().to_string());
    }
    let mut payload = Vec::new();
    if source.stdin_file {
        std::io::stdin().lock().read_to_end(&mut payload).context("standard input")?;
    }
    Ok(payload)
}

/// Publishes each line of standard input while answers to earlier ones come in.
async fn publish_lines(
    client: &mut Client,
    message: impl Fn(Vec<u8>) -> Publication,
    failures: &mut Failures,
) -> anyhow::Result<Result<(), postrider_client::Error>> {
    let mut lines = read_lines()?;
    loop {
        tokio::select! {
            biased;
            line = lines.recv(), if client.unfinished() < LINES_AHEAD => match line {
                Some(line) => drop(client.publish(message(line?))?),
                None => return Ok(client.flush().await),
            },
            event = client.next() => match event {
                Ok(event) => failures.on_event(&event),
                Err(error) => return Ok(Err(error)),
            },
        }
    }
}

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

impl Failures {
    fn on_event(&mut self, event: &Event) {
        if let Event::Acknowledged { reason, .. } = event
            && reason.is_error()
        {
            self.count += 1;
            self.reason = Some(*reason);
        }
    }

    fn take(&mut self, client: &mut Client) {
        while let Some(event) = client.take_event() {
            self.on_event(&event);
        }
    }

    fn report(&self) -> anyhow::Result<ExitCode> {
        match self.reason {
            Some(reason) => Err(anyhow!("the server refused {} of the messages: {}", self.count, reason.text())),
            None => Ok(ExitCode::SUCCESS),
        }
    }
}
