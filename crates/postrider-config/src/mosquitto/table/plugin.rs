//! Options of plugins. A plugin is a shared object for mosquitto; the known ones have a part here that does the same.

use super::entry::Set::Opens;
use super::{Entry, Opens as What};
use crate::mosquitto::value::Kind::{Flag, Text};

pub(super) const OPTIONS: &[Entry] = &[
    Entry::new("plugin", Text, "none", Opens(What::Plugin))
        .many()
        .alias(&["auth_plugin"])
        .says("A shared object. Known names have a part here that does the same; others are refused.")
        .differs("The table of plugins says which."),
    Entry::new("global_plugin", Text, "none", Opens(What::GlobalPlugin))
        .many()
        .says("A plugin for all listeners, even with `per_listener_settings true`.")
        .since_2_1()
        .differs("The table of plugins says which."),
    Entry::new("plugin_load", Text, "none", Opens(What::PluginLoad))
        .many()
        .says("A name and a path: a plugin that `plugin_use` gives to listeners.")
        .since_2_1()
        .differs("The table of plugins says which."),
    Entry::new("plugin_use", Text, "none", Opens(What::PluginUse))
        .many()
        .says("Gives a plugin of `plugin_load` to the listener above.")
        .since_2_1(),
    Entry::new("plugin_opt_", Text, "none", Opens(What::PluginOption))
        .many()
        .alias(&["auth_opt_"])
        .says("An option of the plugin above.")
        .differs("The table of plugins says which are read."),
    Entry::new("auth_plugin_deny_special_chars", Flag, "true", Opens(What::DenySpecialChars))
        .says("Whether user names and client identifiers with `+`, `#` or `/` are refused before rules are asked."),
];
