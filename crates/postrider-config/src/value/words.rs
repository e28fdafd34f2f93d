//! Enums as words.
//!
//! Owns: the words that a configuration has for them.

use super::{Plain, Value};
use crate::model::{
    BridgeReload, BridgeStart, BridgeVersion, ClientCertificate, Domain, Durability, LogFormat, LogType, Overflow,
    PayloadFormat, Profile, Protocol, ProxyVersion, ReceiveMaximum, ShareStrategy, TlsVersion, UsernameFrom, Versions,
};

/// An enum with a word for each variant.
pub(crate) trait Words: Copy + PartialEq + Sized + 'static {
    const WORDS: &'static [&'static str];
    const ALL: &'static [Self];

    fn word(self) -> &'static str {
        let at = Self::ALL.iter().position(|one| *one == self);
        at.and_then(|at| Self::WORDS.get(at)).copied().unwrap_or_default()
    }

    fn of(word: &str) -> Option<Self> {
        let at = Self::WORDS.iter().position(|one| *one == word)?;
        Self::ALL.get(at).copied()
    }
}

macro_rules! words {
    ($($type:ident { $($variant:ident = $word:literal),* $(,)? })*) => {
        $(
            impl Words for $type {
                const WORDS: &'static [&'static str] = &[$($word),*];
                const ALL: &'static [Self] = &[$(Self::$variant),*];
            }

            impl Plain for $type {
                fn value(&self) -> Value {
                    Value::Text(self.word().to_owned())
                }

                fn take(&mut self, value: Value) -> Result<(), String> {
                    let found = if let Value::Text(word) = &value { Self::of(word) } else { None };
                    *self = found.ok_or_else(|| format!("it is one of {}", Self::WORDS.join(", ")))?;
                    Ok(())
                }
            }
        )*
    };
}

words! {
    Durability { Fsync = "fsync", Os = "os", Memory = "memory" }
    LogFormat { Text = "text", Json = "json" }
    Overflow { Reject = "reject", DropNewest = "drop-newest", DropOldest = "drop-oldest" }
    PayloadFormat { Passed = "passed", Checked = "checked" }
    ShareStrategy {
        RoundRobin = "round-robin",
        Random = "random",
        Sticky = "sticky",
        Hash = "hash",
        LeastInFlight = "least-in-flight",
    }
    Profile { Postrider = "postrider", Mosquitto = "mosquitto", Sol = "sol", Moat = "moat" }
    ReceiveMaximum { Strict = "strict", Warn = "warn" }
    Protocol { Mqtt = "mqtt", Websockets = "websockets", HttpApi = "http_api" }
    Domain { Both = "both", Ipv4 = "ipv4", Ipv6 = "ipv6" }
    ProxyVersion { V1 = "1", V2 = "2", Both = "both" }
    ClientCertificate { None = "none", Optional = "optional", Required = "required" }
    TlsVersion { V1_2 = "1.2", V1_3 = "1.3" }
    UsernameFrom {
        Connect = "connect",
        CommonName = "common-name",
        Subject = "subject",
        AlternativeName = "alternative-name",
        PskIdentity = "psk-identity",
    }
    BridgeVersion { V3_1 = "3.1", V3_1_1 = "3.1.1", V5 = "5" }
    BridgeStart { Automatic = "automatic", Lazy = "lazy", Once = "once" }
    BridgeReload { Lazy = "lazy", Immediate = "immediate" }
}

impl Words for LogType {
    const WORDS: &'static [&'static str] =
        &["error", "warning", "notice", "information", "debug", "subscribe", "unsubscribe", "websockets", "internal"];
    const ALL: &'static [Self] = &[
        Self::Error,
        Self::Warning,
        Self::Notice,
        Self::Information,
        Self::Debug,
        Self::Subscribe,
        Self::Unsubscribe,
        Self::Websockets,
        Self::Internal,
    ];
}

impl LogType {
    /// Every kind, the gravest first.
    #[must_use]
    pub fn all() -> &'static [Self] {
        <Self as Words>::ALL
    }

    /// Its word in a configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.word()
    }
}

impl Plain for Vec<LogType> {
    fn value(&self) -> Value {
        Value::List(self.iter().map(|kind| kind.word().to_owned()).collect())
    }

    fn take(&mut self, value: Value) -> Result<(), String> {
        let one_of = || format!("each is one of {}", LogType::WORDS.join(", "));
        let Value::List(words) = value else { return Err(one_of()) };
        let found: Option<Self> = words.iter().map(|word| LogType::of(word)).collect();
        *self = found.ok_or_else(one_of)?;
        self.sort_unstable();
        self.dedup();
        Ok(())
    }
}

pub(crate) const EDITIONS: &[&str] = &["3.1", "3.1.1", "5"];

impl Plain for Versions {
    fn value(&self) -> Value {
        let spoken = [self.v3_1, self.v3_1_1, self.v5];
        let words = EDITIONS.iter().zip(spoken).filter(|(_, is_spoken)| *is_spoken);
        Value::List(words.map(|(word, _)| (*word).to_owned()).collect())
    }

    fn take(&mut self, value: Value) -> Result<(), String> {
        let one_of = || format!("at least one, each of {}", EDITIONS.join(", "));
        let Value::List(words) = value else { return Err(one_of()) };
        if words.is_empty() || words.iter().any(|word| !EDITIONS.contains(&word.as_str())) {
            return Err(one_of());
        }
        let has = |edition: &str| words.iter().any(|word| word == edition);
        *self = Self { v3_1: has("3.1"), v3_1_1: has("3.1.1"), v5: has("5") };
        Ok(())
    }
}
