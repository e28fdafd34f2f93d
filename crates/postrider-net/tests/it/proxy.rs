//! Headers of the PROXY protocol, whole, cut and wrong.

use crate::script::Script;
use postrider_net::Address;
use postrider_net::proxy::{Forwarded, ForwardedTls, ProxyError, ProxyOptions, ProxyVersions, parse, read};
use std::io;
use tokio::io::AsyncReadExt;

pub(crate) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// A header of version 2 for IPv4.
pub(crate) fn v2(extensions: &[u8]) -> Vec<u8> {
    let addresses = [192, 0, 2, 7, 198, 51, 100, 1, 0x12, 0x67, 0x07, 0x5b];
    let len = u16::try_from(addresses.len() + extensions.len()).expect("short").to_be_bytes();
    [SIGNATURE, &[0x21, 0x11], &len, &addresses, extensions].concat()
}

pub(crate) fn extension(kind: u8, value: &[u8]) -> Vec<u8> {
    [&[kind][..], &u16::try_from(value.len()).expect("short").to_be_bytes(), value].concat()
}

pub(crate) fn tls(client: u8, verify: u32, name: &[u8]) -> Vec<u8> {
    let value = [&[client][..], &verify.to_be_bytes(), &extension(0x21, b"TLSv1.3"), &extension(0x22, name)].concat();
    extension(0x20, &value)
}

fn whole() -> Vec<Vec<u8>> {
    vec![
        b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 1883\r\n".to_vec(),
        b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 1883\r\n".to_vec(),
        b"PROXY UNKNOWN\r\n".to_vec(),
        b"PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n".to_vec(),
        v2(b""),
        v2(&tls(7, 0, b"sensor-7")),
        v2(&[extension(4, &[0; 2_000]), tls(1, 0, b"")].concat()),
        [SIGNATURE, &[0x20, 0, 0, 0]].concat(),
        [SIGNATURE, &[0x21, 0x21, 0, 36], &[1; 36]].concat(),
        [SIGNATURE, &[0x21, 0x31, 0, 216], &[b'/'; 216]].concat(),
    ]
}

fn from() -> Address {
    Address::Tcp(([127, 0, 0, 1], 5).into())
}

fn options() -> ProxyOptions {
    ProxyOptions::trusting(vec!["127.0.0.0/8".parse().expect("a network")])
}

async fn told(bytes: &[u8], piece: usize, options: &ProxyOptions) -> Result<(Forwarded, Vec<u8>), Option<ProxyError>> {
    let mut script = Script::new(bytes, piece);
    let error = |error: io::Error| error.get_ref().and_then(|error| error.downcast_ref().copied());
    let forwarded = read(&mut script, &from(), options).await.map_err(error)?;
    let mut rest = Vec::new();
    script.read_to_end(&mut rest).await.expect("it is there");
    Ok((forwarded, rest))
}

#[tokio::test]
async fn a_header_is_read_to_its_last_byte_and_no_further_however_it_comes() {
    for header in whole() {
        let bytes = [&header[..], b"\x10\x0c and MQTT"].concat();
        let parsed = parse(&bytes).expect("good").expect("whole");
        assert_eq!(parsed.1, header.len());
        for piece in [0, 1, 2, 13, 16, 100] {
            let (forwarded, rest) = told(&bytes, piece, &options()).await.expect("good");
            assert_eq!(forwarded, parsed.0);
            assert_eq!(rest, b"\x10\x0c and MQTT");
        }
    }
}

#[tokio::test]
async fn a_header_that_is_cut_off_anywhere_is_not_taken() {
    for header in whole() {
        for cut in 0..header.len() {
            assert_eq!(parse(&header[..cut]), Ok(None), "{cut} of {header:?}");
            assert_eq!(told(&header[..cut], 0, &options()).await, Err(None));
        }
    }
}

