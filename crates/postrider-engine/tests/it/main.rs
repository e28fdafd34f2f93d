//! The broker as a script: packets in, packets out, time in between.

mod abuse;
mod accounting;
mod auth;
mod connect;
mod fanout;
mod limits;
mod publish;
mod qos;
mod retained;
mod session;
mod subscribe;
mod will;
