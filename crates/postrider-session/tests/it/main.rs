//! Tests of flows, mailbox, wheel and links from outside.

mod id_set;
mod inbound;
mod link;
mod mailbox;
mod message;
mod outbound;
mod wheel;
