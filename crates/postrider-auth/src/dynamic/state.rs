//! Clients, groups and roles.
//!
//! Owns: that a client's list of groups and a group's list of clients say the same, and the order of every list.

use crate::acl::pattern::{Pattern, Placeholders};
use crate::password::Entry;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// All there is. A clone costs little: what does not change is shared.
#[derive(Clone, Default)]
pub(super) struct State {
    pub(super) clients: BTreeMap<Box<str>, Arc<Client>>,
    pub(super) groups: BTreeMap<Box<str>, Arc<Group>>,
    pub(super) roles: BTreeMap<Box<str>, Arc<Role>>,
    pub(super) anonymous_group: Option<Box<str>>,
    pub(super) defaults: Defaults,
    pub(super) extra: Map<String, Value>,
}

/// What is allowed where no rule says anything; [`Defaults::NAMES`] has their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Defaults(pub(super) [bool; 4]);

/// What people call something.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    pub(super) name: Option<Box<str>>,
    pub(super) description: Option<Box<str>>,
}

/// Something in a list, in which higher priorities stand first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) name: Box<str>,
    pub(super) priority: i32,
}

/// Of something that was given none.
pub(super) const NO_PRIORITY: i32 = -1;

#[derive(Clone, Default)]
pub(super) struct Client {
    pub(super) texts: Texts,
    pub(super) client_id: Option<Box<str>>,
    pub(super) is_disabled: bool,
    pub(super) password: Option<Password>,
    pub(super) roles: Vec<Held>,
    pub(super) groups: Vec<Held>,
    pub(super) extra: Map<String, Value>,
}

#[derive(Clone)]
pub(super) struct Password {
    pub(super) entry: Arc<Entry>,
    pub(super) form: Form,
}

/// How a hash stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// In three fields, as mosquitto 2.0 has it.
    Split,
    /// As in a password file, in this field.
    Whole(&'static str),
}

#[derive(Clone, Default)]
pub(super) struct Group {
    pub(super) texts: Texts,
    pub(super) roles: Vec<Held>,
    pub(super) clients: BTreeMap<Box<str>, i32>,
    pub(super) extra: Map<String, Value>,
}

#[derive(Clone, Default)]
pub(super) struct Role {
    pub(super) texts: Texts,
    pub(super) acls: [Vec<Acl>; AclType::ALL.len()],
    /// `allowwildcardsubs` is false.
    pub(super) denies_wildcards: bool,
    pub(super) extra: Map<String, Value>,
}

#[derive(Clone)]
pub(super) struct Acl {
    pub(super) topic: Box<str>,
    pub(super) priority: i32,
    pub(super) allow: bool,
    /// Nothing if it matches nothing.
    pub(super) pattern: Option<Pattern>,
    pub(super) extra: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AclType {
    Send,
    Receive,
    SubscribeLiteral,
    SubscribePattern,
    UnsubscribeLiteral,
    UnsubscribePattern,
}

impl AclType {
    pub(super) const ALL: [Self; 6] = [
        Self::Send,
        Self::Receive,
        Self::SubscribeLiteral,
        Self::SubscribePattern,
        Self::UnsubscribeLiteral,
        Self::UnsubscribePattern,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Send => "publishClientSend",
            Self::Receive => "publishClientReceive",
            Self::SubscribeLiteral => "subscribeLiteral",
            Self::SubscribePattern => "subscribePattern",
            Self::UnsubscribeLiteral => "unsubscribeLiteral",
            Self::UnsubscribePattern => "unsubscribePattern",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

impl Defaults {
    pub(super) const NAMES: [&'static str; 4] =
        ["publishClientSend", "publishClientReceive", "subscribe", "unsubscribe"];
    pub(super) const SEND: usize = 0;
    pub(super) const RECEIVE: usize = 1;
    pub(super) const SUBSCRIBE: usize = 2;
    pub(super) const UNSUBSCRIBE: usize = 3;
}

impl Acl {
    pub(super) fn new(topic: &str, priority: i32, allow: bool) -> Self {
        let pattern = Pattern::parse(topic, Placeholders::Meant).ok();
        Self { topic: topic.into(), priority, allow, pattern, extra: Map::new() }
    }
}

impl Role {
    pub(super) fn of(&self, kind: AclType) -> &[Acl] {
        &self.acls[kind as usize]
    }

    /// Behind those of the same priority.
    pub(super) fn add(&mut self, kind: AclType, acl: Acl) {
        let list = &mut self.acls[kind as usize];
        let at = list.partition_point(|other| other.priority >= acl.priority);
        list.insert(at, acl);
    }
}

/// Adds to a list, behind those of the same priority; false if it is there already.
pub(super) fn hold(list: &mut Vec<Held>, name: &str, priority: i32) -> bool {
    if list.iter().any(|held| *held.name == *name) {
        return false;
    }
    let at = list.partition_point(|held| held.priority >= priority);
    list.insert(at, Held { name: name.into(), priority });
    true
}

fn release(list: &mut Vec<Held>, name: &str) {
    list.retain(|held| *held.name != *name);
}

impl State {
    pub(super) fn client_mut(&mut self, name: &str) -> Option<&mut Client> {
        self.clients.get_mut(name).map(Arc::make_mut)
    }

    pub(super) fn group_mut(&mut self, name: &str) -> Option<&mut Group> {
        self.groups.get_mut(name).map(Arc::make_mut)
    }

    pub(super) fn role_mut(&mut self, name: &str) -> Option<&mut Role> {
        self.roles.get_mut(name).map(Arc::make_mut)
    }

    /// Brings a client into a group; false if it is in it, or one of them is not there.
    pub(super) fn join(&mut self, client: &str, group: &str, priority: i32) -> bool {
        if !self.groups.contains_key(group) {
            return false;
        }
        let is_new = self.client_mut(client).is_some_and(|client| hold(&mut client.groups, group, priority));
        if is_new && let Some(group) = self.group_mut(group) {
            group.clients.insert(client.into(), priority);
        }
        is_new
    }

    pub(super) fn leave(&mut self, client: &str, group: &str) {
        if let Some(client) = self.client_mut(client) {
            release(&mut client.groups, group);
        }
        if let Some(group) = self.group_mut(group) {
            group.clients.remove(client);
        }
    }

    pub(super) fn leave_all(&mut self, client: &str) {
        let groups = self.clients.get(client).map(|client| client.groups.clone()).unwrap_or_default();
        groups.iter().for_each(|group| self.leave(client, &group.name));
    }

    pub(super) fn empty_group(&mut self, group: &str) {
        let clients: Vec<Box<str>> = self.members(group).map(Box::from).collect();
        clients.iter().for_each(|client| self.leave(client, group));
    }

    /// The clients of a group.
    pub(super) fn members(&self, group: &str) -> impl Iterator<Item = &str> {
        self.groups.get(group).into_iter().flat_map(|group| group.clients.keys().map(|client| &**client))
    }

    /// Takes a role from everybody and everything.
    pub(super) fn remove_role(&mut self, role: &str) {
        self.roles.remove(role);
        let has = |list: &[Held]| list.iter().any(|held| *held.name == *role);
        for client in self.clients.values_mut().filter(|client| has(&client.roles)) {
            release(&mut Arc::make_mut(client).roles, role);
        }
        for group in self.groups.values_mut().filter(|group| has(&group.roles)) {
            release(&mut Arc::make_mut(group).roles, role);
        }
    }
}
