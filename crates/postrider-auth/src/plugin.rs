//! Asks a password file who clients are.
//!
//! Owns: the order of things: who has to wait, who was right a moment ago, who is hashed.
//! Never: hashes on the thread that asks.
//! Spec: 3.1.3.5, 3.1.3.6, 3.1.4, 3.2.2.2.

use crate::password::{FileError, PasswordFile, Reloaded, Users};
use crate::pool::Pool;
use crate::remembered::Remembered;
use crate::throttle::{Guesser, Throttle};
use postrider_ports::{Authenticate, AuthenticateAnswer, AuthenticateRequest, Principal, Reply};
use postrider_proto::ReasonCode;
use std::fmt;
use std::num::NonZero;
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How a password file is asked.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Lets clients in that name no user. Default: no.
    pub allow_anonymous: bool,
    /// Threads that hash; each takes the memory of one hash. Default: 1, so that whoever guesses passwords takes one
    /// processor at most.
    pub threads: NonZero<usize>,
    /// Clients that wait for them; more are told that the server is busy. Default: 256, more than argon2id takes in the
    /// ten seconds after which the broker gives a connection up.
    pub queue: usize,
    /// How long a password that was right is believed without a hash. Default: 5 minutes.
    pub remember: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let remember = Duration::from_secs(300);
        Self { allow_anonymous: false, threads: NonZero::<usize>::MIN, queue: 256, remember }
    }
}

/// Authentication by a password file. A clone is another handle of the same.
#[derive(Clone)]
pub struct Passwords {
    judge: Arc<Judge>,
    pool: Arc<Pool<(Claim, Reply<AuthenticateAnswer>)>>,
    allow_anonymous: bool,
}

/// Says who is who.
struct Judge {
    file: PasswordFile,
    throttle: Throttle,
    remembered: Remembered,
}

/// A user and a password that somebody presents.
struct Claim {
    user: Box<str>,
    password: Zeroizing<Vec<u8>>,
    guesser: Guesser,
}

impl Passwords {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system has no thread or no chance to give.
    pub fn start(file: PasswordFile, settings: Settings) -> std::io::Result<Self> {
        let (throttle, remembered) = (Throttle::default(), Remembered::new(settings.remember)?);
        let judge = Arc::new(Judge { file, throttle, remembered });
        let judges = judge.clone();
        let work = move |(claim, reply): (Claim, Reply<_>)| reply.send(judges.judge(&claim));
        let pool = Arc::new(Pool::start(settings.threads.get(), settings.queue, work)?);
        Ok(Self { judge, pool, allow_anonymous: settings.allow_anonymous })
    }

    /// Reads the file again.
    ///
    /// # Errors
    /// As [`PasswordFile::open`]; then nothing has changed.
    pub fn reload(&self) -> Result<Reloaded, FileError> {
        self.judge.file.reload()
    }

    /// The file that is asked.
    #[must_use]
    pub fn file(&self) -> &PasswordFile {
        &self.judge.file
    }

    /// What needs no hash is answered at once. Who has to wait is not even told whether the password was right a moment
    /// ago, or guesses would cost nothing.
    fn ask(&self, claim: Claim, reply: Reply<AuthenticateAnswer>) {
        let now = Instant::now();
        if let Some(wait) = self.judge.throttle.wait(claim.guesser, now) {
            reply.send(patience(wait));
        } else if self.judge.is_remembered(&claim, now) {
            reply.send(self.judge.welcome(&claim));
        } else if let Err((_, reply)) = self.pool.submit((claim, reply)) {
            reply.send(busy());
        }
    }
}

impl Authenticate for Passwords {
    fn begin(&self, request: AuthenticateRequest, reply: Reply<AuthenticateAnswer>) {
        let AuthenticateRequest { user_name, password, method, peer, .. } = request;
        let password = password.map(|password| Zeroizing::new(Vec::from(password)));
        match (method, user_name, password) {
            // [MQTT-4.12.0-1]
            (Some(_), _, _) => reply.send(AuthenticateAnswer::refuse(ReasonCode::BadAuthenticationMethod)),
            (None, None, _) if self.allow_anonymous => reply.send(AuthenticateAnswer::accept(None)),
            (None, None, _) => reply.send(AuthenticateAnswer::refuse(ReasonCode::NotAuthorized)),
            (None, Some(_), None) => reply.send(wrong()),
            (None, Some(user), Some(password)) => {
                let guesser = self.judge.throttle.guesser(&user, peer.as_str());
                self.ask(Claim { user, password, guesser }, reply);
            }
        }
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Passwords").field(&self.judge.file).finish()
    }
}

impl Judge {
    fn is_remembered(&self, claim: &Claim, now: Instant) -> bool {
        let users = self.file.users();
        let Some(entry) = users.get(&claim.user) else { return false };
        self.remembered.is_right(self.remembered.mark(&claim.user, entry.text(), &claim.password), now)
    }

    /// The long way. Others of the same kind may have failed while this one waited in the queue.
    fn judge(&self, claim: &Claim) -> AuthenticateAnswer {
        if let Some(wait) = self.throttle.wait(claim.guesser, Instant::now()) {
            return patience(wait);
        }
        let users = self.file.users();
        if users.check(&claim.user, &claim.password).is_err() || !self.is_as_in(&users, &claim.user) {
            self.throttle.on_failed(claim.guesser, Instant::now());
            return wrong();
        }
        if let Some(entry) = users.get(&claim.user) {
            let mark = self.remembered.mark(&claim.user, entry.text(), &claim.password);
            self.remembered.on_right(mark, Instant::now());
        }
        self.welcome(claim)
    }

    /// Whether the file has been read again and says something else of the user by now.
    fn is_as_in(&self, users: &Users, user: &str) -> bool {
        let text = |users: &Users| users.get(user).map(|entry| Box::<str>::from(entry.text()));
        text(users) == text(&self.file.users())
    }

    fn welcome(&self, claim: &Claim) -> AuthenticateAnswer {
        self.throttle.on_right(claim.guesser);
        AuthenticateAnswer::accept(Some(Principal::from(&*claim.user)))
    }
}

/// The same for unknown users and for wrong passwords.
const fn wrong() -> AuthenticateAnswer {
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
