//! Everything that can be counted.
//!
//! Owns: the list. A workload prepares its inputs once and then repeats one thing, the same way each time.
//! Never: depends on anything but its own code: fixed seeds, fixed time, no system calls.

mod broker;
mod driver;
mod matching;
mod path;
mod retained;
mod session;
mod wire;

use anyhow::Context;

/// One thing worth counting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Benchmark {
    pub(crate) name: &'static str,
    /// What one unit is.
    pub(crate) about: &'static str,
    /// Things done in one iteration: deliveries of a fan-out, messages of a burst.
    pub(crate) units: u64,
    /// How often it is repeated, enough for start-up noise to vanish; the longer run has twice as many.
    pub(crate) iterations: u64,
    prepare: fn() -> Work,
}

impl Benchmark {
    const fn new(name: &'static str, about: &'static str, iterations: u64, prepare: fn() -> Work) -> Self {
        Self { name, about, units: 1, iterations, prepare }
    }

    const fn units(mut self, units: usize) -> Self {
        self.units = units as u64;
        self
    }

    /// Makes the inputs, and looks once whether the workload does what it says.
    pub(crate) fn prepare(&self) -> Work {
        (self.prepare)()
    }
}

/// A prepared workload.
pub(crate) struct Work(Box<dyn FnMut(u64)>);

impl Work {
    /// Repeats `once`.
    fn each(mut once: impl FnMut() + 'static) -> Self {
        Self(Box::new(move |iterations| {
            for _ in 0..iterations {
                once();
            }
        }))
    }

    pub(crate) fn run(&mut self, iterations: u64) {
        (self.0)(iterations);
    }
}

/// Every benchmark, from the wire inwards and back out.
pub(crate) fn all() -> Vec<Benchmark> {
    [wire::ALL, matching::ALL, retained::ALL, session::ALL, broker::ALL, path::ALL].concat()
}

pub(crate) fn find(name: &str) -> anyhow::Result<Benchmark> {
    let found = all().into_iter().find(|benchmark| benchmark.name == name);
    found.with_context(|| format!("no benchmark is called {name:?}; see `postrider-bench list`"))
}

/// Those with these names, or whose names begin with one that ends in `/`; all of them without names.
pub(crate) fn choose(names: &[String]) -> anyhow::Result<Vec<Benchmark>> {
    for name in names.iter().filter(|name| !name.ends_with('/')) {
        find(name)?;
    }
    let is_chosen = |benchmark: &Benchmark| {
        let is_named =
            |name: &String| benchmark.name == name || (name.ends_with('/') && benchmark.name.starts_with(name));
        names.is_empty() || names.iter().any(is_named)
    };
    let chosen: Vec<Benchmark> = all().into_iter().filter(is_chosen).collect();
    anyhow::ensure!(!chosen.is_empty(), "no benchmark's name begins with {}", names.join(" or "));
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Preparing a workload already checks its outcome; here it also repeats.
    fn run(all: &[Benchmark]) {
        for benchmark in all {
            benchmark.prepare().run(2);
        }
    }

    #[test]
    fn every_benchmark_of_wire_and_session_runs() {
        run(wire::ALL);
        run(session::ALL);
    }

    #[test]
    fn every_benchmark_of_matching_runs() {
        run(matching::ALL);
    }

    #[test]
    fn every_benchmark_of_the_retained_store_runs() {
        run(retained::ALL);
    }

    #[test]
    fn every_benchmark_of_the_engine_runs() {
        run(broker::ALL);
    }

    #[test]
    fn every_benchmark_of_the_whole_path_runs() {
        run(path::ALL);
    }

    #[test]
    fn names_are_told_apart() {
        let mut names: Vec<_> = all().iter().map(|benchmark| benchmark.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all().len());
    }

    #[test]
    fn a_name_that_ends_in_a_slash_chooses_a_room() {
        let chosen = choose(&["retained/".to_owned(), "path/q0".to_owned()]).expect("both exist");
        assert_eq!(chosen.len(), retained::ALL.len() + 1);
        assert!(choose(&["retained".to_owned()]).is_err());
        assert!(choose(&["nothing/".to_owned()]).is_err());
    }
}
