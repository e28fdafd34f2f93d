//! The way in for whoever has a user name and a password.
//!
//! Owns: the order of things: who has to wait, who was right a moment ago, who is hashed.
//! Never: hashes on the thread that asks.
//! Spec: 3.1.3.5, 3.1.3.6, 3.1.4, 3.2.2.2.

use crate::password::{Entry, PASSWORD_BYTES_MAX};
use crate::pool::Pool;
use crate::remembered::Remembered;
use crate::throttle::{Guesser, Throttle};
use postrider_ports::{AuthenticateAnswer, AuthenticateRequest, Principal, Reply};
use postrider_proto::ReasonCode;
use std::num::NonZero;
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Whoever knows the hashes of users.
pub(crate) trait Register: Send + Sync + 'static {
    /// A user's hash as it is now.
    fn entry(&self, user: &str) -> Option<Arc<Entry>>;

    /// A hash that costs as much, for a user who has none; always the same one for the same name.
    fn decoy(&self, user: &str) -> Option<Arc<Entry>>;

    /// Whether a user with the right password is let in with this client identifier.
    fn admits(&self, _user: &str, _client_id: &str) -> bool {
        true
    }

    /// Hears that a user has been let in by this hash: it may have been replaced in the same moment.
    fn on_admitted(&self, _claim: &Claim, _hash: &str) {}
}

/// A user and a password that somebody presents.
pub(crate) struct Claim {
    pub(crate) user: Box<str>,
    pub(crate) client_id: Box<str>,
    pub(crate) password: Zeroizing<Vec<u8>>,
    guesser: Guesser,
}

/// Says who is who. A clone is another handle of the same.
pub(crate) struct Door<R> {
    judge: Arc<Judge<R>>,
    pool: Arc<Pool<(Claim, Reply<AuthenticateAnswer>)>>,
}

struct Judge<R> {
    register: R,
    throttle: Throttle,
    remembered: Remembered,
}

impl<R> Clone for Door<R> {
    fn clone(&self) -> Self {
        Self { judge: self.judge.clone(), pool: self.pool.clone() }
    }
}

impl<R: Register> Door<R> {
    /// Starts the threads that hash.
    pub(crate) fn start(
        register: R,
        threads: NonZero<usize>,
        queue: usize,
        remember: Duration,
    ) -> std::io::Result<Self> {
        let (throttle, remembered) = (Throttle::default(), Remembered::new(remember)?);
        let judge = Arc::new(Judge { register, throttle, remembered });
        let judges = judge.clone();
        let work = move |(claim, reply): (Claim, Reply<_>)| judges.judge(&claim, reply);
        let pool = Arc::new(Pool::start(threads.get(), queue, work)?);
        Ok(Self { judge, pool })
    }

    pub(crate) fn register(&self) -> &R {
        &self.judge.register
    }

    /// Answers who needs no look at a user, and asks about everybody else.
    pub(crate) fn begin(&self, request: AuthenticateRequest, allow_anonymous: bool, reply: Reply<AuthenticateAnswer>) {
        let AuthenticateRequest { client_id, user_name, password, method, peer, .. } = request;
        let password = password.map(|password| Zeroizing::new(Vec::from(password)));
        match (method, user_name, password) {
            // [MQTT-4.12.0-1]
            (Some(_), _, _) => reply.send(AuthenticateAnswer::refuse(ReasonCode::BadAuthenticationMethod)),
            (None, None, _) if allow_anonymous => reply.send(AuthenticateAnswer::accept(None)),
            (None, None, _) => reply.send(AuthenticateAnswer::refuse(ReasonCode::NotAuthorized)),
            (None, Some(_), None) => reply.send(wrong()),
            (None, Some(user), Some(password)) => {
                self.ask((user, client_id.as_str()), password, peer.as_str(), reply);
            }
        }
    }

    /// What needs no hash is answered at once. Who has to wait is not even told whether the password was right a moment
    /// ago, or guesses would cost nothing.
    pub(crate) fn ask(
        &self,
        (user, client_id): (Box<str>, &str),
        password: Zeroizing<Vec<u8>>,
        peer: &str,
        reply: Reply<AuthenticateAnswer>,
    ) {
        let guesser = self.judge.throttle.guesser(&user, peer);
        let claim = Claim { user, client_id: client_id.into(), password, guesser };
        let now = Instant::now();
        if let Some(wait) = self.judge.throttle.wait(claim.guesser, now) {
            reply.send(patience(wait));
        } else if let Some(entry) = self.judge.remembered(&claim, now) {
            self.judge.welcome(&claim, &entry, reply);
        } else if let Err((_, reply)) = self.pool.submit((claim, reply)) {
            reply.send(busy());
        }
    }
}

impl<R: Register> Judge<R> {
    /// Whom this was the right password of a moment ago.
    fn remembered(&self, claim: &Claim, now: Instant) -> Option<Arc<Entry>> {
        let entry = self.register.entry(&claim.user)?;
        let mark = self.remembered.mark(&claim.user, entry.text(), &claim.password);
        self.remembered.is_right(mark, now).then_some(entry)
    }

    /// The long way. Others of the same kind may have failed while this one waited in the queue.
    fn judge(&self, claim: &Claim, reply: Reply<AuthenticateAnswer>) {
        if let Some(wait) = self.throttle.wait(claim.guesser, Instant::now()) {
            reply.send(patience(wait));
            return;
        }
        let right = self.register.entry(&claim.user);
        if right.is_none() && claim.password.len() <= PASSWORD_BYTES_MAX {
            // Whoever has the same password as the decoy is still nobody.
            let decoy = self.register.decoy(&claim.user);
            let _ = std::hint::black_box(decoy.map(|decoy| decoy.is_of(&claim.password)));
        }
        // A hash may have been replaced meanwhile.
        let is_current =
            |entry: &Arc<Entry>| self.register.entry(&claim.user).is_some_and(|current| current.text() == entry.text());
        match right.filter(|entry| entry.is_of(&claim.password)).filter(is_current) {
            Some(entry) => {
                let mark = self.remembered.mark(&claim.user, entry.text(), &claim.password);
                self.remembered.on_right(mark, Instant::now());
                self.welcome(claim, &entry, reply);
            }
            None => {
                self.throttle.on_failed(claim.guesser, Instant::now());
                reply.send(wrong());
            }
        }
    }

    fn welcome(&self, claim: &Claim, entry: &Entry, reply: Reply<AuthenticateAnswer>) {
        self.throttle.on_right(claim.guesser);
        if !self.register.admits(&claim.user, &claim.client_id) {
            reply.send(AuthenticateAnswer::refuse(ReasonCode::NotAuthorized));
            return;
        }
        reply.send(AuthenticateAnswer::accept(Some(Principal::from(&*claim.user))));
        self.register.on_admitted(claim, entry.text());
    }
}

/// The same for unknown users and for wrong passwords.
pub(crate) const fn wrong() -> AuthenticateAnswer {
    AuthenticateAnswer::refuse(ReasonCode::BadUserNameOrPassword)
}

fn patience(wait: Duration) -> AuthenticateAnswer {
    let text = format!("too many wrong passwords for this user; try again in {} s", wait.as_secs() + 1);
    AuthenticateAnswer::Refuse { reason: ReasonCode::ConnectionRateExceeded, text: Some(text.into()) }
}

fn busy() -> AuthenticateAnswer {
    let text = "too many clients wait until their password is checked; try again later";
    AuthenticateAnswer::Refuse { reason: ReasonCode::ServerBusy, text: Some(text.into()) }
}
