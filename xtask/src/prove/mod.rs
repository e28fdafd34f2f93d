//! `cargo xtask prove NAME`: runs a long proof in rounds, and adds what it counts to docs/evidence.md after each.
//!
//! Owns: the proofs, how each goes on where it stopped, and what is enough.
//! Never: counts a round that failed.

mod page;
mod tally;

use crate::command::{cargo, listen_aloud};
use anyhow::{Context, Result, bail};
use std::process::Command;
use tally::Tally;

/// A promise, and how it is put to the test.
struct Proof {
    name: &'static str,
    promise: &'static str,
    work: Work,
    /// What has to be counted so many times.
    enough: (u64, &'static str),
}

/// What one round is.
enum Work {
    /// So many seeds of the simulator, from the first that was not tried yet.
    Seeds { count: u64, args: &'static str },
    /// A test, which is told by a variable how much it should do.
    Test { package: &'static str, name: &'static str, variable: &'static str, count: u64 },
    /// Minutes of mixed load.
    Soak { minutes: u64 },
}

const PROOFS: [Proof; 12] = [
    Proof {
        name: "crash",
        promise: "no crash, loss of power, refusal, full or slow device, and no byte that changes by itself loses or doubles \
                  an acknowledged message, a session, a subscription, a retained message or a will in the simulator",
        work: Work::Seeds { count: 1000, args: "--disk --quiet" },
        enough: (100_000, "crash points"),
    },
    Proof {
        name: "boundaries",
        promise: "a loss of power at every change of the disk, with each of five kinds of loss, leaves a prefix of the log, \
                  and an engine made of it knows what the log says",
        work: Work::Seeds { count: 50, args: "--cuts --quiet" },
        enough: (50, "traces"),
    },
    Proof {
        name: "kills",
        promise: "the server and its clients, killed with SIGKILL under load: QoS 1 and 2, sessions, retained messages, wills",
        work: Work::Test {
            package: "postrider-cli",
            name: "--exact kills::whatever_was_acknowledged_survives_every_kill",
            variable: "POSTRIDER_KILLS",
            count: 100,
        },
        enough: (300, "kills"),
    },
    Proof {
        name: "cuts",
        promise: "the same with the power cut: a file system of our own forgets what was not synced",
        work: Work::Test {
            package: "postrider-cli",
            name: "cuts::whatever_was_acknowledged_survives_every_cut_of_the_power",
            variable: "POSTRIDER_CUTS",
            count: 50,
        },
        enough: (100, "cuts"),
    },
    Proof {
        name: "cuts-os",
        promise: "the same with `--durability os`: only the last moments are gone, and what is left is a prefix",
        work: Work::Test { package: "postrider-cli", name: "cuts::prefix", variable: "POSTRIDER_CUTS", count: 30 },
        enough: (30, "cuts"),
    },
    Proof {
        name: "faults-broken",
        promise: "an error of the disk at its n-th operation: nothing that needs it is acknowledged behind it, the server ends, and nothing is lost",
        work: Work::Test {
            package: "postrider-cli",
            name: "whichever_call_the_device_fails",
            variable: "POSTRIDER_FAULTS",
            count: 500,
        },
        enough: (500, "faults"),
    },
    Proof {
        name: "faults-room",
        promise: "the same where the disk says that it is full",
        work: Work::Test {
            package: "postrider-cli",
            name: "whichever_call_finds_no_room",
            variable: "POSTRIDER_FAULTS",
            count: 500,
        },
        enough: (500, "faults"),
    },
    Proof {
        name: "faults-short",
        promise: "the same where the disk writes half",
        work: Work::Test {
            package: "postrider-cli",
            name: "whichever_write_is_short",
            variable: "POSTRIDER_FAULTS",
            count: 500,
        },
        enough: (250, "faults"),
    },
    Proof {
        name: "flips",
        promise: "no byte of a log of 64 KiB that becomes another loses a record in silence, or one of another frame",
        work: Work::Test {
            package: "postrider-journal",
            name: "damage::no_byte",
            variable: "POSTRIDER_FLIPS",
            count: 1,
        },
        enough: (65_536, "bytes flipped"),
    },
    Proof {
        name: "lengths",
        promise: "no length that one of its files is cut to does, or costs a record before the cut",
        work: Work::Test {
            package: "postrider-journal",
            name: "damage::no_length",
            variable: "POSTRIDER_FLIPS",
            count: 1,
        },
        enough: (65_536, "lengths"),
    },
    Proof {
        name: "flips-random",
        promise: "the same of random bytes of a larger log",
        work: Work::Test {
            package: "postrider-journal",
            name: "damage::no_random",
            variable: "POSTRIDER_FLIPS",
            count: 25_000,
        },
        enough: (100_000, "random flips"),
    },
    Proof {
        name: "soak",
        promise: "a mixed load with connect churn, takeovers, retained churn and slow consumers loses and doubles nothing",
        work: Work::Soak { minutes: 60 },
        enough: (60, "minutes"),
    },
];

/// Goes on with a proof until it is enough, or for so many rounds; `list` says where each stands.
pub(crate) fn run(name: &str, rounds: Option<u64>) -> Result<()> {
    let mut tally = Tally::read()?;
    if name == "list" {
        PROOFS.iter().for_each(|proof| println!("{}", proof.state(&tally)));
        return Ok(());
    }
    let proof = PROOFS.iter().find(|proof| proof.name == name);
    let names: Vec<_> = PROOFS.iter().map(|proof| proof.name).collect();
    let proof = proof.with_context(|| format!("there is no proof {name}; there are: list, {}", names.join(", ")))?;
    let mut done = 0;
    while rounds.map_or_else(|| !proof.is_enough(&tally), |rounds| done < rounds) {
        proof.round(&mut tally)?;
        tally.write()?;
        page::write(&PROOFS, &tally)?;
        println!("{}", proof.state(&tally));
        done += 1;
    }
    page::write(&PROOFS, &tally)
}

impl Proof {
    fn is_enough(&self, tally: &Tally) -> bool {
        tally.of(self.name, self.enough.1) >= self.enough.0
    }

    fn state(&self, tally: &Tally) -> String {
        let (aim, label) = self.enough;
        format!("{}: {} of {aim} {label}", self.name, tally.of(self.name, label))
    }

    fn round(&self, tally: &mut Tally) -> Result<()> {
        let rounds = tally.of(self.name, ROUNDS);
        let said = listen_aloud(&mut self.command(rounds))?;
        let prefix = format!("proof {}: ", self.name);
        let line = said.lines().find_map(|line| line.trim().strip_prefix(&prefix));
        let Some(line) = line else { bail!("no line that begins with `{prefix}`") };
        // Other proofs may have gone on meanwhile.
        *tally = Tally::read()?;
        tally.add(self.name, line)?;
        tally.add(self.name, &format!("1 {ROUNDS}"))
    }

    fn command(&self, rounds: u64) -> Command {
        match self.work {
            Work::Seeds { count, args } => {
                let first = 1 + rounds * count;
                cargo(&format!("run --quiet --release --package postrider-sim -- {first} --seeds {count} {args}"))
            }
            Work::Test { package, name, variable, count } => {
                let mut command = cargo(&format!("test --quiet --package {package} --test it -- --nocapture {name}"));
                command.env(variable, count.to_string()).env("POSTRIDER_SEED", (1 + rounds).to_string());
                command
            }
            Work::Soak { minutes } => cargo(&format!("xtask soak --minutes {minutes}")),
        }
    }

    /// How somebody else does it again.
    fn words(&self) -> String {
        match self.work {
            Work::Seeds { args, .. } => {
                format!(
                    "`cargo xtask prove {}`; one run: `cargo xtask sim SEED {}`",
                    self.name,
                    args.replace(" --quiet", "")
                )
            }
            Work::Test { .. } | Work::Soak { .. } => format!("`cargo xtask prove {}`", self.name),
        }
    }
}

const ROUNDS: &str = "rounds";
