//! Files that `mosquitto_passwd` writes and we read.

use crate::folder::Folder;
use postrider_auth::{PasswordFile, WrongPassword};
use std::path::Path;
use std::process::Command;

fn mosquitto_passwd(args: &[&str], file: &Path, rest: &[&str]) {
    let mut command = Command::new("mosquitto_passwd");
    let output = command.args(args).arg(file).args(rest).output();
    let output = output.unwrap_or_else(|_| panic!("mosquitto_passwd is missing: run `cargo xtask test --install`"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn everything_that_mosquitto_passwd_writes_is_read() {
    let folder = Folder::new("mosquitto");
    let path = folder.at("f");
    mosquitto_passwd(&["-c", "-b"], &path, &["anna", "secret"]);
    mosquitto_passwd(&["-H", "sha512", "-b"], &path, &["otto", "geheim"]);
    mosquitto_passwd(&["-H", "sha512-pbkdf2", "-I", "5000", "-b"], &path, &["iris", "pässwörd"]);
    let file = PasswordFile::open(&path).expect("a file");
    for (user, password) in [("anna", "secret"), ("otto", "geheim"), ("iris", "pässwörd")] {
        assert_eq!(file.check(user, password.as_bytes()), Ok(()), "{user}");
        assert_eq!(file.check(user, b"Secret"), Err(WrongPassword), "{user}");
    }
    mosquitto_passwd(&["-D"], &path, &["otto"]);
    assert_eq!(file.reload().expect("a file").revoked, [Box::from("otto")]);
    let plain = folder.file("plain", "anna:one\notto:two\n");
    mosquitto_passwd(&["-U"], &plain, &[]);
    let file = PasswordFile::open(&plain).expect("a file");
    assert_eq!((file.check("anna", b"one"), file.check("otto", b"two")), (Ok(()), Ok(())));
}
