//! A broker whose absent clients may have long queues: `cargo run --release --example queues -- 127.0.0.1:1883`.

use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:1883".to_owned());
    let mut limits = postrider::defaults::limits();
    limits.mailbox.messages_max = 10_000_000;
    limits.mailbox.bytes_max = 4 << 30;
    let broker = postrider::Broker::builder().listen(address.parse()?).limits(limits).start()?;
    tokio::signal::ctrl_c().await?;
    broker.shutdown(Duration::from_secs(5)).await;
    Ok(())
}
