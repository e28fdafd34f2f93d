//! Figures over HTTP and lists over `$CONTROL`, as mosquitto 2.1 has them.

use crate::folder::Folder;
use crate::mosquitto::free_port;
use crate::program::run;
use crate::serving::{Served, at, mosquitto};
use crate::tools::command;
use crate::wire::Wire;
use postrider_testkit::Hello;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Status and body of what is answered to these bytes.
fn ask(port: u16, request: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(at(port)).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
    stream.write_all(request).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text, and then the end");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, body.to_owned())
}

fn get(port: u16, path: &str, headers: &str) -> (u16, String) {
    ask(port, format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").as_bytes())
}

fn json_at(port: u16, path: &str) -> Value {
    let (status, body) = get(port, path, "");
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).expect("JSON")
}

#[test]
fn figures_listeners_version_and_files_are_told_over_http_and_bad_requests_are_refused() {
    let (mqtt, http) = (free_port(), free_port());
    let folder = Folder::new("http-api-files");
    std::fs::create_dir_all(&folder.0).expect("below the target directory");
    std::fs::write(folder.0.join("index.html"), "a dashboard").expect("written");
    let text = format!(
        "allow_anonymous true\nlistener {mqtt} 127.0.0.1\n\
         listener {http} 127.0.0.1\nprotocol http_api\nhttp_dir {}\nlog_dest stderr\n",
        folder.shown()
    );
    let served =
        Served::start("http-api", "mosquitto.conf", &text, &format!("Opening http api listen socket on port {http}."));
    served.log.wait_for("running");
    let _client = Wire::client(at(mqtt), &Hello::new("c"));
    let tree = json_at(http, "/api/v1/systree");
    assert_eq!(tree["$SYS/broker/clients/connected"], 1);
    assert_eq!(tree["$SYS/broker/clients/total"], 1);
    for topic in ["uptime", "messages/stored", "retained messages/count", "store/messages/bytes", "bytes/received"] {
        assert!(tree[format!("$SYS/broker/{topic}")].is_u64(), "{topic}: {tree}");
    }
    let listener = |port: u16, protocol: &str| json!({ "port": port, "protocol": protocol, "tls": false, "mtls": false, "allow_anonymous": true });
    let listeners = json!({ "listeners": [listener(mqtt, "mqtt"), listener(http, "httpapi")] });
    assert_eq!(json_at(http, "/api/v1/listeners"), listeners);
    assert_eq!(get(http, "/api/v1/version", ""), (200, env!("CARGO_PKG_VERSION").to_owned()));
    assert_eq!(get(http, "/", ""), (200, "a dashboard".to_owned()));
    assert_eq!(get(http, "/api/v1/nothing", "").0, 404);
    assert_eq!(get(http, "/../secret", "").0, 404);
    assert_eq!(ask(http, b"POST /api/v1/version HTTP/1.1\r\n\r\n").0, 405);
    assert_eq!(ask(http, b"HEAD /api/v1/version HTTP/1.1\r\n\r\n"), (200, String::new()));
    assert_eq!(ask(http, b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00").0, 400);
    let endless = format!("GET / HTTP/1.1\r\n{}", "a: b\r\n".repeat(4000));
    assert_eq!(ask(http, endless.as_bytes()).0, 431);
    // A topic with a wildcard is none.
    assert_eq!(get(http, "/api/+/version", "").0, 401);
    assert_eq!(served.end().code, Some(0));
}

#[test]
fn who_has_no_password_or_no_right_to_a_path_is_told_nothing_over_http() {
    let http = free_port();
    let folder = Folder::new("http-api-users-files");
    std::fs::create_dir_all(&folder.0).expect("below the target directory");
    let mut passwd = command("mosquitto_passwd");
    run(passwd.args(["-c", "-b"]).arg(folder.0.join("users")).args(["ann", "secret"])).success();
    std::fs::write(folder.0.join("acl"), "user ann\ntopic read /api/v1/version\n").expect("written");
    let text = format!(
        "listener {http} 127.0.0.1\nprotocol http_api\npassword_file {0}/users\nacl_file {0}/acl\nlog_dest stderr\n",
        folder.shown()
    );
    let served = Served::start("http-api-users", "mosquitto.conf", &text, "running");
    // ann:secret, ann:wrong, and what is no pair.
    let right = "Authorization: Basic YW5uOnNlY3JldA==\r\n";
    assert_eq!(get(http, "/api/v1/version", right).0, 200);
    assert_eq!(get(http, "/api/v1/systree", right).0, 401);
    for wrong in ["", "Authorization: Basic YW5uOndyb25n\r\n", "Authorization: Basic ????\r\n"] {
        assert_eq!(get(http, "/api/v1/version", wrong), (401, "Not authorised\n".to_owned()));
    }
    assert_eq!(served.end().code, Some(0));
}

#[test]
fn figures_for_other_machines_need_a_password_or_a_word_that_they_do_not() {
    let folder = Folder::new("http-api-open");
    std::fs::create_dir_all(&folder.0).expect("below the target directory");
    let file = folder.0.join("postrider.toml");
    let told = |more: &str| {
        let text = format!("[[listener]]\nname = \"figures\"\nbind = \"0.0.0.0:0\"\nprotocol = \"http_api\"\n{more}");
        std::fs::write(&file, text).expect("written");
        run(command("postrider serve").arg("-c").arg(&file).arg("--test-config"))
    };
    let refused = told("");
    assert_ne!(refused.code, Some(0));
    assert!(refused.errors.contains("listener.figures.auth.allow_anonymous"), "{}", refused.errors);
    told("[listener.auth]\nallow_anonymous = true\n").success();
}

#[test]
fn listeners_and_plugins_are_listed_to_whoever_may_command_the_broker_and_to_nobody_else() {
    let (mqtt, web) = (free_port(), free_port());
    let folder = Folder::new("control-api-files");
    std::fs::create_dir_all(&folder.0).expect("below the target directory");
    for (flags, user) in [(&["-c", "-b"][..], "ann"), (&["-b"], "eve")] {
        let mut passwd = command("mosquitto_passwd");
        run(passwd.args(flags).arg(folder.0.join("users")).args([user, "secret"])).success();
    }
    let rules = "user ann\ntopic readwrite $CONTROL/broker/#\nuser eve\ntopic read $CONTROL/broker/#\n";
    std::fs::write(folder.0.join("acl"), rules).expect("written");
    let text = format!(
        "enable_control_api true\npassword_file {0}/users\nacl_file {0}/acl\nlistener {mqtt} 127.0.0.1\n\
         listener {web} 127.0.0.1\nprotocol websockets\nlog_dest stderr\n",
        folder.shown()
    );
    let served = Served::start("control-api", "mosquitto.conf", &text, "running");
    let order = |user: &str, payload: &str| {
        let way = format!("-h 127.0.0.1 -p {mqtt} -u {user} -P secret -W 3");
        let topics = "-t $CONTROL/broker/v1 -e $CONTROL/broker/v1/response";
        run(mosquitto("mosquitto_rr", &format!("{way} {topics}")).args(["-m", payload]))
    };
    let answer = |payload: &Value| {
        let said = order("ann", &payload.to_string()).success().text();
        serde_json::from_str::<Value>(&said).expect("JSON")
    };
    let commands = json!({ "commands": [
        { "command": "listListeners", "correlationData": "one" }, { "command": "listPlugins" }, { "command": "fly" }
    ] });
    let listeners = json!([
        { "port": mqtt, "protocol": "mqtt", "tls": false },
        { "port": web, "protocol": "mqtt+websockets", "tls": false },
    ]);
    let responses = json!({ "responses": [
        { "command": "listListeners", "data": { "listeners": listeners }, "correlationData": "one" },
        { "command": "listPlugins", "data": { "plugins": [] } },
        { "command": "fly", "error": "Unknown command" },
    ] });
    assert_eq!(answer(&commands), responses);
    let fault = |text: &str| json!({ "responses": [{ "command": "Unknown command", "error": text }] });
    assert_eq!(answer(&json!({})), fault("Invalid/missing commands"));
    assert_eq!(answer(&json!({ "commands": ["fly"] })), fault("Command not an object"));
    assert_eq!(order("eve", &commands.to_string()).text(), "");
    assert_eq!(served.end().code, Some(0));
}
