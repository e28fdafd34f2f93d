//! The soak: the server on a scratch directory under a mixed load, watched for what grows or becomes slower.
//!
//! Owns: the server's process, which ends with the soak, its directory, and the limits of the short and the long form.
//! Never: ends a process that it did not start.

use crate::command::{cargo, command, root, run as run_command};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// What fails a soak: MiB an hour that memory certainly grows by, and percent that the latency has grown by.
struct Limits {
    slope: &'static str,
    drift: &'static str,
    /// Bytes of a payload, so that the log begins a file several times in a run: what it knows of the records of its
    /// newest file grows with that file and goes with it.
    size: &'static str,
}

/// In minutes, memory is still finding its size, and the latency is that of the machine's other work.
const SHORT: Limits = Limits { slope: "60", drift: "400", size: "8192" };
const LONG: Limits = Limits { slope: "1", drift: "50", size: "1024" };
/// From here on a soak is long.
const LONG_MINUTES: u64 = 60;
const SMOKE_MINUTES: u64 = 3;

/// The short form, for the test command.
pub(crate) fn smoke() -> Result<String> {
    let figures = soak(SMOKE_MINUTES)?;
    println!("{}\n{}", proof(SMOKE_MINUTES, &figures), sentence(&figures));
    Ok(format!("{SMOKE_MINUTES} minutes, {} messages", count(&figures, "messages")))
}

/// `cargo xtask soak --minutes N`.
pub(crate) fn run(minutes: u64) -> Result<()> {
    let figures = soak(minutes)?;
    println!("{}\n{}", proof(minutes, &figures), sentence(&figures));
    Ok(())
}

fn soak(minutes: u64) -> Result<Value> {
    run_command(&mut cargo("build --quiet --release --package postrider-cli"))?;
    let limits = if minutes < LONG_MINUTES { SHORT } else { LONG };
    let server = Server::start()?;
    let figures = load(&server, minutes, &limits);
    let ended = server.stop();
    let figures = figures?;
    ended.map(|()| figures)
}

fn load(server: &Server, minutes: u64, limits: &Limits) -> Result<Value> {
    let (port, pid) = (server.port, server.child.id());
    let args = format!(
        "bench soak --json --minutes {minutes} --size {} -p {port} --pid {pid} --slope-max {} --drift-max {}",
        limits.size, limits.slope, limits.drift
    );
    let mut soak = command(&text(&program())?, &args);
    let output = soak.arg("--data").arg(server.data()).stderr(Stdio::inherit()).output().context("the soak")?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("the soak ended with {}: {said}", output.status);
    }
    serde_json::from_str(&said).with_context(|| format!("the soak printed {said}"))
}

fn proof(minutes: u64, figures: &Value) -> String {
    let of = |name| count(figures, name);
    format!(
        "proof soak: {minutes} minutes, {} messages, {} connections, {} takeovers, {} lost, {} doubled",
        of("messages"),
        of("connections"),
        of("takeovers"),
        of("lost"),
        of("doubled")
    )
}

fn sentence(figures: &Value) -> String {
    let of = |name: &str| figures[name].as_f64().map_or_else(|| "?".to_owned(), |value| format!("{value:.1}"));
    format!(
        "memory {} to {} MiB, slope {} MiB/h (nine times out of ten between {} and {}); descriptors {} to {}, at most {}; p99 {} to {} µs, drift {} %",
        of("resident_first_mib"),
        of("resident_last_mib"),
        of("slope_mib_per_h"),
        of("slope_low_mib_per_h"),
        of("slope_high_mib_per_h"),
        count(figures, "descriptors_first"),
        count(figures, "descriptors_last"),
        count(figures, "descriptors_max"),
        of("latency_p99_first_us"),
        of("latency_p99_last_us"),
        of("drift_percent")
    )
}

fn count(figures: &Value, name: &str) -> String {
    figures[name].as_u64().map_or_else(|| "?".to_owned(), |count| count.to_string())
}

fn program() -> PathBuf {
    root().join("target/release/postrider")
}

fn text(path: &Path) -> Result<String> {
    path.to_str().map(str::to_owned).with_context(|| format!("{} is not text", path.display()))
}

/// The server, which ends when nobody has it any more.
struct Server {
    child: Child,
    /// Kept open, so that the server can go on talking.
    said: BufReader<ChildStdout>,
    directory: PathBuf,
    port: u16,
}

impl Server {
    fn start() -> Result<Self> {
        let directory = root().join(format!("target/soak-{}", std::process::id()));
        let mut serve = Command::new(program());
        serve.args(["serve", "-p", "0", "--data-dir"]).arg(directory.join("data"));
        fs::create_dir_all(&directory).with_context(|| format!("making {}", directory.display()))?;
        let mut child = serve.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("starting the server")?;
        let said = BufReader::new(child.stdout.take().context("the server's output is piped")?);
        let mut server = Self { child, said, directory, port: 0 };
        server.port = server.hear_port()?;
        Ok(server)
    }

    fn hear_port(&mut self) -> Result<u16> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.said.read_line(&mut line).context("listening to the server")? == 0 {
                bail!("the server ended before it listened; `postrider serve` in a terminal says why");
            }
            let address = line.split_once("mqtt://").and_then(|(_, rest)| rest.split(' ').next());
            if let Some(port) =
                address.and_then(|address| address.rsplit_once(':')).and_then(|(_, port)| port.parse().ok())
            {
                return Ok(port);
            }
        }
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Asks it to end, and waits for that.
    fn stop(mut self) -> Result<()> {
        run_command(&mut command("kill", &self.child.id().to_string()))?;
        let status = self.child.wait().context("waiting for the server")?;
        if !status.success() {
            bail!("the server ended with {status}");
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended in peace, or is ended here.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}
