//! Options of who is let in.

use super::Entry;
use super::entry::Set::{Global, Security};
use crate::mosquitto::value::Kind::{Flag, Short, Text};
use std::path::PathBuf;

pub(super) const OPTIONS: &[Entry] = &[
    Entry::new("acl_file", Text, "none", Security(|to, value| to.acl_file = Some(PathBuf::from(value.text()))))
        .says("Rules of who may publish and subscribe to what.")
        .differs("A file that cannot be read at a reload leaves the old rules in force."),
    Entry::new(
        "allow_anonymous",
        Flag,
        "false; true without a listener",
        Security(|to, value| {
            to.allow_anonymous = Some(value.flag());
        }),
    )
    .says("Whether clients without a user name are let in."),
    Entry::new("allow_zero_length_clientid", Flag, "true", Security(|to, value| to.assigns_client_ids = value.flag()))
        .says("Whether an empty client identifier gets one assigned."),
    Entry::new("auto_id_prefix", Short, "auto-", Security(|to, value| to.auto_id_prefix = value.text().to_owned()))
        .says("What assigned client identifiers begin with; at most 50 bytes."),
    Entry::new(
        "clientid_prefixes",
        Text,
        "none",
        Global(|to, value| {
            to.config.security.client_id_prefixes = vec![value.text().to_owned()];
        }),
    )
    .says("Only clients whose identifier begins so are let in."),
    Entry::new(
        "password_file",
        Text,
        "none",
        Security(|to, value| {
            to.password_file = Some(PathBuf::from(value.text()));
        }),
    )
    .says("User names and hashes of their passwords.")
    .differs("A symbolic link is followed where owner and mode are safe, so secrets of Kubernetes work."),
    Entry::new("psk_file", Text, "none", Security(|to, value| to.psk_file = Some(PathBuf::from(value.text()))))
        .says("Lines of `identity:hexkey`.")
        .differs("Listeners with PSK come later; see `psk_hint`."),
];
