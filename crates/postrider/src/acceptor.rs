//! Accepts connections and deals them out to the threads.
//!
//! Owns: the pause at the limit of open files. It waits for a connection to end instead of asking again.

use crate::conn::{Conn, Exit};
use crate::link_task::LinkTask;
use crate::shared::Shared;
use crate::transport::Transport;
use crate::workers::Workers;
use postrider_net::{Accepted, Listener, Permit, is_out_of_descriptors};
use postrider_ports::{ListenerId, Peer};
use std::sync::Arc;
use std::time::Duration;

/// How long to wait when the system is out of descriptors, though our own count leaves some.
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) async fn run(listener: Listener, id: ListenerId, shared: Arc<Shared>, workers: Arc<Workers>) {
    loop {
        match listener.accept(&shared.descriptors).await {
            Ok((accepted, permit)) => serve(accepted, id, permit, &shared, &workers),
            Err(error) if is_out_of_descriptors(&error) => tokio::time::sleep(PAUSE).await,
            // The connection was gone before it was accepted.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

fn serve(accepted: Accepted, id: ListenerId, permit: Permit, shared: &Arc<Shared>, workers: &Workers) {
    let peer = Peer::through(id, &accepted.peer.to_string());
    workers.spawn(accepted.stream, |socket| {
        let conn = Arc::new(Conn::new(Exit::Direct(socket)));
        LinkTask::new(shared.clone(), conn, Transport::Direct, peer, Some(permit))
    });
}
