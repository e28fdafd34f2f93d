//! Clients that are away while messages come for them, return, take them all, and leave again.

use super::ledger::Lane;
use super::peer::{Pace, connect, flush, forget, hear_until, publish, reconnect, subscribe};
use super::world::World;
use postrider_client::{Client, Event, Options, Qos, ReasonCode};

pub(crate) struct Away {
    writer: Client,
    clients: Vec<Client>,
}

const CLIENTS: u32 = 8;
const DURABLE_S: u32 = 3600;
/// Messages for each in a second of the first part of a cycle.
const RATE: f64 = 40.0;

impl Away {
    pub(crate) async fn assemble(world: &World) -> anyhow::Result<Self> {
        let mut clients = Vec::new();
        for number in 0..CLIENTS {
            let (mut client, _) = connect(world, options(world, number)).await?;
            subscribe(world, &mut client, &[(&topic(world, number), Qos::ExactlyOnce)]).await?;
            leave(&mut client, number).await?;
            clients.push(client);
        }
        let (writer, _) = connect(world, world.client("away-writer", 1)).await?;
        Ok(Self { writer, clients })
    }

    pub(crate) async fn cycle(&mut self, world: &World) -> anyhow::Result<()> {
        let mut pace = Pace::per_s(world.busy() / 2, RATE);
        while pace.next().await.is_some() {
            for number in 0..CLIENTS {
                let qos = if number < CLIENTS / 2 { Qos::AtLeastOnce } else { Qos::ExactlyOnce };
                publish(world, &mut self.writer, Lane::Away, number, &topic(world, number), qos)?;
            }
            flush(world, &mut self.writer).await?;
        }
        for (client, number) in self.clients.iter_mut().zip(0..) {
            let is_present = reconnect(world, client).await?;
            world.note(|ledger| {
                ledger.counts.returns += 1;
                ledger.counts.sessions_forgotten += u64::from(!is_present);
            });
            take(world, client, pace.count).await?;
            leave(client, number).await?;
        }
        Ok(())
    }

    pub(crate) async fn disperse(self, world: &World) -> anyhow::Result<()> {
        for number in 0..CLIENTS {
            forget(world, options(world, number)).await?;
        }
        Ok(())
    }
}

/// Takes `count` messages, each once.
async fn take(world: &World, client: &mut Client, count: u32) -> anyhow::Result<()> {
    let mut left = count;
    hear_until(client, |event| {
        if let Event::Message(message) = event {
            left -= u32::from(world.receive(Lane::Away, 0, message));
        }
        left == 0
    })
    .await?;
    flush(world, client).await
}

/// One of two without a word.
async fn leave(client: &mut Client, number: u32) -> anyhow::Result<()> {
    if number % 4 < 2 {
        client.hang_up();
        return Ok(());
    }
    Ok(client.disconnect(ReasonCode::Success).await?)
}

fn options(world: &World, number: u32) -> Options {
    world.client("away", number).resume(DURABLE_S)
}

fn topic(world: &World, number: u32) -> String {
    world.topic(&format!("a/{number}"))
}
