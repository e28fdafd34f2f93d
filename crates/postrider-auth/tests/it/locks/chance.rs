//! Rules, people and deeds by chance: whoever gets something may have it, and whoever wrote it might.

use super::cases::{PEOPLE, Person};
use super::ground::{Ground, lasting};
use postrider_auth::acl::{Asker, Rules, Verdict, Wish};
use postrider_proto::{Qos, Version};
use postrider_testkit::{Client, publish, subscribe, unsubscribe};
use std::collections::BTreeMap;

/// A small generator: splitmix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed >> 33) % end as u64).expect("small")
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

const TOPICS: [&str; 8] = ["a", "a/b", "a/b/c", "b", "b/lamp", "ann/b", "ann/lamp", "bob/fan"];
const FILTERS: [&str; 12] =
    ["a", "a/b", "a/#", "a/+", "+", "#", "+/b", "ann/#", "b/lamp", "+/lamp", "$share/g/a/#", "$share/g/+/+"];
const PATTERNS: [&str; 6] = ["%u/#", "%u/%c", "b/%c", "a/#", "+/b", "#"];

fn rules_by(chance: &mut Chance) -> Rules {
    let mut text =
        String::from(["", "pattern readwrite #\n", "pattern readwrite +/#\ntopic readwrite #\n"][chance.below(3)]);
    for _ in 0..=chance.below(9) {
        let access = chance.pick(&["read", "write", "readwrite", "readwrite", "deny"]);
        match chance.below(4) {
            0 => text += &format!("pattern {access} {}\n", chance.pick(&PATTERNS)),
            1 => text += &format!("user {}\n", chance.pick(&["ann", "bob", "+"])),
            _ => text += &format!("topic {access} {}\n", chance.pick(&FILTERS[..10])),
        }
    }
    Rules::from_lines(&text, "acl").expect("rules")
}

struct Run {
    ground: Ground,
    rules: Rules,
    links: BTreeMap<usize, Client>,
    /// Of each payload: who wrote it, its topic, and whether it was allowed then.
    written: Vec<(usize, &'static str, bool)>,
    deliveries: usize,
    refusals: usize,
}

fn asker(who: &Person) -> Asker<'_> {
    Asker { user: who.user, client: who.client, address: None, listener: Some(who.listener) }
}

impl Run {
    fn may(&self, who: usize, wish: &Wish<'_>) -> bool {
        self.rules.judge(&asker(&PEOPLE[who]), wish).verdict == Verdict::Allowed
    }

    fn enter(&mut self, who: usize, version: Version) {
        let (client, lines) = self.ground.dial(&PEOPLE[who], &lasting(PEOPLE[who].client, version).resume());
        if lines.first().is_some_and(|line| line.starts_with("CONNACK Success")) {
            self.links.insert(who, client);
            self.check(who, &lines);
        }
    }

    fn write(&mut self, who: usize, chance: &mut Chance) {
        let (topic, qos) = (TOPICS[chance.below(TOPICS.len())], chance.below(3));
        let retain = chance.below(3) == 0;
        let number = self.written.len();
        let mut packet = publish(topic, &format!("n{number}"));
        let id = u16::try_from(number % 60_000 + 1).expect("small");
        packet = match qos {
            0 => packet,
            1 => packet.q1(id),
            _ => packet.q2(id),
        };
        if retain {
            packet = packet.retain();
        }
        let qos = Qos::from_u8(u8::try_from(qos).expect("small")).expect("a QoS");
        let is_allowed = self.may(who, &Wish::Publish { topic, qos, retain });
        self.written.push((who, topic, is_allowed));
        self.refusals += usize::from(!is_allowed);
        let retained = self.ground.counters().retained;
        self.ground.publish(self.links[&who], &packet);
        assert!(is_allowed || self.ground.counters().retained == retained, "what is forbidden was retained");
        if qos == Qos::ExactlyOnce {
            self.ground.world.ack(self.links[&who], postrider_proto::AckKind::Pubrel, id);
        }
    }

    fn step(&mut self, chance: &mut Chance) {
        let who = chance.below(PEOPLE.len());
        let deed = chance.below(12);
        if !self.links.contains_key(&who) || deed == 0 {
            return self.enter(who, super::EDITIONS[chance.below(3)]);
        }
        let client = self.links[&who];
        match deed {
            1 => {
                self.ground.world.cut(client);
                self.links.remove(&who);
                self.ground.settle();
            }
            2 => {
                self.rules = rules_by(chance);
                self.ground.replace(self.rules.clone());
            }
            3 => {
                self.ground.world.raw(client, &unsubscribe(9, &[chance.pick(&FILTERS)], client.version));
            }
            4..=6 => {
                let filter = chance.pick(&FILTERS);
                self.ground
                    .world
                    .subscribe(client, &subscribe(8, filter, u8::try_from(chance.below(3)).expect("small")));
                self.ground.settle();
            }
            _ => self.write(who, chance),
        }
    }

    /// What everybody has got since: they might have it under the rules that hold now.
    fn look(&mut self) {
        for (who, client) in self.links.clone() {
            let lines = self.ground.world.take(client);
            if self.ground.world.is_closed(client) {
                self.links.remove(&who);
            }
            self.check(who, &lines);
        }
    }

    fn check(&mut self, who: usize, lines: &[String]) {
        for line in lines.iter().filter(|line| line.starts_with("PUBLISH ")) {
            let topic = line.split(' ').nth(1).expect("a topic");
            let number: usize =
                line.split("\"n").nth(1).and_then(|rest| rest.trim_end_matches('"').parse().ok()).expect("ours");
            let (author, written_to, was_allowed) = self.written[number];
            assert_eq!(topic, written_to, "{line}");
            assert!(was_allowed, "{} got what {} might not write: {line}", PEOPLE[who].client, PEOPLE[author].client);
            assert!(self.may(who, &Wish::Receive { topic }), "{:?} may not have {line}", PEOPLE[who]);
            self.deliveries += 1;
        }
    }
}

#[test]
fn whatever_happens_by_chance_nobody_gets_what_the_rules_of_the_moment_forbid() {
    let seeds = match std::env::var("POSTRIDER_SEED") {
        Ok(seed) => vec![seed.parse().expect("POSTRIDER_SEED is a number")],
        Err(_) => (1..=150).collect::<Vec<u64>>(),
    };
    let (mut steps, mut deliveries, mut refusals) = (0, 0, 0);
    for seed in seeds {
        let run = std::panic::catch_unwind(|| one(seed));
        let run = run.unwrap_or_else(|_| panic!("POSTRIDER_SEED={seed} repeats this"));
        (steps, deliveries, refusals) = (steps + 120, deliveries + run.deliveries, refusals + run.refusals);
    }
    println!("by chance: {steps} deeds, {deliveries} deliveries, {refusals} publishes refused, 0 bypasses");
    assert!(deliveries > steps / 100 && refusals > steps / 100, "{deliveries} deliveries, {refusals} refusals");
}

fn one(seed: u64) -> Run {
    let mut chance = Chance(seed);
    let rules = rules_by(&mut chance);
    let ground = Ground::with(rules.clone(), "");
    let mut run = Run { ground, rules, links: BTreeMap::new(), written: Vec::new(), deliveries: 0, refusals: 0 };
    for _ in 0..120 {
        run.step(&mut chance);
        run.look();
    }
    run
}
