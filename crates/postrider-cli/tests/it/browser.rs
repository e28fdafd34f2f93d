//! mqtt.js in a real browser: what pages may do, and what the browser forbids them.

use crate::authority::{Authority, Identity};
use crate::broker::POSTRIDER;
use crate::folder::Folder;
use crate::mosquitto::free_port;
use crate::program::{Lines, Program};
use crate::tools;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

fn next(said: &Lines, event: &str) -> Value {
    serde_json::from_str(&said.wait_for(&format!("\"event\":\"{event}\""))).expect("JSON")
}

fn start(file: &Path) -> Program {
    let mut bash = Command::new("bash");
    let (program, log) = Program::start_and_hear(bash.args(["-c", "exec \"$0\" -c \"$1\" 2>&1", POSTRIDER]).arg(file));
    log.wait_for("data directory");
    program
}

#[test]
fn mqtt_js_in_chromium_works_over_ws_and_wss_comes_back_by_itself_and_pages_of_other_origins_stay_outside() {
    let authority = Authority::new("browser");
    let Identity { certificate, key } = authority.sign("server", &["localhost"]);
    let [ws, wss, good, evil] = [free_port(), free_port(), free_port(), free_port()];
    let folder = Folder::new("browser-files");
    std::fs::create_dir_all(&folder.0).expect("below the target directory");
    let file = folder.0.join("postrider.toml");
    let listener = |name: &str, port: u16, rest: &str| {
        format!(
            "[[listener]]\nname = \"{name}\"\nbind = \"localhost:{port}\"\nprotocol = \"websockets\"\n\
             [listener.auth]\nallow_anonymous = true\n\
             [listener.websocket]\norigins = [\"http://localhost:{good}\"]\n{rest}"
        )
    };
    let tls = format!("[listener.tls]\ncertificate = \"{}\"\nkey = \"{}\"\n", certificate.display(), key.display());
    let text = format!(
        "[data]\ndirectory = \"{}/data\"\n{}{}",
        folder.shown(),
        listener("ws", ws, ""),
        listener("wss", wss, &tls)
    );
    std::fs::write(&file, text).expect("written");
    let urls = [format!("ws://localhost:{ws}/mqtt"), format!("wss://localhost:{wss}/mqtt")];
    let broker = start(&file);
    let told = json!({
        "urls": urls, "certificate": certificate, "good": good, "evil": evil, "chromium": tools::chromium(),
    });
    let (mut node, said) = Program::start_and_hear(tools::in_chromium().arg(told.to_string()));
    eprintln!("{}", next(&said, "browser"));
    for (url, version) in urls.iter().flat_map(|url| [(url, 4), (url, 5)]) {
        let told = next(&said, "conversed");
        assert_eq!((&told["url"], &told["version"]), (&json!(url), &json!(version)));
        let name = told["name"].as_str().expect("a name");
        let heard = [0, 1, 2].map(|qos| format!("{name}/q q{qos} {}", 1 + 70_000 * qos));
        assert_eq!(told["heard"], json!(heard));
    }
    for url in &urls {
        // 1006: the browser does not tell a page why.
        assert_eq!(next(&said, "origin"), json!({ "event": "origin", "url": url, "evil": "closed 1006" }));
    }
    next(&said, "ready");
    broker.signal(Signal::KILL);
    drop(broker.finish());
    let broker = start(&file);
    node.tell(b"go on\n");
    for _ in 0..4 {
        let told = next(&said, "resumed");
        let name = told["name"].as_str().expect("a name");
        assert_eq!(told["heard"], json!([format!("{name}/again q2 4")]), "{told}");
        let connacks = told["connacks"].as_array().expect("a list");
        assert_eq!((&connacks[0], connacks.last()), (&json!(false), Some(&json!(true))), "{told}");
    }
    for (url, want) in urls.iter().zip(["open", "closed 1006"]) {
        assert_eq!(next(&said, "trust"), json!({ "event": "trust", "url": url, "wary": want }));
    }
    next(&said, "over");
    assert_eq!(node.finish().code, Some(0));
    broker.signal(Signal::TERM);
    assert_eq!(broker.finish().code, Some(0));
}
