//! Figures over HTTP, under the paths and in the form of mosquitto 2.1.
//!
//! Owns: who may read them: the lock of the listener and its rules, where a path is a topic.
//! Never: answers anybody before he was asked who he is.

use super::gate::Gate;
use super::roster::{Roster, Seat};
use base64ct::{Base64, Encoding};
use postrider::{
    Access, Action, Authenticate, AuthenticateAnswer, AuthenticateRequest, Authorize, AuthorizeRequest, ClientId,
    FileServer, Handle, Peer, Principal, Qos, Reply, Request, Response, Subject, Version,
};
use postrider_config::model::Protocol;
use postrider_proto::{Filter, Topic};
use serde_json::{Map, Value, json};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Instant;

/// Everything that is asked for over HTTP. Clones of it are the same.
#[derive(Clone)]
pub(crate) struct Api(Arc<Inner>);

struct Inner {
    gate: Gate,
    roster: Roster,
    broker: OnceLock<Handle>,
    since: Instant,
}

/// What rules call whoever comes this way.
const CLIENT_ID: &str = "http-api";

impl Api {
    pub(crate) fn new(gate: Gate) -> Self {
        let inner = Inner { gate, roster: Roster::default(), broker: OnceLock::new(), since: Instant::now() };
        Self(Arc::new(inner))
    }

    /// Figures are to be had from this broker.
    pub(crate) fn ask(&self, broker: Handle) {
        // There is one broker.
        let _ = self.0.broker.set(broker);
    }

    pub(crate) fn roster(&self) -> Roster {
        self.0.roster.clone()
    }

    /// The response to a request; may take as long as a password is hashed.
    pub(crate) fn answer(&self, request: &Request, peer: &Peer, files: Option<&FileServer>) -> Response {
        if request.method != "GET" && request.method != "HEAD" {
            return Response::error(405, "only GET and HEAD").with("Allow", "GET, HEAD");
        }
        if !self.is_allowed(request, peer) {
            return Response::error(401, "Not authorised").with("WWW-Authenticate", "Basic realm=\"postrider\"");
        }
        match (request.path(), files) {
            ("/api/v1/systree", _) => self.figures(),
            ("/api/v1/listeners", _) => {
                let listeners: Value = self.0.roster.seats().iter().map(shown).collect();
                of_json(&json!({ "listeners": listeners }))
            }
            ("/api/v1/version", _) => text(env!("CARGO_PKG_VERSION")),
            (path, Some(files)) if !path.starts_with("/api/") => files.answer(request),
            _ => Response::error(404, "Not found"),
        }
    }

    fn figures(&self) -> Response {
        let figures = self.0.broker.get().map(|broker| tokio::runtime::Handle::current().block_on(broker.figures()));
        let Some(Ok(figures)) = figures else { return Response::error(503, "the broker has stopped") };
        let numbers = figures.into_iter().filter_map(|(topic, text)| Some((topic, text.parse::<u64>().ok()?.into())));
        let mut tree: Map<String, Value> = numbers.collect();
        tree.insert("$SYS/broker/uptime".to_owned(), self.0.since.elapsed().as_secs().into());
        of_json(&Value::Object(tree))
    }

    /// Asks the lock who it is, and the rules whether he may read the path.
    fn is_allowed(&self, request: &Request, peer: &Peer) -> bool {
        let Ok(topic) = Topic::parse(request.path().as_bytes()) else { return false };
        let Some(principal) = self.principal(request, peer) else { return false };
        let (reply, answer) = waiting(Vec::new);
        let request = AuthorizeRequest {
            subject: Subject { client_id: ClientId::from(CLIENT_ID), principal },
            peer: Some(peer.clone()),
            actions: vec![Action::Subscribe { filter: topic.as_str().into(), qos: Qos::AtMostOnce }],
        };
        Authorize::begin(&self.0.gate, request, reply);
        let access = answer.recv().unwrap_or_default().into_iter().next();
        access.is_some_and(|access| lets_read(&access, topic))
    }

