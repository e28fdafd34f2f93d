//! Files that are refused, with what people are told.

use crate::folder::Folder;
use postrider_auth::{FileFault, PasswordFile};

fn refused(text: &[u8]) -> String {
    match PasswordFile::with_contents("the/file", text) {
        Ok(_) => panic!("{} was taken", String::from_utf8_lossy(text)),
        Err(error) => error.to_string(),
    }
}

const PBKDF2: &str =
    "$7$101$klqZHvygt5djy2o8$h8Ozw2nn0MxF8mG+vx76qhGJTUAL0rbz+m3QV+n8vOVqngUoHdQ/0XborL1S6JUglYdILY8Cy+dgLPqybq3iew==";
const CRYPT: &str =
    "$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.";
const SALTED: &str =
    "$6$h8lJXdW+K1sH7Rt3$PXxrd0w78crNxP121aJIyOs3vKMpZlbM2BvcMZVvMnJZwY5YDyhKTlLfidDATkcZMjlC8Z9h47D6VkLu+vwVOQ==";
const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
const ARGON2: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

#[test]
fn a_line_that_says_nothing_clear_is_named_with_what_is_allowed() {
    for (line, part) in [
        ("anna".to_owned(), "no colon"),
        (format!(":{PBKDF2}"), "no user name"),
        (format!("  :{PBKDF2}"), "no user name"),
        ("anna:".to_owned(), "postrider passwd -U"),
        ("anna:secret".to_owned(), "postrider passwd -U"),
        ("anna:$1$salt$hash".to_owned(), "$argon2id$"),
        ("anna:$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFh".to_owned(), "$argon2id$"),
        (format!("first:{SALTED}"), "stands on line 1 too"),
        (format!("anna:{}", "x".repeat(5000)), "4096 bytes"),
    ] {
        let said = refused(format!("first:{PBKDF2}\n# a comment\n{line}\n").as_bytes());
        assert!(said.starts_with("the/file:3: ") && said.contains(part), "{line}: {said}");
        assert!(!said.contains("secret"), "what may be a password is not shown: {said}");
    }
    assert!(refused(b"an\xffna:x").starts_with("the/file:1: the line is not UTF-8"));
}

#[test]
fn a_hash_that_was_cut_off_anywhere_is_refused() {
    for hash in [PBKDF2, CRYPT, SALTED, BCRYPT, ARGON2] {
        assert!(PasswordFile::with_contents("f", format!("first:{PBKDF2}\nanna:{hash}").as_bytes()).is_ok(), "{hash}");
        for len in 0..hash.len() {
            // Argon2 says nowhere how long its hash is, so the last characters may be missing and it is another hash, of no
            // password that anybody has.
            let is_whole_argon =
                hash == ARGON2 && PasswordFile::with_contents("f", format!("a:{}", &hash[..len]).as_bytes()).is_ok();
            if is_whole_argon {
                assert!(len > hash.len() - 24, "{len}");
                continue;
            }
            let said = refused(format!("first:{PBKDF2}\nanna:{}", &hash[..len]).as_bytes());
            assert!(said.starts_with("the/file:2: "), "{said}");
        }
    }
}

#[test]
fn what_is_neither_of_the_two_kinds_of_6_is_neither() {
    let (salted, crypt) = (SALTED.rsplit_once('$').expect("a hash"), CRYPT.rsplit_once('$').expect("a hash"));
    for hash in [
        // The hash of the one behind the salt of the other is whole, if the salt can be that of the other.
        format!("{}${}", crypt.0, &salted.1[..86]),
        format!("{}${}=", crypt.0, &salted.1[..86]),
        format!("{}${}==", crypt.0, crypt.1),
        format!("{}${}.", crypt.0, crypt.1),
        format!("{}${}+", crypt.0, &crypt.1[..85]),
        format!("{}${}", salted.0, salted.1.trim_end_matches('=')),
        format!("{}${}", salted.0, salted.1.replace('+', ".")),
        SALTED.replace("$6$", "$6$rounds=5000$"),
        CRYPT.replace("$6$", "$6$rounds=$"),
        CRYPT.replace("$6$", "$6$rounds=+5000$"),
        CRYPT.replace("$6$", "$6$rounds=05000$"),
        CRYPT.replace("abcdefgh", "seventeencharsalt"),
        CRYPT.replace("$6$", "$5$"),
        format!("{CRYPT}$"),
        format!("{SALTED}="),
    ] {
        let said = refused(format!("anna:{hash}").as_bytes());
        assert!(said.contains("it should be $"), "{hash}: {said}");
    }
}

#[test]
fn a_hash_that_asks_for_too_much_or_too_little_is_refused() {
    for (hash, bound) in [
        (ARGON2.replace("19456", "65537"), "m=8 to 65536"),
        (ARGON2.replace("19456", "4294967295"), "m=8 to 65536"),
        (ARGON2.replace("19456", "7"), "m=8 to 65536"),
        (ARGON2.replace("m=19456,t=2,p=1", "m=8,t=2,p=4"), "at least 8 p"),
        (ARGON2.replace("t=2", "t=17"), "t=1 to 16"),
        (ARGON2.replace("t=2", "t=0"), "t=1 to 16"),
        (ARGON2.replace("p=1", "p=5"), "p=1 to 4"),
        (PBKDF2.replace("101", "0"), "1 to 1000000"),
        (PBKDF2.replace("101", "1000001"), "1 to 1000000"),
        (CRYPT.replace("$6$", "$6$rounds=999$"), "rounds=1000 to rounds=1000000"),
        (CRYPT.replace("$6$", "$6$rounds=1000001$"), "rounds=1000 to rounds=1000000"),
        (BCRYPT.replace("04", "03"), "04 to 14"),
        (BCRYPT.replace("04", "15"), "04 to 14"),
        (BCRYPT.replace("04", "31"), "04 to 14"),
    ] {
        let said = refused(format!("anna:{hash}").as_bytes());
        assert!(said.contains(bound), "{hash}: {said}");
    }
    for hash in [PBKDF2.replace("101", "-1"), PBKDF2.replace("101", "99999999999"), ARGON2.replace("v=19", "v=16")] {
        assert!(refused(format!("anna:{hash}").as_bytes()).contains("it should be $"), "{hash}");
    }
}

#[test]
fn an_empty_file_and_one_with_too_many_users_are_refused() {
    assert!(refused(b"").contains("postrider passwd"));
    assert!(refused(b"\n \r\n\n").contains("it is empty"));
    let mut many = String::new();
    for number in 0..=100_000 {
        many += &format!("u{number}:{CRYPT}\n");
    }
    let said = refused(many.as_bytes());
    assert!(said.starts_with("the/file:100001: ") && said.contains("100000 are allowed"), "{said}");
}

#[test]
fn what_is_not_a_file_is_refused_and_nobody_waits_for_it() {
    let folder = Folder::new("no-file");
    let missing = PasswordFile::open(folder.at("missing")).expect_err("it is not there");
    assert!(missing.to_string().contains("missing: it cannot be read"), "{missing}");
    assert!(matches!(missing.fault, FileFault::Unreadable(_)));
    assert!(matches!(PasswordFile::open(folder.at("")).expect_err("a directory").fault, FileFault::NoFile));
    let large = std::fs::File::create(folder.at("large")).expect("a file");
    large.set_len(65 << 20).expect("a file with a hole");
    assert!(matches!(PasswordFile::open(folder.at("large")).expect_err("large").fault, FileFault::TooLarge));
    assert!(matches!(PasswordFile::open("/dev/zero").expect_err("a device").fault, FileFault::NoFile));
}
