//! Consumers that read a little now and then and stay behind, until the broker limits them; then they go.

use super::peer::{Pace, connect, flush, subscribe};
use super::world::World;
use postrider_client::{Client, Event, Publication, Qos, ReasonCode};
use std::time::Duration;

pub(crate) struct Slow {
    writer: Client,
}

const CONSUMERS: u32 = 4;
const BYTES: usize = 4096;
/// Messages a second; half of them with QoS 0.
const RATE: f64 = 300.0;
/// Messages with QoS 1 and 2 that a consumer of 5.0 takes at a time.
const RECEIVE_MAXIMUM: u16 = 10;
/// Messages between two looks of a consumer.
const EVERY: u32 = 50;
/// How long a look takes at most.
const LOOK: Duration = Duration::from_millis(2);

impl Slow {
    pub(crate) async fn assemble(world: &World) -> anyhow::Result<Self> {
        let (writer, _) = connect(world, world.client("slow-writer", 1)).await?;
        Ok(Self { writer })
    }

    pub(crate) async fn cycle(&mut self, world: &World) -> anyhow::Result<()> {
        let mut consumers = Vec::new();
        for number in 0..CONSUMERS {
            let mut options = world.client("slow", number);
            options.receive_maximum = RECEIVE_MAXIMUM;
            let (mut client, _) = connect(world, options).await?;
            let qos = if number < CONSUMERS / 2 { Qos::AtMostOnce } else { Qos::AtLeastOnce };
            subscribe(world, &mut client, &[(&world.topic("z"), qos)]).await?;
            consumers.push(client);
        }
        self.feed(world, &mut consumers).await?;
        for (mut client, number) in consumers.into_iter().zip(0..) {
            // The others break off with everything that waits for them.
            if number % 2 == 0 {
                client.disconnect(ReasonCode::Success).await?;
            }
        }
        Ok(())
    }

    async fn feed(&mut self, world: &World, consumers: &mut [Client]) -> anyhow::Result<()> {
        let mut pace = Pace::per_s(world.busy(), RATE);
        while let Some(step) = pace.next().await {
            let qos = if step % 2 == 0 { Qos::AtMostOnce } else { Qos::AtLeastOnce };
            self.writer.publish(Publication::new(&world.topic("z"), vec![b'z'; BYTES]).qos(qos))?;
            world.note(|ledger| {
                ledger.counts.slow_offered += u64::from(CONSUMERS);
                if qos == Qos::AtLeastOnce {
                    ledger.on_asked();
                }
            });
            // Nobody may have room for it; to this writer, who speaks 3.1.1, no broker can say so.
            flush(world, &mut self.writer).await?;
            if step % EVERY == 0 {
                look(world, consumers).await?;
            }
        }
        Ok(())
    }
}

/// Each takes what one reading brings.
async fn look(world: &World, consumers: &mut [Client]) -> anyhow::Result<()> {
    for client in consumers {
        if let Ok(moved) = tokio::time::timeout(LOOK, client.advance()).await {
            moved?;
        }
        let mut messages = 0;
        while let Some(event) = client.take_event() {
            messages += u64::from(matches!(event, Event::Message(_)));
        }
        world.note(|ledger| ledger.counts.slow_received += messages);
    }
    Ok(())
}
