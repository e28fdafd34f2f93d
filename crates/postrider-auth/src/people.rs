//! Client identifiers and users that a broker knows by itself, changed while it runs.
//!
//! Owns: the two lists and their file. A list without entries keeps nobody out.
//! Never: returns from a change before it is durable.

use crate::door::{Door, Register, wrong};
use crate::password::{Entry, NewHash};
use crate::{Settings, replace};
use postrider_ports::{Authenticate, AuthenticateAnswer, AuthenticateRequest, Principal, Reply};
use postrider_proto::ReasonCode;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use zeroize::Zeroizing;

/// The lists of a file, and authentication by them. A clone is another handle of the same.
///
/// With client identifiers in its list, only those are let in; with users in its list, only those are. The identifier is
/// looked at first.
#[derive(Clone)]
pub struct People {
    door: Door<Lists>,
}

#[derive(Clone)]
struct Lists(Arc<Inner>);

struct Inner {
    path: PathBuf,
    current: RwLock<Arc<Known>>,
    /// One change after the other.
    writing: Mutex<()>,
}

#[derive(Clone, Default)]
struct Known {
    clients: BTreeSet<Box<str>>,
    /// With no hash any password is right, and none.
    users: BTreeMap<Box<str>, Option<Arc<Entry>>>,
}

/// The file.
#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct File {
    clients: Vec<Box<str>>,
    users: Vec<User>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct User {
    name: Box<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<Box<str>>,
}

/// Lists that were read again and do not hold yet.
pub struct FreshPeople(Known);

/// What became of the lists.
#[derive(Debug, Default)]
pub struct ChangedPeople {
    /// How many users there are now.
    pub users: usize,
    /// How many client identifiers.
    pub clients: usize,
    /// Users that are gone, or have another password.
    pub revoked_users: Vec<Box<str>>,
    /// Client identifiers that are gone from a list that keeps others out.
    pub revoked_clients: Vec<Box<str>>,
}

impl People {
    /// Reads the file, which need not be there yet, and starts the threads that hash.
    ///
    /// # Errors
    /// The file cannot be read or is not what it should be, or the system has no thread or no chance to give.
    pub fn open(path: &Path, settings: Settings) -> io::Result<Self> {
        let known = read_file(path)?;
        let current = RwLock::new(Arc::new(known));
        let lists = Lists(Arc::new(Inner { path: path.to_owned(), current, writing: Mutex::default() }));
        Ok(Self { door: Door::start(lists, settings.threads, settings.queue, settings.remember)? })
    }

    /// Reads the file again. Nothing holds before [`People::replace`].
    ///
    /// # Errors
    /// The file cannot be read or is not what it should be.
    pub fn read_again(&self) -> io::Result<FreshPeople> {
        read_file(&self.lists().0.path).map(FreshPeople)
    }

    /// From now on these lists hold. Who is connected stays.
    pub fn replace(&self, fresh: FreshPeople) -> ChangedPeople {
        let FreshPeople(fresh) = fresh;
        let mut current = self.lists().0.current.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *current, Arc::new(fresh));
        let now = current.clone();
        drop(current);
        let hash = |entry: &Option<Arc<Entry>>| entry.as_ref().map(|entry| entry.text().to_owned());
        let is_other = |name: &str, entry: &Option<Arc<Entry>>| now.users.get(name).map(&hash) != Some(hash(entry));
        let gone = before.users.iter().filter(|(name, entry)| is_other(name, entry)).map(|(name, _)| name.clone());
        let revoked_clients = match now.clients.is_empty() {
            true => Vec::new(),
            false => before.clients.difference(&now.clients).cloned().collect(),
        };
        ChangedPeople {
            users: now.users.len(),
            clients: now.clients.len(),
            revoked_users: gone.collect(),
            revoked_clients,
        }
    }

    /// Whether the list of client identifiers keeps this one out.
    #[must_use]
    pub fn keeps_out(&self, client_id: &str) -> bool {
        let known = self.lists().known();
        !known.clients.is_empty() && !known.clients.contains(client_id)
    }

    /// Whether the list of users has this one in it.
    #[must_use]
    pub fn has_user(&self, name: &str) -> bool {
        self.lists().known().users.contains_key(name)
    }

    /// Whether the list of users has anybody in it.
    #[must_use]
    pub fn has_users(&self) -> bool {
        !self.lists().known().users.is_empty()
    }

    /// Adds a client identifier; false if it is there already, which is no error.
    ///
    /// # Errors
    /// The file cannot be written; then nothing has changed.
    pub fn add_client(&self, client_id: &str) -> io::Result<bool> {
        self.change(|known| known.clients.insert(client_id.into()))
    }

    /// Removes a client identifier; false if it was not there. With the last one, everybody may connect again. A client
    /// that is connected stays: see `Broker::disconnect`.
    ///
    /// # Errors
    /// As [`People::add_client`].
    pub fn remove_client(&self, client_id: &str) -> io::Result<bool> {
        self.change(|known| known.clients.remove(client_id))
    }

    /// Adds a user, or replaces it; true if it was not there. Without a password it may use any, or none. This hashes,
    /// which takes a while.
    ///
    /// # Errors
    /// As [`People::add_client`], and as [`NewHash::make`].
    pub fn add_user(&self, name: &str, password: Option<&[u8]>) -> io::Result<bool> {
        let entry = match password {
            Some(password) => {
                let text = NewHash::Argon2id.make(password)?;
                Some(Arc::new(Entry::parse(&text).map_err(|error| io::Error::other(error.to_string()))?))
            }
            None => None,
        };
        self.insert_user(name, entry)
    }

    fn insert_user(&self, name: &str, entry: Option<Arc<Entry>>) -> io::Result<bool> {
        let mut is_new = false;
        self.change(|known| {
            is_new = known.users.insert(name.into(), entry).is_none();
            true
        })?;
        Ok(is_new)
    }

    /// Removes a user; false if it was not there. With the last one, everybody may connect again. Who is connected stays:
    /// see `Handle::end_connections`.
    ///
    /// # Errors
    /// As [`People::add_client`].
    pub fn remove_user(&self, name: &str) -> io::Result<bool> {
        self.change(|known| known.users.remove(name).is_some())
    }

    /// The client identifiers, sorted.
    #[must_use]
    pub fn clients(&self) -> Vec<Box<str>> {
        self.lists().known().clients.iter().cloned().collect()
    }

    /// The users, sorted, and whether each has a password.
    #[must_use]
    pub fn users(&self) -> Vec<(Box<str>, bool)> {
        self.lists().known().users.iter().map(|(name, entry)| (name.clone(), entry.is_some())).collect()
    }

    fn lists(&self) -> &Lists {
        self.door.register()
    }

    /// `act` says whether it has changed something. What another process has written since is kept.
    fn change(&self, act: impl FnOnce(&mut Known) -> bool) -> io::Result<bool> {
        let inner = &self.lists().0;
        let _writing = inner.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let _alone = lock(&inner.path)?;
        let mut known = read_file(&inner.path)?;
        if !act(&mut known) {
            return Ok(false);
        }
        replace::replace(&inner.path, &write(&known))
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", inner.path.display())))?;
        *inner.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
        Ok(true)
    }
}

