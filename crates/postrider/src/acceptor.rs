//! Accepts connections and deals them out to the threads.
//!
//! Owns: the pause at the limit of open files. It waits for a connection to end instead of asking again.

use crate::conn::{Conn, Exit};
use crate::door::Door;
use crate::handshake::Handshake;
use crate::link_task::{LinkTask, Permits};
use crate::memory::Look;
use crate::shared::Shared;
use crate::transport::Transport;
use crate::workers::Workers;
use postrider_net::{Accepted, Listener, Permit, is_out_of_descriptors};
use postrider_ports::Event;
use std::sync::Arc;
use std::time::Duration;

/// How long to wait when the system is out of descriptors, though our own count leaves some.
const PAUSE: Duration = Duration::from_millis(100);
/// Each may take as much memory as a handshake does.
const LOOK_AFTER: u32 = 32;

pub(crate) async fn run(listener: Listener, door: Arc<Door>, shared: Arc<Shared>, workers: Arc<Workers>) {
    let mut accepted_since = 0;
    loop {
        shared.memory.pause().await;
        match listener.accept(&shared.descriptors).await {
            Ok((accepted, permit)) => {
                serve(accepted, &door, permit, &shared, &workers);
                accepted_since += 1;
                if accepted_since == LOOK_AFTER {
                    accepted_since = 0;
                    shared.alone(|scratch| shared.look_at_memory(Look::Quick, scratch));
                }
            }
            Err(error) if is_out_of_descriptors(&error) => tokio::time::sleep(PAUSE).await,
            // The connection was gone before it was accepted.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

fn serve(accepted: Accepted, door: &Arc<Door>, permit: Permit, shared: &Arc<Shared>, workers: &Workers) {
    let place = match &door.places {
        None => None,
        Some(places) => match places.try_acquire() {
            Some(place) => Some(place),
            // Closed without a word: nobody knows yet what it speaks.
            None => return,
        },
    };
    let permits = Permits::new(permit, place);
    shared.observe(|| Event::Opened { peer: door.peer(&accepted.peer), port: door.port });
    if door.is_plain() {
        let peer = door.peer(&accepted.peer);
        workers.spawn(accepted.stream, |socket| {
            let conn = Arc::new(Conn::through(door.id, Exit::Direct(socket)));
            let since = shared.clock.now().mono;
            LinkTask::new(shared.clone(), conn, Transport::Direct, peer, Some(permits), since)
        });
    } else {
        workers.spawn(accepted.stream, |socket| {
            Handshake::new(shared.clone(), door.clone(), socket.into(), accepted.peer, permits)
        });
    }
}
