//! The first lines people read.

use super::reload::Running;
use super::{say, secrecy};
use crate::args::Serve;
use crate::data;
use postrider::ListenerInfo;
use postrider_config::check::nobody_is_asked;
use postrider_config::model::{Config, Listener, LogType, Protocol};
use postrider_config::mosquitto::wording::{self, Socket};
use postrider_net::Address;
use std::net::SocketAddr;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// On the terminal for who types; in the log where there is a file.
pub(super) fn greet(running: &Running, args: &Serve) {
    running.log.write(LogType::Debug, &running.fence.describe());
    if running.settings.is_like_mosquitto {
        return greet_like_mosquitto(running);
    }
    let lines = lines(running, args);
    match running.settings.file {
        Some(_) => lines.iter().for_each(|line| running.log.write(LogType::Notice, line)),
        None if args.quiet => {}
        None => lines.iter().for_each(|line| say(line)),
    }
    warn(running);
}

fn lines(running: &Running, args: &Serve) -> Vec<String> {
    let config = &running.settings.config;
    let mut lines = vec![format!("postrider {VERSION}: an MQTT 3.1, 3.1.1 and 5.0 broker")];
    if let Some(file) = &running.settings.file {
        lines.push(format!("configuration: {}", file.display()));
    }
    for (info, listener) in running.listeners() {
        lines.push(format!("listening on {}", describe(&info, listener, config)));
    }
    lines.extend(running.files.describe());
    lines.extend(data::describe(&running.broker, config));
    if running.settings.file.is_none() {
        let name = std::env::args().next().unwrap_or_else(|| "postrider".to_owned());
        let addresses = running.broker.addresses();
        let port = addresses.first().map(SocketAddr::port).filter(|port| *port != 1883);
        let port = port.map_or_else(String::new, |port| format!(" -p {port}"));
        lines.push(format!("try it:  {name} sub{port} -t 'hello/#' -v"));
        lines.push(format!("    and  {name} pub{port} -t hello/world -m hi"));
        if !args.daemon {
            lines.push("stop it with Ctrl-C".to_owned());
        }
    }
    lines
}

/// Where, who reaches it, and what is asked there.
pub(super) fn describe(info: &ListenerInfo, listener: &Listener, config: &Config) -> String {
    let scheme = match (listener.protocol, listener.tls.is_some()) {
        (Protocol::Mqtt, false) => "mqtt",
        (Protocol::Mqtt, true) => "mqtts",
        (Protocol::Websockets, false) => "ws",
        (Protocol::Websockets, true) => "wss",
        (Protocol::HttpApi, false) => "http",
        (Protocol::HttpApi, true) => "https",
    };
    let (place, reach) = match &info.address {
        Address::Tcp(address) if address.ip().is_loopback() => (address.to_string(), "this machine only"),
        Address::Tcp(address) => (address.to_string(), "every machine that reaches it"),
        other => (other.to_string(), "this machine only"),
    };
    let anonymous = config.lets_anonymous_in(listener);
    let asked = match (nobody_is_asked(config, listener), anonymous) {
        (true, _) => "nobody is asked for a password",
        (false, true) if listener.security.user_store.is_some() => {
            "for those in the user store, and for all while it is empty"
        }
        (false, true) => "a user needs the password, others are anonymous",
        (false, false) if listener.security.password_file.is_some() || listener.security.user_store.is_some() => {
            "for users with a password"
        }
        (false, false) => "for clients with a certificate",
    };
    format!("{scheme}://{place} ({reach}; {asked})")
}

/// What has no effect, or another than its writer may think.
fn warn(running: &Running) {
    let open = secrecy::sentences(&running.settings.config);
    running.settings.notices().chain(open).for_each(|notice| running.log.write(LogType::Warning, &notice));
}

fn greet_like_mosquitto(running: &Running) {
    let log = &running.log;
    log.write(LogType::Information, &wording::starting("postrider", VERSION));
    let file = running.settings.file.as_ref().map(|file| file.display().to_string());
    log.write(LogType::Information, &wording::config_loaded(file.as_deref()));
    warn(running);
    for (info, listener) in running.listeners() {
        let text = match &info.address {
            Address::Tcp(address) if listener.protocol == Protocol::Websockets => {
                wording::opening(Socket::Websockets(address.port()))
            }
            Address::Tcp(address) if listener.protocol == Protocol::HttpApi => {
                wording::opening(Socket::HttpApi(address.port()))
            }
            Address::Tcp(address) if address.is_ipv4() => wording::opening(Socket::Ipv4(address.port())),
            Address::Tcp(address) => wording::opening(Socket::Ipv6(address.port())),
            other => wording::opening(Socket::Unix(&other.to_string())),
        };
        log.write(LogType::Information, &text);
    }
    data::describe(&running.broker, &running.settings.config)
        .iter()
        .for_each(|line| log.write(LogType::Information, line));
    log.write(LogType::Information, &wording::running("postrider", VERSION));
}
