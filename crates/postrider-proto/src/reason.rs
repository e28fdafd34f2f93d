//! Reason codes, and what they become in the older dialect.
//!
//! Spec: 2.4 (5.0), 3.2.2.3 (3.1.1).

macro_rules! reason_codes {
    ($($(#[$doc:meta])* $name:ident = $value:literal, $text:literal;)*) => {
        /// Why something ended the way it did. Below 0x80 it went well. [2.4]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum ReasonCode {
            $($(#[$doc])* $name = $value,)*
        }

        impl ReasonCode {
            /// Every code of the specification, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code with this number, if the specification has one.
            #[must_use]
            pub const fn from_u8(number: u8) -> Option<Self> {
                match number {
                    $($value => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// The specification's words for it.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

reason_codes! {
    /// Success, Normal disconnection or Granted QoS 0.
    Success = 0x00, "success";
    /// SUBACK: QoS 1 granted.
    GrantedQos1 = 0x01, "granted QoS 1";
    /// SUBACK: QoS 2 granted.
    GrantedQos2 = 0x02, "granted QoS 2";
    /// DISCONNECT from a client that wants its will published.
    DisconnectWithWill = 0x04, "disconnect with will message";
    /// PUBACK, PUBREC: accepted, nobody subscribes.
    NoMatchingSubscribers = 0x10, "no matching subscribers";
    /// UNSUBACK: there was no such subscription.
    NoSubscriptionExisted = 0x11, "no subscription existed";
    /// AUTH: go on.
    ContinueAuthentication = 0x18, "continue authentication";
    /// AUTH: begin again.
    ReAuthenticate = 0x19, "re-authenticate";
    /// Something else went wrong, or it will not be told.
    UnspecifiedError = 0x80, "unspecified error";
    /// The bytes are not a packet of the specification.
    MalformedPacket = 0x81, "malformed packet";
    /// A well-formed packet that the protocol does not allow here.
    ProtocolError = 0x82, "protocol error";
    /// Valid, but this receiver does not accept it.
    ImplementationSpecificError = 0x83, "implementation specific error";
    /// CONNACK: that edition of MQTT is not spoken here.
    UnsupportedProtocolVersion = 0x84, "unsupported protocol version";
    /// CONNACK: this client identifier is not allowed.
    ClientIdentifierNotValid = 0x85, "client identifier not valid";
    /// CONNACK: user name or password not accepted.
    BadUserNameOrPassword = 0x86, "bad user name or password";
    /// Not allowed to do this.
    NotAuthorized = 0x87, "not authorized";
    /// CONNACK: no service at present.
    ServerUnavailable = 0x88, "server unavailable";
    /// Too busy; try again later.
    ServerBusy = 0x89, "server busy";
    /// CONNACK: banned by an administrator.
    Banned = 0x8A, "banned";
    /// DISCONNECT: the server is stopping.
    ServerShuttingDown = 0x8B, "server shutting down";
    /// The authentication method is not supported or not the one in use.
    BadAuthenticationMethod = 0x8C, "bad authentication method";
    /// DISCONNECT: silent for one and a half keep-alive times.
    KeepAliveTimeout = 0x8D, "keep alive timeout";
    /// DISCONNECT: another connection uses this client identifier.
    SessionTakenOver = 0x8E, "session taken over";
    /// A topic filter that is well-formed but not accepted.
    TopicFilterInvalid = 0x8F, "topic filter invalid";
    /// A topic name that is well-formed but not accepted.
    TopicNameInvalid = 0x90, "topic name invalid";
    /// PUBACK, PUBREC, SUBACK, UNSUBACK: the packet id is in use.
    PacketIdentifierInUse = 0x91, "packet identifier in use";
    /// PUBREL, PUBCOMP: the packet id is not known.
    PacketIdentifierNotFound = 0x92, "packet identifier not found";
    /// DISCONNECT: more unacknowledged messages than allowed.
    ReceiveMaximumExceeded = 0x93, "receive maximum exceeded";
    /// DISCONNECT: a topic alias out of range or unknown.
    TopicAliasInvalid = 0x94, "topic alias invalid";
    /// The packet is larger than this receiver allows.
    PacketTooLarge = 0x95, "packet too large";
    /// DISCONNECT: too many messages in too short a time.
    MessageRateTooHigh = 0x96, "message rate too high";
    /// A limit set by an administrator or the implementation is reached.
    QuotaExceeded = 0x97, "quota exceeded";
    /// DISCONNECT: closed by an administrator.
    AdministrativeAction = 0x98, "administrative action";
    /// The payload is not what its format indicator says.
    PayloadFormatInvalid = 0x99, "payload format invalid";
    /// Retained messages are not supported.
    RetainNotSupported = 0x9A, "retain not supported";
    /// The QoS is above what is supported.
    QosNotSupported = 0x9B, "QoS not supported";
    /// For now, use another server.
    UseAnotherServer = 0x9C, "use another server";
    /// From now on, use another server.
    ServerMoved = 0x9D, "server moved";
    /// Shared subscriptions are not supported.
    SharedSubscriptionsNotSupported = 0x9E, "shared subscriptions not supported";
    /// Connections come too fast.
    ConnectionRateExceeded = 0x9F, "connection rate exceeded";
    /// DISCONNECT: the time allowed for this connection is over.
    MaximumConnectTime = 0xA0, "maximum connect time";
    /// Subscription identifiers are not supported.
    SubscriptionIdentifiersNotSupported = 0xA1, "subscription identifiers not supported";
    /// Wildcard subscriptions are not supported.
    WildcardSubscriptionsNotSupported = 0xA2, "wildcard subscriptions not supported";
}

impl ReasonCode {
    /// The code's number on the wire.
    #[inline]
    #[must_use]
    pub const fn as_u8(self) -> u8 {
        self as u8
    }

    /// True from 0x80 up.
    #[inline]
    #[must_use]
    pub const fn is_error(self) -> bool {
        self.as_u8() >= 0x80
    }

    /// The CONNACK return code of 3.1 and 3.1.1 that says nearest the same.
    #[must_use]
    pub fn v3_connack(self) -> u8 {
        if !self.is_error() {
            return 0;
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "everything else is 5, not authorized, in 3.1.1")]
        match self {
            Self::UnsupportedProtocolVersion => 1,
            Self::ClientIdentifierNotValid => 2,
            Self::ServerUnavailable
            | Self::ServerBusy
            | Self::ServerShuttingDown
            | Self::QuotaExceeded
            | Self::ConnectionRateExceeded => 3,
            Self::BadUserNameOrPassword => 4,
            _ => 5,
        }
    }
}

impl core::fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} (0x{:02X})", self.text(), self.as_u8())
    }
}
