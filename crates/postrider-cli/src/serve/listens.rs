//! The configuration's listeners as the broker takes them.
//!
//! Owns: names of hosts and their addresses; which listener of the tree is which of the broker.

use super::http_api::Api;
use anyhow::{Context, bail};
use postrider::{
    CertificateFiles, ClientCertificates, Dates, Listen, Network, Passphrase, ProxyOptions, ProxyVersions,
    SocketOptions, TcpKeepAlive, TlsOptions, Trust, WebSocketOptions,
};
use postrider_config::Disk;
use postrider_config::model::{self, Bind, Domain, Listener, Protocol};
use postrider_net::websocket::FileServer;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

/// A listener to be: which of the tree, and where.
pub(crate) struct Place {
    /// Its number in the tree.
    pub(crate) at: usize,
    pub(crate) listen: Listen,
}

/// Everything that is to be listened on, in order. A name with two addresses is two places.
pub(crate) fn all(listeners: &[Listener], api: &Api) -> anyhow::Result<Vec<Place>> {
    let mut places = Vec::new();
    for (at, listener) in listeners.iter().enumerate() {
        let of = of(listener, api).with_context(|| format!("listener {}", listener.name))?;
        places.extend(of.into_iter().map(|listen| Place { at, listen }));
    }
    Ok(places)
}

/// One listener of the tree.
pub(crate) fn of(listener: &Listener, api: &Api) -> anyhow::Result<Vec<Listen>> {
    let bare = match &listener.bind {
        Bind::Tcp { host, port } => addresses(host, *port, listener.tcp.domain)?.into_iter().map(Listen::tcp).collect(),
        Bind::Unix { path, mode } => vec![Listen::unix(path, *mode)],
        Bind::Systemd { name } => vec![Listen::inherited(super::activation::take(name)?)],
    };
    bare.into_iter().map(|listen| wrap(listen, listener, api)).collect()
}

/// What connections are wrapped in, and what bounds them.
fn wrap(listen: Listen, listener: &Listener, api: &Api) -> anyhow::Result<Listen> {
    let mut listen = listen.named(&listener.name).socket(socket(&listener.tcp));
    if listener.limits.connections_max < u32::MAX {
        listen = listen.connections_max(listener.limits.connections_max);
    }
    if let Some(proxy) = &listener.proxy {
        listen = listen.proxy(proxy_options(proxy)?);
    }
    if let Some(tls) = &listener.tls {
        listen = listen.tls(tls_options(tls)?);
    }
    match listener.protocol {
        Protocol::Mqtt => Ok(listen),
        Protocol::Websockets => Ok(listen.websocket(websocket_options(listener)?)),
        Protocol::HttpApi => {
            let directory = listener.websocket.http_directory.as_ref();
            let files = directory.map(|directory| FileServer::new(directory)).transpose()?;
            let api = api.clone();
            Ok(listen.http(move |request, peer| api.answer(request, peer, files.as_ref())))
        }
    }
}

/// The addresses of a host. One that this machine does not have is passed over if there is another.
fn addresses(host: &str, port: u16, domain: Domain) -> anyhow::Result<Vec<SocketAddr>> {
    let found: Vec<SocketAddr> = match host {
        "" => vec![([0, 0, 0, 0], port).into(), ([0u16; 8], port).into()],
        host => {
            (host, port).to_socket_addrs().with_context(|| format!("nobody knows the address of {host}"))?.collect()
        }
    };
    let is_wanted = |address: &SocketAddr| match domain {
        Domain::Both => true,
        Domain::Ipv4 => address.is_ipv4(),
        Domain::Ipv6 => address.is_ipv6(),
    };
    let mut wanted: Vec<SocketAddr> = found.into_iter().filter(is_wanted).collect();
    wanted.sort();
    wanted.dedup();
    if wanted.is_empty() {
        bail!("{host} has no address of the kind that is asked for");
    }
    let here: Vec<SocketAddr> = wanted.iter().copied().filter(is_here).collect();
    Ok(if here.is_empty() { wanted } else { here })
}

