//! PSK files.

use postrider_config::mosquitto::psk_file;

#[test]
fn keys_are_found_by_identity() {
    let keys = psk_file("p", "# keys\n\nanna:00ff\notto:ABC\r\nco lon:a:b\n".replace("co lon:a:b\n", "").as_str());
    let keys = keys.expect("good");
    assert_eq!(keys["anna"].as_slice(), [0, 0xff]);
    assert_eq!(keys["otto"].as_slice(), [0x0a, 0xbc], "an odd number of digits begins with a zero");
}

#[test]
fn every_line_that_is_none_is_told() {
    let long = "i".repeat(129);
    let text = format!("nocolon\nid:xyz\n:ab\nid:\n{long}:ab\nid:{}\ntwo:ab\ntwo:ab\n", "a".repeat(129));
    let faults = psk_file("p", &text).expect_err("bad");
    let lines: Vec<String> = faults.iter().map(|fault| fault.origin.to_string()).collect();
    assert_eq!(lines, ["p:1", "p:2", "p:3", "p:4", "p:5", "p:6", "p:8"]);
    assert!(faults.iter().all(|fault| !fault.to_string().contains("xyz")), "no key is shown");
}

#[test]
fn the_longest_identity_and_key_are_read() {
    let (identity, digits) = ("i".repeat(128), "f0".repeat(64));
    let keys = psk_file("p", &format!("{identity}:{digits}\n")).expect("good");
    assert_eq!(keys[&identity].as_slice(), [0xf0; 64]);
}
