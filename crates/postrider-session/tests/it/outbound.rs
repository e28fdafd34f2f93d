//! The sending flow against a model that keeps a plain list.

use postrider_proto::{PacketId, Qos};
use postrider_session::flow::{Outbound, Pubrec, Resend};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Begin(bool),
    /// A SUBSCRIBE or UNSUBSCRIBE.
    Request,
    /// Acknowledges the n-th of those in flight with whatever it waits for.
    Answer(proptest::sample::Index),
    /// An acknowledgement for an id that is not in flight.
    Stray(u16),
    Reconnect(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => any::<bool>().prop_map(Step::Begin),
        1 => Just(Step::Request),
        4 => any::<proptest::sample::Index>().prop_map(Step::Answer),
        1 => any::<u16>().prop_map(Step::Stray),
        1 => (1u16..20).prop_map(Step::Reconnect),
    ];
    proptest::collection::vec(step, 1..300)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    Puback,
    Pubrec,
    Pubcomp,
    Answer,
}

#[derive(Clone, Debug)]
struct InFlight {
    id: PacketId,
    token: u32,
    waits: Waits,
    sent: bool,
}

proptest! {
    #[test]
    fn the_outbound_flow_agrees_with_a_plain_list(maximum in 1u16..20, steps in steps()) {
        let mut flow = Outbound::<u32>::default();
        flow.connect(maximum);
        let mut model: Vec<InFlight> = Vec::new();
        let mut maximum = maximum;
        let mut token = 0;
        for step in steps {
            match step {
                Step::Begin(twice) => {
                    if flow.is_open() {
                        token += 1;
                        let qos = if twice { Qos::ExactlyOnce } else { Qos::AtLeastOnce };
                        let id = flow.begin(qos, Some(token));
                        prop_assert!(model.iter().all(|other| other.id != id), "{id} is in use");
                        let waits = if twice { Waits::Pubrec } else { Waits::Puback };
                        model.push(InFlight { id, token, waits, sent: true });
                    }
                }
                Step::Request => {
                    if flow.is_all_sent() {
                        let id = flow.begin_request();
                        prop_assert!(model.iter().all(|other| other.id != id), "{id} is in use");
                        model.push(InFlight { id, token: 0, waits: Waits::Answer, sent: true });
                    }
                }
                Step::Answer(index) => {
                    let sent: Vec<usize> = (0..model.len()).filter(|at| model[*at].sent).collect();
                    if sent.is_empty() { continue }
                    let at = sent[index.index(sent.len())];
                    match model[at].waits {
                        Waits::Puback => {
                            let gone = model.remove(at);
                            prop_assert_eq!(flow.on_puback(gone.id), Some(Some(gone.token)));
                        }
                        Waits::Pubrec => {
                            prop_assert_eq!(flow.on_pubrec(model[at].id, false), Pubrec::Release(Some(model[at].token)));
                            model[at].waits = Waits::Pubcomp;
                        }
                        Waits::Pubcomp => {
                            prop_assert_eq!(flow.on_pubrec(model[at].id, false), Pubrec::Release(None));
                            prop_assert!(flow.on_pubcomp(model[at].id));
                            model.remove(at);
                        }
                        Waits::Answer => {
                            prop_assert_eq!(flow.on_puback(model[at].id), None);
                            prop_assert!(flow.on_answer(model[at].id));
                            model.remove(at);
                        }
                    }
                }
                Step::Stray(number) => {
                    if let Some(id) = PacketId::new(number).filter(|id| model.iter().all(|other| other.id != *id)) {
                        prop_assert_eq!(flow.on_puback(id), None);
                        prop_assert_eq!(flow.on_pubrec(id, false), Pubrec::Unknown);
                        prop_assert!(!flow.on_pubcomp(id));
                        prop_assert!(!flow.on_answer(id));
                    }
                }
                Step::Reconnect(new_maximum) => {
                    maximum = new_maximum;
                    if maximum.is_multiple_of(2) {
                        // The flow of a broker that was started anew.
                        let unfinished = flow.unfinished().map(|(id, awaits, token)| (id, awaits, token.copied()));
                        flow = Outbound::restored(flow.next_id(), unfinished.collect());
                    }
                    flow.connect(maximum);
                    model.retain(|entry| entry.waits != Waits::Answer);
                    for entry in &mut model {
                        entry.sent = false;
                    }
                }
            }
            // [MQTT-4.4.0-1], [MQTT-4.6.0-1]: everything goes out again, oldest first, within the quota.
            while let Some(found) = flow.next_resend() {
                let next = model.iter_mut().find(|entry| !entry.sent).expect("nothing is left to send again");
                next.sent = true;
                match found {
                    Resend::Pubrel(id) => prop_assert_eq!((id, Waits::Pubcomp), (next.id, next.waits)),
                    Resend::Publish(id, qos, token) => {
                        prop_assert_eq!((id, *token), (next.id, next.token));
                        let waits = if qos == Qos::ExactlyOnce { Waits::Pubrec } else { Waits::Puback };
                        prop_assert_eq!(waits, next.waits);
                    }
                }
            }
            prop_assert_eq!(flow.len(), model.len());
            prop_assert!(flow.unacknowledged() <= u32::from(maximum));
            let all: Vec<PacketId> = flow.iter().map(|(id, _)| id).collect();
            let expected: Vec<PacketId> = model.iter().map(|entry| entry.id).collect();
            prop_assert_eq!(all, expected);
        }
    }
}

// [MQTT-2.2.1-4]
#[test]
fn a_message_that_is_never_acknowledged_does_not_stop_the_others_when_ids_wrap() {
    let mut flow = Outbound::<u32>::default();
    flow.connect(u16::MAX);
    let stuck = flow.begin(Qos::AtLeastOnce, Some(0));
    for round in 1..200_000u32 {
        assert!(flow.is_open());
        let id = flow.begin(Qos::AtLeastOnce, Some(round));
        assert_ne!(id, stuck, "round {round}");
        assert_eq!(flow.on_puback(id), Some(Some(round)));
    }
    assert_eq!(flow.len(), 1);
    flow.connect(10);
    assert!(!flow.is_open(), "the old message goes first");
    assert_eq!(flow.next_resend(), Some(Resend::Publish(stuck, Qos::AtLeastOnce, &0)));
    assert_eq!(flow.next_resend(), None);
    assert!(flow.is_open());
    assert_eq!(flow.on_puback(stuck), Some(Some(0)));
    assert!(flow.is_empty());
}

// [MQTT-4.3.3-6]
#[test]
fn a_publish_whose_pubrel_is_out_never_goes_out_again() {
    let mut flow = Outbound::<u32>::default();
    flow.connect(5);
    let id = flow.begin(Qos::ExactlyOnce, Some(1));
    assert_eq!(flow.on_pubrec(id, false), Pubrec::Release(Some(1)));
    flow.connect(5);
    assert_eq!(flow.next_resend(), Some(Resend::Pubrel(id)));
    assert_eq!(flow.next_resend(), None);
}

// [MQTT-4.4.0-2]
#[test]
fn a_refused_publish_is_over() {
    let mut flow = Outbound::<u32>::default();
    flow.connect(5);
    let id = flow.begin(Qos::ExactlyOnce, Some(1));
    assert_eq!(flow.on_pubrec(id, true), Pubrec::Refused(Some(1)));
    flow.connect(5);
    assert_eq!(flow.next_resend(), None);
    assert!(flow.is_empty());
}
