//! Password files that are changed.

use crate::folder::Folder;
use postrider_auth::{NewHash, PasswordFile, Rewrite, RewriteError};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn hash(password: &str) -> String {
    NewHash::Sha512.make(password.as_bytes()).expect("a hash")
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a file")
}

#[test]
fn comments_order_and_lines_of_others_stay_as_they_are() {
    let folder = Folder::new("keep");
    let path = folder.file("f", "# people\r\nanna:$old\n\nnobody knows what this is\notto:$old\nanna:$twice");
    let mut rewrite = Rewrite::begin(&path).expect("a file");
    assert!(!rewrite.set("anna", "$new").expect("a name"));
    assert!(rewrite.set("iris", "$newer").expect("a name"));
    assert!(rewrite.remove("otto") && !rewrite.remove("otto"));
    rewrite.commit().expect("written");
    assert_eq!(text(&path), "# people\r\nanna:$new\n\nnobody knows what this is\niris:$newer\n");
    assert_eq!(std::fs::read_dir(folder.at("")).expect("a folder").count(), 1, "nothing else is left");
}

#[test]
fn the_file_is_for_its_owner_alone_whatever_it_was() {
    let folder = Folder::new("mode");
    let mode = |path: &Path| path.metadata().expect("a file").permissions().mode() & 0o777;
    let path = folder.at("new");
    let mut rewrite = Rewrite::begin_anew(&path).expect("a folder");
    rewrite.set("anna", &hash("1")).expect("a name");
    assert_eq!(rewrite.commit().expect("written"), None);
    assert_eq!(mode(&path), 0o600);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("our own");
    assert_eq!(Rewrite::begin(&path).and_then(Rewrite::commit).expect("written"), Some(0o644));
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn a_link_to_the_file_stays_a_link() {
    let folder = Folder::new("link");
    let path = folder.file("f", &format!("anna:{}\n", hash("1")));
    std::os::unix::fs::symlink(&path, folder.at("link")).expect("a link");
    let mut rewrite = Rewrite::begin(&folder.at("link")).expect("a file");
    rewrite.set("otto", &hash("2")).expect("a name");
    rewrite.commit().expect("written");
    assert!(folder.at("link").symlink_metadata().expect("there").is_symlink());
    assert_eq!(PasswordFile::open(&path).expect("a file").len(), 2);
}

#[test]
fn a_file_of_which_the_last_user_was_taken_can_still_be_read() {
    let folder = Folder::new("last");
    let path = folder.file("f", &format!("anna:{}\n", hash("1")));
    let mut rewrite = Rewrite::begin(&path).expect("a file");
    assert!(!rewrite.remove("otto") && rewrite.remove("anna"));
    rewrite.commit().expect("written");
    assert!(PasswordFile::open(&path).expect("a file with a comment").is_empty());
}

#[test]
fn a_name_that_would_not_come_back_is_refused() {
    let folder = Folder::new("names");
    let path = folder.file("f", "# empty\n");
    let mut rewrite = Rewrite::begin(&path).expect("a file");
    let long = "x".repeat(5000);
    for name in ["", "a:b", "#a", " a", "a\t", "a\nb", "a\0", "a\u{1b}[31m", &long] {
        assert!(matches!(rewrite.set(name, "$x"), Err(RewriteError::Name)), "{name:?}");
    }
    for name in ["ä ö", "a#b", "$x", "日本", "a/+"] {
        rewrite.set(name, &hash("1")).expect("a name");
    }
    rewrite.commit().expect("written");
    let file = PasswordFile::open(&path).expect("a file");
    for name in ["ä ö", "a#b", "$x", "日本", "a/+"] {
        assert_eq!(file.check(name, b"1"), Ok(()), "{name}");
    }
}

#[test]
fn plain_passwords_are_hashed_all_of_them_or_none() {
    let folder = Folder::new("plain");
    let path = folder.file("f", "# plain\nanna:secret\notto: with:colon and blanks \r\n");
    let mut rewrite = Rewrite::begin(&path).expect("a file");
    assert_eq!(rewrite.hash_all(NewHash::Sha512).expect("plain"), 2);
    rewrite.commit().expect("written");
    let file = PasswordFile::open(&path).expect("hashed");
    assert_eq!(file.check("anna", b"secret"), Ok(()));
    assert_eq!(file.check("otto", b" with:colon and blanks "), Ok(()));
    assert!(text(&path).starts_with("# plain\nanna:$6$"));

    let mixed = format!("anna:secret\notto:{}\n", hash("2"));
    folder.file("f", &mixed);
    let refused = Rewrite::begin(&path).expect("a file").hash_all(NewHash::Sha512).expect_err("a hash");
    assert!(refused.to_string().contains("f:2: there is a hash already"), "{refused}");
    for broken in ["anna:secret\notto\n", "anna:secret\notto:\n"] {
        folder.file("f", broken);
        let refused = Rewrite::begin(&path).expect("a file").hash_all(NewHash::Sha512).expect_err("no password");
        assert!(refused.to_string().contains("f:2"), "{refused}");
        assert_eq!(text(&path), broken);
    }
}

#[test]
fn writers_at_the_same_time_wait_for_each_other_and_nothing_gets_lost() {
    let folder = Folder::new("writers");
    let path = folder.file("f", "# people\n");
    let hash = hash("1");
    std::thread::scope(|scope| {
        for number in 0..16 {
            let (path, hash) = (&path, &hash);
            scope.spawn(move || {
                let mut rewrite = Rewrite::begin(path).expect("a file");
                rewrite.set(&format!("user {number}"), hash).expect("a name");
                rewrite.commit().expect("written");
            });
        }
    });
    assert_eq!(PasswordFile::open(&path).expect("a file").len(), 16);
}

#[test]
fn a_directory_that_cannot_be_written_keeps_the_file_and_what_a_killed_writer_left_is_no_hindrance() {
    let folder = Folder::new("left");
    let path = folder.file("f", "# people\n");
    folder.file("f.new", "half");
    let mut rewrite = Rewrite::begin(&path).expect("a file");
    rewrite.set("anna", &hash("1")).expect("a name");
    rewrite.commit().expect("written");
    assert!(!folder.at("f.new").exists());
    // A directory in the way of the new file stands for every refusal of the system.
    std::fs::create_dir(folder.at("f.new")).expect("a directory");
    let before = text(&path);
    let mut rewrite = Rewrite::begin(&path).expect("a file");
    rewrite.set("otto", &hash("2")).expect("a name");
    let refused = rewrite.commit().expect_err("there is something in the way");
    assert!(refused.to_string().contains("f: "), "{refused}");
    assert_eq!(text(&path), before);
}
