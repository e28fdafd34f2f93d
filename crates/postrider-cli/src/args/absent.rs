//! Options of mosquitto's commands that this build knows and cannot do.
//!
//! Owns: what is said to whoever types one, so that no script believes to be encrypted when it is not.

use anyhow::bail;
use clap::Args as Group;
use std::ffi::OsString;

#[derive(Clone, Debug, Group)]
pub(super) struct Absent {
    #[arg(
        long = "cafile",
        aliases = ["capath", "cert", "key", "keyform", "ciphers", "tls-version", "tls-alpn", "tls-engine",
            "tls-engine-kpass-sha1", "tls-keylog", "psk", "psk-identity"],
        value_name = "VALUE", hide = true, action = clap::ArgAction::Append, allow_hyphen_values = true
    )]
    tls: Vec<OsString>,
    #[arg(long = "insecure", alias = "tls-use-os-certs", hide = true, action = clap::ArgAction::Count)]
    tls_flag: u8,
    /// Use port 8883, which is TLS elsewhere, without it
    #[arg(long)]
    no_tls: bool,
    #[arg(long, value_name = "PATH", hide = true)]
    unix: Option<OsString>,
    #[arg(long, value_name = "URL", hide = true)]
    proxy: Option<OsString>,
    #[arg(short = 'S', long, hide = true)]
    srv: bool,
    #[arg(long, hide = true)]
    ws: bool,
}

impl Absent {
    pub(super) fn check(&self, port: u16) -> anyhow::Result<()> {
        if !self.tls.is_empty() || self.tls_flag > 0 {
            return Err(no_tls());
        }
        // Whoever types this port believes to be encrypted.
        if port == TLS_PORT && !self.no_tls {
            bail!("port {TLS_PORT} is for TLS, which this build has not yet: use another port, or add --no-tls");
        }
        if self.unix.is_some() {
            bail!("this build connects through TCP only, not through unix sockets: use --host and --port");
        }
        if self.proxy.is_some() {
            bail!("this build knows no SOCKS proxies: leave out --proxy, or tunnel the port another way");
        }
        if self.srv {
            bail!(
                "this build looks up no SRV records: use --host and --port with what `dig SRV _mqtt._tcp.DOMAIN` says"
            );
        }
        if self.ws {
            return Err(no_web_socket());
        }
        Ok(())
    }
}

/// Where mosquitto's commands switch TLS on by themselves.
const TLS_PORT: u16 = 8883;

pub(super) fn no_tls() -> anyhow::Error {
    anyhow::anyhow!("this build has no TLS yet: leave out the TLS options and use a port without it, such as 1883")
}

pub(super) fn no_web_socket() -> anyhow::Error {
    anyhow::anyhow!("this build has no WebSocket yet: use a port for MQTT over TCP, such as 1883")
}
