//! The postrider command: an MQTT broker and its tools.

use std::net::SocketAddr;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let mut port = 1883u16;
    let mut threads = 2;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-p" => port = args.next().unwrap_or_default().parse()?,
            "-t" => threads = args.next().unwrap_or_default().parse()?,
            _ => {}
        }
    }
    let limit = postrider_net::raise_limit();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let address: SocketAddr = ([127, 0, 0, 1], port).into();
        let broker = postrider::Broker::builder().listen(address).threads(threads).start()?;
        eprintln!("listening on {} ({limit} descriptors)", broker.addresses()[0]);
        tokio::signal::ctrl_c().await?;
        broker.shutdown(std::time::Duration::from_secs(2)).await;
        Ok(())
    })
}
