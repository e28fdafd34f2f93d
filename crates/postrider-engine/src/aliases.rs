//! Topic aliases that we use towards a client which allows them.
//!
//! Owns: which name each alias of one connection stands for; the one not used for longest gives way.
//! Spec: 3.3.2.3.4.

/// Aliases of one connection, no more than the client's Topic Alias Maximum. [MQTT-3.1.2-26], [MQTT-3.1.2-27]
#[derive(Clone, Debug)]
pub(crate) struct Aliases {
    /// The name of alias 1, 2, ... and when it was used last.
    names: Vec<(Box<[u8]>, u64)>,
    maximum: u16,
    uses: u64,
}

/// An alias for one PUBLISH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Alias {
    pub(crate) number: u16,
    /// Whether the client knows what it stands for.
    pub(crate) is_known: bool,
}

/// Bytes an alias takes among the properties: shorter names are sent as they are.
const ALIAS_BYTES: usize = 3;
/// Longer names are sent as they are: sixteen of them a client would be a lot of memory.
const NAME_BYTES_MAX: usize = 1024;

impl Aliases {
    /// `maximum` is above 0.
    pub(crate) const fn new(maximum: u16) -> Self {
        Self { names: Vec::new(), maximum, uses: 0 }
    }

    /// The alias to send `name` with, if that is worth it.
    pub(crate) fn of(&mut self, name: &[u8]) -> Option<Alias> {
        if !(ALIAS_BYTES + 1..=NAME_BYTES_MAX).contains(&name.len()) {
            return None;
        }
        self.uses += 1;
        if let Some(at) = self.names.iter().position(|(known, _)| **known == *name) {
            self.names[at].1 = self.uses;
            return Some(Alias { number: number(at), is_known: true });
        }
        let at = if self.names.len() < usize::from(self.maximum) {
            self.names.push((name.into(), self.uses));
            self.names.len() - 1
        } else {
            let (at, oldest) = self.names.iter_mut().enumerate().min_by_key(|(_, (_, used))| *used)?;
            *oldest = (name.into(), self.uses);
            at
        };
        Some(Alias { number: number(at), is_known: false })
    }
}

fn number(at: usize) -> u16 {
    u16::try_from(at + 1).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alias_not_used_for_longest_gives_way() {
        let mut aliases = Aliases::new(2);
        let mut of = |name: &str| aliases.of(name.as_bytes()).map(|alias| (alias.number, alias.is_known));
        assert_eq!(of("long/one"), Some((1, false)));
        assert_eq!(of("long/two"), Some((2, false)));
        assert_eq!(of("long/one"), Some((1, true)));
        assert_eq!(of("long/three"), Some((2, false)));
        assert_eq!(of("long/one"), Some((1, true)));
        assert_eq!(of("long/two"), Some((2, false)));
        assert_eq!(of("abc"), None);
        assert_eq!(of(&"x".repeat(1025)), None);
    }
}
