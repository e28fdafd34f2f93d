//! The power to say who a client is.

use crate::{ClientId, Peer, Principal, Reply};
use postrider_proto::{ReasonCode, Version};

/// Decides who a client is, at CONNECT and at each AUTH. [3.1.4], [4.12]
pub trait Authenticate: Send + Sync + 'static {
    /// Looks at `request` and answers through `reply`, at once or later. Must not block: it is called on a
    /// thread that serves other clients.
    ///
    /// An unanswered reply refuses with 0x88, server unavailable.
    fn begin(&self, request: AuthenticateRequest, reply: Reply<AuthenticateAnswer>);
}

/// What a client says of itself. Everything in it was chosen by the client.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthenticateRequest {
    /// The identifier it asks for, or the one assigned to it.
    pub client_id: ClientId,
    /// User name of CONNECT.
    pub user_name: Option<Box<str>>,
    /// Password of CONNECT.
    pub password: Option<Box<[u8]>>,
    /// Authentication Method of CONNECT. [3.1.2.11.9]
    pub method: Option<Box<str>>,
    /// Authentication Data of CONNECT, or of the AUTH that is answered.
    pub data: Option<Box<[u8]>>,
    /// How many AUTH packets of the client came before this question; 0 at CONNECT.
    pub step: u32,
    /// True when a client that is in authenticates anew. [4.12.1]
    pub is_again: bool,
    /// User Properties of CONNECT, in order.
    pub user_properties: Vec<(Box<str>, Box<str>)>,
    /// The edition of MQTT.
    pub version: Version,
    /// Where the connection comes from.
    pub peer: Peer,
}

impl core::fmt::Debug for AuthenticateRequest {
    /// Without what is secret, so that it cannot come into a log this way.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { client_id, user_name, password, method, data, step, is_again, user_properties, version, peer } =
            self;
        f.debug_struct("AuthenticateRequest")
            .field("client_id", client_id)
            .field("user_name", user_name)
            .field("has_password", &password.is_some())
            .field("method", method)
            .field("has_data", &data.is_some())
            .field("step", step)
            .field("is_again", is_again)
            .field("user_properties", user_properties)
            .field("version", version)
            .field("peer", peer)
            .finish()
    }
}

/// The answer to an [`AuthenticateRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthenticateAnswer {
    /// The client is who the principal says; `None` is anonymous.
    Accept {
        /// Whom its session belongs to.
        principal: Option<Principal>,
        /// Authentication Data for the CONNACK or AUTH, with a method only.
        data: Option<Box<[u8]>>,
        /// User Properties for the CONNACK.
        user_properties: Vec<(Box<str>, Box<str>)>,
    },
    /// One step more: AUTH 0x18 with this data. Refused with 0x8C where CONNECT named no method.
    Continue {
        /// Authentication Data.
        data: Option<Box<[u8]>>,
    },
    /// The client is refused.
    Refuse {
        /// A CONNACK reason of 0x80 or more. [MQTT-3.2.2-8]
        reason: ReasonCode,
        /// Reason String for 5.0 clients.
        text: Option<Box<str>>,
    },
}

impl AuthenticateAnswer {
    /// Accepts without anything to add.
    #[must_use]
    pub const fn accept(principal: Option<Principal>) -> Self {
        Self::Accept { principal, data: None, user_properties: Vec::new() }
    }

    /// Refuses without a sentence.
    #[must_use]
    pub const fn refuse(reason: ReasonCode) -> Self {
        Self::Refuse { reason, text: None }
    }

    /// The answer of a plugin that failed.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::refuse(ReasonCode::ServerUnavailable)
    }
}
