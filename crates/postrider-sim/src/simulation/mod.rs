//! One run: a seed in, a verdict out.

mod acts;
mod boundaries;
mod disk;
mod faults;
mod limits;
mod memory;
mod network;
mod reopening;
mod report;
mod rest;

pub use report::{Options, Report};

use crate::client::{Broker, SimClient};
use crate::oracle::{Chronicle, Oracle};
use crate::random::Random;
use crate::topics::SHARES;
use boundaries::Prefixes;
use disk::Device;
use memory::Scarcity;

use postrider_ports::{DropReason, Drops, PartitionId, Question, Ticket};
use postrider_session::{Message, Mono, Now, Wall};
use postrider_testkit::{Pace, PureDriver, Witnessed};
use std::collections::{BTreeMap, VecDeque};

struct Simulation {
    random: Random,
    now: Now,
    drivers: Vec<PureDriver>,
    clients: Vec<SimClient>,
    /// Forwarded messages in order, by pair of partitions.
    wires: BTreeMap<(usize, usize), VecDeque<(Message, bool)>>,
    oracle: Chronicle,
    device: Option<Device>,
    scarcity: Scarcity,
    /// Messages that earlier processes have counted as dropped, by client.
    dropped: BTreeMap<String, Drops>,
    /// The same of everybody.
    dropped_in_all: Drops,
    tokens: u64,
    /// Connections that clients gave up without the broker hearing of it, by partition.
    left: Vec<(usize, usize)>,
    report: Report,
    /// The step at which an administrator stops the broker, which then goes on with the sessions it has.
    stops_at: Option<usize>,
    has_stopped: bool,
    tries_cuts: bool,
    prefixes: Prefixes,
    is_verbose: bool,
}

/// Runs one seed.
///
/// # Errors
/// What went wrong, and when.
pub fn run(seed: u64, options: Options) -> Result<Report, String> {
    let mut simulation = Simulation::new(seed, options);
    let result = simulation.run(options.steps);
    let report = simulation.report;
    result
        .map(|()| report)
        .map_err(|error| format!("seed {seed}, step {}, {} ms: {error}", report.steps, simulation.now.mono.0))
}

impl Simulation {
    fn new(seed: u64, options: Options) -> Self {
        let mut random = Random::new(seed);
        let limits = limits::chosen(options, &mut random);
        let (partitions, payload_format) = (usize::from(options.partitions), limits.payload_format);
        let broker = Broker { partitions, payload_format, has_log: options.has_disk };
        let now = Now { mono: Mono(1000), wall: Wall(1_700_000_000_000) };
        let driver = |number: u16| {
            let mut driver = match options.has_disk {
                true => PureDriver::durable(limits.clone(), PartitionId(number), seed, now),
                false => PureDriver::new(limits.clone(), PartitionId(number), seed),
            };
            driver.shelf.iter_mut().for_each(|shelf| shelf.loads = Pace::WhenTold);
            driver.witness = Some(Vec::new());
            driver.works_at_once = false;
            driver
        };
        let mut shares: Vec<&'static str> = (0..random.below(4)).map(|_| random.pick(&SHARES)).collect();
        if options.has_disk && !options.shares_durably {
            shares.clear();
        }
        let count = 2 + random.below(5);
        let clients: Vec<SimClient> =
            (0..count).map(|number| SimClient::new(number, broker.clone(), &shares, &mut random)).collect();
        let wishes = clients.iter().map(|client| (client.id.clone(), client.wishes.clone())).collect();
        let oracle = Oracle::new(&limits, wishes, now.mono.0);
        let stops_at = random.once_in(8).then(|| random.below(options.steps.max(1)));
        Self {
            stops_at: stops_at.filter(|_| !options.has_disk),
            has_stopped: false,
            tries_cuts: options.tries_cuts,
            prefixes: Prefixes::default(),
            now,
            drivers: (0..options.partitions).map(driver).collect(),
            clients,
            wires: BTreeMap::new(),
            scarcity: Scarcity::new(seed),
            device: options.has_disk.then(|| Device::new(seed, &mut random)),
            oracle: match options.has_disk {
                true => Chronicle::durable(oracle, now.mono.0),
                false => Chronicle::new(oracle, now.mono.0),
            },
            dropped: BTreeMap::new(),
            dropped_in_all: Drops::default(),
            tokens: 0,
            left: Vec::new(),
            report: Report::default(),
            is_verbose: options.is_verbose,
            random,
        }
    }

