//! Sockets that were there before the process.

use postrider_net::{Address, Listener, SocketOptions, inherited};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

const NAME: &str = "activation::sockets_that_were_passed_are_taken_with_their_names_and_once";
const ADDRESS: &str = "POSTRIDER_TEST_PASSED_ADDRESS";

/// It starts itself a second time, and then it has them.
#[test]
fn sockets_that_were_passed_are_taken_with_their_names_and_once() {
    match std::env::var(ADDRESS) {
        Ok(address) => receive(&address),
        Err(_) => pass(),
    }
}

fn pass() {
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let path = std::env::temp_dir().join(format!("postrider-passed-{}", std::process::id()));
    let unix = std::os::unix::net::UnixListener::bind(&path).expect("free");
    let address = tcp.local_addr().expect("it has one").to_string();
    let script = "LISTEN_PID=$$ exec \"$0\" --exact \"$1\" 3<&0 4<&1 </dev/null >/dev/null";
    let program = std::env::current_exe().expect("this test");
    let mut child = Command::new("sh");
    child.arg("-c").arg(script).arg(program).arg(NAME);
    child.env("LISTEN_FDS", "2").env("LISTEN_FDNAMES", "mqtt:unknown").env(ADDRESS, address);
    child.stdin(Stdio::from(OwnedFd::from(tcp))).stdout(Stdio::from(OwnedFd::from(unix)));
    let status = child.status().expect("a shell");
    std::fs::remove_file(path).expect("ours");
    assert!(status.success(), "the child did not find its sockets");
}

fn receive(address: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _guard = runtime.enter();
    let passed = inherited().expect("both are good");
    let names: Vec<&str> = passed.iter().map(|passed| passed.name.as_str()).collect();
    assert_eq!(names, ["mqtt", ""]);
    let listen = |passed: postrider_net::Inherited| Listener::inherit(passed.socket, &SocketOptions::default());
    let listeners: Vec<Listener> = passed.into_iter().map(|passed| listen(passed).expect("it listens")).collect();
    assert_eq!(listeners[0].address().to_string(), address);
    assert!(matches!(listeners[1].address(), Address::Unix(_)));
    assert!(inherited().expect("nothing is left").is_empty());
}
