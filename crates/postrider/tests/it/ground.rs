//! Where a broker's connections are served: the caller's runtime, of either kind, or threads of its own.

use postrider::{Broker, Builder, Counters};
use std::net::SocketAddr;
use tokio::runtime;

/// A free port of this machine.
pub(crate) fn local() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A broker on the caller's runtime.
pub(crate) fn broker() -> Builder {
    Broker::builder().listen(local())
}

/// Runs a scenario with a broker on each ground there is.
pub(crate) fn everywhere(scenario: impl AsyncFn(Builder)) {
    for (workers, threads) in [(1, 0), (2, 0), (1, 1), (1, 2), (1, 3)] {
        eprintln!("{workers} workers of the caller, {threads} threads of the broker");
        let mut builder = match workers {
            1 => runtime::Builder::new_current_thread(),
            _ => runtime::Builder::new_multi_thread(),
        };
        if workers > 1 {
            builder.worker_threads(workers);
        }
        let runtime = builder.enable_all().build().expect("a runtime");
        runtime.block_on(scenario(broker().threads(threads)));
    }
}

/// Nobody was let in, and nothing came of what strangers said but what they were answered.
pub(crate) async fn expect_nothing_changed(broker: &Broker) {
    let counters = broker.counters().await.expect("it runs");
    let Counters { received, sent, sockets_opened, connects_received, .. } = counters;
    let passed = Counters { received, sent, sockets_opened, connects_received, ..Counters::default() };
    assert_eq!(counters, passed);
    assert_eq!((received.publishes, sent.publishes), (0, 0));
}
