//! Rules as a plugin.

use postrider_auth::acl::{Acl, Rules};
use postrider_ports::{Access, Action, Authorize, AuthorizeRequest, ClientId, Principal, Reply, Subject};
use postrider_proto::Qos;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

fn ask(acl: &Acl, user: Option<&str>, actions: Vec<Action>) -> Vec<Access> {
    let (send, answer) = mpsc::channel();
    let subject = Subject { client_id: ClientId::from("c"), principal: user.map(Principal::from) };
    let reply = Reply::new(move |verdicts| send.send(verdicts).expect("somebody waits"), Vec::new);
    acl.begin(AuthorizeRequest { subject, peer: None, actions }, reply);
    answer.try_recv().expect("it answers at once")
}

fn subscribe(filter: &str) -> Action {
    Action::Subscribe { filter: filter.into(), qos: Qos::AtMostOnce }
}

struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("postrider-{}-{name}", std::process::id())))
    }

    fn write(&self, text: &str) -> &Path {
        std::fs::write(&self.0, text).expect("a file");
        &self.0
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn each_action_gets_its_verdict_and_a_denial_its_reason() {
    let rules = Rules::from_lines("topic read a/#\ntopic deny a/b/#\nuser ann\ntopic b\n", "/etc/acl").expect("rules");
    let acl = Acl::new(rules);
    let publish = Action::Publish { topic: "b".into(), qos: Qos::AtMostOnce, retain: false };
    let all = vec![subscribe("a/c"), subscribe("a/b/c"), subscribe("a/#"), publish];
    let denied = |text: &str| Access::DenyFor(text.into());
    let but = Access::AllowExcept(["a/b/#".into()].into());
    assert_eq!(
        ask(&acl, None, all.clone()),
        [Access::Allow, denied("denied by acl:2"), but, denied("no rule of acl allows it")]
    );
    let none = || denied("no rule of acl allows it");
    assert_eq!(ask(&acl, Some("ann"), all), [none(), none(), none(), Access::Allow]);
}

// A22
#[test]
fn a_file_with_a_fault_leaves_the_rules_as_they_are() {
    let file = File::new("reload.acl");
    let acl = Acl::new(Rules::read(file.write("topic read a\n")).expect("rules"));
    let other = acl.clone();
    assert!(acl.reload(file.write("topic read a\ntopic rid b\n")).is_err_and(|error| error.line() == Some(2)));
    assert!(acl.reload(Path::new("/nowhere/acl")).is_err());
    std::fs::write(&file.0, b"topic read \xFF\n").expect("a file");
    assert!(acl.reload(&file.0).is_err(), "not UTF-8");
    assert_eq!((acl.version(), ask(&other, None, vec![subscribe("a")])), (1, vec![Access::Allow]));
    let held = other.rules();
    acl.reload(file.write("")).expect("no rules are rules");
    assert_eq!(other.version(), 2);
    assert!(matches!(ask(&other, None, vec![subscribe("a")])[..], [Access::DenyFor(_)]), "empty denies everything");
    assert_eq!(held.len(), 1, "whoever holds the old rules has them whole");
}
