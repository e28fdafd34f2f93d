//! Who may come in through each listener, and what he may do then.
//!
//! Owns: one lock for each listener of the broker, which can be changed while it runs.
//! Never: lets anybody in through a listener that it does not know.

use super::files::Files;
use postrider::{
    Access, Authenticate, AuthenticateAnswer, AuthenticateRequest, Authorize, AuthorizeRequest, Peer, Principal,
    ReasonCode, Reply,
};
use postrider_auth::Passwords;
use postrider_auth::acl::Acl;
use postrider_auth::dynamic::Dynamic;
use postrider_auth::people::People;
use postrider_config::model::{Config, Profile, UsernameFrom};
use std::sync::{Arc, PoisonError, RwLock};

/// All locks; clones of it speak of the same ones.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<RwLock<Arc<Vec<Lock>>>>);

/// What one listener asks.
#[derive(Clone)]
pub(crate) struct Lock {
    /// Lets clients in that name no user.
    pub(crate) lets_anonymous_in: bool,
    /// Believes names where there is nothing to check them with.
    pub(crate) believes_names: bool,
    pub(crate) username_from: UsernameFrom,
    pub(crate) passwords: Option<Passwords>,
    /// Its lists come first: who is in them is let in, and nobody else unless somebody below knows him.
    pub(crate) people: Option<People>,
    /// Who is not in the file of passwords may be known there; its rights take the place of the file of rules.
    pub(crate) dynamic: Option<Dynamic>,
    pub(crate) acl: Option<Acl>,
    /// Users for whom other rules hold.
    pub(crate) exempt: Vec<String>,
    pub(crate) acl_of_exempt: Option<Acl>,
}

impl Lock {
    /// The lock of a listener of the tree; its files have been read.
    pub(crate) fn of(config: &Config, at: usize, files: &Files) -> Option<Self> {
        let listener = config.listeners.get(at)?;
        let security = &listener.security;
        Some(Self {
            lets_anonymous_in: config.lets_anonymous_in(listener),
            believes_names: config.compat.profile == Profile::Mosquitto,
            username_from: security.username_from,
            passwords: security.password_file.as_ref().and_then(|file| files.passwords(file)),
            people: security.user_store.as_ref().and_then(|path| files.people(path)),
            dynamic: files.dynamic.clone(),
            acl: files.acl(security),
            exempt: security.forbidden_exempt.clone(),
            acl_of_exempt: files.acl_of_exempt(security),
        })
    }

    /// Lets nobody in.
    pub(crate) const fn shut() -> Self {
        Self {
            lets_anonymous_in: false,
            believes_names: false,
            username_from: UsernameFrom::Connect,
            passwords: None,
            people: None,
            dynamic: None,
            acl: None,
            exempt: Vec::new(),
            acl_of_exempt: None,
        }
    }

    /// Whether somebody can have come in here as this user, or without a name.
    const fn may_have_let_in(&self, user: Option<&Principal>) -> bool {
        let knows_users = self.passwords.is_some()
            || self.people.is_some()
            || self.dynamic.is_some()
            || !matches!(self.username_from, UsernameFrom::Connect)
            || self.believes_names;
        match user {
            Some(_) => knows_users,
            None => self.lets_anonymous_in || self.dynamic.is_some(),
        }
    }

    fn rules_of(&self, user: Option<&Principal>) -> Option<&Acl> {
        let is_exempt = user.is_some_and(|user| self.exempt.iter().any(|name| name == user.as_str()));
        if is_exempt { self.acl_of_exempt.as_ref() } else { self.acl.as_ref() }
    }

    fn dynamic_for(&self, name: &str, passwords: Option<&Passwords>) -> Option<&Dynamic> {
        self.dynamic.as_ref().filter(|_| !passwords.is_some_and(|passwords| passwords.file().has(name)))
    }

    /// The list of users, if it has to say who this is: also that nobody else comes in.
    fn people_for(&self, name: Option<&str>) -> Option<&People> {
        let people = self.people.as_ref().filter(|people| people.has_users())?;
        let is_in_file = |name| self.passwords.as_ref().is_some_and(|passwords| passwords.file().has(name));
        let is_elsewhere = match name {
            Some(name) => !people.has_user(name) && (self.dynamic.is_some() || is_in_file(name)),
            None => false,
        };
        (!is_elsewhere).then_some(people)
    }

