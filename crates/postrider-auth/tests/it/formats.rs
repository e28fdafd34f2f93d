//! Every kind of hash, as other programs made it.

use postrider_auth::{NewHash, PASSWORD_BYTES_MAX, PasswordFile, WrongPassword};

fn file(text: &str) -> PasswordFile {
    PasswordFile::with_contents("passwords", text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

/// Made by `mosquitto_passwd` 2.0.11, `openssl passwd` and crypt(3); the last is of argon2's own tests.
const HASHES: [(&str, &str); 13] = [
    (
        "secret",
        "$7$101$klqZHvygt5djy2o8$h8Ozw2nn0MxF8mG+vx76qhGJTUAL0rbz+m3QV+n8vOVqngUoHdQ/0XborL1S6JUglYdILY8Cy+dgLPqybq3iew==",
    ),
    (
        "pässwörd",
        "$7$1000$XStsRpIDVgoJ9Qvi$CxDe6yao2J0C/JWMgZFmYxgKDVLZelA9k152Qxc5rCJ3Gc4kCcz7p3BHP0WZH4HEujQu0lpH1cc/xKy/wdEnWQ==",
    ),
    (
        "geheim",
        "$6$h8lJXdW+K1sH7Rt3$PXxrd0w78crNxP121aJIyOs3vKMpZlbM2BvcMZVvMnJZwY5YDyhKTlLfidDATkcZMjlC8Z9h47D6VkLu+vwVOQ==",
    ),
    ("secret", "$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG."),
    (
        "secret",
        "$6$rounds=1000$short$6tSIGJhRDPAcVPe.fgC3tA3qgO5VzEI7WO7PAQunK6Jgsor.dcMzB/C/BHVQ.FuIJXMKXhI/oZC1yGOXB/QXp1",
    ),
    ("", "$6$sixteencharsalt.$jh5w2jhi34UvGLsOCIQILI/50vxOlsidgmMvhW0KYN8Ka10eByHiOnZ3wqYJEiS4dsONfupk1dvQZuha5G1X0."),
    ("secret", "$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM."),
    ("secret", "$5$rounds=10000$saltstring$Xu/H4oie/4H3iXm4Vw/vuJU.61Dbtiq.KxS0W5DDch3"),
    ("secret", "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"),
    ("secret", "$2a$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"),
    ("secret", "$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"),
    ("password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"),
    (
        "longlonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglong",
        "$6$x$ihqfxwO58ieP1Y/bqop/xj9PJrJEArOhZA3pCy4rWI4BsohyWlZA1Y9utqnHSeOX5YeUuikLFAFzmnjho7hN90",
    ),
];

#[test]
fn a_hash_that_another_program_made_lets_its_password_in_and_no_other() {
    for (password, hash) in HASHES {
        let file = file(&format!("anna:{hash}\n"));
        assert_eq!(file.check("anna", password.as_bytes()), Ok(()), "{hash}");
        for wrong in [format!("{password}x"), format!("X{password}"), password.to_uppercase() + "\0"] {
            assert_eq!(file.check("anna", wrong.as_bytes()), Err(WrongPassword), "{hash} with {wrong:?}");
        }
        assert_eq!(file.check("Anna", password.as_bytes()), Err(WrongPassword), "{hash}");
    }
}

#[test]
fn a_hash_with_one_character_changed_lets_its_password_in_no_more() {
    for (password, hash) in HASHES {
        // In the middle of the hash proper, where every bit counts.
        let at = hash.len() - 20;
        let other = if &hash[at..=at] == "A" { "B" } else { "A" };
        let changed = format!("{}{other}{}", &hash[..at], &hash[at + 1..]);
        assert_eq!(
            file(&format!("anna:{changed}")).check("anna", password.as_bytes()),
            Err(WrongPassword),
            "{changed}"
        );
    }
}

#[test]
fn what_we_make_we_understand_and_two_hashes_of_one_password_differ() {
    for kind in [NewHash::Argon2id, NewHash::Sha512Pbkdf2(1000), NewHash::Sha512] {
        let (one, two) = (kind.make(b"secret").expect("a hash"), kind.make(b"secret").expect("a hash"));
        assert_ne!(one, two);
        let file = file(&format!("anna:{one}\notto:{two}\n"));
        for user in ["anna", "otto"] {
            assert_eq!(file.check(user, b"secret"), Ok(()), "{one}");
            assert_eq!(file.check(user, b"Secret"), Err(WrongPassword), "{one}");
        }
    }
}

#[test]
fn passwords_and_iterations_that_cannot_be_are_refused() {
    let long = vec![b'x'; PASSWORD_BYTES_MAX + 1];
    assert!(NewHash::Argon2id.make(&long[1..]).is_ok());
    for (kind, password) in [
        (NewHash::Argon2id, &long[..]),
        (NewHash::Argon2id, b""),
        (NewHash::Sha512Pbkdf2(0), b"secret"),
        (NewHash::Sha512Pbkdf2(1_000_001), b"secret"),
    ] {
        assert!(kind.make(password).is_err(), "{kind:?}");
    }
}

#[test]
fn a_password_past_the_bound_is_wrong_at_once() {
    let hash = NewHash::Sha512.make(b"secret").expect("a hash");
    let file = file(&format!("anna:{hash}"));
    assert_eq!(file.check("anna", &vec![b'x'; 60_000]), Err(WrongPassword));
}

#[test]
fn comments_blank_lines_and_blanks_around_are_passed_over() {
    let text = format!("# people\n\n   \r\n anna : {} \r\n#otto:nothing\nüller:{}", HASHES[0].1, HASHES[2].1);
    let file = file(&text);
    assert_eq!(file.len(), 2);
    assert_eq!(file.check("anna", b"secret"), Ok(()));
    assert_eq!(file.check("üller", b"geheim"), Ok(()));
    assert!(!file.has("otto") && !file.has("#otto"));
}

#[test]
fn a_file_of_comments_lets_nobody_in() {
    let file = file("# nobody\n");
    assert!(file.is_empty());
    assert_eq!(file.check("anna", b"secret"), Err(WrongPassword));
}

#[test]
fn a_stranger_with_the_password_of_somebody_is_still_a_stranger() {
    let file = file(&format!("anna:{}\n", HASHES[2].1));
    for name in 0..100 {
        assert_eq!(file.check(&name.to_string(), b"geheim"), Err(WrongPassword));
    }
}
