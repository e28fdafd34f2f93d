//! What all parts do with a client, and the tasks that listen beside them.

use super::ledger::{Lane, Ledger};
use super::world::World;
use anyhow::{Context, anyhow, bail};
use postrider_client::{Client, Event, Options, Publication, Qos};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How long the broker may take for any answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Tasks that run until the end. None of them may fail.
#[derive(Debug, Default)]
pub(crate) struct Crowd(JoinSet<anyhow::Result<()>>);

impl Crowd {
    pub(crate) fn add(&mut self, task: impl Future<Output = anyhow::Result<()>> + 'static) {
        self.0.spawn_local(task);
    }

    /// Waits for the first that fails.
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        while let Some(done) = self.0.join_next().await {
            match done {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return error,
                Err(error) => return anyhow!(error),
            }
        }
        std::future::pending().await
    }

    pub(crate) fn end(&mut self) {
        self.0.abort_all();
    }
}

/// Connects, and says whether the broker had a session.
pub(crate) async fn connect(world: &World, options: Options) -> anyhow::Result<(Client, bool)> {
    let mut client = Client::new(options);
    let is_present = reconnect(world, &mut client).await?;
    Ok((client, is_present))
}

/// The same for a client that was here before.
pub(crate) async fn reconnect(world: &World, client: &mut Client) -> anyhow::Result<bool> {
    let name = client.options().client_id.clone();
    client.reconnect().await.with_context(|| format!("the connection of {name}"))?;
    world.note(|ledger| ledger.counts.connections += 1);
    let mut is_present = false;
    hear_until(client, |event| {
        if let Event::Connected { session_present, .. } = event {
            is_present = *session_present;
            return true;
        }
        false
    })
    .await?;
    Ok(is_present)
}

/// Hands events on until one was the last.
pub(crate) async fn hear_until(client: &mut Client, mut is_last: impl FnMut(&Event) -> bool) -> anyhow::Result<()> {
    loop {
        let name = client.options().client_id.clone();
        let Ok(event) = tokio::time::timeout(PATIENCE, client.next()).await else {
            bail!("{name} waited {} s for the broker's answer", PATIENCE.as_secs())
        };
        if is_last(&event.with_context(|| format!("the connection of {name}"))?) {
            return Ok(());
        }
    }
}

/// Subscribes and waits for the answer; messages that come before it are not looked at.
pub(crate) async fn subscribe(world: &World, client: &mut Client, filters: &[(&str, Qos)]) -> anyhow::Result<()> {
    client.subscribe(filters)?;
    let mut is_refused = false;
    hear_until(client, |event| {
        let Event::Subscribed { codes, .. } = event else { return false };
        is_refused = codes.iter().any(|code| code.is_error());
        true
    })
    .await?;
    if is_refused {
        bail!("the broker refused a subscription to {}", filters.first().map_or("nothing", |(filter, _)| filter));
    }
    world.note(|ledger| ledger.counts.subscriptions += filters.len() as u64);
    Ok(())
}

/// Publishes the next message of a lane.
pub(crate) fn publish(
    world: &World,
    client: &mut Client,
    lane: Lane,
    publisher: u32,
    topic: &str,
    qos: Qos,
) -> anyhow::Result<()> {
    let bytes = if lane == Lane::Steady { world.size } else { PAYLOAD_BYTES };
    let payload = world.payload(lane, publisher, bytes);
    if qos != Qos::AtMostOnce {
        world.note(Ledger::on_asked);
    }
    client.publish(Publication::new(topic, payload).qos(qos))?;
    Ok(())
}

/// Bytes of a payload outside of the steady flow.
const PAYLOAD_BYTES: usize = 200;

/// Waits until the broker has acknowledged everything.
pub(crate) async fn flush(world: &World, client: &mut Client) -> anyhow::Result<()> {
    let name = client.options().client_id.clone();
    let Ok(done) = tokio::time::timeout(PATIENCE, client.flush()).await else {
        bail!("{name} waited {} s for acknowledgements", PATIENCE.as_secs())
    };
    done.with_context(|| format!("the connection of {name}"))?;
    while let Some(event) = client.take_event() {
        world.note(|ledger| ledger.on_event(&event));
    }
    world.moved.notify_waiters();
    Ok(())
}

/// Counts what comes for a subscriber of a lane.
pub(crate) async fn listen(world: Rc<World>, mut client: Client, lane: Lane, subscriber: usize) -> anyhow::Result<()> {
    let name = client.options().client_id.clone();
    loop {
        if let Event::Message(message) = client.next().await.with_context(|| format!("the connection of {name}"))? {
            world.receive(lane, subscriber, &message);
        }
    }
}

/// Ends a session that outlives its connections.
pub(crate) async fn forget(world: &World, mut options: Options) -> anyhow::Result<()> {
    options.start = postrider_client::Start::Clean;
    options.session_expiry_s = 0;
    let (mut client, _) = connect(world, options).await?;
    Ok(client.disconnect(postrider_client::ReasonCode::Success).await?)
}

/// Waits in even steps: `count` of them in `span`.
pub(crate) struct Pace {
    start: Instant,
    step: Duration,
    taken: u32,
    pub(crate) count: u32,
}

impl Pace {
    pub(crate) fn new(span: Duration, count: u32) -> Self {
        Self { start: Instant::now(), step: span / count.max(1), taken: 0, count }
    }

    /// As many steps a second.
    pub(crate) fn per_s(span: Duration, rate: f64) -> Self {
        let count = (span.as_secs_f64() * rate).round().clamp(1.0, f64::from(u16::MAX));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 65,535")]
        Self::new(span, count as u32)
    }

    /// The number of the step whose time has come; none after the last.
    pub(crate) async fn next(&mut self) -> Option<u32> {
        if self.taken == self.count {
            return None;
        }
        tokio::time::sleep_until(self.start + self.step * self.taken).await;
        self.taken += 1;
        Some(self.taken - 1)
    }
}