fn is_here(address: &SocketAddr) -> bool {
    std::net::TcpListener::bind(SocketAddr::new(address.ip(), 0)).is_ok()
}

fn socket(tcp: &model::Tcp) -> SocketOptions {
    let time = Duration::from_secs(tcp.keep_alive_s.into());
    SocketOptions {
        backlog: i32::try_from(tcp.backlog).unwrap_or(i32::MAX),
        interface: tcp.interface.clone(),
        takes_ipv4_too: false,
        holds_back_small: !tcp.nodelay,
        keep_alive: (tcp.keep_alive_s > 0).then_some(TcpKeepAlive {
            idle: time,
            interval: time,
            count: tcp.keep_alive_count.max(1),
        }),
    }
}

fn proxy_options(proxy: &model::Proxy) -> anyhow::Result<ProxyOptions> {
    let networks = match &proxy.trusted[..] {
        [] => vec!["0.0.0.0/0", "::/0"],
        some => some.iter().map(String::as_str).collect(),
    };
    let trusted = networks.into_iter().map(str::parse::<Network>).collect::<Result<_, _>>()?;
    let versions = match proxy.version {
        model::ProxyVersion::V1 => ProxyVersions::V1,
        model::ProxyVersion::V2 => ProxyVersions::V2,
        model::ProxyVersion::Both => ProxyVersions::Any,
    };
    Ok(ProxyOptions { trusted, versions, requires_tls: proxy.requires_tls })
}

pub(super) fn tls_options(tls: &model::Tls) -> anyhow::Result<TlsOptions> {
    if tls.certificate.as_os_str().is_empty() {
        bail!("listeners with pre-shared keys are not there yet; give it a certificate, or take it away");
    }
    let passphrase = tls.key_passphrase.clone().map(|secret| {
        let variable = |name: &str| std::env::var(name).ok();
        Passphrase::new(move || secret.resolve(&Disk, &variable).map(|words| words.as_str().to_owned()))
    });
    let trust = Trust {
        authorities: tls.client_ca_file.iter().chain(&tls.client_ca_directory).cloned().collect(),
        authorities_pem: tls.client_ca_inline.clone(),
        revoked: tls.crl.iter().cloned().collect(),
        dates: if tls.check_client_dates { Dates::Checked } else { Dates::NotChecked },
    };
    let joined = |names: &[String]| (!names.is_empty()).then(|| names.join(":"));
    Ok(TlsOptions {
        certificates: vec![CertificateFiles { chain: tls.certificate.clone(), key: tls.key.clone(), passphrase }],
        clients: match tls.client_certificate {
            model::ClientCertificate::None => ClientCertificates::NotAsked,
            model::ClientCertificate::Optional => ClientCertificates::Optional(trust),
            model::ClientCertificate::Required => ClientCertificates::Required(trust),
        },
        version_min: version(tls.version_min),
        version_max: version(tls.version_max),
        ciphers: joined(&tls.ciphers),
        ciphers_1_3: joined(&tls.ciphersuites),
        // Whoever asks for another protocol by name comes in all the same, as with other brokers.
        alpn: Vec::new(),
        key_log: tls.key_log.clone(),
    })
}

const fn version(version: model::TlsVersion) -> postrider::TlsVersion {
    match version {
        model::TlsVersion::V1_2 => postrider::TlsVersion::V1_2,
        model::TlsVersion::V1_3 => postrider::TlsVersion::V1_3,
    }
}

fn websocket_options(listener: &Listener) -> anyhow::Result<WebSocketOptions> {
    let websocket = &listener.websocket;
    let handler = match &websocket.http_directory {
        None => None,
        Some(directory) => Some(FileServer::new(directory)?.handler()),
    };
    Ok(WebSocketOptions {
        path: Some(websocket.path.clone()).filter(|path| !path.is_empty()),
        origins: Some(websocket.origins.clone()).filter(|origins| !origins.is_empty()),
        handler,
        ..WebSocketOptions::default()
    })
}
