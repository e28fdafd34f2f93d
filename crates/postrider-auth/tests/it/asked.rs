//! A broker's questions and the answers of a password file.

use postrider_auth::{NewHash, PasswordFile, Passwords, Settings};
use postrider_ports::{Authenticate, AuthenticateAnswer, AuthenticateRequest, ClientId, Peer, Principal, Reply};
use postrider_proto::{ReasonCode, Version};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

fn line(user: &str, kind: NewHash, password: &str) -> String {
    format!("{user}:{}\n", kind.make(password.as_bytes()).expect("a hash"))
}

fn passwords(text: &str, settings: Settings) -> Passwords {
    let file = PasswordFile::with_contents("passwords", text.as_bytes()).expect("a file");
    Passwords::start(file, settings).expect("a thread")
}

/// What a client says of itself.
pub(crate) fn request_of(id: &str, user: Option<&str>, password: Option<&str>, peer: &str) -> AuthenticateRequest {
    AuthenticateRequest {
        client_id: ClientId::from(id),
        user_name: user.map(Box::from),
        password: password.map(|password| password.as_bytes().into()),
        method: None,
        data: None,
        step: 0,
        is_again: false,
        user_properties: Vec::new(),
        version: Version::V5,
        peer: Peer::from(peer),
    }
}

fn request(user: Option<&str>, password: Option<&str>) -> AuthenticateRequest {
    request_of("c", user, password, "192.0.2.1:1234")
}

/// Asks a plugin; its answer comes in its own time.
pub(crate) fn begin(plugin: &impl Authenticate, request: AuthenticateRequest) -> Receiver<AuthenticateAnswer> {
    let (sender, receiver) = channel();
    let send = move |answer| sender.send(answer).expect("the test waits");
    plugin.begin(request, Reply::new(send, AuthenticateAnswer::unavailable));
    receiver
}

fn answer(passwords: &Passwords, user: Option<&str>, password: Option<&str>) -> AuthenticateAnswer {
    begin(passwords, request(user, password)).recv().expect("an answer")
}

/// The reason of a refusal.
fn reason(answer: &AuthenticateAnswer) -> Option<ReasonCode> {
    match answer {
        AuthenticateAnswer::Refuse { reason, .. } => Some(*reason),
        AuthenticateAnswer::Accept { .. } => None,
        AuthenticateAnswer::Continue { .. } => panic!("there is nothing to go on with"),
    }
}

// [MQTT-3.2.2-8]
#[test]
fn the_right_password_makes_a_client_its_user_and_everything_else_is_refused_with_its_reason() {
    let text = line("anna", NewHash::Sha512, "secret");
    let closed = passwords(&text, Settings::default());
    let open = passwords(&text, Settings { allow_anonymous: true, ..Settings::default() });
    for passwords in [&closed, &open] {
        let welcome = answer(passwords, Some("anna"), Some("secret"));
        assert_eq!(welcome, AuthenticateAnswer::accept(Some(Principal::from("anna"))));
        for (user, password) in
            [("anna", Some("Secret")), ("anna", None), ("otto", Some("secret")), ("", Some("secret"))]
        {
            let refused = answer(passwords, Some(user), password);
            assert_eq!(refused, AuthenticateAnswer::refuse(ReasonCode::BadUserNameOrPassword), "{user} {password:?}");
        }
    }
    for password in [None, Some("secret")] {
        assert_eq!(reason(&answer(&closed, None, password)), Some(ReasonCode::NotAuthorized));
        assert_eq!(answer(&open, None, password), AuthenticateAnswer::accept(None));
    }
}

// [MQTT-4.12.0-1]
#[test]
fn a_method_of_enhanced_authentication_is_refused() {
    let passwords = passwords(&line("anna", NewHash::Sha512, "secret"), Settings::default());
    let with_method =
        AuthenticateRequest { method: Some("SCRAM-SHA-1".into()), ..request(Some("anna"), Some("secret")) };
    let refused = begin(&passwords, with_method).recv().expect("an answer");
    assert_eq!(reason(&refused), Some(ReasonCode::BadAuthenticationMethod));
}

/// Hashes that keep a thread busy long enough to look at what happens meanwhile.
const SLOW: NewHash = NewHash::Sha512Pbkdf2(200_000);

