//! Reads the instruction count out of a file that cachegrind or callgrind wrote.

use anyhow::{Context, bail};

/// The instructions of a whole run: the `Ir` column of the summary.
pub(crate) fn instructions(profile: &str) -> anyhow::Result<u64> {
    let line = |key: &str| profile.lines().find_map(|line| line.strip_prefix(key));
    let events = line("events:").context("the profile names no events")?;
    let Some(column) = events.split_whitespace().position(|event| event == "Ir") else {
        bail!("the profile does not count instructions (Ir), only:{events}");
    };
    // Callgrind leaves the summary out of a run of several threads, but not the totals.
    let sums = line("summary:").or_else(|| line("totals:")).context("the profile has no summary: was it cut short?")?;
    let sum = sums.split_whitespace().nth(column).context("the summary has fewer columns than events")?;
    sum.parse().with_context(|| format!("the summary's {sum:?} is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLGRIND: &str = "# callgrind format\nversion: 1\ncmd: postrider-bench run x\npart: 1\n\n\
        desc: I1 cache: \npositions: line\nevents: Ir\nsummary: 4711\n\nob=(1) bench\nfn=(0) main\n12 100\n\
        totals: 4711\n";
    const CACHEGRIND: &str = "desc: I1 cache: none\ncmd: postrider-bench run x\nevents: Ir Bc Bcm\n\
        fl=main.rs\nfn=main\n12 90 3 1\nsummary: 815 3 1\n";

    #[test]
    fn a_profile_of_either_tool_gives_its_instructions() {
        assert_eq!(instructions(CALLGRIND).ok(), Some(4711));
        assert_eq!(instructions(CACHEGRIND).ok(), Some(815));
    }

    #[test]
    fn totals_stand_in_for_a_missing_summary() {
        assert_eq!(instructions(&CALLGRIND.replace("summary: 4711\n", "")).ok(), Some(4711));
    }

    #[test]
    fn the_column_of_instructions_is_found_by_name() {
        assert_eq!(instructions("events: Bc Ir\nsummary: 3 815\n").ok(), Some(815));
    }

    #[test]
    fn a_profile_that_was_cut_short_is_refused() {
        let error = instructions("desc: x\nevents: Ir\nfn=main\n").map_err(|error| error.to_string());
        assert_eq!(error, Err("the profile has no summary: was it cut short?".to_owned()));
        assert!(instructions("").is_err());
        assert!(instructions("events: Bc\nsummary: 3\n").is_err());
        assert!(instructions("events: Ir\nsummary: many\n").is_err());
    }
}