#[test]
fn what_the_proxy_says_is_understood() {
    let said = |bytes: &[u8]| parse(bytes).expect("good").expect("whole").0;
    let source = |bytes: &[u8]| said(bytes).source.map(|source| source.to_string());
    let headers = whole();
    let sources = [
        Some("192.0.2.7:4711"),
        Some("[2001:db8::7]:4711"),
        None,
        None,
        Some("192.0.2.7:4711"),
        Some("192.0.2.7:4711"),
        Some("192.0.2.7:4711"),
        None,
        Some("[101:101:101:101:101:101:101:101]:257"),
        None,
    ];
    for (header, expected) in headers.iter().zip(sources) {
        assert_eq!(source(header).as_deref(), expected);
    }
    let name = |client, verify, name: &[u8]| said(&v2(&tls(client, verify, name))).tls;
    let tls =
        |is_verified, name: Option<&str>| Some(ForwardedTls { is_verified, common_name: name.map(str::to_owned) });
    assert_eq!(name(7, 0, b"sensor-7"), tls(true, Some("sensor-7")));
    assert_eq!(name(3, 0, b"sensor-7"), tls(true, Some("sensor-7")));
    // A name that nobody has verified is none.
    assert_eq!(name(7, 1, b"sensor-7"), tls(false, None));
    assert_eq!(name(1, 0, b"sensor-7"), tls(false, None));
    assert_eq!(name(7, 0, b"a\0b"), tls(true, None));
    assert_eq!(name(0, 0, b""), None);
    assert_eq!(said(&v2(&extension(1, b"h2"))).tls, None);
}

#[test]
fn headers_that_are_wrong_are_refused() {
    let malformed: [&[u8]; 12] = [
        b"PROXY TCP4 192.0.2.7 198.51.100.1 4711\r\n",
        b"PROXY TCP4 192.0.2.7  198.51.100.1 4711 1883\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 65536\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 +4711 1883\r\n",
        b"PROXY TCP4 2001:db8::7 2001:db8::1 4711 1883\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 1883\n",
        b"PROXY SCTP 192.0.2.7 198.51.100.1 4711 1883\r\n",
        &[&b"PROXY UNKNOWN "[..], &[b'x'; 100]].concat(),
        &[SIGNATURE, &[0x31, 0x11, 0, 12], &[0; 12]].concat(),
        &[SIGNATURE, &[0x21, 0x11, 0, 11], &[0; 11]].concat(),
        &[SIGNATURE, &[0x21, 0x12, 0, 12], &[0; 12]].concat(),
        &v2(&[4, 0, 9, 1]),
    ];
    for header in malformed {
        assert_eq!(parse(header), Err(ProxyError::Malformed), "{:?}", String::from_utf8_lossy(header));
    }
    for other in [&b"\x10\x0cMQTT"[..], b"\r\n\r\nX", b"PROXX", b"proxy TCP4", b"\x16\x03\x01"] {
        assert_eq!(parse(other), Err(ProxyError::Missing));
    }
}

// A25
#[tokio::test]
async fn only_what_is_trusted_and_allowed_is_taken() {
    let line = b"PROXY UNKNOWN\r\n";
    let strangers = ProxyOptions::trusting(vec!["10.0.0.0/8".parse().expect("a network")]);
    assert_eq!(told(line, 0, &strangers).await, Err(Some(ProxyError::Untrusted)));
    assert_eq!(told(b"\x10\x0c\0\x04MQTT\x04", 0, &options()).await, Err(Some(ProxyError::Missing)));
    let only = |versions| ProxyOptions { versions, ..options() };
    assert_eq!(told(line, 0, &only(ProxyVersions::V2)).await, Err(Some(ProxyError::Version)));
    assert_eq!(told(&v2(b""), 0, &only(ProxyVersions::V1)).await, Err(Some(ProxyError::Version)));
    assert!(told(&v2(b""), 0, &only(ProxyVersions::V2)).await.is_ok());
    let with_tls = ProxyOptions { requires_tls: true, ..options() };
    assert_eq!(told(line, 0, &with_tls).await, Err(Some(ProxyError::WithoutTls)));
    assert_eq!(told(&v2(b""), 0, &with_tls).await, Err(Some(ProxyError::WithoutTls)));
    assert!(told(&v2(&tls(1, 0, b"")), 0, &with_tls).await.is_ok());
    // What stands behind the part that is looked at is not known.
    let far = v2(&[extension(4, &[0; 600]), tls(1, 0, b"")].concat());
    assert_eq!(told(&far, 0, &with_tls).await, Err(Some(ProxyError::WithoutTls)));
}