impl Lists {
    fn known(&self) -> Arc<Known> {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Register for Lists {
    fn entry(&self, user: &str) -> Option<Arc<Entry>> {
        self.known().users.get(user)?.clone()
    }

    fn decoy(&self, user: &str) -> Option<Arc<Entry>> {
        let known = self.known();
        let after = known.users.range::<str, _>((std::ops::Bound::Excluded(user), std::ops::Bound::Unbounded));
        after.chain(&known.users).take(NEIGHBOURS).find_map(|(_, entry)| entry.clone())
    }
}

impl Authenticate for People {
    fn begin(&self, request: AuthenticateRequest, reply: Reply<AuthenticateAnswer>) {
        let AuthenticateRequest { client_id, user_name, password, method, peer, .. } = request;
        let known = self.lists().known();
        if method.is_some() {
            // [MQTT-4.12.0-1]
            return reply.send(AuthenticateAnswer::refuse(ReasonCode::BadAuthenticationMethod));
        }
        if !known.clients.is_empty() && !known.clients.contains(client_id.as_str()) {
            //
            return reply.send(AuthenticateAnswer::refuse(ReasonCode::NotAuthorized));
        }
        if known.users.is_empty() {
            // A name that nobody has looked at is no principal.
            return reply.send(AuthenticateAnswer::accept(None));
        }
        match (user_name, password) {
            (None, _) => reply.send(AuthenticateAnswer::refuse(ReasonCode::NotAuthorized)),
            (Some(user), _) if known.users.get(&user).is_some_and(Option::is_none) => {
                reply.send(AuthenticateAnswer::accept(Some(Principal::from(&*user))));
            }
            (Some(_), None) => reply.send(wrong()),
            (Some(user), Some(password)) => {
                let password = Zeroizing::new(Vec::from(password));
                self.door.ask((user, client_id.as_str()), password, peer.as_str(), reply);
            }
        }
    }
}

impl fmt::Debug for People {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("People").field(&self.lists().0.path).finish()
    }
}

/// Nothing where there is no file.
fn read_file(path: &Path) -> io::Result<Known> {
    match replace::read(path, FILE_BYTES_MAX) {
        Ok(bytes) => read(&bytes).map_err(|what| io::Error::other(format!("{}: {what}", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Known::default()),
        Err(error) => Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
    }
}

/// Keeps other processes from changing the file: a lock on its directory, which leaves nothing behind.
fn lock(path: &Path) -> io::Result<fs::File> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = fs::File::open(parent.unwrap_or_else(|| Path::new(".")))?;
    directory.lock()?;
    Ok(directory)
}

fn read(bytes: &[u8]) -> Result<Known, String> {
    let file: File = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let mut known = Known { clients: file.clients.into_iter().collect(), users: BTreeMap::new() };
    for User { name, password } in file.users {
        let entry = password.map(|text| Entry::parse(&text).map(Arc::new));
        let entry = entry.transpose().map_err(|error| format!("user {name:?}: {error}"))?;
        if known.users.insert(name.clone(), entry).is_some() {
            return Err(format!("user {name:?} is there twice"));
        }
    }
    Ok(known)
}

fn write(known: &Known) -> Vec<u8> {
    let mut users = Vec::new();
    for (name, entry) in &known.users {
        users.push(User { name: name.clone(), password: entry.as_ref().map(|entry| entry.text().into()) });
    }
    let file = File { clients: known.clients.iter().cloned().collect(), users };
    let mut bytes = serde_json::to_vec_pretty(&file).expect("lists of texts can be written");
    bytes.push(b'\n');
    bytes
}

const FILE_BYTES_MAX: u64 = 64 << 20;
/// Users that are looked at for one who has a password.
const NEIGHBOURS: usize = 64;
