//! The names by which both sides of a port speak of the same thing.

use std::sync::Arc;

/// A client identifier, shared. [3.1.3.1]
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(Arc<str>);

/// Who authentication says a client is. A session belongs to the principal that made it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Principal(Arc<str>);

/// The far end of a connection: its name for people and logs, such as `127.0.0.1:51234`, where it came in, and what it has
/// proved.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    name: Arc<str>,
    listener: ListenerId,
    certificate: Option<Arc<Certificate>>,
}

/// The names in a certificate that the far end has shown, and that was verified. What they mean is for authentication to
/// say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Certificate {
    /// The first common name of the subject.
    pub common_name: Option<Box<str>>,
    /// The whole subject, last part first: `CN=sensor-7,OU=floor 2,O=Example`. Of a certificate that only a proxy has seen
    /// it is not known.
    pub subject: Option<Box<str>>,
    /// The first DNS name of the alternative names.
    pub dns: Option<Box<str>>,
    /// The first URI of them.
    pub uri: Option<Box<str>>,
    /// The first e-mail address of them.
    pub email: Option<Box<str>>,
}

/// The listener that a connection came through, in the order they were configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListenerId(pub u16);

impl ListenerId {
    /// A stream that the embedder attached.
    pub const ATTACHED: Self = Self(1023);
}

impl Peer {
    /// A peer that came through a listener.
    #[must_use]
    pub fn through(listener: ListenerId, name: &str) -> Self {
        Self { name: Arc::from(name), listener, certificate: None }
    }

    /// The same peer, with a certificate that was verified.
    #[must_use]
    pub fn with_certificate(mut self, certificate: Certificate) -> Self {
        self.certificate = Some(Arc::new(certificate));
        self
    }

    /// The certificate it has shown, if it was verified.
    #[must_use]
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_deref()
    }

    /// Where it came in; [`ListenerId::ATTACHED`] for a peer made from its name alone.
    #[must_use]
    pub const fn listener(&self) -> ListenerId {
        self.listener
    }

    /// The name itself. It may hold anything; escape it before showing it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

impl From<&str> for Peer {
    fn from(name: &str) -> Self {
        Self::through(ListenerId::ATTACHED, name)
    }
}

impl core::fmt::Display for Peer {
    /// Escapes what is not printable, so that the name cannot forge a line of a log.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}", self.name.escape_debug())
    }
}

/// Names a question until its answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// The number of a partition, one engine instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionId(pub u16);

/// Who wants to do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The session's client identifier.
    pub client_id: ClientId,
    /// `None` for anonymous clients.
    pub principal: Option<Principal>,
}

macro_rules! shared_text {
    ($name:ident) => {
        impl $name {
            /// The text itself. It may hold anything a client may send; escape it before showing it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(Arc::from(text))
            }
        }

        impl core::fmt::Display for $name {
            /// Escapes what is not printable, so that the text cannot forge a line of a log.
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "{}", self.0.escape_debug())
            }
        }
    };
}

shared_text!(ClientId);
shared_text!(Principal);
