//! Client identifiers and users in a store of the broker's own.

use crate::asked::{begin, request_of};
use crate::folder::Folder;
use postrider_auth::Settings;
use postrider_auth::people::People;
use postrider_ports::{AuthenticateAnswer, Principal};
use postrider_proto::ReasonCode;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn open(path: &Path) -> People {
    People::open(path, Settings::default()).expect("a store")
}

/// The principal, or the reason of a refusal.
fn ask(people: &People, id: &str, user: Option<&str>, password: Option<&str>) -> Result<Option<String>, ReasonCode> {
    let request = request_of(id, user, password, "pipe");
    match begin(people, request).recv().expect("an answer") {
        AuthenticateAnswer::Accept { principal, .. } => {
            Ok(principal.as_ref().map(|one| Principal::as_str(one).to_owned()))
        }
        AuthenticateAnswer::Refuse { reason, .. } => Err(reason),
        AuthenticateAnswer::Continue { .. } => panic!("there is nothing to go on with"),
    }
}

// TCL-14, TCL-15, X-06
#[test]
fn a_list_of_client_identifiers_lets_only_those_in_and_an_empty_one_everybody() {
    let folder = Folder::new("people-clients");
    let people = open(&folder.at("people.json"));
    assert_eq!(ask(&people, "x", Some("anna"), None), Ok(None), "a name that nobody has looked at");
    assert_eq!((people.add_client("c").expect("kept"), people.add_client("c").expect("kept")), (true, false));
    assert_eq!(ask(&people, "c", None, None), Ok(None));
    for other in ["x", "C", "c ", ""] {
        assert_eq!(ask(&people, other, None, None), Err(ReasonCode::NotAuthorized), "{other}");
    }
    assert_eq!((people.remove_client("x").expect("kept"), people.remove_client("c").expect("kept")), (false, true));
    assert_eq!(ask(&people, "x", None, None), Ok(None), "open again");
}

// TCL-17, TCL-18
#[test]
fn a_list_of_users_lets_only_those_in_with_their_password_or_any_if_they_have_none() {
    let folder = Folder::new("people-users");
    let people = open(&folder.at("people.json"));
    assert!(people.add_user("anna", Some(b"secret")).expect("kept") && people.add_user("otto", None).expect("kept"));
    let (anna, otto) = (Ok(Some("anna".to_owned())), Ok(Some("otto".to_owned())));
    assert_eq!(ask(&people, "x", Some("anna"), Some("secret")), anna);
    for password in [None, Some("any")] {
        assert_eq!(ask(&people, "x", Some("otto"), password), otto);
        assert_eq!(ask(&people, "x", Some("anna"), password), Err(ReasonCode::BadUserNameOrPassword));
        assert_eq!(ask(&people, "x", Some("zoe"), password), Err(ReasonCode::BadUserNameOrPassword));
    }
    assert_eq!(ask(&people, "x", None, None), Err(ReasonCode::NotAuthorized));
    assert!(!people.add_user("anna", Some(b"other")).expect("kept"), "it takes the place of the first");
    assert_eq!(ask(&people, "x", Some("anna"), Some("secret")), Err(ReasonCode::BadUserNameOrPassword));
    assert_eq!(ask(&people, "x", Some("anna"), Some("other")), anna);
    assert!(people.remove_user("anna").expect("kept") && !people.remove_user("anna").expect("kept"));
    assert!(people.remove_user("otto").expect("kept"));
    assert_eq!(ask(&people, "x", None, None), Ok(None), "open again");
}

// TCL-19
#[test]
fn with_both_lists_the_identifier_counts_first_and_then_the_user() {
    let folder = Folder::new("people-both");
    let people = open(&folder.at("people.json"));
    people.add_client("c").expect("kept");
    people.add_user("otto", None).expect("kept");
    assert_eq!(ask(&people, "c", Some("otto"), None), Ok(Some("otto".to_owned())));
    assert_eq!(ask(&people, "x", Some("otto"), None), Err(ReasonCode::NotAuthorized));
    assert_eq!(ask(&people, "x", Some("zoe"), None), Err(ReasonCode::NotAuthorized), "not the user's fault");
    assert_eq!(ask(&people, "c", Some("zoe"), None), Err(ReasonCode::BadUserNameOrPassword));
}

#[test]
fn what_was_changed_is_there_after_a_restart_and_what_could_not_be_kept_is_not() {
    let folder = Folder::new("people-file");
    let path = folder.at("people.json");
    let people = open(&path);
    people.add_client("b").expect("kept");
    people.add_client("a").expect("kept");
    people.add_user("anna", Some(b"secret")).expect("kept");
    people.add_user("otto", None).expect("kept");
    let again = open(&path);
    assert_eq!(again.clients(), ["a".into(), "b".into()]);
    assert_eq!(again.users(), [("anna".into(), true), ("otto".into(), false)]);
    assert_eq!(ask(&again, "a", Some("anna"), Some("secret")), Ok(Some("anna".to_owned())));
    let text = std::fs::read_to_string(&path).expect("a file");
    assert!(text.contains("$argon2id$") && !text.contains("secret"), "{text}");
    assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    std::fs::create_dir(folder.at("people.json.new")).expect("a directory");
    let error = people.remove_client("a").expect_err("nowhere to write");
    assert!(error.to_string().contains("people.json"), "{error}");
    assert_eq!(people.clients(), ["a".into(), "b".into()]);
}

#[test]
fn a_file_with_a_fault_is_refused() {
    let folder = Folder::new("people-faults");
    for text in [
        "",
        "{}",
        "{\"clients\":[],\"users\":[],\"more\":1}",
        "{\"clients\":[],\"users\":[{\"name\":\"a\",\"password\":\"plain\"}]}",
        "{\"clients\":[],\"users\":[{\"name\":\"a\"},{\"name\":\"a\"}]}",
    ] {
        let error = People::open(&folder.file("f", text), Settings::default()).expect_err(text);
        assert!(error.to_string().contains("/f: "), "{error}");
    }
}
