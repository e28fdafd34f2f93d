//! A file that is read again.

use crate::folder::Folder;
use postrider_auth::{NewHash, PasswordFile, Reloaded, WrongPassword};

fn line(user: &str, password: &str) -> String {
    format!("{user}:{}\n", NewHash::Sha512.make(password.as_bytes()).expect("a hash"))
}

#[test]
fn a_reload_brings_what_is_new_and_names_whose_password_counts_no_longer() {
    let folder = Folder::new("reload");
    let (anna, iris, otto) = (line("anna", "1"), line("iris", "2"), line("otto", "3"));
    let file = PasswordFile::open(folder.file("f", &format!("{anna}{iris}{otto}"))).expect("a file");
    assert_eq!(file.reload().expect("as before"), Reloaded { users: 3, revoked: Vec::new() });
    folder.file("f", &format!("{anna}{}{}", line("iris", "new"), line("zoe", "4")));
    let reloaded = file.reload().expect("a file");
    assert_eq!(reloaded, Reloaded { users: 3, revoked: vec!["iris".into(), "otto".into()] });
    for (user, password, is_right) in [("anna", "1", true), ("iris", "2", false), ("iris", "new", true)] {
        assert_eq!(file.check(user, password.as_bytes()).is_ok(), is_right, "{user}");
    }
    assert_eq!(file.check("otto", b"3"), Err(WrongPassword));
    assert_eq!(file.check("zoe", b"4"), Ok(()));
}

// A22
#[test]
fn a_file_that_is_empty_cut_off_or_gone_at_a_reload_changes_nothing() {
    let folder = Folder::new("reload-broken");
    let whole = format!("{}{}", line("anna", "1"), line("otto", "2"));
    let path = folder.file("f", &whole);
    let file = PasswordFile::open(&path).expect("a file");
    let still_as_before = || {
        assert_eq!(file.check("anna", b"1"), Ok(()));
        assert_eq!(file.check("otto", b"2"), Ok(()));
    };
    let first_line = whole.find('\n').expect("two lines") + 1;
    for len in [0, 1, 40, first_line + 3, first_line + 60, whole.len() - 2] {
        folder.file("f", &whole[..len]);
        let error = file.reload().expect_err("it is cut off");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        still_as_before();
    }
    std::fs::remove_file(&path).expect("it is there");
    assert!(file.reload().is_err());
    still_as_before();
    folder.file("f", "# nobody\n");
    assert_eq!(file.reload().expect("that is meant").users, 0);
    assert_eq!(file.check("anna", b"1"), Err(WrongPassword));
}
