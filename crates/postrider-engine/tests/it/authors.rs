//! Retained messages whose authors may not publish them any more.

use postrider_engine::{Judge, Verdict, Who};
use postrider_ports::{Access, Action, Answer, Question};
use postrider_testkit::{Client, Hello, Pace, Remains, World, publish, subscribe};

fn guarded() -> World {
    World::with(|limits| limits.authorize = Who::Plugin)
}

/// Answers every question that is open: on the list are client identifiers and the topics they may not publish to.
/// How many questions were about retained messages of somebody.
fn judge(world: &mut World, denied: &[(&str, &str)]) -> usize {
    let mut count = 0;
    while let Some((ticket, question)) = world.driver.questions.pop_front() {
        let Judge::Authorize(request) = question else { panic!("{question:?}") };
        let client = request.subject.client_id.as_str();
        let access = |action: &Action| match action {
            Action::Publish { topic, .. } if denied.contains(&(client, &**topic)) => Access::DenyFor("acl:7".into()),
            Action::Publish { .. } | Action::Subscribe { .. } | Action::Unsubscribe { .. } => Access::Allow,
        };
        count += usize::from(matches!(request.actions[0], Action::Publish { retain: true, .. }));
        let list = request.actions.iter().map(access).collect();
        world.driver.answer(world.now, ticket, Verdict::Authorize(list));
    }
    count
}

fn review(world: &mut World, denied: &[(&str, &str)]) {
    assert!(matches!(world.ask(Question::Review), Answer::Reviewing(_)));
    assert_eq!(judge(world, denied), 0, "a review asks about sessions only");
}

fn keep(world: &mut World, writer: Client, topics: &[&str]) {
    for topic in topics {
        world.publish(writer, &publish(topic, "kept").retain());
        judge(world, &[]);
    }
}

/// What a new subscription brings, and how many questions about authors it takes.
fn replayed(world: &mut World, id: &str, filter: &str, denied: &[(&str, &str)]) -> (Vec<String>, usize) {
    let reader = world.connect(&Hello::new(id));
    world.subscribe(reader, &subscribe(1, filter, 1));
    let asked = judge(world, denied);
    let mut lines = world.take(reader);
    assert_eq!(lines.remove(0), "SUBACK #1 01");
    let topic = |line: String| line.split(' ').nth(1).expect("a topic").to_owned();
    (lines.into_iter().map(topic).collect(), asked)
}

// A14
#[test]
fn a_retained_message_is_not_heard_any_more_when_its_author_lost_the_right_to_it() {
    let mut world = guarded();
    let (one, two) = (world.connect(&Hello::new("one")), world.connect(&Hello::new("two")));
    keep(&mut world, one, &["a/1", "a/2"]);
    keep(&mut world, two, &["b/1", "b/2"]);
    let denied = [("one", "a/1"), ("two", "a/2")];
    assert_eq!(
        replayed(&mut world, "r", "#", &denied),
        (vec!["a/1".into(), "a/2".into(), "b/1".into(), "b/2".into()], 0)
    );
    review(&mut world, &denied);
    let rest = vec!["a/2".to_owned(), "b/1".to_owned(), "b/2".to_owned()];
    assert_eq!(replayed(&mut world, "s", "#", &denied), (rest.clone(), 2), "one question for each author");
    assert_eq!(replayed(&mut world, "t", "#", &denied), (rest, 0), "and none afterwards");
    assert_eq!(replayed(&mut world, "u", "a/1", &denied), (vec![], 0));
    assert_eq!(world.counters().retained, 4, "it is kept, should the right come back");
    review(&mut world, &[]);
    assert_eq!(replayed(&mut world, "v", "a/1", &[]), (vec!["a/1".into()], 1));
}

// A14
#[test]
fn what_somebody_else_retains_in_its_place_is_heard() {
    let mut world = guarded();
    let (one, two) = (world.connect(&Hello::new("one")), world.connect(&Hello::new("two")));
    keep(&mut world, one, &["a"]);
    let denied = [("one", "a")];
    review(&mut world, &denied);
    assert_eq!(replayed(&mut world, "r", "a", &denied), (vec![], 1));
    keep(&mut world, two, &["a"]);
    assert_eq!(replayed(&mut world, "s", "a", &denied), (vec!["a".into()], 0));
}

