//! The broker as a script: packets in, packets out, time in between.
#![allow(clippy::panic, clippy::wildcard_enum_match_arm, reason = "what a script does not expect ends the test")]

mod abuse;
mod accounting;
mod aliases;
mod auth;
mod authorized;
mod authors;
mod connect;
mod control;
mod durable;
mod fanout;
mod fixture;
mod fuzz;
mod handover;
mod limits;
mod listeners;
mod pressure;
mod promise;
mod publish;
mod qos;
mod rates;
mod retained;
mod review;
mod session;
mod share;
mod sparkplug;
mod stop;
mod subscribe;
mod sys;
mod weight;
mod will;
