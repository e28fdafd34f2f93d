//! Which sockets have something to read or can be written.

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{self, PollFd, PollFlags, Timespec};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// An epoll instance; sockets are named by number.
pub(crate) struct Poll {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

/// What a socket is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    Read,
    ReadAndWrite,
}

impl Interest {
    const fn flags(self) -> EventFlags {
        match self {
            Self::Read => EventFlags::IN,
            Self::ReadAndWrite => EventFlags::IN.union(EventFlags::OUT),
        }
    }
}

/// Sockets reported at a time.
const EVENTS: usize = 512;

impl core::fmt::Debug for Poll {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Poll").field("epoll", &self.epoll).finish_non_exhaustive()
    }
}

impl Poll {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self { epoll: epoll::create(CreateFlags::CLOEXEC)?, events: Vec::with_capacity(EVENTS) })
    }

    pub(crate) fn add(&self, socket: impl AsFd, number: usize, interest: Interest) -> std::io::Result<()> {
        Ok(epoll::add(&self.epoll, socket, EventData::new_u64(number as u64), interest.flags())?)
    }

    pub(crate) fn change(&self, socket: impl AsFd, number: usize, interest: Interest) -> std::io::Result<()> {
        Ok(epoll::modify(&self.epoll, socket, EventData::new_u64(number as u64), interest.flags())?)
    }

    /// Waits at most `timeout` and gives the numbers of the sockets that are ready.
    pub(crate) fn wait(&mut self, timeout: Duration, ready: &mut Vec<usize>) -> std::io::Result<()> {
        ready.clear();
        self.events.clear();
        let timeout = Timespec::try_from(timeout).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        // Waiting for an epoll instance with poll is exact to the microsecond; older kernels round its own to a
        // millisecond.
        let mut itself = [PollFd::new(&self.epoll, PollFlags::IN)];
        if matches!(event::poll(&mut itself, Some(&timeout)), Ok(0) | Err(rustix::io::Errno::INTR)) {
            return Ok(());
        }
        let timeout = Timespec { tv_sec: 0, tv_nsec: 0 };
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut self.events), Some(&timeout)) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        ready.extend(self.events.iter().map(|event| usize::try_from(event.data.u64()).unwrap_or(usize::MAX)));
        Ok(())
    }
}
