//! Plugins for tests: a list of users, and a list of what they may do.

use postrider_ports::{
    Access, Action, Authenticate, AuthenticateAnswer, AuthenticateRequest, Authorize, AuthorizeRequest, Principal,
    Reply,
};
use postrider_proto::{Filter, ReasonCode, Topic};
use std::collections::HashMap;

/// Lets in who is on the list with the right password; the principal is the user name.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    users: HashMap<String, String>,
}

impl Directory {
    /// Adds a user.
    #[must_use]
    pub fn with(mut self, name: &str, password: &str) -> Self {
        self.users.insert(name.to_owned(), password.to_owned());
        self
    }

    /// The answer, at once.
    #[must_use]
    pub fn judge(&self, request: &AuthenticateRequest) -> AuthenticateAnswer {
        let name = request.user_name.as_deref().unwrap_or("");
        let given = request.password.as_deref().unwrap_or(&[]);
        match self.users.get(name) {
            Some(password) if password.as_bytes() == given => AuthenticateAnswer::accept(Some(Principal::from(name))),
            _ => AuthenticateAnswer::refuse(ReasonCode::NotAuthorized),
        }
    }
}

impl Authenticate for Directory {
    fn begin(&self, request: AuthenticateRequest, reply: Reply<AuthenticateAnswer>) {
        reply.send(self.judge(&request));
    }
}

/// Allows to publish to and subscribe to whatever matches one of the user's filters.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    allowed: HashMap<String, Vec<String>>,
}

impl Rules {
    /// Adds a filter for a user; the user name of anonymous clients is empty.
    #[must_use]
    pub fn with(mut self, user: &str, filter: &str) -> Self {
        self.allowed.entry(user.to_owned()).or_default().push(filter.to_owned());
        self
    }

    /// The verdicts, at once. A subscription must be on the list word by word, or name a topic that is covered.
    #[must_use]
    pub fn judge(&self, request: &AuthorizeRequest) -> Vec<Access> {
        let user = request.subject.principal.as_ref().map_or("", Principal::as_str);
        let filters = self.allowed.get(user).map_or(&[][..], Vec::as_slice);
        let verdict = |action: &Action| {
            let wanted = match action {
                Action::Publish { topic, .. } => topic,
                Action::Subscribe { filter, .. } | Action::Unsubscribe { filter } => filter,
            };
            let covers = |filter: &String| {
                **filter == **wanted
                    || (!wanted.contains(['+', '#'])
                        && Filter::trusted(filter.as_bytes()).matches(Topic::trusted(wanted.as_bytes())))
            };
            if filters.iter().any(covers) { Access::Allow } else { Access::Deny }
        };
        request.actions.iter().map(verdict).collect()
    }
}

impl Authorize for Rules {
    fn begin(&self, request: AuthorizeRequest, reply: Reply<Vec<Access>>) {
        reply.send(self.judge(&request));
    }
}
