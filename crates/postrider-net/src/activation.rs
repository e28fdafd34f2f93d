//! Sockets that systemd, or somebody who does as systemd does, has opened for this process.
//!
//! Spec: sd_listen_fds(3).

use std::io;
use std::os::fd::OwnedFd;

/// A listening socket that was there before the process.
#[derive(Debug)]
pub struct Inherited {
    /// Its name in the unit (`FileDescriptorName=`); empty if it has none.
    pub name: String,
    /// The socket.
    pub socket: OwnedFd,
}

/// Takes the sockets that were passed to this process, in their order; none if none were. They can be taken once, as early
/// as possible: it changes the environment.
///
/// # Errors
/// What is wrong with one of them; it is named by its place.
pub fn inherited() -> io::Result<Vec<Inherited>> {
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':');
    let mut passed = listenfd::ListenFd::from_env();
    (0..passed.len())
        .map(|at| {
            let name = names.next().filter(|name| *name != "unknown").unwrap_or_default().to_owned();
            let socket = take(&mut passed, at).map_err(|error| {
                let what = format!("socket {at} of those that were passed to this process: {error}");
                io::Error::new(error.kind(), what)
            })?;
            Ok(Inherited { name, socket })
        })
        .collect()
}

/// A TCP socket, or a Unix one.
fn take(passed: &mut listenfd::ListenFd, at: usize) -> io::Result<OwnedFd> {
    let taken = match passed.take_tcp_listener(at) {
        Ok(socket) => socket.map(OwnedFd::from),
        Err(_) => passed.take_unix_listener(at)?.map(OwnedFd::from),
    };
    taken.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "it was taken before"))
}
