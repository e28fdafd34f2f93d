//! Tables for people, an object for programs.

use crate::baseline::{Finding, Verdict};
use crate::workload::Benchmark;
use std::collections::BTreeMap;

pub(crate) fn print_list(all: &[Benchmark]) {
    let width = width(all.iter().map(|benchmark| benchmark.name));
    for benchmark in all {
        println!("{:width$}  {}", benchmark.name, benchmark.about);
    }
}

pub(crate) fn print_json(counts: &BTreeMap<String, f64>) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(counts)?);
    Ok(())
}

pub(crate) fn print_counts(chosen: &[Benchmark], counts: &BTreeMap<String, f64>) {
    let width = width(chosen.iter().map(|benchmark| benchmark.name));
    println!("{:width$}  instructions  for", "benchmark");
    for benchmark in chosen {
        println!("{:width$}  {}  {}", benchmark.name, figure(counts.get(benchmark.name).copied()), benchmark.about);
    }
}

pub(crate) fn print_findings(findings: &[Finding]) {
    let width = width(findings.iter().map(|finding| finding.name.as_str()));
    println!("{:width$}      baseline           now  change", "benchmark");
    for finding in findings {
        let change = match finding.verdict {
            Verdict::Same(percent) => format!("{percent:+.1} %"),
            Verdict::Dearer(percent) => format!("{percent:+.1} %  DEARER"),
            Verdict::Cheaper(percent) => format!("{percent:+.1} %  cheaper: renew the baseline"),
            Verdict::New => "not in the baseline: renew it".to_owned(),
            Verdict::Gone => "in the baseline only: renew it".to_owned(),
        };
        println!("{:width$}  {}  {}  {change}", finding.name, figure(finding.was), figure(finding.is));
    }
}

fn figure(count: Option<f64>) -> String {
    count.map_or_else(|| format!("{:>12}", "-"), |count| format!("{count:>12.1}"))
}

fn width<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    names.map(str::len).chain(["benchmark".len()]).max().unwrap_or_default()
}
