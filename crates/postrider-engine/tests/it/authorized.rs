//! What the compiler says to code that would route a message which nobody has allowed.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// A room beside the one under test, with a stand-in for routing.
const AROUND: &str = "
#![allow(dead_code)]
#[path = \"AUTHORIZED\"]
mod authorized;
use authorized::Authorized;
#[derive(Clone, Copy)]
struct Message { topic: &'static str }
fn route(authorized: &Authorized<Message>) -> &'static str { authorized.get().topic }
fn check(message: Message) -> Authorized<Message> { Authorized::certify(message) }
";

/// What the compiler says of it; nothing if it takes it.
fn compile(name: &str, code: &str) -> Option<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/authorized.rs");
    let source = AROUND.replace("AUTHORIZED", &file.display().to_string()) + code;
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command.args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata", "--crate-name", name]);
    command.args(["--out-dir", env!("CARGO_TARGET_TMPDIR"), "-"]);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("rustc can be started");
    child.stdin.take().expect("a pipe").write_all(source.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    (!output.status.success()).then(|| String::from_utf8(output.stderr).expect("text"))
}

// A18
#[test]
fn a_message_that_was_not_certified_or_was_changed_since_cannot_be_routed() {
    assert_eq!(compile("certified", "fn way(it: Message) -> &'static str { route(&check(it)) }"), None);
    let again = "fn way(it: Authorized<Message>) -> &'static str {
        let mut message = *it.get();
        message.topic = \"other\";
        route(&check(message))
    }";
    assert_eq!(compile("again", again), None);
    for (name, code, error) in [
        ("plain", "fn way(it: Message) -> &'static str { route(&it) }", "E0308"),
        ("made", "fn way(it: Message) -> &'static str { route(&Authorized(it)) }", "E0423"),
        ("changed", "fn way(mut it: Authorized<Message>) { it.0.topic = \"other\"; }", "E0616"),
        ("changed_in_place", "fn way(it: Authorized<Message>) { it.get().topic = \"other\"; }", "E0594"),
        ("taken_apart", "fn way(it: Authorized<Message>) { let Authorized(_) = it; }", "E0532"),
        ("taken_out", "fn way(it: Authorized<Message>) -> &'static str { route(it.get()) }", "E0308"),
    ] {
        let said = compile(name, code).unwrap_or_else(|| panic!("{name} is taken"));
        assert!(said.contains(&format!("error[{error}]")), "{name}: {said}");
    }
}