    /// Who it is; nothing if he may not come in.
    fn principal(&self, request: &Request, peer: &Peer) -> Option<Option<Principal>> {
        let (user_name, password) = match request.header("authorization") {
            None => (None, None),
            Some(header) => {
                let (user, password) = credentials(header)?;
                (Some(user), Some(password))
            }
        };
        let (reply, answer) = waiting(AuthenticateAnswer::unavailable);
        let request = AuthenticateRequest {
            client_id: ClientId::from(CLIENT_ID),
            user_name,
            password,
            method: None,
            data: None,
            step: 0,
            is_again: false,
            user_properties: Vec::new(),
            version: Version::V5,
            peer: peer.clone(),
        };
        Authenticate::begin(&self.0.gate, request, reply);
        match answer.recv().ok()? {
            AuthenticateAnswer::Accept { principal, .. } => Some(principal),
            AuthenticateAnswer::Continue { .. } | AuthenticateAnswer::Refuse { .. } => None,
        }
    }
}

/// A reply that this thread can wait for: it always comes.
fn waiting<T: Send + 'static>(otherwise: fn() -> T) -> (Reply<T>, mpsc::Receiver<T>) {
    let (sender, receiver) = mpsc::channel();
    // Whoever asked is there until it comes.
    (Reply::new(move |answer| _ = sender.send(answer), otherwise), receiver)
}

fn lets_read(access: &Access, topic: Topic<'_>) -> bool {
    let matches = |filter: &str| Filter::parse(filter.as_bytes()).is_ok_and(|filter| filter.matches(topic));
    match access {
        Access::Allow => true,
        Access::AllowExcept(filters) => !filters.iter().any(|filter| matches(filter)),
        Access::AllowBy(sieve) => {
            let rule = sieve.rules.iter().find(|(filter, _)| matches(filter));
            rule.map_or(sieve.otherwise, |(_, lets_through)| *lets_through)
        }
        Access::Deny | Access::DenyFor(_) => false,
    }
}

/// User and password of `Basic`. [RFC 7617, 2]
fn credentials(header: &str) -> Option<(Box<str>, Box<[u8]>)> {
    let (scheme, rest) = header.split_once(' ')?;
    let bytes = Base64::decode_vec(rest.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    let user = std::str::from_utf8(&bytes[..colon]).ok()?;
    Some((user.into(), bytes[colon + 1..].into()))
}

fn shown(seat: &Seat) -> Value {
    let mut shown = json!({
        "protocol": match seat.protocol {
            Protocol::Mqtt => "mqtt",
            Protocol::Websockets => "websockets",
            Protocol::HttpApi => "httpapi",
        },
        "tls": seat.has_tls,
        "mtls": seat.needs_certificate,
        "allow_anonymous": seat.lets_anonymous_in,
    });
    match &seat.path {
        Some(path) => shown["path"] = path.as_str().into(),
        None => shown["port"] = seat.port.into(),
    }
    shown
}

fn of_json(value: &Value) -> Response {
    let body = value.to_string().into_bytes();
    Response { status: 200, content_type: "application/json", headers: no_store(), body }
}

fn text(text: &str) -> Response {
    let content_type = "text/plain; charset=utf-8";
    Response { status: 200, content_type, headers: no_store(), body: text.as_bytes().to_vec() }
}

/// What is true now.
fn no_store() -> Vec<(&'static str, String)> {
    vec![("Cache-Control", "no-store".to_owned())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_may_have_colons_and_what_is_no_pair_is_nobody() {
        let of = |text: &str| credentials(&format!("Basic {}", Base64::encode_string(text.as_bytes())));
        assert_eq!(of("ann:se:cret"), Some(("ann".into(), (*b"se:cret").into())));
        assert_eq!(of("ann"), None);
        for wrong in ["Basic", "Basic !", "Bearer YTpi", ""] {
            assert_eq!(credentials(wrong), None, "{wrong}");
        }
    }
}
