//! Plays the cases, several at a time, and tells them in order.
//!
//! Owns: which cases are skipped untried, when a broker counts as gone.

use super::case::{Case, Company};
use super::fault::{Fault, Played};
use super::ground::{Greeting, Ground};
use super::options::{Conformance, Planned};
use super::outcome::{Finding, Verdict};
use super::report::{self, Count};
use super::scene::Scene;
use postrider_client::Version;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

pub(crate) fn run(args: &Conformance, mut ground: Ground, chosen: &[Planned]) -> anyhow::Result<ExitCode> {
    let mut closed = BTreeMap::new();
    let mut ledger = Ledger { findings: Vec::new(), count: Count::default(), json: args.json };
    for version in args.editions() {
        let started = Instant::now();
        let greeting = ground.greet(*version);
        match greeting {
            Greeting::Welcome => {}
            Greeting::NotSpoken => drop(closed.insert(*version, format!("the broker does not speak {version}"))),
            Greeting::Fault(fault) => {
                closed.insert(*version, format!("no client of {version} is let in"));
                let planned = Planned { case: &GREETING, version: *version };
                let verdict = Verdict::of(Err(fault), Vec::new());
                ledger.add(Finding { planned, verdict, took: started.elapsed() })?;
            }
        }
    }
    let stage = Stage { ground: Arc::new(ground), closed, chosen, next: AtomicUsize::new(0), lost: AtomicU32::new(0) };
    stage.play_all(usize::from(args.jobs), &mut ledger)?;
    if args.json {
        report::json(&stage.ground, ledger.count, &ledger.findings)?;
    } else {
        report::total(&stage.ground, ledger.count)?;
    }
    Ok(if ledger.count.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is said when an edition's first client is not let in.
const GREETING: Case =
    super::case::case("a client is let in", super::case::ALL, |_| Ok(())).v3("3.1.4-4").v5("3.1.4-5");

/// Findings in the order of the plan.
struct Ledger {
    findings: Vec<Finding>,
    count: Count,
    json: bool,
}

impl Ledger {
    fn add(&mut self, finding: Finding) -> std::io::Result<()> {
        self.count.add(&finding.verdict);
        if !self.json {
            report::progress(&finding)?;
        }
        self.findings.push(finding);
        Ok(())
    }
}

struct Stage<'a> {
    ground: Arc<Ground>,
    /// Editions whose cases are not tried, and why.
    closed: BTreeMap<Version, String>,
    chosen: &'a [Planned],
    next: AtomicUsize,
    /// Failed cases in a row behind which the broker did not answer.
    lost: AtomicU32,
}

impl Stage<'_> {
    /// Those that bear company several at a time, then the others one by one.
    fn play_all(&self, jobs: usize, ledger: &mut Ledger) -> std::io::Result<()> {
        let (sender, findings) = channel();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                std::thread::scope(|scope| {
                    for _ in 0..jobs {
                        scope.spawn(|| self.play_some(Company::Welcome, &self.next, &sender));
                    }
                });
                self.play_some(Company::Alone, &AtomicUsize::new(0), &sender);
            });
            in_order(&findings, ledger)
        })
    }

    /// Takes numbers from `next` until there are no more cases.
    fn play_some(&self, company: Company, next: &AtomicUsize, sender: &Sender<(usize, Finding)>) {
        loop {
            let number = next.fetch_add(1, Relaxed);
            let Some(planned) = self.chosen.get(number).copied() else { return };
            if planned.case.company != company {
                continue;
            }
            let started = Instant::now();
            let verdict = match self.obstacle(planned) {
                Some(why) => Verdict::Skipped(why),
                None => self.play(planned, number + 1),
            };
            if sender.send((number, Finding { planned, verdict, took: started.elapsed() })).is_err() {
                return;
            }
        }
    }

    /// Why a case is not tried.
    fn obstacle(&self, planned: Planned) -> Option<String> {
        if let Some(why) = self.closed.get(&planned.version) {
            return Some(why.clone());
        }
        if self.lost.load(Relaxed) >= LOST_MAX {
            return Some("the broker does not answer any more".to_owned());
        }
        let abilities = &self.ground.abilities;
        if let Some(missing) = planned.case.needs.iter().find(|capability| abilities.lacks(**capability)) {
            return Some(format!("the broker is without {}", missing.name()));
        }
        let offered = planned.case.lacks.iter().find(|capability| !abilities.admits(**capability))?;
        Some(format!("the broker offers {}", offered.name()))
    }

    fn play(&self, planned: Planned, number: usize) -> Verdict {
        let scene = Scene::new(self.ground.clone(), planned.version, number);
        let played: Played = (planned.case.play)(&scene);
        if matches!(played, Err(Fault::Failed(_) | Fault::Lost(_))) {
            self.probe(planned.version, number);
        }
        let verdict = Verdict::of(played, scene.take_notes());
        // A case that took all of its time still cleans up.
        Scene::new(self.ground.clone(), planned.version, number).clean_up_after(&scene);
        verdict
    }

    /// After a failure: whether the broker still answers anybody.
    fn probe(&self, version: Version, number: usize) {
        let scene = Scene::new(self.ground.clone(), version, number);
        let answered = scene.client("probe").and_then(|mut peer| {
            peer.ping()?;
            peer.disconnect()
        });
        match answered {
            Ok(()) => self.lost.store(0, Relaxed),
            Err(_) => drop(self.lost.fetch_add(1, Relaxed)),
        }
    }
}

fn in_order(findings: &Receiver<(usize, Finding)>, ledger: &mut Ledger) -> std::io::Result<()> {
    let mut early = BTreeMap::new();
    let mut next = 0;
    for (number, finding) in findings {
        early.insert(number, finding);
        while let Some(finding) = early.remove(&next) {
            ledger.add(finding)?;
            next += 1;
        }
    }
    Ok(())
}

const LOST_MAX: u32 = 5;
