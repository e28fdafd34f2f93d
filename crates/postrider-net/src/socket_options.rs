//! What a listening socket is told before it listens; accepted sockets inherit it, which saves system calls.

use socket2::TcpKeepalive;
use std::io;
use std::time::Duration;

/// Options of a listening socket and of the connections that come through it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketOptions {
    /// Connections that may wait to be accepted; the system caps it at its own maximum.
    pub backlog: i32,
    /// Takes connections only through this network interface, such as `eth0`.
    pub interface: Option<String>,
    /// A socket on an IPv6 address, such as `[::]`, takes IPv4 connections too.
    pub takes_ipv4_too: bool,
    /// Small packets are held back until earlier ones are acknowledged (Nagle's algorithm).
    pub holds_back_small: bool,
    /// Asks silent far ends whether they are still there.
    pub keep_alive: Option<TcpKeepAlive>,
}

/// TCP's own questions to a silent far end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpKeepAlive {
    /// Silence before the first question.
    pub idle: Duration,
    /// Time between two questions.
    pub interval: Duration,
    /// Questions without an answer before the connection counts as broken.
    pub count: u32,
}

const BACKLOG: i32 = 4096;

impl Default for SocketOptions {
    fn default() -> Self {
        Self { backlog: BACKLOG, interface: None, takes_ipv4_too: false, holds_back_small: false, keep_alive: None }
    }
}

impl SocketOptions {
    pub(crate) fn apply_to_tcp(&self, socket: &socket2::Socket) -> io::Result<()> {
        socket.set_tcp_nodelay(!self.holds_back_small)?;
        if let Some(interface) = &self.interface {
            socket.bind_device(Some(interface.as_bytes()))?;
        }
        if let Some(TcpKeepAlive { idle, interval, count }) = self.keep_alive {
            let keep_alive = TcpKeepalive::new().with_time(idle).with_interval(interval).with_retries(count);
            socket.set_tcp_keepalive(&keep_alive)?;
        }
        Ok(())
    }
}
