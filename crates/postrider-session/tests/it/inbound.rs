use postrider_proto::{PacketId, Qos};
use postrider_session::flow::{Admission, Inbound};

fn id(number: u16) -> PacketId {
    PacketId::new(number).expect("not 0")
}

// [MQTT-4.3.3-10], [MQTT-4.3.3-11], [MQTT-4.3.3-12]
#[test]
fn a_qos2_publish_is_new_once_until_its_pubrel() {
    let mut inbound = Inbound::default();
    inbound.connect(0);
    assert_eq!(inbound.on_publish(Qos::ExactlyOnce, id(7)), Admission::New);
    assert_eq!(inbound.on_publish(Qos::ExactlyOnce, id(7)), Admission::Duplicate);
    assert!(inbound.on_pubrel(id(7)));
    assert!(!inbound.on_pubrel(id(7)));
    assert_eq!(inbound.on_publish(Qos::ExactlyOnce, id(7)), Admission::New);
}

// [MQTT-4.3.2-5]
#[test]
fn a_qos1_id_means_a_new_message_after_its_puback() {
    let mut inbound = Inbound::default();
    inbound.connect(1);
    for _ in 0..3 {
        assert_eq!(inbound.on_publish(Qos::AtLeastOnce, id(1)), Admission::New);
        inbound.finish_qos1();
    }
}

// [MQTT-3.3.4-7], [MQTT-4.3.3-9]
#[test]
fn more_than_the_receive_maximum_is_exceeded_and_duplicates_are_not_counted() {
    let mut inbound = Inbound::default();
    inbound.connect(2);
    assert_eq!(inbound.on_publish(Qos::ExactlyOnce, id(1)), Admission::New);
    assert_eq!(inbound.on_publish(Qos::ExactlyOnce, id(2)), Admission::New);
    for _ in 0..1000 {
        assert_eq!(inbound.on_publish(Qos::ExactlyOnce, id(2)), Admission::Duplicate);
    }
    assert_eq!(inbound.on_publish(Qos::AtLeastOnce, id(3)), Admission::Exceeded);
    inbound.refuse(id(1));
    assert_eq!(inbound.on_publish(Qos::AtLeastOnce, id(3)), Admission::New);
}

#[test]
fn a_new_connection_keeps_qos2_ids_and_renews_the_quota() {
    let mut inbound = Inbound::default();
    inbound.connect(1);
    assert_eq!(inbound.on_publish(Qos::ExactlyOnce, id(1)), Admission::New);
    inbound.connect(1);
    assert_eq!(inbound.on_publish(Qos::ExactlyOnce, id(1)), Admission::Duplicate);
    assert_eq!(inbound.on_publish(Qos::ExactlyOnce, id(2)), Admission::New);
    assert_eq!(inbound.awaiting_pubrel(), 2);
}
