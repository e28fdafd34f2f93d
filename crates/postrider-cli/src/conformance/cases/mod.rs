//! The tables of cases, and the functions that play them.

mod abuse;
mod alias;
mod connect;
mod connect_forms;
mod flow;
mod identifiers;
mod keep_alive;
mod leaving;
mod limits;
mod names;
mod persistence;
mod properties;
mod publish;
mod qos2;
mod quota;
mod redelivery;
mod retained;
mod session;
mod share;
mod subscribe;
mod subscribe_options;
mod subscription_ids;
mod unsubscribe;
mod wildcards;
mod will;
mod will_delay;

use super::case::Case;
use postrider_client::Qos;

/// Every case, in the order of the specification as far as that makes sense.
pub(crate) fn all() -> impl Iterator<Item = &'static Case> {
    TABLES.iter().copied().flatten()
}

const TABLES: &[&[Case]] = &[
    connect::CASES,
    connect_forms::CASES,
    identifiers::CASES,
    session::CASES,
    persistence::CASES,
    will::CASES,
    will_delay::CASES,
    keep_alive::CASES,
    publish::CASES,
    names::CASES,
    flow::CASES,
    qos2::CASES,
    redelivery::CASES,
    properties::CASES,
    alias::CASES,
    quota::CASES,
    subscribe::CASES,
    wildcards::CASES,
    subscribe_options::CASES,
    subscription_ids::CASES,
    retained::CASES,
    share::CASES,
    limits::CASES,
    unsubscribe::CASES,
    leaving::CASES,
    abuse::CASES,
];

const Q0: Qos = Qos::AtMostOnce;
const Q1: Qos = Qos::AtLeastOnce;
const Q2: Qos = Qos::ExactlyOnce;
