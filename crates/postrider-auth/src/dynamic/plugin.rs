//! Dynamic security as a plugin of the broker: it says who clients are and what they may do, and takes commands.
//!
//! Owns: what holds now. It changes when the file has.
//! Never: works on commands on a thread of the broker.

use super::changes::{Change, Changes};
use super::commands;
use super::decide::Asker;
use super::desk::Desk;
use super::error::DynamicError;
use super::load;
use super::save;
use super::state::State;
use crate::door::{Claim, Door, Register};
use crate::password::{Entry, NewHash};
use crate::pool::Pool;
use crate::replace;
use postrider_ports::{
    Access, Action, Authenticate, AuthenticateAnswer, AuthenticateRequest, Authorize, AuthorizeRequest, Control,
    ControlRequest, Principal, Reply,
};
use std::fmt;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use zeroize::Zeroizing;

/// How dynamic security works.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// As with a password file.
    pub passwords: crate::Settings,
    /// Iterations of PBKDF2 in hashes of new passwords. Default: [`NewHash::ITERATIONS`].
    pub iterations: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { passwords: crate::Settings::default(), iterations: NewHash::ITERATIONS }
    }
}

/// Clients, groups and roles of a file, and the commands that change them. A clone is another handle of the same; a
/// broker is given one for each of its powers.
#[derive(Clone)]
pub struct Dynamic {
    door: Door<Book>,
    commands: Arc<Pool<Order>>,
    allow_anonymous: bool,
}

/// Commands, and who waits for what becomes of them.
type Order = (ControlRequest, Reply<Option<Box<[u8]>>>);

/// What holds now.
#[derive(Clone)]
struct Book(Arc<Inner>);

struct Inner {
    path: PathBuf,
    current: RwLock<Arc<State>>,
    changes: Changes,
    /// One after the other.
    writing: Mutex<()>,
    iterations: u32,
}

impl Dynamic {
    /// The name in `$CONTROL/dynamic-security/v1`, for `Builder::control`.
    pub const NAME: &'static str = "dynamic-security";

    /// Reads a file and starts the threads.
    ///
    /// # Errors
    /// The file cannot be read or is not what it should be, or the system has no thread or no chance to give.
    pub fn open(path: &Path, settings: Settings) -> Result<Self, DynamicError> {
        let fault = |error: std::io::Error| DynamicError::new(path, error);
        let bytes = replace::read(path, FILE_BYTES_MAX).map_err(fault)?;
        let state = load::load(&bytes).map_err(|what| DynamicError::new(path, what))?;
        let book = Book(Arc::new(Inner {
            path: path.to_owned(),
            current: RwLock::new(Arc::new(state)),
            changes: Changes::default(),
            writing: Mutex::default(),
            iterations: settings.iterations,
        }));
        let owner = book.clone();
        let work = move |(request, reply): (ControlRequest, Reply<_>)| owner.carry_out(&request.payload, reply);
        // One thread: commands are carried out in the order they come in.
        let commands = Arc::new(Pool::start(1, QUEUE, work).map_err(fault)?);
        let passwords = settings.passwords;
        let door = Door::start(book, passwords.threads, passwords.queue, passwords.remember).map_err(fault)?;
        Ok(Self { door, commands, allow_anonymous: passwords.allow_anonymous })
    }

    /// From now on `hear` is told what a broker has to know: what changed before, too. It is called on a thread that has
    /// other things to do, so it should not wait for anything.
    pub fn on_change(&self, hear: impl Fn(Change) + Send + Sync + 'static) {
        self.door.register().0.changes.listen(hear);
    }

    /// Carries out a payload of commands and returns that of the responses; what has changed is durable then. It may
    /// take a while: new passwords are hashed.
    #[must_use]
    pub fn run(&self, payload: &[u8]) -> Box<[u8]> {
        let (send, answer) = std::sync::mpsc::channel();
        // Whoever asks waits for it.
        self.door.register().carry_out(payload, Reply::new(move |answer| _ = send.send(answer), || None));
        answer.recv().ok().flatten().unwrap_or_default()
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.door.register().0.path
    }
}

