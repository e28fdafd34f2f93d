//! Keys of one listener.
//!
//! Owns: their rows, but for the name.

use super::{Key, Kind, key};
use crate::defaults;
use crate::keys::{Access, At, Reload};
use crate::model::{Bind, ClientCertificate, Domain, Protocol, ProxyVersion, TlsVersion};
use crate::value::{Value, Words};
use std::path::PathBuf;

pub(super) const LISTENER: &[Key] = &[
    key!(
        Listener, "bind", [] bind, LISTENER,
        Kind::Form("`host:port`, `:port` for every address, `unix:/path` or `systemd:name`"), Restart, "listener, port, bind_address",
        "Where clients come in."
    ),
    UNIX_MODE,
    key!(
        Listener, "protocol", [] protocol, LISTENER,
        Kind::Word(Protocol::WORDS), Restart, "protocol",
        "What is spoken."
    ),
    key!(
        Listener, "tcp.interface", [tcp.] interface, TCP,
        Kind::Text, Restart, "bind_interface",
        "A network device."
    ),
    key!(
        Listener, "tcp.domain", [tcp.] domain, TCP,
        Kind::Word(Domain::WORDS), Restart, "socket_domain",
        "Kinds of addresses that a host's name stands for."
    ),
    key!(
        Listener, "tcp.backlog", [tcp.] backlog, TCP,
        Kind::count(1, 65_535), Restart, "",
        "Connections that wait to be accepted."
    ),
    key!(
        Listener, "tcp.nodelay", [tcp.] nodelay, TCP,
        Kind::Flag, Live, "set_tcp_nodelay",
        "Whether small packets are sent at once."
    ),
    key!(
        Listener, "tcp.keepalive", [tcp.] keep_alive_s, TCP,
        Kind::seconds(0, 32_767).or("off", 0), Live, "",
        "Silence before the system asks whether the other end is there, and time between two questions."
    ),
    key!(
        Listener, "tcp.keepalive_count", [tcp.] keep_alive_count, TCP,
        Kind::count(1, 127), Live, "",
        "Questions without an answer until the connection is dead."
    ),
    key!(
        Listener, "websocket.path", [websocket.] path, WEBSOCKET,
        Kind::Text, Live, "",
        "The path of the handshake; the empty text for any."
    ),
    key!(
        Listener, "websocket.origins", [websocket.] origins, WEBSOCKET,
        Kind::Texts, Live, "websockets_origin",
        "Origins that pages may have; an empty list for any."
    ),
    key!(
        Listener, "websocket.http_directory", [websocket.] http_directory, WEBSOCKET,
        Kind::Path, Restart, "http_dir",
        "Files for browsers."
    ),
    key!(
        Listener, "proxy.version", proxy (defaults::proxy(ProxyVersion::Both)) version, PROXY,
        Kind::Word(ProxyVersion::WORDS), Restart, "enable_proxy_protocol",
        "Forms of the header in which a proxy says who the client is; whoever comes without is refused."
    ),
    key!(
        Listener, "proxy.trusted", proxy (defaults::proxy(ProxyVersion::Both)) trusted, PROXY,
        Kind::Texts, Live, "",
        "Networks that proxies are in, such as `10.0.0.0/8`; an empty list for all."
    ),
    key!(
        Listener, "proxy.require_tls", proxy (defaults::proxy(ProxyVersion::Both)) requires_tls, PROXY,
        Kind::Flag, Live, "proxy_protocol_v2_require_tls",
        "Whether the header must say that the client's side was TLS."
    ),
];