    fn run(&mut self, steps: usize) -> Result<(), String> {
        self.begin()?;
        for at in 0..steps {
            if self.stops_at == Some(at) {
                self.stop()?;
            }
            self.step()?;
            self.live_with_disk()?;
            self.live_with_memory()?;
        }
        self.come_to_rest()?;
        let tally = self.oracle.tally();
        (self.report.shared, self.report.taken_back) = (tally.shared, tally.taken_back);
        (self.report.aliased, self.report.returned) = (tally.aliased, tally.returned);
        for (sent, received) in self.clients.iter().map(|client| client.handshakes) {
            self.report.handshakes_in += sent;
            self.report.handshakes_out += received;
        }
        for driver in &self.drivers {
            let counters = driver.engine.counters();
            self.report.held += counters.publishes_held;
            self.report.refused += counters.banned_refused + counters.connects_over_rate;
            self.report.refused_for_memory += counters.publishes_refused + counters.sessions_refused;
            self.report.dropped_for_memory += counters.drops.of(DropReason::Memory);
        }
        self.check_end()
    }

    fn say(&self, line: impl FnOnce() -> String) {
        if self.is_verbose {
            println!("{:>9.3} s  {}", self.now.mono.0 as f64 / 1000.0, line());
        }
    }

    fn step(&mut self) -> Result<(), String> {
        self.report.steps += 1;
        let number = self.random.below(self.clients.len());
        match self.random.below(100) {
            0..=9 => self.pass_time(),
            10..=11 => self.jump(),
            12..=31 => self.act(number),
            32..=61 => self.carry_up(number),
            62..=91 => self.carry_down(number),
            92..=93 => self.cut(number),
            94..=95 => self.pause(number),
            _ => self.work(),
        }
        self.settle()
    }

    fn pass_time(&mut self) {
        let ms = self.random.below(200) as u64;
        self.advance(ms);
    }

    fn jump(&mut self) {
        let ms = self.random.pick(&[1_000, 3_000, 10_000, 61_000]);
        self.advance(ms);
    }

    fn advance(&mut self, ms: u64) {
        let until = self.now.mono.plus_ms(ms);
        loop {
            let next = self.drivers.iter().filter_map(PureDriver::next_deadline).min();
            let Some(next) = next.filter(|next| *next <= until) else { break };
            self.pass_to(next.max(self.now.mono));
        }
        self.pass_to(until);
    }

    fn pass_to(&mut self, until: Mono) {
        self.set_time(until);
        self.tick();
        if let Err(error) = self.settle().and_then(|()| self.commit_some()) {
            self.fail(error);
        }
    }

    fn stop(&mut self) -> Result<(), String> {
        self.say(|| "the broker stops".to_owned());
        self.has_stopped = true;
        for driver in &mut self.drivers {
            driver.ask(self.now, Ticket(0), Question::Shutdown);
            driver.answers.clear();
        }
        self.settle()
    }

    fn set_time(&mut self, mono: Mono) {
        self.now.wall = Wall(self.now.wall.0 + mono.since_ms(self.now.mono));
        self.now.mono = mono;
        self.oracle.now_ms = mono.0;
    }

    fn tick(&mut self) {
        for driver in &mut self.drivers {
            driver.tick(self.now);
        }
    }

    /// Sliced work and forwarded messages go on.
    fn work(&mut self) {
        for at in 0..self.drivers.len() {
            if self.drivers[at].engine.has_work() {
                self.drivers[at].work(self.now);
            }
        }
        let pairs: Vec<(usize, usize)> =
            self.wires.iter().filter(|(_, wire)| !wire.is_empty()).map(|(pair, _)| *pair).collect();
        if !pairs.is_empty() {
            let pair = self.random.pick(&pairs);
            if let Some((message, retain)) = self.wires.get_mut(&pair).and_then(VecDeque::pop_front) {
                let from = PartitionId(u16::try_from(pair.0).unwrap_or(0));
                self.drivers[pair.1].remote(self.now, from, message, retain);
            }
        }
    }

    /// Everything that has happened is told to the oracle, and the invariants are looked at.
    fn settle(&mut self) -> Result<(), String> {
        // What went wrong first says more than what follows from it.
        if let Some(broken) = self.drivers[0].broken.take() {
            return Err(broken);
        }
        for (partition, driver) in self.drivers.iter_mut().enumerate() {
            for (to, message, retain) in driver.forwards.drain(..) {
                self.wires.entry((partition, usize::from(to.0))).or_default().push_back((message, retain));
            }
            driver.events.clear();
            for witnessed in driver.witness.iter_mut().flat_map(|list| list.drain(..)) {
                let is_silent = matches!(&witnessed, Witnessed::Logged { from, through } if from == through);
                if self.is_verbose && !is_silent {
                    let what = format!("{witnessed:?}");
                    println!("{:>9.3} s      engine {partition}: {what:.240}", self.now.mono.0 as f64 / 1000.0);
                }
                self.report.wills += u64::from(matches!(witnessed, Witnessed::Will { .. }));
                self.oracle.take(partition, witnessed)?;
            }
            if let Some(broken) = driver.broken.take() {
                return Err(broken);
            }
        }
        self.report.virtual_ms = self.now.mono.0;
        self.write_log()
    }

    fn digest(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().chain([&0]) {
            self.report.digest = (self.report.digest ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
        self.report.digest ^= self.now.mono.0;
    }

    fn fail(&mut self, error: String) {
        self.drivers[0].broken.get_or_insert(error);
    }
}
