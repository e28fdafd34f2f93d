//! What `postrider conformance` can be told.

use super::capability::Capability;
use super::case::Case;
use super::cases;
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use postrider_client::Version;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

#[derive(Clone, Debug, Args)]
pub(crate) struct Conformance {
    /// The broker: host, host:port or mqtt://host:port
    #[arg(required_unless_present = "list")]
    target: Option<String>,
    /// The edition of MQTT to test: 3.1, 3.1.1, 5 or all
    #[arg(short = 'V', long, value_name = "EDITION", default_value = "all")]
    edition: Editions,
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

    /// The target without its scheme.
    pub(crate) fn address(&self) -> anyhow::Result<SocketAddr> {
        let target = self.target.as_deref().unwrap_or_default();
        let place = match target.split_once("://") {
            Some(("mqtt" | "tcp", rest)) => rest.trim_end_matches('/'),
            Some((scheme, _)) => bail!("{target}: only mqtt:// can be tested, not {scheme}://"),
            None => target,
        };
        let mut addresses = resolve(place).with_context(|| target.to_owned())?;
        addresses.next().with_context(|| format!("{target} has no address"))
    }
}

/// `host`, `host:port`, `[v6]:port` or a bare v6 address.
fn resolve(place: &str) -> std::io::Result<std::vec::IntoIter<SocketAddr>> {
    let has_port = place.starts_with('[') && place.contains("]:") || place.matches(':').count() == 1;
    if has_port {
        return place.to_socket_addrs();
    }
    (place.trim_start_matches('[').trim_end_matches(']'), PORT).to_socket_addrs()
}

/// MQTT's own.
const PORT: u16 = 1883;

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "it is a number of seconds".to_owned())?;
    if (0.1..=60.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("it is between 0.1 and 60".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_host_with_or_without_a_port_and_scheme() {
        let first = |place: &str| resolve(place).expect("an address").next().map(|address| address.to_string());
        assert_eq!(first("127.0.0.1").as_deref(), Some("127.0.0.1:1883"));
        assert_eq!(first("127.0.0.1:99").as_deref(), Some("127.0.0.1:99"));
        assert_eq!(first("::1").as_deref(), Some("[::1]:1883"));
        assert_eq!(first("[::1]").as_deref(), Some("[::1]:1883"));
        assert_eq!(first("[::1]:99").as_deref(), Some("[::1]:99"));
    }
}
