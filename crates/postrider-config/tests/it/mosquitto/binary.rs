//! mosquitto itself, to compare with.

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder of a test, gone with it.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("postrider-config-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    pub(super) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).expect("a file");
        path
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A port that was free a moment ago.
pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// mosquitto, until it ends or is dropped.
pub(super) struct Mosquitto {
    child: Child,
    log: BufReader<ChildStderr>,
}

impl Mosquitto {
    pub(super) fn start(args: &[&str], folder: &Folder) -> Self {
        // It is not in the path of everybody.
        let spawn = |program| {
            let mut command = Command::new(program);
            command.args(args).current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null());
            command.stderr(Stdio::piped()).spawn()
        };
        let child = spawn("mosquitto").or_else(|_| spawn("/usr/sbin/mosquitto"));
        let mut child = child.unwrap_or_else(|_| panic!("mosquitto is missing: run `cargo xtask test --install`"));
        let log = BufReader::new(child.stderr.take().expect("a pipe"));
        Self { child, log }
    }

    /// The next line of its log, without its time; none when it has ended.
    pub(super) fn next_line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        let count = self.log.read_until(b'\n', &mut line).expect("a log");
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let text = line.split_once(": ").filter(|(time, _)| time.parse::<u64>().is_ok());
        (count > 0).then(|| text.map_or(line.clone(), |(_, text)| text.to_owned()))
    }

    /// Reads its log up to a line that ends so; the line, or none when it has ended before.
    pub(super) fn wait_for(&mut self, end: &str) -> Option<String> {
        std::iter::from_fn(|| self.next_line()).find(|line| line.ends_with(end))
    }

    pub(super) fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().expect("it was started").code()
    }

    pub(super) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(status.expect("kill").success());
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends bytes and waits for so many.
pub(super) fn talk(port: u16, bytes: &[u8], answer_bytes: usize) -> TcpStream {
    use std::io::Write;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.write_all(bytes).expect("sent");
    let mut answer = vec![0; answer_bytes];
    stream.read_exact(&mut answer).expect("an answer");
    stream
}
