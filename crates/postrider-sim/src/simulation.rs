//! One run: a seed in, a verdict out.

use crate::client::{Heard, Outgoing, SimClient};
use crate::oracle::Oracle;
use crate::random::Random;
use postrider_engine::Limits;
use postrider_ports::{Answer, PartitionId, Question, SessionInfo, Ticket};
use postrider_proto::{Qos, ReasonCode, RetainHandling, SubscribeOptions, Version};
use postrider_session::{Message, Mono, Now, Overflow, Wall};
use postrider_testkit::{LinkEnd, PureDriver};
use std::collections::{BTreeMap, VecDeque};

/// What a run is to be like.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Engines, joined by `Forward` and `Remote`.
    pub partitions: u16,
    /// Random steps before everything comes to rest.
    pub steps: usize,
    /// Prints each step as it happens.
    pub is_verbose: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { partitions: 1, steps: 400, is_verbose: false }
    }
}

/// What a run saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Steps taken, those of the end among them.
    pub steps: u64,
    /// Messages that clients published.
    pub published: u64,
    /// Messages that clients received.
    pub delivered: u64,
    /// Connections that were cut.
    pub cuts: u64,
    /// Virtual milliseconds.
    pub virtual_ms: u64,
    /// A digest of everything that happened, for comparing two runs.
    pub digest: u64,
}

struct Simulation {
    random: Random,
    now: Now,
    drivers: Vec<PureDriver>,
    clients: Vec<SimClient>,
    /// Forwarded messages in order, by pair of partitions.
    wires: BTreeMap<(usize, usize), VecDeque<(Message, bool)>>,
    oracle: Oracle,
    tokens: u64,
    /// Connections that clients gave up without the broker hearing of it, by partition.
    left: Vec<(usize, usize)>,
    report: Report,
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

const TOPICS: [&str; 6] = ["a", "a/b", "a/b/c", "b", "b/b", "$x/a"];
const FILTERS: [&str; 9] = ["a", "a/b", "#", "a/#", "+/b", "a/+/c", "b/+", "$x/#", "will/#"];

impl Simulation {
    fn new(seed: u64, options: Options) -> Self {
        let mut random = Random::new(seed);
        let mut limits: Limits = postrider_testkit::limits();
        limits.partitions = options.partitions;
        limits.mailbox.overflow = random.pick(&[Overflow::Reject, Overflow::DropNewest, Overflow::DropOldest]);
        limits.mailbox.messages_max = random.pick(&[3, 20, 1000]);
        limits.outbox_bytes_max = random.pick(&[120, 600, 100_000]);
        limits.in_flight_max = random.pick(&[1, 4, 100]);
        limits.fanout_slice = random.pick(&[1, 2, 1000]);
        let partitions = usize::from(options.partitions);
        let driver = |number: u16| {
            let mut driver = PureDriver::new(limits.clone(), PartitionId(number), seed);
            driver.witness = Some(Vec::new());
            driver.works_at_once = false;
            driver
        };
        let count = 2 + random.below(5);
        let clients = (0..count).map(|number| SimClient::new(number, partitions, &mut random)).collect();
        let now = Now { mono: Mono(1000), wall: Wall(1_700_000_000_000) };
        Self {
            random,
            now,
            drivers: (0..options.partitions).map(driver).collect(),
            clients,
            wires: BTreeMap::new(),
            oracle: Oracle::new(partitions, now.mono.0),
            tokens: 0,
            left: Vec::new(),
            report: Report::default(),
            is_verbose: options.is_verbose,
        }
    }

    fn run(&mut self, steps: usize) -> Result<(), String> {
        for _ in 0..steps {
            self.step()?;
        }
        self.come_to_rest()?;
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
            self.set_time(next.max(self.now.mono));
            self.tick();
        }
        self.set_time(until);
        self.tick();
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

