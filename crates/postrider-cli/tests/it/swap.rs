//! Another broker in the place of one that clients are connected to, with the same files: first Postrider in the place
//! of mosquitto, then Postrider in its own.

use crate::authority::{Authority, Identity};
use crate::broker::POSTRIDER;
use crate::folder::Folder;
use crate::mosquitto::free_port;
use crate::patience::until;
use crate::program::{Lines, Program, run};
use crate::tools::{self, command};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long the fleet is left alone with each broker.
const PAUSE: Duration = Duration::from_secs(3);

/// A folder with everything that a mosquitto.conf names.
struct Files {
    folder: Folder,
    authority: Authority,
    file: PathBuf,
    /// Without TLS, through WebSocket, with TLS.
    ports: [u16; 3],
}

impl Files {
    fn new(name: &'static str) -> Self {
        let (folder, authority) = (Folder::new(&format!("{name}-files")), Authority::new(name));
        let ports = [free_port(), free_port(), free_port()];
        let data = folder.0.join("data");
        std::fs::create_dir_all(&data).expect("below the target directory");
        let Identity { certificate, key } = authority.sign("server", &["localhost"]);
        let at = |name: &str| folder.0.join(name);
        let mut passwd = command("mosquitto_passwd");
        run(passwd.args(["-c", "-b"]).arg(at("passwords")).args(["fleet", "secret"])).success();
        std::fs::write(at("rules"), "user fleet\ntopic fleet/#\ntopic kept/#\ntopic will/#\n").expect("written");
        let [plain, web, secure] = ports;
        let text = format!(
            "user root\npersistence true\npersistence_location {data}/\npassword_file {passwords}\nacl_file {rules}\n\
             max_queued_messages 100000\nlog_dest stderr\n\
             listener {plain}\nlistener {web}\nprotocol websockets\n\
             listener {secure}\ncertfile {certificate}\nkeyfile {key}\n",
            data = data.display(),
            passwords = at("passwords").display(),
            rules = at("rules").display(),
            certificate = certificate.display(),
            key = key.display(),
        );
        let file = at("mosquitto.conf");
        std::fs::write(&file, text).expect("written");
        Self { folder, authority, file, ports }
    }

    fn database(&self) -> PathBuf {
        self.folder.0.join("data/mosquitto.db")
    }

    fn mosquitto(&self) -> Program {
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let program = Program::start(Command::new("mosquitto").arg("-c").arg(&self.file).env("PATH", path));
        self.wait_for_doors();
        program
    }

    fn postrider(&self) -> (Program, Lines) {
        let mut bash = Command::new("bash");
        bash.args(["-c", "exec \"$0\" -c \"$1\" 2>&1", POSTRIDER]).arg(&self.file);
        let started = Program::start_and_hear(&mut bash);
        self.wait_for_doors();
        started
    }

    fn wait_for_doors(&self) {
        for port in self.ports {
            until("the broker listens", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
        }
    }
}

/// Clients of others that come back by themselves.
struct Fleet(Program, Lines);

impl Fleet {
    fn start(files: &Files) -> Self {
        let [tcp, ws, tls] = files.ports;
        let told = json!({
            "ports": { "tcp": tcp, "ws": ws, "tls": tls }, "authority": files.authority.file(),
            "user": "fleet", "password": "secret", "publishers": 9, "subscribers": 9, "absent": 6,
        });
        let mut node = tools::mqtt_js_with("fleet_with_mqtt_js.mjs");
        let (program, said) = Program::start_and_hear(node.arg(told.to_string()));
        said.wait_for("ready");
        std::thread::sleep(PAUSE);
        Self(program, said)
    }

    fn report(mut self) -> Value {
        self.0.tell(b"enough\n");
        let done = serde_json::from_str(&self.1.wait_for("done")).expect("JSON");
        assert_eq!(self.0.finish().code, Some(0));
        done
    }
}

fn stop(program: Program) {
    program.signal(Signal::TERM);
    assert_eq!(program.finish().code, Some(0));
}

/// Nothing that was promised is missing, and nothing came twice that comes once.
fn judge(done: &Value) {
    let count = |name: &str| done[name].as_u64().expect("a count");
    assert!(count("acknowledged") > 200 && count("retained") > 5, "{done}");
    let broken = ["lost", "doubled", "unacknowledged", "strangers", "retained_wrong"].map(count);
    assert_eq!(broken, [0; 5], "lost, doubled, unacknowledged, sessions that were gone, retained: {done}");
}

#[test]
fn postrider_takes_the_place_of_mosquitto_under_a_fleet_of_clients_that_loses_nothing() {
    let files = Files::new("swap-mosquitto");
    let mosquitto = files.mosquitto();
    let fleet = Fleet::start(&files);
    let begun = Instant::now();
    stop(mosquitto);
    let stopped = begun.elapsed();
    let kept = std::fs::read(files.database()).expect("mosquitto has saved");
    let (postrider, log) = files.postrider();
    let away = begun.elapsed();
    let taken = log.wait_for("taken over from");
    std::thread::sleep(PAUSE);
    let done = fleet.report();
    eprintln!(
        "proof swap-mosquitto: {taken}\nproof swap-mosquitto: {} ms without a broker, {} ms of them to stop mosquitto; \
         {done}",
        away.as_millis(),
        stopped.as_millis()
    );
    judge(&done);
    // mosquitto says the wills of all who are there when it ends: to each subscriber those of all publishers.
    assert!(done["wills"].as_u64().expect("a count") >= 9 * 15, "{done}");
    stop(postrider);
    assert!(std::fs::read(files.database()).expect("there") == kept, "the file has changed");
}

#[test]
fn postrider_takes_its_own_place_stopped_or_killed_under_a_fleet_of_clients_that_loses_nothing() {
    let files = Files::new("swap-own");
    let (first, _log) = files.postrider();
    let fleet = Fleet::start(&files);
    stop(first);
    let (mut running, mut log) = files.postrider();
    for _ in 0..2 {
        std::thread::sleep(PAUSE);
        running.signal(Signal::KILL);
        drop(running.finish());
        (running, log) = files.postrider();
    }
    std::thread::sleep(PAUSE);
    let done = fleet.report();
    eprintln!("proof swap-own: 1 stop, 2 kills; {done}");
    judge(&done);
    stop(running);
    drop(log);
}
