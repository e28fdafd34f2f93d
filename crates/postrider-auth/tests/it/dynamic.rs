//! Dynamic security: its file, its commands, and what it decides.

use crate::asked::{begin, request_of};
use crate::folder::Folder;
use crate::rival::{Rival, init};
use postrider_auth::dynamic::{Change, Dynamic, Settings};
use postrider_ports::{
    Access, Action, AuthenticateAnswer, Authorize, AuthorizeRequest, ClientId, Principal, Reply, Subject,
};
use postrider_proto::{Filter, Qos, Topic};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::mpsc::channel;

/// Hashes that cost little.
fn open(path: &Path) -> Dynamic {
    Dynamic::open(path, Settings { iterations: 101, ..Settings::default() }).unwrap_or_else(|error| panic!("{error}"))
}

fn run(dynamic: &Dynamic, commands: Value) -> Value {
    let payload = json!({ "commands": commands }).to_string();
    let response: Value = serde_json::from_slice(&dynamic.run(payload.as_bytes())).expect("JSON");
    response["responses"].clone()
}

/// Carries them out, all of them.
fn done(dynamic: &Dynamic, commands: Value) {
    let responses = run(dynamic, commands);
    assert!(responses.as_array().expect("a list").iter().all(|one| one.get("error").is_none()), "{responses}");
}

fn answer(dynamic: &Dynamic, id: &str, user: Option<&str>, password: Option<&str>) -> AuthenticateAnswer {
    // Another network each time, so that nobody has to wait.
    let request = request_of(id, user, password, &format!("{id}{password:?}"));
    begin(dynamic, request).recv().expect("an answer")
}

fn is_in(dynamic: &Dynamic, id: &str, user: &str, password: &str) -> bool {
    matches!(answer(dynamic, id, Some(user), Some(password)), AuthenticateAnswer::Accept { .. })
}

fn access(dynamic: &Dynamic, user: Option<&str>, id: &str, action: Action) -> Access {
    let (sender, receiver) = channel();
    let subject = Subject { client_id: ClientId::from(id), principal: user.map(Principal::from) };
    let send = move |answer| sender.send(answer).expect("the test waits");
    let request = AuthorizeRequest { subject, peer: None, actions: vec![action] };
    Authorize::begin(dynamic, request, Reply::new(send, Vec::new));
    receiver.recv().expect("an answer").remove(0)
}

fn subscribe(filter: &str) -> Action {
    Action::Subscribe { filter: filter.into(), qos: Qos::AtMostOnce }
}

fn may_publish(dynamic: &Dynamic, user: Option<&str>, topic: &str) -> bool {
    let action = Action::Publish { topic: topic.into(), qos: Qos::AtMostOnce, retain: false };
    access(dynamic, user, "id", action) == Access::Allow
}

fn may_subscribe(dynamic: &Dynamic, user: Option<&str>, filter: &str) -> bool {
    access(dynamic, user, "id", subscribe(filter)) != Access::Deny
}

/// Whether a message comes through a subscription to everything.
fn gets(dynamic: &Dynamic, user: &str, topic: &str) -> bool {
    let topic = Topic::parse(topic.as_bytes()).expect("a topic");
    match access(dynamic, Some(user), "id", subscribe("#")) {
        Access::Allow => true,
        Access::AllowBy(sieve) => {
            let matches = |filter: &str| Filter::parse(filter.as_bytes()).expect("a filter").matches(topic);
            let rule = sieve.rules.iter().find(|(filter, _)| matches(filter));
            rule.map_or(sieve.otherwise, |(_, lets_through)| *lets_through)
        }
        other @ (Access::AllowExcept(_) | Access::Deny | Access::DenyFor(_)) => panic!("{other:?}"),
    }
}

fn fresh(name: &str) -> (Folder, Dynamic) {
    let folder = Folder::new(name);
    let path = folder.file("ds.json", "{}");
    let dynamic = open(&path);
    (folder, dynamic)
}