// A14
#[test]
fn an_author_that_is_gone_is_asked_about_after_a_restart_too_and_so_is_one_who_left_a_will() {
    let mut world = World::durable(|limits| limits.authorize = Who::Plugin);
    world.set_commits(Pace::AtOnce);
    let one = world.connect(&Hello::new("one"));
    keep(&mut world, one, &["a", "b"]);
    let dead = world.dial(&Hello::new("two").will(publish("c", "will").retain()));
    judge(&mut world, &[]);
    world.take(dead);
    world.cut(dead);
    judge(&mut world, &[]);
    world.crash(Remains::LEAST);
    world.set_commits(Pace::AtOnce);
    let denied = [("one", "a"), ("two", "c")];
    review(&mut world, &denied);
    assert_eq!(replayed(&mut world, "r", "#", &denied), (vec!["b".into()], 2));
}

// A14
#[test]
fn rights_that_change_while_an_author_is_asked_about_have_it_asked_again() {
    let mut world = guarded();
    let one = world.connect(&Hello::new("one"));
    keep(&mut world, one, &["a"]);
    review(&mut world, &[]);
    let reader = world.connect(&Hello::new("r").expiry(100));
    world.subscribe(reader, &subscribe(1, "a", 1));
    world.authorize(&[Access::Allow]);
    assert_eq!(world.take(reader), ["SUBACK #1 01"]);
    let (ticket, _) = world.question();
    world.ask(Question::Review);
    world.driver.answer(world.now, ticket, Verdict::Authorize(vec![Access::Allow]));
    assert_eq!(judge(&mut world, &[("one", "a")]), 1);
    assert!(world.take(reader).is_empty());
}

// A14
#[test]
fn a_question_about_an_author_has_no_effect_on_who_left_or_unsubscribed_meanwhile() {
    let mut world = guarded();
    let one = world.connect(&Hello::new("one"));
    keep(&mut world, one, &["a", "b"]);
    review(&mut world, &[]);
    let hello = Hello::new("r").expiry(100);
    let reader = world.connect(&hello);
    world.subscribe(reader, &subscribe(1, "a", 1).and("b", 0));
    world.authorize(&[Access::Allow, Access::Allow]);
    world.raw(reader, &postrider_testkit::unsubscribe(2, &["a"], postrider_proto::Version::V5));
    world.cut(reader);
    judge(&mut world, &[]);
    let reader = world.dial(&hello.resume());
    judge(&mut world, &[]);
    let lines = world.take(reader);
    assert_eq!(lines[1..], ["PUBLISH b q0 retain \"kept\""], "{lines:?}");
}

// A14
#[test]
fn a_missing_answer_withholds_and_the_switch_lets_everything_be_heard() {
    let mut world = guarded();
    let one = world.connect(&Hello::new("one"));
    keep(&mut world, one, &["a", "b"]);
    review(&mut world, &[]);
    let reader = world.connect(&Hello::new("r"));
    world.subscribe(reader, &subscribe(1, "#", 0));
    world.authorize(&[Access::Allow]);
    world.authorize(&[Access::AllowExcept([].into())]);
    assert_eq!(world.take(reader), ["SUBACK #1 00"]);
    world.adopt(|limits| limits.rechecks_authors = false);
    assert_eq!(replayed(&mut world, "s", "#", &[]), (vec!["a".into(), "b".into()], 0));
}

// A14
#[test]
fn very_many_messages_of_very_many_authors_come_to_their_end() {
    let mut world = guarded();
    for author in 0..20 {
        let client = world.connect(&Hello::new(&format!("c{author}")));
        for number in 0..30 {
            keep(&mut world, client, &[&format!("t/{number}/{author}")]);
        }
    }
    let denied = [("c3", "t/3/3"), ("c19", "t/29/19")];
    review(&mut world, &denied);
    let reader = world.connect(&Hello::new("r"));
    world.subscribe(reader, &subscribe(1, "#", 0));
    let mut count = 0;
    while count < 700 && (judge(&mut world, &denied) > 0 || world.driver.engine.has_work()) {
        world.driver.work(world.now);
        count += 1;
    }
    let lines = world.take(reader);
    assert_eq!(lines.len(), 1 + 20 * 30 - 2);
}