    fn begin(&self, request: AuthenticateRequest, reply: Reply<AuthenticateAnswer>) {
        if request.method.is_some() {
            // [MQTT-4.12.0-1]
            return reply.send(AuthenticateAnswer::refuse(ReasonCode::BadAuthenticationMethod));
        }
        if self.people.as_ref().is_some_and(|people| people.keeps_out(request.client_id.as_str())) {
            return reply.send(refusal("the client identifier is not in the list of those that may come in"));
        }
        if self.username_from != UsernameFrom::Connect {
            let name = name_of(&request.peer, self.username_from);
            return reply.send(match name {
                Some(name) => AuthenticateAnswer::accept(Some(Principal::from(&*name))),
                None => refusal("the certificate that was shown has no name of the kind that is asked for"),
            });
        }
        if let Some(people) = self.people_for(request.user_name.as_deref()) {
            return people.begin(request, reply);
        }
        match (&request.user_name, &self.passwords) {
            (None, _) if self.lets_anonymous_in => reply.send(AuthenticateAnswer::accept(None)),
            (None, _) => reply.send(refusal("a user name is needed here")),
            (Some(name), passwords) if let Some(dynamic) = self.dynamic_for(name, passwords.as_ref()) => {
                Authenticate::begin(dynamic, request, reply);
            }
            (Some(_), Some(passwords)) => passwords.begin(request, reply),
            (Some(name), None) if self.lets_anonymous_in && self.believes_names => {
                reply.send(AuthenticateAnswer::accept(Some(Principal::from(&**name))));
            }
            (Some(_), None) if self.lets_anonymous_in => reply.send(AuthenticateAnswer::accept(None)),
            // Whoever has shown a certificate, where one is asked for and nothing else.
            (Some(_), None) => reply.send(refusal("nobody knows this user here")),
        }
    }
}

fn refusal(text: &str) -> AuthenticateAnswer {
    AuthenticateAnswer::Refuse { reason: ReasonCode::NotAuthorized, text: Some(text.into()) }
}

/// The user that a certificate speaks of.
fn name_of(peer: &Peer, from: UsernameFrom) -> Option<Box<str>> {
    let certificate = peer.certificate()?;
    let name = match from {
        UsernameFrom::CommonName => certificate.common_name.as_ref(),
        UsernameFrom::Subject => certificate.subject.as_ref(),
        UsernameFrom::AlternativeName => {
            certificate.dns.as_ref().or(certificate.uri.as_ref()).or(certificate.email.as_ref())
        }
        UsernameFrom::Connect | UsernameFrom::PskIdentity => None,
    };
    name.filter(|name| !name.is_empty()).cloned()
}

impl Gate {
    /// From now on these are the locks, in the order of the broker's listeners.
    pub(crate) fn set(&self, locks: Vec<Lock>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(locks);
    }

    fn locks(&self) -> Arc<Vec<Lock>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The lock of one of the broker's listeners.
    pub(crate) fn lock_at(&self, slot: usize) -> Option<Lock> {
        self.locks().get(slot).cloned()
    }

    /// Whether anybody is asked who he is.
    pub(crate) fn asks_who(&self) -> bool {
        let is_shut = |lock: &Lock| {
            !lock.lets_anonymous_in
                || lock.passwords.is_some()
                || lock.people.is_some()
                || lock.dynamic.is_some()
                || lock.username_from != UsernameFrom::Connect
        };
        let locks = self.locks();
        locks.iter().any(|lock| is_shut(lock) || lock.believes_names)
    }

    /// Whether there are any rules.
    pub(crate) fn has_rules(&self) -> bool {
        self.locks().iter().any(|lock| lock.acl.is_some() || lock.dynamic.is_some())
    }
}

impl Authenticate for Gate {
    fn begin(&self, request: AuthenticateRequest, reply: Reply<AuthenticateAnswer>) {
        match self.locks().get(usize::from(request.peer.listener().0)) {
            Some(lock) => lock.begin(request, reply),
            None => reply.send(AuthenticateAnswer::refuse(ReasonCode::ServerUnavailable)),
        }
    }
}

impl Authorize for Gate {
    fn begin(&self, request: AuthorizeRequest, reply: Reply<Vec<Access>>) {
        let locks = self.locks();
        let lock = match request.peer.as_ref().map(Peer::listener) {
            Some(listener) => locks.get(usize::from(listener.0)),
            // A session of an earlier run: nobody knows where its client will come in.
            None => lock_of_absent(&locks, request.subject.principal.as_ref()),
        };
        let user = request.subject.principal.clone();
        if let Some(Lock { dynamic: Some(dynamic), .. }) = lock {
            return Authorize::begin(dynamic, request, reply);
        }
        match lock.map(|lock| lock.rules_of(user.as_ref())) {
            Some(Some(acl)) => acl.begin(request, reply),
            Some(None) => reply.send(request.actions.iter().map(|_| Access::Allow).collect()),
            None => reply.send(Vec::new()),
        }
    }
}

/// Of the listeners that may have let somebody in one that has rules, so that nobody escapes them by a restart.
fn lock_of_absent<'a>(locks: &'a [Lock], user: Option<&Principal>) -> Option<&'a Lock> {
    let mut own = locks.iter().filter(|lock| lock.may_have_let_in(user)).peekable();
    let first = own.peek().copied().or_else(|| locks.first());
    own.find(|lock| lock.acl.is_some() || lock.dynamic.is_some()).or(first)
}