impl Book {
    fn state(&self) -> Arc<State> {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps what commands have changed before anybody hears of it, and lets it hold before they are answered.
    fn carry_out(&self, payload: &[u8], reply: Reply<Option<Box<[u8]>>>) {
        let writing = self.0.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut desk = Desk::new((*self.state()).clone(), self.0.iterations);
        let outcomes = commands::run(&mut desk, payload);
        if !desk.has_changed {
            let responses = outcomes.into_iter().map(|(response, _)| response).collect();
            drop(writing);
            reply.send(Some(commands::payload(responses)));
            return;
        }
        let bytes = Zeroizing::new(save::save(&desk.state));
        if let Err(error) = replace::replace(&self.0.path, &bytes) {
            let why = error.to_string();
            let undo = |(response, has_changed)| if has_changed { commands::undone(&response, &why) } else { response };
            drop(writing);
            reply.send(Some(commands::payload(outcomes.into_iter().map(undo).collect())));
            return;
        }
        let Desk { state, gone, .. } = desk;
        let old =
            std::mem::replace(&mut *self.0.current.write().unwrap_or_else(PoisonError::into_inner), Arc::new(state));
        drop(writing);
        drop(old);
        self.0.changes.tell(Change::Rights);
        reply.send(Some(commands::payload(outcomes.into_iter().map(|(response, _)| response).collect())));
        // Whoever has sent the commands may be among them.
        if !gone.is_empty() {
            let principal = |user: Option<Box<str>>| user.map(|user| Principal::from(&*user));
            self.0.changes.tell(Change::Gone(gone.into_iter().map(principal).collect()));
        }
    }
}

impl Register for Book {
    fn entry(&self, user: &str) -> Option<Arc<Entry>> {
        self.state().clients.get(user)?.password.as_ref().map(|password| password.entry.clone())
    }

    /// That of the next client who has one.
    fn decoy(&self, user: &str) -> Option<Arc<Entry>> {
        let state = self.state();
        let after = state.clients.range::<str, _>((Bound::Excluded(user), Bound::Unbounded));
        let mut next = after.chain(&state.clients).take(NEIGHBOURS);
        next.find_map(|(_, client)| client.password.as_ref().map(|password| password.entry.clone()))
    }

    fn admits(&self, user: &str, client_id: &str) -> bool {
        let state = self.state();
        let client = state.clients.get(user).filter(|client| !client.is_disabled);
        client.is_some_and(|client| client.client_id.as_deref().is_none_or(|only| only == client_id))
    }

    /// Commands that were carried out in the same moment may have ended the client's connections before this one was
    /// there.
    fn on_admitted(&self, claim: &Claim, hash: &str) {
        let is_same = self.entry(&claim.user).is_some_and(|entry| entry.text() == hash);
        if !is_same || !self.admits(&claim.user, &claim.client_id) {
            self.0.changes.tell(Change::Gone(vec![Some(Principal::from(&*claim.user))]));
        }
    }
}

impl Authenticate for Dynamic {
    fn begin(&self, request: AuthenticateRequest, reply: Reply<AuthenticateAnswer>) {
        self.door.begin(request, self.allow_anonymous, reply);
    }
}

impl Authorize for Dynamic {
    fn begin(&self, request: AuthorizeRequest, reply: Reply<Vec<Access>>) {
        let state = self.door.register().state();
        let user = request.subject.principal.as_ref().map(Principal::as_str);
        let asker = Asker::new(&state, user, request.subject.client_id.as_str());
        let access = |action: &Action| match action {
            Action::Publish { topic, .. } if asker.may_publish(topic) => Access::Allow,
            Action::Publish { .. } => Access::Deny,
            Action::Subscribe { filter, .. } => asker.may_subscribe(filter),
            Action::Unsubscribe { filter } if asker.may_unsubscribe(filter) => Access::Allow,
            Action::Unsubscribe { .. } => Access::Deny,
        };
        reply.send(request.actions.iter().map(access).collect());
    }
}

impl Control for Dynamic {
    fn begin(&self, request: ControlRequest, reply: Reply<Option<Box<[u8]>>>) {
        if let Err((_, reply)) = self.commands.submit((request, reply)) {
            let busy = serde_json::json!({ "command": "Unknown command", "error": "Busy, try again later" });
            reply.send(Some(commands::payload(vec![busy])));
        }
    }
}

impl fmt::Debug for Dynamic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Dynamic").field(&self.path()).finish()
    }
}

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// Payloads of commands that wait.
const QUEUE: usize = 64;
/// Clients that are looked at for one who has a password.
const NEIGHBOURS: usize = 64;
