//! What a plugin has said of one client's messages.
//!
//! Owns: the answers by topic, QoS and retain flag, and how many are remembered.

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use postrider_ports::Access;
use postrider_proto::Publish;
use std::hash::{BuildHasher, Hasher};

/// So many of a client's publications need not be asked about again.
const REMEMBERED: usize = 256;

/// A small table that one client fills for itself: the hash needs no secret.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    all: HashTable<Verdict>,
}

#[derive(Debug)]
struct Verdict {
    topic: Box<[u8]>,
    flags: u8,
    access: Access,
}

impl Verdicts {
    /// The answer about messages like this one, if somebody gave it.
    #[inline]
    pub(crate) fn of(&self, publish: &Publish<'_>) -> Option<&Access> {
        let (topic, flags) = (publish.topic.as_bytes(), flags(publish));
        let is_it = |verdict: &Verdict| verdict.flags == flags && *verdict.topic == *topic;
        self.all.find(hash(topic, flags), is_it).map(|verdict| &verdict.access)
    }

    /// Keeps an answer that was not there; when there are many, the others go.
    pub(crate) fn remember(&mut self, publish: &Publish<'_>, access: Access) {
        if self.all.len() >= REMEMBERED {
            self.all.clear();
        }
        let verdict = Verdict { topic: publish.topic.as_bytes().into(), flags: flags(publish), access };
        let hash_of = |verdict: &Verdict| hash(&verdict.topic, verdict.flags);
        self.all.insert_unique(hash_of(&verdict), verdict, hash_of);
    }

    pub(crate) fn clear(&mut self) {
        self.all.clear();
    }
}

fn flags(publish: &Publish<'_>) -> u8 {
    publish.qos.as_u8() | u8::from(publish.retain) << 2
}

fn hash(topic: &[u8], flags: u8) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    hasher.write_u8(flags);
    hasher.write(topic);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_proto::{Properties, Qos, Topic};

    fn publish(topic: &str, qos: Qos, retain: bool) -> Publish<'_> {
        let topic = Topic::parse(topic.as_bytes()).expect("a topic");
        Publish { dup: false, qos, retain, topic, packet_id: None, properties: Properties::NONE, payload: b"" }
    }

    #[test]
    fn an_answer_is_for_its_topic_qos_and_retain_flag_alone() {
        let mut verdicts = Verdicts::default();
        verdicts.remember(&publish("a/b", Qos::AtLeastOnce, false), Access::Deny);
        assert_eq!(verdicts.of(&publish("a/b", Qos::AtLeastOnce, false)), Some(&Access::Deny));
        for other in [
            publish("a/b", Qos::AtMostOnce, false),
            publish("a/b", Qos::AtLeastOnce, true),
            publish("a/c", Qos::AtLeastOnce, false),
            publish("a", Qos::AtLeastOnce, false),
        ] {
            assert_eq!(verdicts.of(&other), None);
        }
    }

    #[test]
    fn a_client_with_many_topics_has_no_more_than_so_many_answers() {
        let mut verdicts = Verdicts::default();
        for number in 0..10 * REMEMBERED {
            let topic = format!("t/{number}");
            verdicts.remember(&publish(&topic, Qos::AtMostOnce, false), Access::Allow);
            assert!(verdicts.all.len() <= REMEMBERED);
            assert_eq!(verdicts.of(&publish(&topic, Qos::AtMostOnce, false)), Some(&Access::Allow));
        }
    }
}