    /// A client does something of its own accord.
    fn act(&mut self, number: usize) {
        let is_in = self.clients[number].connection.as_ref().map(|connection| connection.is_accepted);
        match is_in {
            None => self.dial(number),
            Some(false) => {
                // Somebody else may take the session over meanwhile.
                if self.random.once_in(10) {
                    self.drop_connection(number);
                    self.dial(number);
                }
            }
            Some(true) => match self.random.below(20) {
                0 => self.say_good_bye(number),
                1..=6 => self.subscribe(number),
                7 => {
                    let filter = self.random.pick(&FILTERS);
                    self.say(|| format!("c{number} unsubscribes from {filter}"));
                    self.clients[number].unsubscribe(filter);
                }
                8 => {
                    // A second connection of the same client: a take-over.
                    self.leave_behind(number);
                    self.dial(number);
                }
                _ => self.publish(number),
            },
        }
    }

    fn dial(&mut self, number: usize) {
        self.tokens += 1;
        let client = &mut self.clients[number];
        let partition = client.partition;
        let at = self.drivers[partition].open(self.now);
        let terms = client.dial(at, self.now.mono, &mut self.random, self.tokens);
        self.say(|| format!("c{number} dials {partition}/{at}: {terms:?}"));
        self.oracle.expect_connect((partition, at), terms);
    }

    fn say_good_bye(&mut self, number: usize) {
        let is_v5 = self.clients[number].version == Version::V5;
        let reason = if is_v5 && self.random.once_in(4) { ReasonCode::DisconnectWithWill } else { ReasonCode::Success };
        self.say(|| format!("c{number} says good-bye: {reason:?}"));
        self.clients[number].disconnect(reason);
        while self.clients[number].connection.as_ref().is_some_and(|connection| !connection.up.is_empty()) {
            self.carry_up(number);
        }
        self.drop_connection(number);
    }

    fn subscribe(&mut self, number: usize) {
        let count = 1 + self.random.below(2);
        let is_v5 = self.clients[number].version.is_v5();
        let filters: Vec<(String, SubscribeOptions)> = (0..count)
            .map(|_| {
                let mut options = SubscribeOptions::of(self.qos());
                if is_v5 {
                    options.no_local = self.random.once_in(4);
                    options.retain_as_published = self.random.once_in(4);
                    let all = [RetainHandling::Always, RetainHandling::IfNew, RetainHandling::Never];
                    options.retain_handling = self.random.pick(&all);
                }
                (self.random.pick(&FILTERS).to_owned(), options)
            })
            .collect();
        let identifier =
            (is_v5 && self.random.once_in(2)).then(|| 1 + u32::try_from(self.random.below(9)).unwrap_or(0));
        self.say(|| format!("c{number} subscribes to {filters:?} {identifier:?}"));
        self.clients[number].subscribe(&filters, identifier);
    }

    fn qos(&mut self) -> Qos {
        self.random.pick(&[Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce])
    }

    fn publish(&mut self, number: usize) {
        self.tokens += 1;
        let retain = self.random.once_in(5);
        let mut payload = format!("m{}", self.tokens).into_bytes();
        if retain && self.random.once_in(3) {
            payload.clear();
        } else if self.random.once_in(8) {
            payload.resize(100, b'.');
        } else if self.random.once_in(30) {
            payload.resize(3000, b'.');
        }
        let mut qos = self.qos();
        if payload.is_empty() {
            // Payloads tell messages apart; an empty one is told by nobody.
            qos = Qos::AtMostOnce;
        }
        let message = Outgoing { topic: self.random.pick(&TOPICS).to_owned(), payload, qos, retain };
        if self.clients[number].publish(&message) {
            self.report.published += 1;
            self.say(|| {
                let payload = String::from_utf8_lossy(&message.payload[..message.payload.len().min(20)]).into_owned();
                format!("c{number} publishes {} q{qos} retain={retain} {payload}", message.topic)
            });
        }
    }

    /// Some bytes of a client reach the broker.
    fn carry_up(&mut self, number: usize) {
        let client = &mut self.clients[number];
        let Some(connection) = &mut client.connection else { return };
        if connection.up.is_empty() {
            return;
        }
        let count = if self.random.once_in(3) { 1 + self.random.below(20) } else { usize::MAX };
        let count = count.min(connection.up.len());
        let bytes: Vec<u8> = connection.up.drain(..count).collect();
        let at = connection.at;
        self.drivers[client.partition].receive(self.now, at, &bytes);
    }

