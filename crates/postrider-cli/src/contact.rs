//! What `pub`, `sub` and `rr` share: how they come to a connection, keep it, and with which exit code they end.

use crate::args::{Connection, Plan};
use crate::debug::print_packets;
use anyhow::Context;
use postrider_client::{Client, ErrorKind, ReasonCode, Version, Violation};
use std::process::ExitCode;
use std::time::Duration;

/// What mosquitto's commands end with when the time is up.
const TIMED_OUT: u8 = 27;
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);

/// A client that has not connected yet.
pub(crate) fn client(plan: &Plan, connection: &Connection) -> Client {
    let mut client = Client::new(plan.options.clone());
    if connection.debug {
        print_packets(&mut client);
    }
    client
}

/// Prints why it ended, unless that is not wanted, and gives the exit code: the server's when it refused.
pub(crate) fn end(result: anyhow::Result<ExitCode>, version: Version, connection: &Connection) -> ExitCode {
    result.unwrap_or_else(|error| {
        complain(&error, connection);
        let reason = error.downcast_ref().and_then(postrider_client::Error::reason);
        reason.map_or(ExitCode::FAILURE, |reason| {
            ExitCode::from(if version.is_v5() { reason.as_u8() } else { reason.v3_connack() })
        })
    })
}

pub(crate) fn complain(error: &anyhow::Error, connection: &Connection) {
    if !connection.quiet {
        crate::print_error(error);
    }
}

/// Ends when `seconds` are over, with what to end with.
pub(crate) async fn elapsed(seconds: Option<u64>, connection: &Connection) -> ExitCode {
    let Some(seconds) = seconds else { return std::future::pending().await };
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    complain(&anyhow::anyhow!("Timed out"), connection);
    ExitCode::from(TIMED_OUT)
}

/// After a connection that was lost, tries every second until there is another one.
pub(crate) async fn reconnect(
    client: &mut Client,
    lost: postrider_client::Error,
    connection: &Connection,
) -> anyhow::Result<()> {
    let address = client.options().address.clone();
    if !is_passing(lost.kind()) {
        return Err(lost).with_context(|| address);
    }
    let lost = anyhow::Error::new(lost).context(format!("{address}, to be connected to again"));
    complain(&lost, connection);
    loop {
        tokio::time::sleep(BETWEEN_ATTEMPTS).await;
        match client.reconnect().await {
            Ok(()) => return Ok(()),
            Err(error) if is_passing(error.kind()) => {}
            Err(error) => return Err(error).with_context(|| address),
        }
    }
}

/// Whether another attempt may go better.
fn is_passing(kind: ErrorKind) -> bool {
    #[expect(clippy::wildcard_enum_match_arm, reason = "everything else comes again the same")]
    match kind {
        ErrorKind::Closed | ErrorKind::Connect | ErrorKind::Violation(Violation::KeepAliveTimeout) => true,
        ErrorKind::Refused(reason) | ErrorKind::Disconnected(reason) => matches!(
            reason,
            ReasonCode::ServerUnavailable
                | ReasonCode::ServerBusy
                | ReasonCode::ServerShuttingDown
                | ReasonCode::KeepAliveTimeout
                | ReasonCode::ConnectionRateExceeded
                | ReasonCode::MaximumConnectTime
        ),
        _ => false,
    }
}
