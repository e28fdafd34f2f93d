//! Networks in CIDR notation.

use postrider_net::Network;

#[test]
fn a_network_contains_its_addresses_and_no_others() {
    let cases = [
        ("10.0.0.0/8", "10.255.0.1", true),
        ("10.0.0.0/8", "11.0.0.1", false),
        ("10.0.0.0/8", "::ffff:10.0.0.1", true),
        ("192.0.2.7", "192.0.2.7", true),
        ("192.0.2.7", "192.0.2.6", false),
        ("0.0.0.0/0", "255.1.2.3", true),
        ("0.0.0.0/0", "::1", false),
        ("::/0", "2001:db8::1", true),
        ("fd00::/8", "fdff::1", true),
        ("fd00::/8", "fe00::1", false),
        ("2001:db8::/127", "2001:db8::1", true),
        ("2001:db8::/127", "2001:db8::2", false),
    ];
    for (network, address, is_in) in cases {
        let network: Network = network.parse().expect("a network");
        assert_eq!(network.contains(address.parse().expect("an address")), is_in, "{network} {address}");
    }
}

#[test]
fn what_is_no_network_is_refused_with_an_example() {
    for text in ["", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "fd00::/129", "example.org", "10.0.0.0/-1"] {
        let error = text.parse::<Network>().expect_err("no network").to_string();
        assert!(error.contains("10.0.0.0/8"), "{error}");
    }
}
