//! Bytes that leave when the log is durable up to some record.
//!
//! Owns: the order. Whatever comes for a link that has a gate waits behind its last one.
//! Never: holds anything for a link whose engine does without a log.

use crate::backlog::Backlog;
use postrider_session::Sequence;
use std::collections::VecDeque;

/// What has to be durable before something leaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    pub(crate) through: Sequence,
    /// What is written; enough for links that wait for no more.
    pub(crate) written: Sequence,
    /// All that was appended from here on becomes durable at one moment.
    pub(crate) together_from: Sequence,
}

/// How much of that concerns a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Waits {
    /// All: until it is durable.
    #[default]
    Durable,
    /// Until it is written.
    Written,
    /// Nothing.
    Never,
}

impl Wait {
    /// For nothing.
    pub(crate) const NOT: Self =
        Self { through: Sequence::NONE, written: Sequence::NONE, together_from: Sequence::NONE };

    #[inline]
    pub(crate) fn is_not(self) -> bool {
        self.through == Sequence::NONE
    }

    /// Whether that lets such a link wait.
    pub(crate) fn holds(self, waits: Waits) -> bool {
        match waits {
            Waits::Durable => !self.is_not(),
            Waits::Written => self.through > self.written,
            Waits::Never => false,
        }
    }
}

/// The gates of one link, in order.
#[derive(Debug, Default)]
pub(crate) struct Gates(VecDeque<Gate>);

#[derive(Debug)]
struct Gate {
    through: Sequence,
    backlog: Box<Backlog>,
    control_bytes: usize,
}

/// Where something goes that has to wait.
pub(crate) struct Place<'a> {
    pub(crate) backlog: &'a mut Backlog,
    pub(crate) control_bytes: &'a mut usize,
    /// The gate was made for it.
    pub(crate) is_new: bool,
}

impl Gates {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The place for what comes next.
    pub(crate) fn place(&mut self, wait: Wait, take: impl FnOnce() -> Box<Backlog>) -> Place<'_> {
        let joins = |gate: &Gate| gate.through >= wait.through || gate.through >= wait.together_from;
        let is_new = !self.0.back().is_some_and(joins);
        if is_new {
            self.0.push_back(Gate { through: wait.through, backlog: take(), control_bytes: 0 });
        }
        let gate = self.0.back_mut().expect("if there was none, it has just been made");
        gate.through = gate.through.max(wait.through);
        Place { backlog: &mut gate.backlog, control_bytes: &mut gate.control_bytes, is_new }
    }

    /// What waited for nothing beyond `durable`; backlogs that are empty now are given back.
    pub(crate) fn take_open(&mut self, durable: Sequence, mut give: impl FnMut(Box<Backlog>)) -> Option<Box<Backlog>> {
        let is_open = |gate: &mut Gate| gate.through <= durable;
        let mut open = self.0.pop_front_if(is_open)?.backlog;
        while let Some(mut gate) = self.0.pop_front_if(is_open) {
            open.drain(&mut gate.backlog);
            give(gate.backlog);
        }
        self.rest();
        Some(open)
    }

    /// Throws everything away but the last packet, if that is a DISCONNECT. Nobody says good-bye whose CONNACK has not
    /// left. [MQTT-3.2.0-1]
    pub(crate) fn take_farewell(&mut self) -> Option<Vec<u8>> {
        let is_welcomed = !self.0.front().is_some_and(|gate| gate.backlog.begins_with_connack());
        let farewell = self.0.back().filter(|_| is_welcomed).and_then(|gate| gate.backlog.farewell());
        let farewell = farewell.map(<[u8]>::to_vec);
        self.0 = VecDeque::new();
        farewell
    }

    /// Bytes of answers among what waits.
    pub(crate) fn control_len(&self) -> usize {
        self.0.iter().map(|gate| gate.control_bytes).sum()
    }

    /// An idle connection owns no buffer.
    fn rest(&mut self) {
        if self.0.is_empty() {
            self.0 = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(through: u64, together_from: u64) -> Wait {
        Wait { through: Sequence(through), written: Sequence::NONE, together_from: Sequence(together_from) }
    }

    fn push(gates: &mut Gates, wait: Wait, packet: &[u8]) -> bool {
        let place = gates.place(wait, Box::default);
        place.backlog.push_control(packet);
        *place.control_bytes += packet.len();
        place.is_new
    }

    fn open(gates: &mut Gates, durable: u64) -> usize {
        gates.take_open(Sequence(durable), drop).map_or(0, |backlog| backlog.len())
    }

    const CONNACK: [u8; 5] = [0x20, 3, 0, 0, 0];
    const PUBACK: [u8; 4] = [0x40, 2, 0, 1];
    const DISCONNECT: [u8; 2] = [0xE0, 0];

    #[test]
    fn gates_open_in_order_and_none_before_its_record() {
        let mut gates = Gates::default();
        assert!(push(&mut gates, wait(3, 3), &PUBACK));
        assert!(push(&mut gates, wait(5, 5), &PUBACK));
        // What waits for less, or for nothing, waits for what is before it.
        assert!(!push(&mut gates, wait(2, 6), &PUBACK));
        assert!(!push(&mut gates, Wait::NOT, &PUBACK));
        assert_eq!((open(&mut gates, 2), open(&mut gates, 3), open(&mut gates, 4)), (0, 4, 0));
        assert_eq!(gates.control_len(), 12);
        assert_eq!((open(&mut gates, 9), gates.is_empty(), gates.control_len()), (12, true, 0));
    }

    #[test]
    fn records_that_become_durable_at_one_moment_need_one_gate() {
        let mut gates = Gates::default();
        assert!(push(&mut gates, wait(3, 3), &PUBACK));
        assert!(!push(&mut gates, wait(4, 3), &PUBACK));
        assert!(push(&mut gates, wait(6, 5), &PUBACK), "4 may be durable long before 6");
        assert_eq!((open(&mut gates, 3), open(&mut gates, 4), open(&mut gates, 6)), (0, 8, 4));
    }

    #[test]
    fn a_link_that_ends_keeps_its_last_word_only() {
        let mut gates = Gates::default();
        push(&mut gates, wait(3, 3), &PUBACK);
        push(&mut gates, wait(4, 4), &PUBACK);
        push(&mut gates, Wait::NOT, &DISCONNECT);
        assert_eq!(gates.take_farewell(), Some(DISCONNECT.to_vec()));
        assert!(gates.is_empty());
        push(&mut gates, wait(4, 4), &DISCONNECT);
        push(&mut gates, wait(4, 4), &PUBACK);
        assert_eq!(gates.take_farewell(), None, "it was not the last");
    }

    #[test]
    fn a_link_that_ends_before_its_connack_has_left_has_no_last_word() {
        let mut gates = Gates::default();
        push(&mut gates, wait(3, 3), &CONNACK);
        push(&mut gates, wait(4, 4), &PUBACK);
        push(&mut gates, Wait::NOT, &DISCONNECT);
        assert_eq!((gates.take_farewell(), gates.is_empty()), (None, true));
    }
}
