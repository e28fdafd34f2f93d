//! Subscriptions that come and go: filters that nobody had before, each ended a little later.

use super::peer::{Pace, connect, hear_until, subscribe};
use super::world::World;
use postrider_client::{Client, Event, Qos};
use std::collections::VecDeque;

pub(crate) struct Filters {
    clients: Vec<Client>,
    number: u32,
}

const CLIENTS: u32 = 2;
/// Rounds a second, of three filters each.
const RATE: f64 = 10.0;
/// Rounds after which filters are ended.
const KEPT: usize = 10;

impl Filters {
    pub(crate) async fn assemble(world: &World) -> anyhow::Result<Self> {
        let mut clients = Vec::new();
        for number in 0..CLIENTS {
            clients.push(connect(world, world.client("filters", number)).await?.0);
        }
        Ok(Self { clients, number: 0 })
    }

    pub(crate) async fn cycle(&mut self, world: &World) -> anyhow::Result<()> {
        let (mut pace, mut kept) = (Pace::per_s(world.busy(), RATE), VecDeque::new());
        while pace.next().await.is_some() {
            self.number += 1;
            let forms =
                [format!("f/{}/+/x", self.number), format!("f/+/{}", self.number), format!("f/{}/#", self.number)];
            let filters = forms.map(|form| world.topic(&form));
            for client in &mut self.clients {
                let asked = filters.each_ref().map(|filter| (filter.as_str(), Qos::AtLeastOnce));
                subscribe(world, client, &asked).await?;
            }
            kept.push_back(filters);
            if kept.len() > KEPT {
                self.end(kept.pop_front()).await?;
            }
        }
        for filters in kept {
            self.end(Some(filters)).await?;
        }
        Ok(())
    }

    async fn end(&mut self, filters: Option<[String; 3]>) -> anyhow::Result<()> {
        let Some(filters) = filters else { return Ok(()) };
        for client in &mut self.clients {
            client.unsubscribe(&filters.each_ref().map(String::as_str))?;
            hear_until(client, |event| matches!(event, Event::Unsubscribed { .. })).await?;
        }
        Ok(())
    }
}
