//! Options of mosquitto's commands that this build knows and cannot do.
//!
//! Owns: what is said to whoever types one, so that no script believes to be encrypted when it is not.

use super::tls::TlsArgs;
use anyhow::bail;
use clap::Args as Group;
use std::ffi::OsString;

#[derive(Clone, Debug, Group)]
pub(super) struct Absent {
    #[arg(
        long, alias = "psk-identity", value_name = "VALUE", hide = true, action = clap::ArgAction::Append,
        allow_hyphen_values = true
    )]
    psk: Vec<OsString>,
    #[arg(
        long, alias = "tls-engine-kpass-sha1", value_name = "VALUE", hide = true, action = clap::ArgAction::Append,
        allow_hyphen_values = true
    )]
    tls_engine: Vec<OsString>,
    #[arg(short = 'S', long, hide = true)]
    srv: bool,
}

impl Absent {
    pub(super) fn check(&self, tls: &TlsArgs) -> anyhow::Result<()> {
        if !self.psk.is_empty() && tls.trusts_somebody() {
            bail!("only one of --psk and --cafile or --capath can be used at once, and this build has no --psk");
        }
        if !self.psk.is_empty() {
            bail!("this build encrypts with certificates only, not with --psk: give the server's CA with --cafile");
        }
        if !self.tls_engine.is_empty() {
            bail!("this build has no TLS engines: leave out --tls-engine, and give the key's file with --key");
        }
        if self.srv {
            bail!(
                "this build looks up no SRV records: use --host and --port with what `dig SRV _mqtt._tcp.DOMAIN` says"
            );
        }
        Ok(())
    }
}