pub(super) const TLS: &[Key] = &[
    key!(
        Listener, "tls.certificate", tls (defaults::tls(PathBuf::new(), PathBuf::new())) certificate, TLS,
        Kind::Path, Live, "certfile",
        "PEM file: the server's certificate and those between it and its authority."
    ),
    key!(
        Listener, "tls.key", tls (defaults::tls(PathBuf::new(), PathBuf::new())) key, TLS,
        Kind::Path, Live, "keyfile",
        "PEM file of its key."
    ),
    key!(
        Listener, "tls.key_passphrase", tls (defaults::tls(PathBuf::new(), PathBuf::new())) key_passphrase, TLS,
        Kind::Secret, Live, "",
        "Passphrase of the key."
    ),
    key!(
        Listener, "tls.client_ca_file", tls (defaults::tls(PathBuf::new(), PathBuf::new())) client_ca_file, TLS,
        Kind::Path, Live, "cafile",
        "Authorities of client certificates: a PEM file."
    ),
    key!(
        Listener, "tls.client_ca_directory", tls (defaults::tls(PathBuf::new(), PathBuf::new())) client_ca_directory, TLS,
        Kind::Path, Live, "capath",
        "Authorities of client certificates: a directory of PEM files."
    ),
    key!(
        Listener, "tls.client_ca", tls (defaults::tls(PathBuf::new(), PathBuf::new())) client_ca_inline, TLS,
        Kind::Text, Live, "",
        "Authorities of client certificates: the text of a PEM file."
    ),
    key!(
        Listener, "tls.client_certificate", tls (defaults::tls(PathBuf::new(), PathBuf::new())) client_certificate, TLS,
        Kind::Word(ClientCertificate::WORDS), Live, "require_certificate",
        "Whether clients are asked for a certificate."
    ),
    key!(
        Listener, "tls.check_client_dates", tls (defaults::tls(PathBuf::new(), PathBuf::new())) check_client_dates, TLS,
        Kind::Flag, Live, "disable_client_cert_date_checks",
        "Whether a client's certificate must be in date."
    ),
    key!(
        Listener, "tls.crl", tls (defaults::tls(PathBuf::new(), PathBuf::new())) crl, TLS,
        Kind::Path, Live, "crlfile",
        "PEM file of revoked certificates."
    ),
    key!(
        Listener, "tls.ciphers", tls (defaults::tls(PathBuf::new(), PathBuf::new())) ciphers, TLS,
        Kind::Texts, Live, "ciphers",
        "Cipher suites up to TLS 1.2; an empty list for the library's."
    ),
    key!(
        Listener, "tls.ciphersuites", tls (defaults::tls(PathBuf::new(), PathBuf::new())) ciphersuites, TLS,
        Kind::Texts, Live, "ciphers_tls1.3",
        "Cipher suites of TLS 1.3; an empty list for the library's."
    ),
    key!(
        Listener, "tls.min_version", tls (defaults::tls(PathBuf::new(), PathBuf::new())) version_min, TLS,
        Kind::Word(TlsVersion::WORDS), Live, "tls_version",
        "Oldest version."
    ),
    key!(
        Listener, "tls.max_version", tls (defaults::tls(PathBuf::new(), PathBuf::new())) version_max, TLS,
        Kind::Word(TlsVersion::WORDS), Live, "",
        "Newest version."
    ),
    key!(
        Listener, "tls.watch", tls (defaults::tls(PathBuf::new(), PathBuf::new())) watches, TLS,
        Kind::Flag, Live, "",
        "Whether changed files of certificates, keys, authorities and revoked certificates are taken up without a signal."
    ),
    key!(
        Listener, "tls.key_log", tls (defaults::tls(PathBuf::new(), PathBuf::new())) key_log, TLS,
        Kind::Path, Live, "--tls-keylog",
        "A file that gets the keys of sessions, to look at traffic."
    ),
    key!(
        Listener, "tls.psk_hint", tls (defaults::tls(PathBuf::new(), PathBuf::new())) psk_hint, TLS,
        Kind::Text, Live, "psk_hint",
        "What clients with a shared key are told; it switches shared keys on."
    ),
];

/// It stands in the address, so it is no field of its own.
const UNIX_MODE: Key = Key {
    name: "unix_mode",
    kind: Kind::Form("digits from 0 to 7, such as 0660"),
    doc: "Who may connect to a Unix socket, as `chmod` says it; the empty text as the process makes files.",
    reason: "As the process makes files.",
    mosquitto: "",
    reload: Reload::Restart,
    at: At::Listener(Access { value: unix_mode, take: take_unix_mode }),
};

fn unix_mode(listener: &crate::model::Listener) -> Value {
    match &listener.bind {
        Bind::Unix { mode, .. } => Value::Text(mode.map_or_else(String::new, |mode| format!("{mode:04o}"))),
        Bind::Tcp { .. } | Bind::Systemd { .. } => Value::Absent,
    }
}

fn take_unix_mode(listener: &mut crate::model::Listener, value: Value) -> Result<(), String> {
    let Bind::Unix { mode, .. } = &mut listener.bind else { return Err("only a Unix socket has it".to_owned()) };
    let Value::Text(text) = value else { return Err("it is a text".to_owned()) };
    if text.is_empty() {
        *mode = None;
        return Ok(());
    }
    let parsed = u32::from_str_radix(&text, 8).ok().filter(|mode| *mode <= 0o777);
    *mode = Some(parsed.ok_or("it is digits from 0 to 7, 0777 at most")?);
    Ok(())
}