    /// Some bytes of the broker reach a client.
    fn carry_down(&mut self, number: usize) {
        // What the engine has taken by now is what the client may see.
        if let Err(error) = self.settle() {
            return self.fail(error);
        }
        let client = &mut self.clients[number];
        let Some(connection) = &mut client.connection else { return };
        if !connection.is_paused {
            let max = if self.random.once_in(3) { 1 + self.random.below(200) } else { 1 << 20 };
            let bytes = self.drivers[client.partition].take_output(self.now, connection.at, max);
            connection.down.extend(bytes);
        }
        let count = if self.random.once_in(3) { self.random.below(30) } else { connection.down.len() };
        let bytes: Vec<u8> = connection.down.drain(..count.min(connection.down.len())).collect();
        match client.receive(&bytes) {
            Ok(heard) => self.hear(number, heard),
            Err(error) => self.fail(error),
        }
        self.see_end(number);
    }

    fn hear(&mut self, number: usize, heard: Vec<Heard>) {
        for one in heard {
            self.say(|| format!("c{number} hears {one:?}"));
            let id = self.clients[number].id.clone();
            let has_flag = self.clients[number].version != Version::V3_1;
            let result = match one {
                Heard::Accepted { is_present } if has_flag => self.oracle.check_present(&id, is_present),
                Heard::Refused(reason) => Err(format!("{id} was refused: {reason}")),
                Heard::Disconnected(ReasonCode::SessionTakenOver) => Ok(()),
                Heard::Disconnected(reason) => Err(format!("{id} was told {reason}")),
                Heard::Message(seen) => {
                    self.report.delivered += 1;
                    self.digest(&seen.payload);
                    self.oracle.received(&id, &seen)
                }
                Heard::Accepted { .. } | Heard::Other(_) => Ok(()),
            };
            if let Err(error) = result {
                self.fail(error);
            }
        }
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

    /// A client notices that the broker has closed.
    fn see_end(&mut self, number: usize) {
        let client = &self.clients[number];
        let Some(connection) = &client.connection else { return };
        let driver = &self.drivers[client.partition];
        if matches!(driver.end_of(connection.at), LinkEnd::Closed(_))
            && driver.output_len(connection.at) == 0
            && connection.down.is_empty()
        {
            self.say(|| format!("c{number} sees the connection closed"));
            self.clients[number].connection = None;
            self.clients[number].cuts += 1;
        }
    }

    /// A connection breaks; what is on the way is lost.
    fn cut(&mut self, number: usize) {
        if self.clients[number].connection.is_some() {
            self.say(|| format!("c{number} is cut off"));
            self.report.cuts += 1;
            self.drop_connection(number);
        }
    }

    fn drop_connection(&mut self, number: usize) {
        let client = &mut self.clients[number];
        if let Some(connection) = client.connection.take() {
            client.cuts += 1;
            self.drivers[client.partition].close(self.now, connection.at);
        }
    }

    /// The client gives a connection up without the broker hearing of it.
    fn leave_behind(&mut self, number: usize) {
        let client = &mut self.clients[number];
        if let Some(connection) = client.connection.take() {
            self.left.push((client.partition, connection.at));
            client.cuts += 1;
        }
    }

    fn pause(&mut self, number: usize) {
        if let Some(connection) = &mut self.clients[number].connection {
            connection.is_paused = !connection.is_paused;
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
        for (partition, driver) in self.drivers.iter_mut().enumerate() {
            for (to, message, retain) in driver.forwards.drain(..) {
                self.wires.entry((partition, usize::from(to.0))).or_default().push_back((message, retain));
            }
            driver.events.clear();
            for witnessed in driver.witness.iter_mut().flat_map(|list| list.drain(..)) {
                if self.is_verbose {
                    println!("{:>9.3} s      engine {partition} takes {witnessed:?}", self.now.mono.0 as f64 / 1000.0);
                }
                self.oracle.take(partition, &witnessed)?;
            }
            if let Some(broken) = driver.broken.take() {
                return Err(broken);
            }
        }
        self.report.virtual_ms = self.now.mono.0;
        Ok(())
    }

    /// No more faults: everybody comes back, reads, and everything drains. I15
    fn come_to_rest(&mut self) -> Result<(), String> {
        // What was left behind is heard of at last.
        for (partition, at) in std::mem::take(&mut self.left) {
            self.drivers[partition].close(self.now, at);
        }
        for number in 0..self.clients.len() {
            if let Some(connection) = &mut self.clients[number].connection {
                connection.is_paused = false;
            }
        }
        for round in 0..5_000 {
            self.report.steps += 1;
            for number in 0..self.clients.len() {
                if self.clients[number].connection.is_none() && self.clients[number].expiry_s > 0 {
                    self.dial(number);
                }
                self.carry_up(number);
                self.carry_down(number);
            }
            self.work();
            self.settle()?;
            if self.is_at_rest() {
                self.advance(400_000);
                self.settle()?;
                return Ok(());
            }
            if round % 50 == 49 {
                self.advance(100);
            }
        }
        Err(format!("it does not come to rest: {}", self.unrest()))
    }

    fn is_at_rest(&self) -> bool {
        self.unrest().is_empty()
    }

    fn unrest(&self) -> String {
        for client in &self.clients {
            let Some(connection) = &client.connection else {
                if client.expiry_s > 0 {
                    return format!("{} is not connected", client.id);
                }
                continue;
            };
            let waiting = self.drivers[client.partition].output_len(connection.at);
            if !connection.up.is_empty() || !connection.down.is_empty() || waiting > 0 {
                return format!("bytes of {} are on their way", client.id);
            }
            if !connection.is_accepted {
                return format!("{} waits for CONNACK", client.id);
            }
            if client.unfinished() > 0 {
                return format!("{} has {} unacknowledged", client.id, client.unfinished());
            }
        }
        if self.drivers.iter().any(|driver| driver.engine.has_work())
            || self.wires.values().any(|wire| !wire.is_empty())
        {
            return "there is work".to_owned();
        }
        String::new()
    }

    fn check_end(&mut self) -> Result<(), String> {
        let mut infos: BTreeMap<(usize, String), Option<SessionInfo>> = BTreeMap::new();
        for client in &self.clients {
            let driver = &mut self.drivers[client.partition];
            driver.ask(self.now, Ticket(1), Question::Session(client.id.as_str().into()));
            let Some((_, Answer::Session(info))) = driver.answers.pop() else { return Err("no answer".into()) };
            let info = info.map(|info| *info);
            if let Some(info) = info.as_ref().filter(|info| info.is_connected && info.queued + info.in_flight > 0) {
                return Err(format!("{} waiting and {} in flight for {}", info.queued, info.in_flight, client.id));
            }
            infos.insert((client.partition, client.id.clone()), info);
        }
        let cuts: BTreeMap<String, u32> = self.clients.iter().map(|client| (client.id.clone(), client.cuts)).collect();
        self.oracle.check_end(
            |home, id| infos.get(&(home, id.to_owned())).cloned().flatten(),
            |id| cuts.get(id).is_some_and(|cuts| *cuts > 0),
        )?;
        self.check_retained()
    }

    /// A newcomer sees exactly what is retained. I7
    fn check_retained(&mut self) -> Result<(), String> {
        for partition in 0..self.drivers.len() {
            let expected = self.oracle.retained(partition);
            let driver = &mut self.drivers[partition];
            let at = driver.open(self.now);
            driver.receive(self.now, at, &postrider_testkit::Hello::new("auditor").bytes());
            let packet = postrider_testkit::subscribe(1, "#", 0).and("$x/#", 0);
            driver.receive(self.now, at, &packet.bytes(Version::V5));
            let mut bytes = Vec::new();
            loop {
                let more = driver.take_output(self.now, at, 1 << 20);
                let has_work = driver.engine.has_work();
                if more.is_empty() && !has_work {
                    break;
                }
                bytes.extend(more);
                driver.work(self.now);
            }
            let mut found = BTreeMap::new();
            let mut rest = &bytes[..];
            while let Ok(Some(frame)) = postrider_proto::split(rest, usize::MAX) {
                if let Ok(postrider_proto::Packet::Publish(publish)) =
                    postrider_proto::Packet::decode(frame, Version::V5)
                {
                    found.insert(publish.topic.as_str().to_owned(), publish.payload.to_vec());
                }
                rest = &rest[frame.len..];
            }
            if found != expected {
                let topics = |map: &BTreeMap<String, Vec<u8>>| map.keys().cloned().collect::<Vec<_>>().join(" ");
                return Err(format!("retained are [{}], should be [{}]", topics(&found), topics(&expected)));
            }
        }
        Ok(())
    }
}
