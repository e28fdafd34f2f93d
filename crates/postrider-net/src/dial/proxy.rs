//! SOCKS5, as a client speaks it.
//!
//! Owns: the few messages that ask a proxy for a connection, with a password or without.
//! Spec: RFC 1928, RFC 1929.

use std::io::{self, Read, Write};
use std::net::IpAddr;

/// A proxy that is asked for the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    pub(super) host: Box<str>,
    pub(super) port: u16,
    login: Option<(Box<str>, Box<str>)>,
}

const PORT: u16 = 1080;

impl Proxy {
    /// Reads `socks5h://[user[:password]@]host[:port]`. The proxy looks the server's name up; with `socks5://` too,
    /// since nobody else may be able to.
    ///
    /// # Errors
    /// The text is something else.
    pub fn parse(text: &str) -> io::Result<Self> {
        let wrong = || {
            let remedy = "it is like socks5h://user:password@host:1080";
            io::Error::new(io::ErrorKind::InvalidInput, format!("{text:?} is no proxy: {remedy}"))
        };
        let rest = text.strip_prefix("socks5h://").or_else(|| text.strip_prefix("socks5://")).ok_or_else(wrong)?;
        let (login, place) = rest
            .trim_end_matches('/')
            .rsplit_once('@')
            .map_or((None, rest), |(login, place)| (Some(login.split_once(':').unwrap_or((login, ""))), place));
        let (host, port) = match place.trim_end_matches('/').strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => {
                let place = place.trim_end_matches('/');
                place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port)))
            }
        };
        let fits = |text: &str| u8::try_from(text.len()).is_ok();
        if host.is_empty() || login.is_some_and(|(user, password)| !fits(user) || !fits(password)) {
            return Err(wrong());
        }
        let port = port.map_or(Ok(PORT), str::parse).map_err(|_| wrong())?;
        Ok(Self { host: host.into(), port, login: login.map(|(user, password)| (user.into(), password.into())) })
    }
}

/// What is said and heard until the proxy has connected. It goes on where it was interrupted.
#[derive(Debug)]
pub(super) struct Negotiation {
    stage: Stage,
    login: Vec<u8>,
    request: Vec<u8>,
    output: Vec<u8>,
    input: Vec<u8>,
}

/// What the proxy's next answer is about.
///
/// ```text
/// Method ──(0x02)── Login ──┐
///    └─────(0x00)───────────┴── Request ── Connected
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Method,
    Login,
    Request,
    Connected,
}

const VERSION: u8 = 5;
const NO_LOGIN: u8 = 0;
const WITH_PASSWORD: u8 = 2;

impl Negotiation {
    pub(super) fn new(proxy: &Proxy, host: &str, port: u16) -> io::Result<Self> {
        let output = match proxy.login {
            Some(_) => vec![VERSION, 2, NO_LOGIN, WITH_PASSWORD],
            None => vec![VERSION, 1, NO_LOGIN],
        };
        let mut login = Vec::new();
        if let Some((user, password)) = &proxy.login {
            login.push(1);
            write_short(&mut login, user)?;
            write_short(&mut login, password)?;
        }
        let request = request(host, port)?;
        Ok(Self { stage: Stage::Method, login, request, output, input: Vec::new() })
    }

    /// Says and hears what the socket lets through; done when the proxy has connected.
    pub(super) fn go_on(&mut self, socket: &mut (impl Read + Write)) -> io::Result<()> {
        while self.stage != Stage::Connected {
            while !self.output.is_empty() {
                let count = socket.write(&self.output)?;
                self.output.drain(..count);
            }
            // Byte by byte up to the end of the answer: what follows is the server's.
            while self.input.len() < self.awaited() {
                let mut bytes = [0; 512];
                let room = (self.awaited() - self.input.len()).min(bytes.len());
                match socket.read(&mut bytes[..room])? {
                    0 => return Err(refused("the proxy closed the connection: is it a SOCKS5 proxy?".to_owned())),
                    count => self.input.extend_from_slice(&bytes[..count]),
                }
            }
            self.on_answer()?;
            self.input.clear();
        }
        Ok(())
    }

    /// How long the answer is, as far as that is known.
    fn awaited(&self) -> usize {
        match self.stage {
            Stage::Connected => 0,
            Stage::Method | Stage::Login => 2,
            Stage::Request => match self.input.get(3..5) {
                Some([1, _]) => 4 + 4 + 2,
                Some([4, _]) => 4 + 16 + 2,
                Some([_, len]) => 4 + 1 + usize::from(*len) + 2,
                Some(_) | None => 5,
            },
        }
    }

    fn on_answer(&mut self) -> io::Result<()> {
        let said = self.input.get(1).copied().unwrap_or_default();
        self.stage = match self.stage {
            Stage::Method if self.input.first() != Some(&VERSION) => {
                return Err(refused("the proxy does not speak SOCKS5".to_owned()));
            }
            Stage::Method if said == WITH_PASSWORD && !self.login.is_empty() => {
                self.output = core::mem::take(&mut self.login);
                Stage::Login
            }
            Stage::Login if said != 0 => {
                return Err(refused("the proxy does not accept this user and password".to_owned()));
            }
            Stage::Method if said != NO_LOGIN => {
                return Err(refused(
                    "the proxy asks for a user and a password: add them, as in socks5h://user:password@host".to_owned(),
                ));
            }
            Stage::Method | Stage::Login => {
                self.output = core::mem::take(&mut self.request);
                Stage::Request
            }
            Stage::Request if said != 0 => return Err(refused(format!("the proxy cannot connect: {}", reply(said)))),
            Stage::Request | Stage::Connected => Stage::Connected,
        };
        Ok(())
    }
}

/// CONNECT to an address, or to a name that the proxy looks up.
fn request(host: &str, port: u16) -> io::Result<Vec<u8>> {
    let mut request = vec![VERSION, 1, 0];
    match host.parse() {
        Ok(IpAddr::V4(address)) => {
            request.push(1);
            request.extend_from_slice(&address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            request.push(4);
            request.extend_from_slice(&address.octets());
        }
        Err(_) => {
            request.push(3);
            write_short(&mut request, host)?;
        }
    }
    request.extend_from_slice(&port.to_be_bytes());
    Ok(request)
}

fn write_short(out: &mut Vec<u8>, text: &str) -> io::Result<()> {
    let len = u8::try_from(text.len())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "SOCKS5 takes names of up to 255 bytes"))?;
    out.push(len);
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

const fn reply(code: u8) -> &'static str {
    match code {
        2 => "its rules do not allow it",
        3 => "the network cannot be reached",
        4 => "the host cannot be reached",
        5 => "the server refused the connection",
        6 => "it took too long",
        7 | 8 => "it does not know this kind of request",
        _ => "it does not say why",
    }
}

fn refused(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionRefused, text)
}
