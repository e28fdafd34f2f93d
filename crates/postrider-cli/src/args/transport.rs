//! Over what a client comes to its server.
//!
//! Owns: when TLS is switched on, which follows mosquitto's commands, and what contradicts it.

use super::absent::Absent;
use super::tls::TlsArgs;
use super::url::Url;
use anyhow::{Context, bail};
use clap::Args as Group;
use postrider_client::{Options, Proxy, Scheme};
use std::path::{Path, PathBuf};

#[derive(Clone, Debug, Group)]
pub(super) struct Transport {
    #[command(flatten)]
    tls: TlsArgs,
    /// Use no TLS on port 8883
    #[arg(long)]
    no_tls: bool,
    /// A server on this machine by the path of its socket, instead of --host and --port
    #[arg(long, value_name = "PATH")]
    unix: Option<PathBuf>,
    /// Connect with WebSocket
    #[arg(long)]
    ws: bool,
    /// Connect through a SOCKS5 proxy: socks5h://[user[:password]@]host[:port]
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    #[command(flatten)]
    absent: Absent,
}

/// Where mosquitto's commands switch TLS on by themselves.
const TLS_PORT: u16 = 8883;

impl Transport {
    /// Writes the address and what belongs to it.
    pub(super) fn plan(
        &self,
        options: &mut Options,
        host: &str,
        port: Option<u16>,
        url: Option<&Url>,
    ) -> anyhow::Result<()> {
        self.absent.check(&self.tls)?;
        self.tls.check()?;
        let scheme = self.scheme(port, url)?;
        if let Some(path) = &self.unix {
            options.address = self.unix_address(path, scheme)?.into();
            return Ok(());
        }
        if scheme.is_tls() {
            options.tls = Some(self.tls.options().load().context("TLS")?);
        } else {
            self.tls.check_unused()?;
        }
        options.proxy = self.proxy.as_deref().map(Proxy::parse).transpose().context("--proxy")?;
        let port = port.unwrap_or_else(|| scheme.port());
        let place = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        options.address = match scheme {
            Scheme::Mqtt | Scheme::Unix => place,
            Scheme::Mqtts | Scheme::Ws | Scheme::Wss => format!("{}://{place}", scheme.name()),
        }
        .into();
        Ok(())
    }

    fn scheme(&self, port: Option<u16>, url: Option<&Url>) -> anyhow::Result<Scheme> {
        let asked = url.map_or(Scheme::Mqtt, |url| url.scheme);
        let must_be_tls = asked.is_tls() || self.tls.asks_for_tls();
        if must_be_tls && self.no_tls {
            bail!("--no-tls contradicts what asks for TLS: leave out one of them");
        }
        let is_tls = must_be_tls || (port == Some(TLS_PORT) && !self.no_tls && self.unix.is_none());
        Ok(match (is_tls, asked.is_web() || self.ws) {
            (false, false) => Scheme::Mqtt,
            (true, false) => Scheme::Mqtts,
            (false, true) => Scheme::Ws,
            (true, true) => Scheme::Wss,
        })
    }

    fn unix_address(&self, path: &Path, scheme: Scheme) -> anyhow::Result<String> {
        if scheme != Scheme::Mqtt {
            bail!("--unix is a socket on this machine, with neither TLS nor WebSocket: leave those out");
        }
        self.tls.check_unused()?;
        if self.proxy.is_some() {
            bail!("--unix is a socket on this machine, which no --proxy leads to: leave out one of them");
        }
        let path = path.to_str().with_context(|| format!("--unix {}: the path is not UTF-8", path.display()))?;
        Ok(format!("unix://{path}"))
    }
}
