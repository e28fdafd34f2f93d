//! Everything at once, for a long time: a steady flow, and beside it a mix that returns to the same state again and again.
//!
//! Owns: the order of a run: set up, cycles, the rest of each cycle in which the broker is measured, the end.
//! Never: compares two moments in which the mix is in different states.

mod away;
mod churn;
mod filters;
mod ledger;
mod peer;
mod retained;
mod sample;
mod slow;
mod steady;
mod takeover;
mod trend;
mod verdict;
mod world;

use super::options::{Bench, Soak};
use super::report::Report;
use anyhow::{Context, bail};
use peer::Crowd;
use postrider_net::dial::Route;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::LocalSet;
use tokio::time::Instant;
use world::World;

/// The parts of the mix, each of which is at the end of a cycle where it was at its beginning.
struct Mix {
    churn: churn::Churn,
    takeover: takeover::Takeover,
    away: away::Away,
    retained: retained::Retained,
    slow: slow::Slow,
    filters: filters::Filters,
}

pub(crate) fn run(args: &Bench, shape: &Soak, route: &Route) -> anyhow::Result<Report> {
    let world = Rc::new(World::new(args, shape, route)?);
    crate::runtime()?.block_on(LocalSet::new().run_until(soak(&world)))?;
    Ok(verdict::report(&world, shape))
}

async fn soak(world: &Rc<World>) -> anyhow::Result<()> {
    let mut crowd = Crowd::default();
    let mut mix = Mix::assemble(world, &mut crowd).await?;
    steady::assemble(world, &mut crowd).await?;
    sample::begin(world, &mut crowd);
    let end = Instant::now() + world.length;
    while Instant::now() < end {
        let next = Instant::now() + world.cycle;
        tokio::select! {
            done = mix.cycle(world) => done?,
            error = crowd.failed() => return Err(error),
        }
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            error = crowd.failed() => return Err(error),
        }
        sample::rest(world)?;
    }
    wind_up(world, &mut crowd).await?;
    mix.disperse(world).await?;
    steady::disperse(world).await
}

/// The steady flow stops, and what is under way arrives.
async fn wind_up(world: &World, crowd: &mut Crowd) -> anyhow::Result<()> {
    world.stop();
    let silent = async {
        world.until(|ledger| ledger.lost() == 0 && ledger.unacknowledged() == 0).await;
        Ok(())
    };
    let result = tokio::select! {
        done = silent => done,
        error = crowd.failed() => Err(error),
    };
    crowd.end();
    result
}

impl Mix {
    async fn assemble(world: &Rc<World>, crowd: &mut Crowd) -> anyhow::Result<Self> {
        Ok(Self {
            churn: churn::Churn::assemble(world, crowd).await?,
            takeover: takeover::Takeover::assemble(world, crowd).await?,
            away: away::Away::assemble(world).await?,
            retained: retained::Retained::assemble(world).await?,
            slow: slow::Slow::assemble(world).await?,
            filters: filters::Filters::assemble(world).await?,
        })
    }

    async fn cycle(&mut self, world: &World) -> anyhow::Result<()> {
        let all = async {
            tokio::try_join!(
                self.churn.cycle(world),
                self.takeover.cycle(world),
                self.away.cycle(world),
                self.retained.cycle(world),
                self.slow.cycle(world),
                self.filters.cycle(world),
            )
        };
        match tokio::time::timeout(world.cycle + PATIENCE, all).await {
            Ok(done) => done.map(|_| ()).context("the mix"),
            Err(_) => bail!("a cycle of {} s took {} s more", world.cycle.as_secs(), PATIENCE.as_secs()),
        }
    }

    /// Ends every session that would outlive the run.
    async fn disperse(self, world: &World) -> anyhow::Result<()> {
        self.takeover.disperse(world).await?;
        self.away.disperse(world).await
    }
}

/// How much longer than it should a cycle may take before the run is given up.
const PATIENCE: Duration = Duration::from_secs(60);
