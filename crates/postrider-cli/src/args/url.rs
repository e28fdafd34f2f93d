//! The URL of `--url`: `mqtt://[user[:password]@]host[:port]/topic`, or with `mqtts`, `ws` or `wss`.

use anyhow::{Context, bail};
use postrider_client::Scheme;

/// What a URL says; everything is taken as it stands, nothing is decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) scheme: Scheme,
    pub(super) user_name: Option<String>,
    pub(super) password: Option<String>,
    pub(super) host: String,
    pub(super) port: Option<u16>,
    pub(super) topic: String,
}

impl Url {
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let split = text.split_once("://").and_then(|(name, rest)| Some((Scheme::named(name)?, rest)));
        let (scheme, rest) = match split {
            Some((Scheme::Unix, _)) => {
                bail!("a socket on this machine is given with --unix PATH, and its topic with --topic")
            }
            Some(split) => split,
            None => bail!(
                "--url begins with mqtt://, mqtts://, ws:// or wss://, as in mqtt://user:password@host:1883/topic"
            ),
        };
        let (place, topic) = rest.split_once('/').filter(|(_, topic)| !topic.is_empty()).context(NO_TOPIC)?;
        // A password may contain an @, a host may not.
        let (login, place) = match place.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, place),
        };
        let (user_name, password) = match login.map(|login| (login, login.split_once(':'))) {
            Some((_, Some((user_name, password)))) => (Some(user_name.to_owned()), Some(password.to_owned())),
            Some((user_name, None)) => (Some(user_name.to_owned()), None),
            None => (None, None),
        };
        let (host, port) = split_port(place)?;
        Ok(Self { scheme, user_name, password, host: host.to_owned(), port, topic: topic.to_owned() })
    }
}

const NO_TOPIC: &str = "--url ends with the topic, as in mqtt://host:1883/topic";

/// `host`, `host:port`, `[address]` or `[address]:port`.
fn split_port(place: &str) -> anyhow::Result<(&str, Option<u16>)> {
    let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() {
        bail!("--url names no host; it is like mqtt://host:1883/topic");
    }
    let port = port.map(str::parse).transpose().context("the port in --url is a number from 1 to 65535")?;
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> String {
        let Url { scheme, user_name, password, host, port, topic } = Url::parse(text).unwrap();
        format!("{} {user_name:?} {password:?} {host} {port:?} {topic}", scheme.name())
            .replace("Some", "")
            .replace(['"', '(', ')'], "")
    }

    #[test]
    fn every_part_of_a_url_is_found() {
        assert_eq!(parts("mqtt://h/t"), "mqtt None None h None t");
        assert_eq!(parts("mqtt://u@h:1/a/b"), "mqtt u None h 1 a/b");
        assert_eq!(parts("mqtt://u:p@q:r@h:1884//t"), "mqtt u p@q:r h 1884 /t");
        assert_eq!(parts("mqtt://[::1]:1884/t"), "mqtt None None ::1 1884 t");
        assert_eq!(parts("mqtt://[::1]/t"), "mqtt None None ::1 None t");
        assert_eq!(parts("mqtts://h/t"), "mqtts None None h None t");
        assert_eq!(parts("ws://u@h:80/t"), "ws u None h 80 t");
    }

    #[test]
    fn a_url_that_cannot_be_followed_says_why() {
        for (text, why) in [
            ("unix:///run/mqtt", "--unix"),
            ("http://h/t", "begins with mqtt://"),
            ("h/t", "begins with mqtt://"),
            ("mqtt://h", "ends with the topic"),
            ("mqtt://h/", "ends with the topic"),
            ("mqtt:///t", "no host"),
            ("mqtt://h:x/t", "a number"),
            ("mqtt://h:65536/t", "a number"),
        ] {
            let error = Url::parse(text).expect_err(text).to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
