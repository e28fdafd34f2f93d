//! What `postrider conformance` can be told.

use super::capability::Capability;
use super::case::Case;
use super::cases;
use crate::args::TlsArgs;
use clap::{Args, ValueEnum};
use postrider_client::Version;
use postrider_net::dial::Route;
use std::time::Duration;

#[derive(Clone, Debug, Args)]
pub(crate) struct Conformance {
    /// The broker: host, host:port, or a URL with mqtt://, mqtts://, ws://, wss:// or unix://
    #[arg(required_unless_present = "list")]
    target: Option<String>,
    /// The edition of MQTT to test: 3.1, 3.1.1, 5 or all
    #[arg(short = 'V', long, value_name = "EDITION", default_value = "all")]
    edition: Editions,
    #[command(flatten)]
    tls: TlsArgs,
    /// Only cases whose name or clauses contain this text
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Name the cases and run none
    #[arg(long)]
    pub(crate) list: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Seconds to wait for each thing that must come
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    pub(crate) timeout: Duration,
    /// Cases that run at the same time
    #[arg(long, value_name = "COUNT", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) jobs: u16,
    /// Something the broker does not offer, so that its cases are skipped; may be given several times
    #[arg(long, value_name = "CAPABILITY")]
    pub(crate) without: Vec<Capability>,
    /// User name
    #[arg(short, long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Password
    #[arg(short = 'P', long, value_name = "PASSWORD", requires = "user")]
    pub(crate) password: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Editions {
    #[value(name = "3.1", aliases = ["31", "mqttv31"])]
    V3_1,
    #[value(name = "3.1.1", aliases = ["311", "mqttv311"])]
    V3_1_1,
    #[value(name = "5", aliases = ["5.0", "mqttv5"])]
    V5,
    All,
}

/// A case in one edition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planned {
    pub(crate) case: &'static Case,
    pub(crate) version: Version,
}

impl Conformance {
    /// Cases in the editions that were asked for, edition by edition, and last those that are played alone.
    pub(crate) fn chosen(&self) -> Vec<Planned> {
        let wanted = |planned: &Planned| self.only.as_deref().is_none_or(|text| planned.case.mentions(text));
        let of = |version| {
            let cases = cases::all().filter(move |case| case.editions.contains(&version));
            cases.map(move |case| Planned { case, version })
        };
        let mut chosen: Vec<Planned> = self.editions().iter().copied().flat_map(of).filter(wanted).collect();
        chosen.sort_by_key(|planned| planned.case.company);
        chosen
    }

    pub(crate) const fn editions(&self) -> &'static [Version] {
        match self.edition {
            Editions::V3_1 => &[Version::V3_1],
            Editions::V3_1_1 => &[Version::V3_1_1],
            Editions::V5 => &[Version::V5],
            Editions::All => &[Version::V3_1, Version::V3_1_1, Version::V5],
        }
    }

    /// The way to the target.
    pub(crate) fn route(&self) -> anyhow::Result<Route> {
        self.tls.route(self.target.as_deref().unwrap_or_default())
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "it is a number of seconds".to_owned())?;
    if (0.1..=60.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("it is between 0.1 and 60".to_owned())
    }
}
