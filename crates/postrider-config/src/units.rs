//! Sizes and times as people write them.
//!
//! Owns: the units; sizes are powers of 1024 whatever the letters are.

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
    /// Milliseconds; a bare number is seconds all the same.
    Milliseconds,
}

impl Unit {
    /// The number that a text means, in this unit.
    pub(crate) fn parse(self, text: &str) -> Option<u64> {
        let text = text.trim();
        let at = text.find(|letter: char| !letter.is_ascii_digit() && letter != '_').unwrap_or(text.len());
        let (digits, suffix) = text.split_at(at);
        let number: u64 = digits.replace('_', "").parse().ok()?;
        let (up, down) = self.scale(&suffix.trim().to_ascii_lowercase())?;
        let scaled = number.checked_mul(up)?;
        (scaled % down == 0).then_some(scaled / down)
    }

    /// As parsed again to the same number, in the largest unit that it is a whole multiple of.
    pub(crate) fn print(self, number: u64) -> String {
        let fits = |scale: &&(&str, u64)| number > 0 && number.is_multiple_of(scale.1);
        let units: &[(&str, u64)] = match self {
            Self::Count => &[],
            Self::Bytes => &[("GiB", GIB), ("MiB", MIB), ("KiB", KIB)],
            Self::Seconds => &[("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)],
            Self::Milliseconds => &[("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)],
        };
        units.iter().find(fits).map_or_else(|| number.to_string(), |(name, scale)| format!("{}{name}", number / scale))
    }

    /// What to multiply with, and then to divide by.
    fn scale(self, suffix: &str) -> Option<(u64, u64)> {
        let scale = match self {
            Self::Count => (suffix.is_empty().then_some(1)?, 1),
            Self::Bytes => match suffix {
                "" | "b" => (1, 1),
                "k" | "kb" | "kib" => (KIB, 1),
                "m" | "mb" | "mib" => (MIB, 1),
                "g" | "gb" | "gib" => (GIB, 1),
                _ => return None,
            },
            Self::Seconds => match suffix {
                "ms" => (1, 1_000),
                _ => (seconds(suffix)?, 1),
            },
            Self::Milliseconds => match suffix {
                "ms" => (1, 1),
                _ => (seconds(suffix)?.checked_mul(1_000)?, 1),
            },
        };
        Some(scale)
    }

    /// What may be written.
    pub(crate) const fn forms(self) -> &'static str {
        match self {
            Self::Count => "a whole number",
            Self::Bytes => "bytes: a whole number, or one with b, k, kb, KiB, m, mb, MiB, g, gb, GiB (powers of 1024)",
            Self::Seconds | Self::Milliseconds => "a time: whole seconds, or a whole number with ms, s, m, h, d, w",
        }
    }
}

fn seconds(suffix: &str) -> Option<u64> {
    match suffix {
        "" | "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3_600),
        "d" => Some(86_400),
        "w" => Some(604_800),
        _ => None,
    }
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;
