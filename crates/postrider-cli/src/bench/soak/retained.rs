//! Retained messages that are set, replaced, read by somebody new, and deleted, over the same topics in each cycle.

use super::peer::{Pace, connect, flush, hear_until};
use super::world::World;
use postrider_client::{Client, Event, Publication, Qos, ReasonCode};

pub(crate) struct Retained {
    writer: Client,
}

const TOPICS: u32 = 200;
/// Payloads of the first messages, of those that replace them, and of those that end them.
const BYTES: [usize; 3] = [64, 700, 0];

impl Retained {
    pub(crate) async fn assemble(world: &World) -> anyhow::Result<Self> {
        let (writer, _) = connect(world, world.client("retained-writer", 0)).await?;
        Ok(Self { writer })
    }

    pub(crate) async fn cycle(&mut self, world: &World) -> anyhow::Result<()> {
        for (turn, bytes) in (0..).zip(BYTES) {
            let mut pace = Pace::new(world.busy() / 4, TOPICS);
            while let Some(number) = pace.next().await {
                let topic = world.topic(&format!("r/{}/{number}", number % 7));
                let qos = if number % 2 == 0 { Qos::AtMostOnce } else { Qos::AtLeastOnce };
                self.writer.publish(Publication::new(&topic, vec![b'r'; bytes]).qos(qos).retained())?;
                world.note(|ledger| {
                    ledger.counts.retained_changes += 1;
                    if qos == Qos::AtLeastOnce {
                        ledger.on_asked();
                    }
                });
                flush(world, &mut self.writer).await?;
            }
            read(world, turn, bytes).await?;
        }
        Ok(())
    }
}

/// Somebody new gets what was published last, all of it and nothing else. The end of it is known by a message of its
/// own, which cannot overtake the answer to the subscription.
async fn read(world: &World, turn: u32, bytes: usize) -> anyhow::Result<()> {
    let (mut client, _) = connect(world, world.client("retained-reader", turn)).await?;
    client.subscribe(&[(&world.topic("r/#"), Qos::AtLeastOnce)])?;
    let (mut right, mut wrong, mut is_answered) = (0, 0, false);
    let expected = if bytes > 0 { TOPICS } else { 0 };
    hear_until(&mut client, |event| {
        is_answered |= matches!(event, Event::Subscribed { .. });
        if let Event::Message(message) = event {
            let is_right = message.retain && message.payload.len() == bytes && bytes > 0;
            *if is_right { &mut right } else { &mut wrong } += 1;
        }
        is_answered && right + wrong >= expected
    })
    .await?;
    let end = world.topic("r/end");
    client.publish(Publication::new(&end, "end"))?;
    hear_until(&mut client, |event| {
        let Event::Message(message) = event else { return false };
        let is_end = *message.topic == *end;
        wrong += u32::from(!is_end);
        is_end
    })
    .await?;
    world.note(|ledger| {
        ledger.counts.subscriptions += 1;
        ledger.counts.retained_received += u64::from(right);
        ledger.counts.retained_wrong += u64::from(wrong + expected.abs_diff(right));
    });
    Ok(client.disconnect(ReasonCode::Success).await?)
}
