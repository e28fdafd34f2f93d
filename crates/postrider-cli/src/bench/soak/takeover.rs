//! Clients whose identifier somebody else takes while messages are on their way to them, and who take it back.

use super::ledger::Lane;
use super::peer::{Crowd, Pace, connect, flush, forget, publish, reconnect, subscribe};
use super::world::World;
use anyhow::{Context, bail};
use postrider_client::{Client, ErrorKind, Event, Options, Qos, ReasonCode};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;

pub(crate) struct Takeover {
    writer: Client,
    turns: Rc<Turns>,
    /// Whose turn it is.
    next: u32,
}

/// How often owners have taken their identifiers back.
#[derive(Debug, Default)]
struct Turns {
    count: Cell<u64>,
    changed: Notify,
}

const OWNERS: u32 = 4;
const DURABLE_S: u32 = 3600;
/// Messages a second for each owner.
const RATE: f64 = 10.0;
/// Of so many of them, one comes with a take-over.
const EVERY: u32 = 10;
const PATIENCE: Duration = Duration::from_secs(20);

impl Takeover {
    pub(crate) async fn assemble(world: &Rc<World>, crowd: &mut Crowd) -> anyhow::Result<Self> {
        let turns = Rc::default();
        for number in 0..OWNERS {
            let (mut client, _) = connect(world, options(world, number)).await?;
            subscribe(world, &mut client, &[(&topic(world, number), Qos::ExactlyOnce)]).await?;
            crowd.add(own(Rc::clone(world), client, Rc::clone(&turns)));
        }
        let (writer, _) = connect(world, world.client("takeover-writer", 0)).await?;
        Ok(Self { writer, turns, next: 0 })
    }

    pub(crate) async fn cycle(&mut self, world: &World) -> anyhow::Result<()> {
        let mut pace = Pace::per_s(world.busy(), RATE);
        while let Some(step) = pace.next().await {
            for number in 0..OWNERS {
                let qos = if number < OWNERS / 2 { Qos::AtLeastOnce } else { Qos::ExactlyOnce };
                publish(world, &mut self.writer, Lane::Takeover, number, &topic(world, number), qos)?;
            }
            if step % EVERY == 0 {
                let theft = steal(world, &self.turns, self.next);
                self.next = (self.next + 1) % OWNERS;
                tokio::try_join!(theft, flush(world, &mut self.writer))?;
            } else {
                flush(world, &mut self.writer).await?;
            }
        }
        world.until(|ledger| ledger.lost_of(Lane::Takeover) == 0).await;
        Ok(())
    }

    pub(crate) async fn disperse(self, world: &World) -> anyhow::Result<()> {
        for number in 0..OWNERS {
            forget(world, options(world, number)).await?;
        }
        Ok(())
    }
}

fn options(world: &World, number: u32) -> Options {
    world.client("owner", number).resume(DURABLE_S)
}

fn topic(world: &World, number: u32) -> String {
    world.topic(&format!("t/{number}"))
}

/// Takes the session, reads nothing of it, and loses it to its owner, who may be there before the answer.
async fn steal(world: &World, turns: &Turns, number: u32) -> anyhow::Result<()> {
    let before = turns.count.get();
    let mut thief = Client::new(options(world, number));
    match thief.reconnect().await {
        Err(error) if error.kind() != ErrorKind::Closed => return Err(error).context("somebody who takes over"),
        Ok(()) | Err(_) => {}
    }
    let is_forgotten = matches!(thief.take_event(), Some(Event::Connected { session_present: false, .. }));
    world.note(|ledger| {
        ledger.counts.connections += 1;
        // The owner's return is the second.
        ledger.counts.takeovers += 2;
        ledger.counts.sessions_forgotten += u64::from(is_forgotten);
    });
    // Nothing else of this thread runs between the look and the wait.
    while turns.count.get() == before {
        if tokio::time::timeout(PATIENCE, turns.changed.notified()).await.is_err() {
            bail!("client {number} was taken over and not told so in {} s", PATIENCE.as_secs());
        }
    }
    drop(thief);
    Ok(())
}

/// Reads, and takes its identifier back as soon as it has lost it.
async fn own(world: Rc<World>, mut client: Client, turns: Rc<Turns>) -> anyhow::Result<()> {
    loop {
        match client.next().await {
            Ok(Event::Message(message)) => {
                world.receive(Lane::Takeover, 0, &message);
            }
            Ok(_) => {}
            Err(error) if is_taken_over(error.kind()) => {
                let is_present = reconnect(&world, &mut client).await?;
                world.note(|ledger| ledger.counts.sessions_forgotten += u64::from(!is_present));
                turns.count.set(turns.count.get() + 1);
                turns.changed.notify_waiters();
            }
            Err(error) => return Err(error).context("the connection of a client that is taken over"),
        }
    }
}

/// Clients of 3.1.1 are only cut off.
fn is_taken_over(kind: ErrorKind) -> bool {
    kind == ErrorKind::Disconnected(ReasonCode::SessionTakenOver) || kind == ErrorKind::Closed
}