// A20, A21
#[test]
fn who_comes_when_the_queue_is_full_is_told_so_at_once_and_the_others_are_served() {
    let text = line("anna", SLOW, "secret");
    let passwords = passwords(&text, Settings { queue: 2, ..Settings::default() });
    let storm: Vec<_> = (0..8).map(|_| begin(&passwords, request(Some("anna"), Some("secret")))).collect();
    let answers: Vec<_> = storm.iter().map(|answer| answer.recv().expect("an answer")).collect();
    let busy = answers.iter().filter(|answer| reason(answer) == Some(ReasonCode::ServerBusy)).count();
    // One is hashed, two wait; the thread may have taken the first before or after the third came.
    assert!((5..=6).contains(&busy), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| reason(answer).is_none()).count(), 8 - busy);
}

// A20
#[test]
fn a_password_that_was_right_is_believed_for_a_while_without_a_hash() {
    let passwords = passwords(&line("anna", SLOW, "secret"), Settings::default());
    let timed = |password| {
        let started = Instant::now();
        (reason(&answer(&passwords, Some("anna"), Some(password))), started.elapsed())
    };
    let (first, hashed) = timed("secret");
    let (again, believed) = timed("secret");
    assert_eq!((first, again), (None, None));
    assert!(believed < hashed / 10, "{believed:?} of {hashed:?}");
    assert_eq!(timed("Secret").0, Some(ReasonCode::BadUserNameOrPassword));
}

#[test]
fn a_password_is_not_believed_any_more_when_its_time_is_over() {
    let settings = Settings { remember: Duration::ZERO, ..Settings::default() };
    let passwords = passwords(&line("anna", NewHash::Sha512Pbkdf2(50_000), "secret"), settings);
    let timed = || {
        let started = Instant::now();
        assert_eq!(reason(&answer(&passwords, Some("anna"), Some("secret"))), None);
        started.elapsed()
    };
    let (first, again) = (timed(), timed());
    assert!(again > first / 10, "{again:?} of {first:?}");
}

#[test]
fn an_unknown_user_costs_what_a_wrong_password_costs() {
    let text = format!("{}{}", line("anna", SLOW, "1"), line("otto", SLOW, "2"));
    let passwords = passwords(&text, Settings::default());
    let timed = |user| {
        let started = Instant::now();
        let refused = answer(&passwords, Some(user), Some("wrong"));
        assert_eq!(reason(&refused), Some(ReasonCode::BadUserNameOrPassword));
        started.elapsed()
    };
    // The least of several: the machine may do other things now and then.
    let least = |users: [&'static str; 3]| users.map(timed).into_iter().min().expect("three");
    let (known, unknown) = (least(["anna", "otto", "anna"]), least(["iris", "zoe", "nobody"]));
    assert!(unknown > known / 2 && unknown < known * 2, "{unknown:?} and {known:?}");
}

// A20
#[test]
fn whoever_guesses_has_to_wait_even_with_the_right_password_and_others_do_not() {
    let text = format!("{}{}", line("anna", NewHash::Sha512, "secret"), line("otto", NewHash::Sha512, "geheim"));
    let passwords = passwords(&text, Settings::default());
    for guess in ["1", "2", "3", "4"] {
        let refused = answer(&passwords, Some("anna"), Some(guess));
        assert_eq!(reason(&refused), Some(ReasonCode::BadUserNameOrPassword), "{guess}");
    }
    let refused = answer(&passwords, Some("anna"), Some("secret"));
    assert_eq!(reason(&refused), Some(ReasonCode::ConnectionRateExceeded));
    let elsewhere = AuthenticateRequest { peer: Peer::from("198.51.100.1:7"), ..request(Some("anna"), Some("secret")) };
    assert_eq!(reason(&begin(&passwords, elsewhere).recv().expect("an answer")), None);
    assert_eq!(reason(&answer(&passwords, Some("otto"), Some("geheim"))), None);
}

// A20
#[test]
fn guesses_that_come_all_at_once_are_delayed_like_those_that_come_one_by_one() {
    let passwords = passwords(&line("anna", NewHash::Sha512Pbkdf2(1000), "secret"), Settings::default());
    let guesses: Vec<_> =
        (0..100).map(|guess| begin(&passwords, request(Some("anna"), Some(&guess.to_string())))).collect();
    let hashed = guesses.iter().map(|answer| reason(&answer.recv().expect("an answer")));
    assert_eq!(hashed.filter(|reason| *reason == Some(ReasonCode::BadUserNameOrPassword)).count(), 4);
}

#[test]
fn what_is_asked_shows_no_password_to_a_log() {
    let shown = format!("{:?}", request(Some("anna"), Some("secret")));
    assert!(shown.contains("anna") && !shown.contains("secret") && !shown.contains("115, 101"), "{shown}");
}
