//! What a server can still open once it runs: no more than its configuration needs.
//!
//! Needs landlock in the kernel for the parts that show it at work; elsewhere the broker says that it has none.

use crate::broker::POSTRIDER;
use crate::folder::Folder;
use crate::mosquitto::free_port;
use crate::patience::until;
use crate::program::{Lines, Program, run};
use crate::tools::command;
use crate::wire::Wire;
use postrider_testkit::Hello;
use rustix::process::Signal;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

struct Fenced {
    program: Program,
    log: Lines,
    folder: Folder,
    port: u16,
    /// What it said of the fence.
    said: String,
}

fn text(port: u16, rest: &str) -> String {
    format!(
        "{rest}\n[[listener]]\nname = \"one\"\nbind = \"127.0.0.1:{port}\"\nauth.password_file = \"conf/users\"\n\
         auth.allow_anonymous = true\n"
    )
}

impl Fenced {
    /// Its configuration is in `conf`; it works in the folder.
    fn start(name: &str, rest: &str) -> Self {
        let folder = Folder::new(name);
        for directory in ["conf", "log", "run", "secret"] {
            std::fs::create_dir_all(folder.0.join(directory)).expect("below the target directory");
        }
        users(&folder, "conf/users");
        users(&folder, "secret/users");
        let port = free_port();
        std::fs::write(folder.0.join("conf/a.toml"), text(port, rest)).expect("written");
        let mut shell = Command::new("bash");
        shell.args(["-c", "exec \"$0\" serve -c conf/a.toml -v 2>&1", POSTRIDER]).current_dir(&folder.0);
        let (program, log) = Program::start_and_hear(&mut shell);
        let said = log.wait_for("landlock: ");
        log.wait_for("listening on");
        log.wait_for("data directory");
        Self { program, log, folder, port, said }
    }

    fn is_up(&self) -> bool {
        self.said.contains("this process can read")
    }

    fn write(&self, text: &str) {
        std::fs::write(self.folder.0.join("conf/a.toml"), text).expect("written");
    }

    fn reload_until(&self, words: &str) -> String {
        self.program.signal(Signal::HUP);
        self.log.wait_for(words)
    }

    fn client(&self) -> Wire {
        let at: SocketAddr = (Ipv4Addr::LOCALHOST, self.port).into();
        Wire::client(at, &Hello::new("client"))
    }

    fn end(self) {
        self.program.signal(Signal::TERM);
        assert_eq!(self.program.finish().code, Some(0));
    }
}

fn users(folder: &Folder, name: &str) {
    let path = folder.0.join(name);
    std::fs::write(&path, "# nobody yet\n").expect("written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
}

const MEMORY: &str = "log.types = [\"error\", \"warning\", \"notice\", \"debug\"]\ndata.directory = \"memory\"";

#[test]
fn a_file_elsewhere_is_out_of_reach_and_a_reload_that_names_it_says_to_restart() {
    let broker = Fenced::start("fence-reach", MEMORY);
    // A file beside the old one is in reach.
    users(&broker.folder, "conf/more");
    broker.write(&text(broker.port, MEMORY).replace("conf/users", "conf/more"));
    broker.reload_until("configuration read again");
    broker.write(&text(broker.port, MEMORY).replace("conf/users", "secret/users"));
    if broker.is_up() {
        let said = broker.reload_until("nothing has changed");
        assert!(said.contains("secret/users lies outside") && said.contains("restart the broker"), "{said}");
    } else {
        assert!(broker.said.contains("not in use"), "{}", broker.said);
        broker.reload_until("configuration read again");
    }
    drop(broker.client());
    broker.end();
}

#[test]
fn the_kernel_refuses_what_the_plan_does_not_have() {
    let broker = Fenced::start("fence-kernel", MEMORY);
    if broker.is_up() {
        // Whoever reads the configuration knows nothing of the plan.
        let text = text(broker.port, MEMORY).replace("auth.password_file = \"conf/users\"", "");
        std::fs::remove_file(broker.folder.0.join("conf/a.toml")).expect("there");
        std::fs::write(broker.folder.0.join("secret/a.toml"), text).expect("written");
        std::os::unix::fs::symlink("../secret/a.toml", broker.folder.0.join("conf/a.toml")).expect("a link");
        let said = broker.reload_until("nothing has changed");
        assert!(said.contains("ermission denied") && said.contains("restart the broker"), "{said}");
    } else {
        assert!(broker.said.contains("not in use"), "{}", broker.said);
    }
    broker.end();
}

#[test]
fn logs_are_rotated_sockets_opened_and_data_kept_behind_the_fence() {
    let rest = "log.destinations = [\"stderr\", \"file:log/postrider.log\"]\nlog.types = [\"error\", \"warning\", \
                \"notice\", \"debug\", \"information\"]\nprocess.pid_file = \"run/pid\"\ndata.directory = \"data\"\n";
    let broker = Fenced::start("fence-log", rest);
    let log = broker.folder.0.join("log/postrider.log");
    std::fs::rename(&log, log.with_extension("1")).expect("there");
    let socket = "[[listener]]\nname = \"two\"\nbind = \"unix:run/socket\"\nauth.allow_anonymous = true\n";
    broker.write(&format!("{}{socket}", text(broker.port, rest)));
    broker.reload_until("configuration read again");
    until("a new log is there, and has the line that standard error had first", || {
        std::fs::read_to_string(&log).is_ok_and(|lines| lines.contains("configuration read again"))
    });
    let mut publish = command("postrider pub");
    let socket = broker.folder.0.join("run/socket");
    run(publish.args(["-t", "a", "-r", "-q", "2", "-m", "kept", "--unix"]).arg(&socket)).success();
    broker.write(&text(broker.port, rest));
    broker.reload_until("configuration read again");
    assert!(!socket.exists(), "it is gone with its listener");
    let pid = broker.folder.0.join("run/pid");
    assert!(pid.exists());
    let folder = &broker.folder.0;
    let (data, kept) = (folder.join("data"), std::fs::metadata(folder.join("data")).expect("made before the fence"));
    assert_eq!(kept.permissions().mode() & 0o777, 0o700);
    broker.program.signal(Signal::TERM);
    assert_eq!(broker.program.finish().code, Some(0));
    assert!(!pid.exists());
    let examined = run(Command::new(POSTRIDER).arg("check").arg(data)).success();
    assert!(examined.text().contains("retained messages 1"), "{}", examined.text());
}

#[test]
fn without_the_fence_every_file_can_be_named_again() {
    let rest = format!("{MEMORY}\nprocess.landlock = false");
    let broker = Fenced::start("fence-off", &rest);
    assert!(broker.said.contains("not in use: process.landlock is false"), "{}", broker.said);
    broker.write(&text(broker.port, &rest).replace("conf/users", "secret/users"));
    broker.reload_until("configuration read again");
    broker.end();
}
