//! The tables of an exported data directory.
//!
//! Owns: their names and columns; docs/data.md explains them. A change of them is another format.

/// What `store.format` says.
pub(super) const FORMAT: i64 = 1;

/// Makes the tables of an empty database.
pub(super) const TABLES: &str = "
CREATE TABLE store (
    format INTEGER NOT NULL,
    id TEXT NOT NULL,
    openings INTEGER NOT NULL,
    last_record INTEGER NOT NULL
) STRICT;
CREATE TABLE sessions (
    client_id TEXT PRIMARY KEY NOT NULL,
    principal TEXT,
    expiry_s INTEGER,
    away_since_ms INTEGER,
    next_packet_id INTEGER NOT NULL DEFAULT 1,
    awaiting_pubrel TEXT NOT NULL DEFAULT '[]'
) STRICT;
CREATE TABLE wills (
    client_id TEXT PRIMARY KEY NOT NULL REFERENCES sessions,
    delay_s INTEGER NOT NULL DEFAULT 0,
    retain INTEGER NOT NULL DEFAULT 0,
    message_expiry_s INTEGER,
    topic TEXT NOT NULL,
    qos INTEGER NOT NULL,
    payload_format INTEGER,
    content_type TEXT,
    response_topic TEXT,
    correlation_data BLOB,
    user_properties TEXT NOT NULL DEFAULT '[]',
    payload BLOB NOT NULL
) STRICT;
CREATE TABLE subscriptions (
    client_id TEXT NOT NULL REFERENCES sessions,
    filter TEXT NOT NULL,
    qos INTEGER NOT NULL,
    no_local INTEGER NOT NULL DEFAULT 0,
    retain_as_published INTEGER NOT NULL DEFAULT 0,
    identifier INTEGER,
    is_owed_retained INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (client_id, filter)
) STRICT;
CREATE TABLE messages (
    id INTEGER PRIMARY KEY NOT NULL,
    topic TEXT NOT NULL,
    qos INTEGER NOT NULL,
    expires_at_ms INTEGER,
    payload_format INTEGER,
    content_type TEXT,
    response_topic TEXT,
    correlation_data BLOB,
    user_properties TEXT NOT NULL DEFAULT '[]',
    payload BLOB NOT NULL
) STRICT;
CREATE TABLE deliveries (
    client_id TEXT REFERENCES sessions,
    share TEXT,
    position INTEGER NOT NULL,
    state TEXT NOT NULL,
    packet_id INTEGER,
    message INTEGER REFERENCES messages,
    qos INTEGER NOT NULL,
    retain INTEGER NOT NULL DEFAULT 0,
    subscription_ids TEXT NOT NULL DEFAULT '[]'
) STRICT;
CREATE TABLE retained (
    topic TEXT PRIMARY KEY NOT NULL,
    message INTEGER NOT NULL REFERENCES messages,
    author TEXT,
    author_principal TEXT
) STRICT;
";

/// What makes queries about one client or one message quick; made when the tables are full.
pub(super) const INDEXES: &str = "
CREATE INDEX deliveries_of_client ON deliveries (client_id, position);
CREATE INDEX deliveries_of_message ON deliveries (message);
";

/// The tables that an import reads.
pub(super) const READ: [&str; 7] =
    ["store", "sessions", "wills", "subscriptions", "messages", "deliveries", "retained"];

/// The columns of a message's own, in this order.
pub(super) const MESSAGE_COLUMNS: &str =
    "topic, qos, payload_format, content_type, response_topic, correlation_data, user_properties, payload";
