//! What a client may do: its own roles first, then those of its groups, each list by priority; the first rule that
//! matches decides, and where none does, the default access.
//!
//! Owns: the meaning of rules. What nobody knows is denied.

use super::state::{Acl, AclType, Defaults, Held, Role, State};
use crate::acl::pattern::{Fit, Level, Names, Pattern, Wanted};
use postrider_ports::{Access, Sieve};
use std::sync::Arc;

/// Somebody who wants something.
pub(super) struct Asker<'a> {
    state: &'a State,
    names: Names<'a>,
    /// In the order in which they count.
    roles: Vec<&'a Role>,
    is_known: bool,
}

impl<'a> Asker<'a> {
    pub(super) fn new(state: &'a State, user: Option<&'a str>, client_id: &'a str) -> Self {
        let client = user.and_then(|user| state.clients.get(user));
        let own = client.map(|client| &*client.roles).unwrap_or_default();
        let joined = client.map(|client| &*client.groups).unwrap_or_default();
        let anonymous = state.anonymous_group.as_deref().filter(|_| user.is_none());
        let groups = joined.iter().map(|held| &*held.name).chain(anonymous);
        let inherited = groups.filter_map(|group| state.groups.get(group)).flat_map(|group| &group.roles);
        let role = |held: &'a Held| state.roles.get(&held.name).map(|role| &**role);
        let roles = own.iter().chain(inherited).filter_map(role).collect();
        let is_known = user.is_none() || client.is_some_and(|client| !client.is_disabled);
        Self { state, names: Names { user, client: client_id }, roles, is_known }
    }

    pub(super) fn may_publish(&self, topic: &str) -> bool {
        let wanted = Wanted::of(topic);
        let acls = self.roles.iter().flat_map(|role| role.of(AclType::Send));
        let found = acls.filter(|acl| self.covers(acl, &wanted)).map(|acl| acl.allow).next();
        self.is_known && found.unwrap_or_else(|| self.by_default(Defaults::SEND, topic))
    }

    /// What is delivered of a subscription is another question, with rules of its own.
    pub(super) fn may_subscribe(&self, filter: &str) -> Access {
        let wanted = Wanted::of(filter);
        let found = self.roles.iter().find_map(|role| {
            let is_wild = role.denies_wildcards && filter.contains(['+', '#']);
            let rules = [AclType::SubscribeLiteral, AclType::SubscribePattern];
            if is_wild { Some(false) } else { self.by_role(role, rules, filter, &wanted) }
        });
        if self.is_known && found.unwrap_or_else(|| self.by_default(Defaults::SUBSCRIBE, filter)) {
            self.receives(&wanted)
        } else {
            Access::Deny
        }
    }

    pub(super) fn may_unsubscribe(&self, filter: &str) -> bool {
        let wanted = Wanted::of(filter);
        let rules = [AclType::UnsubscribeLiteral, AclType::UnsubscribePattern];
        let found = self.roles.iter().find_map(|role| self.by_role(role, rules, filter, &wanted));
        self.is_known && found.unwrap_or(self.state.defaults.0[Defaults::UNSUBSCRIBE])
    }

    fn by_role(&self, role: &Role, rules: [AclType; 2], filter: &str, wanted: &Wanted<'_>) -> Option<bool> {
        let [literal, pattern] = rules;
        let literal = role.of(literal).iter().find(|acl| *acl.topic == *filter);
        let pattern = || role.of(pattern).iter().find(|acl| self.covers(acl, wanted));
        literal.or_else(pattern).map(|acl| acl.allow)
    }

    /// Commands are nobody's by default.
    fn by_default(&self, which: usize, name: &str) -> bool {
        self.state.defaults.0[which] && !name.starts_with("$CONTROL")
    }

    fn receives(&self, wanted: &Wanted<'_>) -> Access {
        let otherwise = self.state.defaults.0[Defaults::RECEIVE];
        let acls = || self.roles.iter().flat_map(|role| role.of(AclType::Receive));
        let first = acls().find(|acl| self.meets(acl, wanted));
        let gets_all = first.map_or(otherwise, |acl| acl.allow && self.covers(acl, wanted));
        if gets_all {
            return Access::Allow;
        }
        let rules = acls().filter(|acl| !self.is_void(acl));
        let rules = rules.filter_map(|acl| Some((acl.pattern.as_ref()?.resolve(self.names)?, acl.allow)));
        Access::AllowBy(Arc::new(Sieve { rules: rules.collect(), otherwise }))
    }

    /// Whether a rule says something about all that is wanted.
    fn covers(&self, acl: &Acl, wanted: &Wanted<'_>) -> bool {
        let Some(pattern) = &acl.pattern else { return false };
        let is_long_enough = match (pattern.is_open, wanted.is_open) {
            (true, _) => wanted.levels.len() >= pattern.levels.len(),
            (false, false) => wanted.levels.len() == pattern.levels.len(),
            (false, true) => false,
        };
        match self.compare(acl, pattern, wanted, Plus::IsEveryName) {
            Compared::Alike => is_long_enough,
            Compared::All => true,
            Compared::Different => false,
        }
    }

    /// Whether a rule says something about any of it.
    fn meets(&self, acl: &Acl, wanted: &Wanted<'_>) -> bool {
        let Some(pattern) = &acl.pattern else { return false };
        let is_deep_enough = pattern.is_open || pattern.levels.len() >= wanted.levels.len();
        let is_shallow_enough = wanted.is_open || wanted.levels.len() >= pattern.levels.len();
        match self.compare(acl, pattern, wanted, Plus::MayBeAnyName) {
            Compared::Alike => is_deep_enough && is_shallow_enough,
            Compared::All => true,
            Compared::Different => false,
        }
    }

    /// Level by level, as far as both go.
    fn compare(&self, acl: &Acl, pattern: &Pattern, wanted: &Wanted<'_>, plus: Plus) -> Compared {
        for (at, (level, asked)) in pattern.levels.iter().zip(&wanted.levels).enumerate() {
            let may_be_it = *asked == "+" && plus == Plus::MayBeAnyName;
            let is_alike = match level {
                // [MQTT-4.7.2-1]
                Level::Plus => at > 0 || !asked.starts_with('$'),
                Level::Name(name) => **name == **asked || (may_be_it && (at > 0 || !name.starts_with('$'))),
                Level::Template(template) => match template.fits(self.names, asked) {
                    Fit::Yes => true,
                    Fit::No => may_be_it,
                    // A name that cannot stand there opens what denies, and closes what allows.
                    Fit::Unusable if acl.allow => false,
                    Fit::Unusable => return Compared::All,
                },
            };
            if !is_alike {
                return Compared::Different;
            }
        }
        Compared::Alike
    }

    /// A rule that allows for a name that cannot stand where it should.
    fn is_void(&self, acl: &Acl) -> bool {
        let levels = acl.pattern.iter().flat_map(|pattern| &pattern.levels);
        let is_unusable = |level: &Level| match level {
            Level::Template(template) => template.fits(self.names, "") == Fit::Unusable,
            Level::Name(_) | Level::Plus => false,
        };
        acl.allow && levels.into_iter().any(is_unusable)
    }
}

/// What `+` in something that is wanted stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plus {
    IsEveryName,
    MayBeAnyName,
}

enum Compared {
    Alike,
    /// From some level on it is about everything.
    All,
    Different,
}
