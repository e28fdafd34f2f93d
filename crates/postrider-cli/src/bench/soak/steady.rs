//! The steady flow: QoS 0, 1 and 2, both editions, exact and wildcard subscriptions, clean and durable sessions.
//!
//! Each message goes to three subscribers: one that knows its topic, and two with wildcards and durable sessions.

use super::ledger::Lane;
use super::peer::{Crowd, connect, flush, forget, listen, publish, subscribe};
use super::world::World;
use anyhow::Context;
use postrider_client::{Client, Options, Qos};
use std::rc::Rc;
use std::time::Duration;

const QOS: [Qos; 3] = [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce];
/// For each QoS one publisher of each edition.
const PUBLISHERS: u32 = 6;
const DURABLE_S: u32 = 3600;

pub(crate) async fn assemble(world: &Rc<World>, crowd: &mut Crowd) -> anyhow::Result<()> {
    for edition in 0..2 {
        let (mut client, _) = connect(world, world.client("exact", edition)).await?;
        for qos in QOS {
            let topic = topic(world, u32::from(qos as u8) * 2 + edition);
            subscribe(world, &mut client, &[(&topic, qos)]).await?;
        }
        crowd.add(listen(Rc::clone(world), client, Lane::Steady, 0));
    }
    for (number, filter) in (0..).zip(["s/#", "s/+/+"]) {
        let (mut client, _) = connect(world, durable(world, number)).await?;
        subscribe(world, &mut client, &[(&world.topic(filter), Qos::ExactlyOnce)]).await?;
        crowd.add(listen(Rc::clone(world), client, Lane::Steady, number as usize + 1));
    }
    for number in 0..PUBLISHERS {
        let (client, _) = connect(world, world.client("steady", number)).await?;
        crowd.add(flow(Rc::clone(world), client, number));
    }
    Ok(())
}

pub(crate) async fn disperse(world: &World) -> anyhow::Result<()> {
    forget(world, durable(world, 0)).await?;
    forget(world, durable(world, 1)).await
}

fn durable(world: &World, number: u32) -> Options {
    world.client("wild", number).resume(DURABLE_S)
}

/// Publishers 0 and 1 have QoS 0, 2 and 3 QoS 1, 4 and 5 QoS 2.
fn topic(world: &World, publisher: u32) -> String {
    world.topic(&format!("s/{}/{}", publisher / 2, publisher % 2))
}

/// Publishes at its rate, whatever the broker does, until the run is over.
async fn flow(world: Rc<World>, mut client: Client, number: u32) -> anyhow::Result<()> {
    let (topic, qos) = (topic(&world, number), QOS[number as usize / 2]);
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(f64::from(PUBLISHERS) / world.rate));
    while !world.is_over() {
        tokio::select! {
            _ = ticks.tick() => publish(&world, &mut client, Lane::Steady, number, &topic, qos)?,
            event = client.next() => {
                let event = event.with_context(|| format!("publisher {number}"))?;
                world.note(|ledger| ledger.on_event(&event));
                world.moved.notify_waiters();
            }
        }
    }
    flush(&world, &mut client).await
}
