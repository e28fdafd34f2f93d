//! Clients that come once: each with an identifier, a subscription and a topic that nobody had before.
//!
//! Of four, one says good-bye, one breaks off and leaves a will, one leaves a session that expires, and one leaves a
//! will and a session without an end, and comes back to end it.

use super::ledger::Lane;
use super::peer::{Crowd, Pace, connect, flush, forget, hear_until, listen, publish, subscribe};
use super::world::World;
use postrider_client::{Client, Event, Options, Publication, Qos, ReasonCode, Version};
use std::rc::Rc;

pub(crate) struct Churn {
    /// Publishes to those who do not come back.
    writer: Client,
    number: u32,
}

/// What becomes of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    GoodBye,
    Breaks,
    Expires,
    ComesBack,
}

const FATES: [Fate; 4] = [Fate::GoodBye, Fate::Breaks, Fate::Expires, Fate::ComesBack];
const EXPIRY_S: u32 = 1;

impl Churn {
    pub(crate) async fn assemble(world: &Rc<World>, crowd: &mut Crowd) -> anyhow::Result<Self> {
        let (mut witness, _) = connect(world, world.client("witness", 0)).await?;
        subscribe(world, &mut witness, &[(&world.topic("w"), Qos::AtLeastOnce)]).await?;
        crowd.add(listen(Rc::clone(world), witness, Lane::Will, 0));
        let (writer, _) = connect(world, world.client("writer", 0)).await?;
        Ok(Self { writer, number: 0 })
    }

    pub(crate) async fn cycle(&mut self, world: &World) -> anyhow::Result<()> {
        let mut pace = Pace::per_s(world.busy(), world.churn);
        while pace.next().await.is_some() {
            self.number += 1;
            match FATES[self.number as usize % FATES.len()] {
                Fate::GoodBye => self.good_bye(world).await?,
                Fate::Breaks => self.breaks(world).await?,
                Fate::Expires => self.expires(world).await?,
                Fate::ComesBack => self.comes_back(world).await?,
            }
        }
        // Nothing is under way when the broker is measured.
        world.until(|ledger| ledger.lost_of(Lane::Will) == 0).await;
        flush(world, &mut self.writer).await
    }

    /// Both editions for each fate, where it does not need one.
    fn options(&self, world: &World, version: Version) -> Options {
        world.client("once", self.number).version(version)
    }

    const fn edition(&self) -> Version {
        if self.number % 8 < 4 { Version::V5 } else { Version::V3_1_1 }
    }

    async fn good_bye(&self, world: &World) -> anyhow::Result<()> {
        let mut client = self.talks_to_itself(world, self.options(world, self.edition())).await?;
        Ok(client.disconnect(ReasonCode::Success).await?)
    }

    async fn breaks(&self, world: &World) -> anyhow::Result<()> {
        let options = self.options(world, self.edition()).will(will(world));
        drop(self.talks_to_itself(world, options).await?);
        Ok(())
    }

    async fn expires(&mut self, world: &World) -> anyhow::Result<()> {
        let (mut client, _) = connect(world, self.options(world, Version::V5).resume(EXPIRY_S)).await?;
        let topic = world.topic(&format!("x/{}", self.number));
        subscribe(world, &mut client, &[(&topic, Qos::AtLeastOnce)]).await?;
        drop(client);
        let left = Publication::new(&topic, "nobody comes for this").qos(Qos::AtLeastOnce);
        self.writer.publish(left)?;
        world.note(|ledger| {
            ledger.on_asked();
            ledger.counts.left_to_expire += 1;
        });
        flush(world, &mut self.writer).await
    }

    async fn comes_back(&self, world: &World) -> anyhow::Result<()> {
        let options = self.options(world, Version::V3_1_1).resume(0);
        drop(self.talks_to_itself(world, options.clone().will(will(world))).await?);
        forget(world, options).await
    }

    /// Subscribes, publishes, and waits for its own message.
    async fn talks_to_itself(&self, world: &World, options: Options) -> anyhow::Result<Client> {
        let (mut client, _) = connect(world, options).await?;
        let here = world.topic(&format!("c/{}", self.number));
        subscribe(world, &mut client, &[(&format!("{here}/+"), Qos::ExactlyOnce)]).await?;
        let qos = [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce][self.number as usize % 3];
        publish(world, &mut client, Lane::Own, 0, &format!("{here}/mine"), qos)?;
        hear_until(&mut client, |event| {
            world.note(|ledger| ledger.on_event(event));
            let Event::Message(message) = event else { return false };
            world.receive(Lane::Own, 0, message)
        })
        .await?;
        flush(world, &mut client).await?;
        Ok(client)
    }
}

/// It will be published, since whoever has it breaks off.
fn will(world: &World) -> Publication {
    Publication::new(&world.topic("w"), world.payload(Lane::Will, 0, 0)).qos(Qos::AtLeastOnce)
}