/// Responses to every one of these are those of mosquitto, to the letter.
#[test]
fn commands_are_answered_as_mosquitto_answers_them() {
    let folder = Folder::new("dynamic-rival");
    let rival = Rival::start(&folder);
    let mut client = rival.connect("admin", "admin", "secret");
    assert!(client.is_in() && client.may_subscribe("$CONTROL/#"));
    let ours = folder.at("ours.json");
    init(&ours);
    let dynamic = open(&ours);
    let commands = include_str!("../../testdata/dynamic-commands.txt");
    let mut differences = Vec::new();
    for line in commands.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let payload = match line.strip_prefix("RAW ") {
            Some(raw) => raw.to_owned(),
            None => format!("{{\"commands\":[{line}]}}"),
        };
        let theirs: Value = serde_json::from_slice(&client.run(payload.as_bytes())).expect("JSON");
        let own: Value = serde_json::from_slice(&dynamic.run(payload.as_bytes())).expect("JSON");
        if own != theirs {
            differences.push(format!("{line}\n  ours:   {own}\n  theirs: {theirs}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    // And so is the file, but for salt and hashes.
    let read = |path: &Path| {
        let mut tree: Value = serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON");
        for client in tree["clients"].as_array_mut().expect("a list") {
            let client = client.as_object_mut().expect("an object");
            for key in ["password", "salt", "iterations"] {
                client.entry(key).and_modify(|value| *value = Value::Null);
            }
        }
        tree
    };
    assert_eq!(read(&ours), read(&rival.file));
    // Each reads what the other has written.
    drop(open(&rival.file));
}

/// Roles, what they allow, and what a client tries.
#[test]
fn what_clients_may_do_is_what_mosquitto_lets_them_do() {
    let folder = Folder::new("dynamic-decisions");
    let rival = Rival::start(&folder);
    let mut admin = rival.connect("admin", "admin", "secret");
    assert!(admin.is_in() && admin.may_subscribe("$CONTROL/#"));
    let ours = folder.at("ours.json");
    init(&ours);
    let dynamic = open(&ours);
    let both = |admin: &mut crate::rival::Mosquito, command: Value| {
        let payload = json!({ "commands": [command] }).to_string();
        let theirs: Value = serde_json::from_slice(&admin.run(payload.as_bytes())).expect("JSON");
        let own: Value = serde_json::from_slice(&dynamic.run(payload.as_bytes())).expect("JSON");
        assert_eq!(own, theirs, "{payload}");
    };
    let tries = ["a", "b", "a/b", "a/b/c", "b/c", "q", "$SYS/x"];
    let filters = ["#", "+", "+/#", "a/#", "a/+", "a", "b/#", "b/+", "b/c", "b/d", "a/b/#", "a/+/#", "+/b/c", "/#"];
    for (number, line) in include_str!("../../testdata/dynamic-roles.txt").lines().enumerate() {
        let user = format!("u{number}");
        let (own, others) = line.split_once(" | ").unwrap_or((line, ""));
        let acls = |text: &str| {
            let acl = |words: Vec<&str>| {
                let [kind, topic, priority, allow] = words[..] else { panic!("{line}") };
                let priority: i32 = priority.parse().expect("a number");
                json!({ "acltype": kind, "topic": topic, "priority": priority, "allow": allow == "yes" })
            };
            text.split(", ")
                .filter(|text| !text.is_empty())
                .map(|text| acl(text.split(' ').collect()))
                .collect::<Value>()
        };
        let (role, shared) = (format!("r{number}"), format!("s{number}"));
        both(&mut admin, json!({ "command": "createRole", "rolename": role, "acls": acls(own) }));
        both(&mut admin, json!({ "command": "createRole", "rolename": shared, "acls": acls(others) }));
        both(&mut admin, json!({ "command": "createGroup", "groupname": user, "roles": [{ "rolename": shared }] }));
        let (roles, groups) = (json!([{ "rolename": role }]), json!([{ "groupname": user }]));
        let client = json!({
            "command": "createClient", "username": user, "password": "p", "roles": roles, "groups": groups
        });
        both(&mut admin, client);
        let mut client = rival.connect("id", &user, "p");
        assert!(client.is_in());
        for topic in tries {
            assert_eq!(may_publish(&dynamic, Some(&user), topic), client.may_publish(topic), "{line}: {topic}");
        }
        for filter in filters {
            assert_eq!(may_subscribe(&dynamic, Some(&user), filter), client.may_subscribe(filter), "{line}: {filter}");
        }
    }
}

#[test]
fn a_file_of_mosquitto_ctrl_is_read_and_written_with_what_nobody_knows() {
    let folder = Folder::new("dynamic-file");
    let path = folder.at("ds.json");
    init(&path);
    let mut tree: Value = serde_json::from_slice(&std::fs::read(&path).expect("a file")).expect("JSON");
    tree["changeIndex"] = 7.into();
    tree["clients"][0]["colour"] = "red".into();
    tree["roles"][0]["acls"][0]["note"] = "kept".into();
    let tree = tree.to_string();
    let path = folder.file("ds.json", &tree);
    let dynamic = open(&path);
    assert!(is_in(&dynamic, "x", "admin", "secret") && !is_in(&dynamic, "x", "admin", "Secret"));
    assert!(may_publish(&dynamic, Some("admin"), "$CONTROL/dynamic-security/v1"));
    assert!(!may_publish(&dynamic, Some("admin"), "a"));
    done(&dynamic, json!([{ "command": "createGroup", "groupname": "g" }]));
    let written = std::fs::read_to_string(&path).expect("a file");
    let kept: Value = serde_json::from_str(&written).expect("JSON");
    assert_eq!(kept["changeIndex"], 7);
    assert_eq!(kept["clients"][0]["colour"], "red");
    assert_eq!(kept["clients"][0]["textname"], "Dynsec admin user", "however it was written");
    assert!(written.contains("\"note\": \"kept\""), "{written}");
    assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    assert!(is_in(&open(&path), "x", "admin", "secret"), "the hash is the same");
}

#[test]
fn passwords_may_stand_in_one_field_and_stay_there() {
    let folder = Folder::new("dynamic-whole");
    let hash = postrider_auth::NewHash::Argon2id.make(b"geheim").expect("a hash");
    let clients = json!([
        { "username": "a", "encoded_password": hash },
        { "username": "b", "password": hash },
        { "username": "c" }
    ]);
    let path = folder.file("ds.json", &json!({ "clients": clients }).to_string());
    let dynamic = open(&path);
    done(&dynamic, json!([{ "command": "modifyClient", "username": "b", "textname": "B" }]));
    let dynamic = open(&path);
    assert!(is_in(&dynamic, "x", "a", "geheim") && is_in(&dynamic, "x", "b", "geheim"));
    assert!(!is_in(&dynamic, "x", "c", "geheim") && !is_in(&dynamic, "x", "c", ""));
    let tree: Value = serde_json::from_slice(&std::fs::read(&path).expect("a file")).expect("JSON");
    assert_eq!(
        (&tree["clients"][0]["encoded_password"], &tree["clients"][1]["password"]),
        (&json!(hash), &json!(hash))
    );
}

#[test]
fn who_is_let_in_depends_on_password_client_identifier_and_whether_it_is_disabled() {
    let (_folder, dynamic) = fresh("dynamic-auth");
    done(
        &dynamic,
        json!([
            { "command": "createClient", "username": "anna", "password": "pw", "clientid": "only" },
            { "command": "createClient", "username": "none" },
            { "command": "createClient", "username": "empty", "password": "" }
        ]),
    );
    assert!(is_in(&dynamic, "only", "anna", "pw") && !is_in(&dynamic, "other", "anna", "pw"));
    assert!(
        !is_in(&dynamic, "x", "none", "") && !is_in(&dynamic, "x", "empty", "") && !is_in(&dynamic, "x", "zoe", "pw")
    );
    assert!(matches!(answer(&dynamic, "x", None, None), AuthenticateAnswer::Refuse { .. }));
    done(&dynamic, json!([{ "command": "disableClient", "username": "anna" }]));
    assert!(!is_in(&dynamic, "only", "anna", "pw"), "not even one that was right a moment ago");
    done(&dynamic, json!([{ "command": "enableClient", "username": "anna" }]));
    assert!(is_in(&dynamic, "only", "anna", "pw"));
    done(&dynamic, json!([{ "command": "setClientPassword", "username": "anna", "password": "new" }]));
    assert!(!is_in(&dynamic, "only", "anna", "pw") && is_in(&dynamic, "only", "anna", "new"));
    done(&dynamic, json!([{ "command": "deleteClient", "username": "anna" }]));
    assert!(!is_in(&dynamic, "only", "anna", "new"));
}

#[test]
fn of_rules_about_delivery_the_first_that_matches_decides() {
    let (_folder, dynamic) = fresh("dynamic-receive");
    let acl = |topic, priority, allow| {
        json!({
            "acltype": "publishClientReceive", "topic": topic, "priority": priority, "allow": allow
        })
    };
    let all = json!({ "acltype": "subscribePattern", "topic": "#", "allow": true });
    done(
        &dynamic,
        json!([
            { "command": "setDefaultACLAccess", "acls": [{ "acltype": "publishClientReceive", "allow": true }] },
            { "command": "createRole", "rolename": "r", "acls": [acl("q/#", 5, false), acl("q/%c/#", 6, true), all] },
            { "command": "createClient", "username": "u", "roles": [{ "rolename": "r" }] }
        ]),
    );
    assert!(!gets(&dynamic, "u", "q/x") && gets(&dynamic, "u", "q/id/x") && gets(&dynamic, "u", "z"));
    assert_eq!(access(&dynamic, Some("u"), "id", subscribe("z/#")), Access::Allow, "nothing is said about it");
    assert_eq!(access(&dynamic, Some("u"), "id", subscribe("q/id/#")), Access::Allow);
    assert!(
        matches!(access(&dynamic, Some("u"), "a/b", subscribe("q/#")), Access::AllowBy(sieve) if sieve.rules.len() == 1)
    );
    done(
        &dynamic,
        json!([
            { "command": "setDefaultACLAccess", "acls": [{ "acltype": "publishClientReceive", "allow": false }] }
        ]),
    );
    assert!(!gets(&dynamic, "u", "z") && gets(&dynamic, "u", "q/id"));
}

#[test]
fn names_that_cannot_stand_in_a_topic_open_nothing_and_close_everything() {
    let (_folder, dynamic) = fresh("dynamic-names");
    let acl =
        |kind, topic, priority, allow| json!({ "acltype": kind, "topic": topic, "priority": priority, "allow": allow });
    done(
        &dynamic,
        json!([
            { "command": "createRole", "rolename": "r", "acls": [
                acl("publishClientSend", "in/%u", 0, true), acl("publishClientSend", "out/%u", 9, false),
                acl("publishClientSend", "out/#", 0, true)] },
            { "command": "createClient", "username": "u", "roles": [{ "rolename": "r" }] },
            { "command": "createClient", "username": "+", "roles": [{ "rolename": "r" }] }
        ]),
    );
    assert!(may_publish(&dynamic, Some("u"), "in/u") && !may_publish(&dynamic, Some("u"), "in/x"));
    assert!(!may_publish(&dynamic, Some("u"), "out/u") && may_publish(&dynamic, Some("u"), "out/x"));
    assert!(!may_publish(&dynamic, Some("+"), "in/x") && !may_publish(&dynamic, Some("+"), "out/x"));
    assert!(!may_publish(&dynamic, Some("zoe"), "out/x"), "a stranger");
    assert!(!may_publish(&dynamic, None, "out/x"));
    done(
        &dynamic,
        json!([
            { "command": "createGroup", "groupname": "g", "roles": [{ "rolename": "r" }] },
            { "command": "setAnonymousGroup", "groupname": "g" }
        ]),
    );
    assert!(may_publish(&dynamic, None, "out/x"));
}

#[test]
fn a_role_may_deny_subscriptions_with_wildcards() {
    let (_folder, dynamic) = fresh("dynamic-wildcards");
    let acls = json!([{ "acltype": "subscribePattern", "topic": "#", "allow": true }]);
    done(
        &dynamic,
        json!([
            { "command": "createRole", "rolename": "r", "allowwildcardsubs": false, "acls": acls },
            { "command": "createClient", "username": "u", "roles": [{ "rolename": "r" }] }
        ]),
    );
    assert!(may_subscribe(&dynamic, Some("u"), "a") && !may_subscribe(&dynamic, Some("u"), "a/+"));
    assert_eq!(
        run(&dynamic, json!([{ "command": "getRole", "rolename": "r" }]))[0]["data"]["role"]["allowwildcardsubs"],
        false
    );
    done(&dynamic, json!([{ "command": "modifyRole", "rolename": "r", "allowwildcardsubs": true }]));
    assert!(may_subscribe(&dynamic, Some("u"), "a/+"));
}

#[test]
fn a_broker_is_told_what_has_changed_and_whose_connections_end() {
    let (_folder, dynamic) = fresh("dynamic-changes");
    done(
        &dynamic,
        json!([
            { "command": "createClient", "username": "a" }, { "command": "createClient", "username": "b" },
            { "command": "createRole", "rolename": "r" }, { "command": "createGroup", "groupname": "g" }
        ]),
    );
    let (sender, changes) = channel();
    dynamic.on_change(move |change| sender.send(change).expect("the test listens"));
    assert_eq!(changes.try_recv(), Ok(Change::Rights), "from before");
    let user = |name: &str| Some(Principal::from(name));
    for (command, ended) in [
        (json!({ "command": "addGroupClient", "groupname": "g", "username": "b" }), vec![user("b")]),
        (json!({ "command": "addGroupRole", "groupname": "g", "rolename": "r" }), vec![user("b")]),
        (json!({ "command": "addClientRole", "username": "a", "rolename": "r" }), vec![user("a")]),
        (json!({ "command": "setAnonymousGroup", "groupname": "g" }), vec![None]),
        (json!({ "command": "modifyRole", "rolename": "r" }), vec![None, user("a"), user("b")]),
        (json!({ "command": "setClientId", "username": "a", "clientid": "x" }), vec![user("a")]),
        (json!({ "command": "setDefaultACLAccess", "acls": [] }), vec![]),
        (
            json!({ "command": "modifyGroup", "groupname": "g", "clients": [{ "username": "a" }] }),
            vec![None, user("a"), user("b")],
        ),
        (json!({ "command": "enableClient", "username": "a" }), vec![]),
        (json!({ "command": "deleteRole", "rolename": "r" }), vec![None, user("a")]),
        (json!({ "command": "deleteClient", "username": "a" }), vec![user("a")]),
    ] {
        done(&dynamic, json!([command]));
        assert_eq!(changes.try_recv(), Ok(Change::Rights), "{command}");
        let gone = if ended.is_empty() { None } else { Some(Change::Gone(ended)) };
        assert_eq!(changes.try_recv().ok(), gone, "{command}");
    }
    run(&dynamic, json!([{ "command": "deleteClient", "username": "a" }, { "command": "listClients" }]));
    assert!(changes.try_recv().is_err(), "nothing has changed");
}

#[test]
fn a_change_that_cannot_be_kept_is_none() {
    let (folder, dynamic) = fresh("dynamic-unkept");
    // Where the new file would be written there is a directory.
    std::fs::create_dir(folder.at("ds.json.new")).expect("a directory");
    let responses = run(
        &dynamic,
        json!([
            { "command": "createClient", "username": "a", "correlationData": "1" }, { "command": "getGroup", "groupname": "g" },
            { "command": "listClients" }
        ]),
    );
    let error = responses[0]["error"].as_str().expect("an error");
    assert!(error.starts_with("Internal error: "), "{error}");
    assert_eq!((&responses[0]["correlationData"], &responses[1]["error"]), (&json!("1"), &json!("Group not found")));
    let listed = run(&dynamic, json!([{ "command": "listClients" }]));
    assert_eq!(listed[0]["data"]["totalCount"], 0);
    std::fs::remove_dir(folder.at("ds.json.new")).expect("a directory");
    done(&dynamic, json!([{ "command": "createClient", "username": "a" }]));
}

#[test]
fn a_command_that_fails_changes_nothing() {
    let (folder, dynamic) = fresh("dynamic-halves");
    done(
        &dynamic,
        json!([
            { "command": "createGroup", "groupname": "g" },
            { "command": "createClient", "username": "a", "textname": "A", "groups": [{ "groupname": "g" }] }
        ]),
    );
    let before = std::fs::read(folder.at("ds.json")).expect("a file");
    let modified = |error: &str, part: &str, value: Value| {
        let (command, key, name) =
            if part == "clients" { ("modifyGroup", "groupname", "g") } else { ("modifyClient", "username", "a") };
        let command = json!({ "command": command, key: name, "textname": "B", part: value });
        assert_eq!(run(&dynamic, json!([command]))[0]["error"], error, "{part}");
    };
    modified("Role not found", "roles", json!([{ "rolename": "x" }]));
    modified(
        "'groups' contains an object with a 'groupname' that does not exist",
        "groups",
        json!([{ "groupname": "x" }]),
    );
    modified("'groups' contains an object with an invalid 'groupname'", "groups", json!([{ "groupname": 7 }]));
    modified(
        "'clients' contains an object with a 'username' that does not exist",
        "clients",
        json!([{ "username": "x" }]),
    );
    assert_eq!(run(&dynamic, json!([{ "command": "createClient", "username": "" }]))[0]["error"], "Empty username");
    done(
        &dynamic,
        json!([{ "command": "setAnonymousGroup", "groupname": "g" }, { "command": "createGroup", "groupname": "h" }]),
    );
    let refused = run(&dynamic, json!([{ "command": "deleteGroup", "groupname": "g" }]));
    assert_eq!(refused[0]["error"], "Deleting the anonymous group is forbidden");
    assert_eq!(
        run(&dynamic, json!([{ "command": "getClient", "username": "a" }]))[0]["data"]["client"]["textname"],
        "A"
    );
    assert_ne!(std::fs::read(folder.at("ds.json")).expect("a file"), before);
}

#[test]
fn a_file_that_is_not_whole_is_refused_with_what_is_wrong() {
    let folder = Folder::new("dynamic-faults");
    for (text, what) in [
        ("", "it is no JSON"),
        ("[]", "it is no JSON object"),
        ("{\"clients\":[{\"username\":\"a\"}", "it is no JSON"),
        ("{\"clients\":{}}", "clients is no list"),
        ("{\"roles\":[7]}", "roles, number 1: it is no object"),
        ("{\"groups\":[{}]}", "groups, number 1: there is no groupname"),
        ("{\"clients\":[{\"username\":\"a\"},{\"username\":\"a\"}]}", "clients, number 2: \"a\" is there twice"),
        ("{\"clients\":[{\"username\":\"a\",\"password\":\"x\",\"salt\":\"x\",\"iterations\":1}]}", "the password: "),
        ("{\"clients\":[{\"username\":\"a\",\"password\":\"$9$x\"}]}", "the password: "),
    ] {
        let error = Dynamic::open(&folder.file("f", text), Settings::default()).expect_err(text);
        assert!(error.what().contains(what), "{text}: {error}");
    }
    assert!(Dynamic::open(&folder.at("nowhere"), Settings::default()).is_err());
}

#[test]
fn ending_a_subscription_has_rules_and_a_default_of_its_own() {
    let (_folder, dynamic) = fresh("dynamic-unsubscribe");
    let acl = |kind: &str, topic: &str, priority: i32, allow: bool| json!({ "acltype": kind, "topic": topic, "priority": priority, "allow": allow });
    done(
        &dynamic,
        json!([
            { "command": "createRole", "rolename": "r", "allowwildcardsubs": false, "acls": [
                acl("unsubscribeLiteral", "a/#", 0, false),
                acl("unsubscribePattern", "b/%u/#", 0, false),
                acl("unsubscribePattern", "c/#", 2, true),
                acl("unsubscribePattern", "c/d", 1, false),
            ] },
            { "command": "createClient", "username": "ann", "password": "x", "roles": [{ "rolename": "r" }] },
        ]),
    );
    let may = |filter: &str| {
        let action = Action::Unsubscribe { filter: filter.into() };
        access(&dynamic, Some("ann"), "id", action) == Access::Allow
    };
    let filters = ["a/#", "a/b", "b/ann/+", "b/otto/+", "c/d", "else", "+/#"];
    assert_eq!(filters.map(may), [false, false, false, false, true, false, false], "a file that says nothing");
    let all = json!([{ "acltype": "unsubscribe", "allow": true }]);
    done(&dynamic, json!([{ "command": "setDefaultACLAccess", "acls": all }]));
    assert_eq!(filters.map(may), [false, true, false, true, true, true, true]);
}
