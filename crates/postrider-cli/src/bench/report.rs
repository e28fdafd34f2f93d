//! What a run found, for people and for programs.

use super::process::load_average;
use super::tally::Latency;
use postrider_client::Scheme;
use std::io::Write;
use std::time::Duration;

/// Named figures in the order they were added.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<(&'static str, Value)>,
    faults: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    Count(u64),
    /// Shown without decimals.
    Number(f64),
    Fraction(f64),
}

impl Report {
    pub(crate) fn add(&mut self, name: &'static str, value: Value) {
        self.rows.push((name, value));
    }

    /// A figure that makes the run fail unless it is 0.
    pub(crate) fn must_be_zero(&mut self, name: &'static str, count: u64) {
        self.faults += count;
        self.add(name, Value::Count(count));
    }

    pub(crate) fn latency(&mut self, latency: Latency) {
        self.add("latency_p50_us", Value::Number(latency.p50_us));
        self.add("latency_p99_us", Value::Number(latency.p99_us));
        self.add("latency_p999_us", Value::Number(latency.p999_us));
        self.add("latency_max_us", Value::Number(latency.max_us));
    }

    /// Nothing was lost, doubled or out of order.
    pub(crate) const fn is_sound(&self) -> bool {
        self.faults == 0
    }

    pub(crate) fn print(&mut self, transport: Scheme, json: bool) -> std::io::Result<()> {
        if let Some(load) = load_average() {
            self.add("load_average", Value::Fraction(load));
        }
        let mut out = std::io::stdout().lock();
        if json {
            let mut object: serde_json::Map<_, _> =
                self.rows.iter().map(|(name, value)| ((*name).to_owned(), value.to_json())).collect();
            object.insert("transport".to_owned(), transport.name().into());
            return writeln!(out, "{}", serde_json::Value::Object(object));
        }
        writeln!(out, "{:>28}  {}", "transport", transport.name())?;
        for (name, value) in &self.rows {
            writeln!(out, "{:>28}  {}", name.replace('_', " "), value.shown())?;
        }
        Ok(())
    }
}

impl Value {
    fn to_json(self) -> serde_json::Value {
        match self {
            Self::Count(count) => count.into(),
            Self::Number(number) | Self::Fraction(number) => ((number * 1000.0).round() / 1000.0).into(),
        }
    }

    fn shown(self) -> String {
        match self {
            Self::Count(count) => grouped(&count.to_string()),
            Self::Number(number) => grouped(&format!("{number:.0}")),
            Self::Fraction(number) => format!("{number:.2}"),
        }
    }
}

/// Digits in groups of three.
pub(crate) fn grouped(digits: &str) -> String {
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A line a second, so that nobody wonders.
pub(crate) fn progress(elapsed: Duration, messages: u64) {
    let line = format!("{:>3} s  {} messages\n", elapsed.as_secs(), grouped(&messages.to_string()));
    // Nobody reads: the run goes on.
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_grouped_and_a_fault_fails_the_run() {
        assert_eq!(Value::Count(1_234_567).shown(), "1,234,567");
        assert_eq!(Value::Number(999.6).shown(), "1,000");
        assert_eq!(Value::Number(12.3456).to_json(), 12.346);
        let mut report = Report::default();
        report.must_be_zero("lost", 0);
        assert!(report.is_sound());
        report.must_be_zero("lost", 1);
        assert!(!report.is_sound());
    }
}
