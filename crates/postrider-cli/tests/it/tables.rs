//! A data directory as a SQLite database, and back.

use crate::broker::Broker;
use crate::data::postrider;
use crate::dump::{reader, rich, writer};
use crate::folder::Folder;
use crate::wire::Wire;
use postrider_proto::{AckKind, Version};
use postrider_testkit::{publish, subscribe};
use rusqlite::Connection;
use std::path::{Path, PathBuf};

const TABLES: [&str; 6] = ["sessions", "wills", "subscriptions", "messages", "deliveries", "retained"];

/// Everything in a database but the store it came from.
fn rows(file: &Path) -> Vec<String> {
    let connection = Connection::open(file).expect("a database");
    let mut rows = Vec::new();
    for table in TABLES {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2, 3")).expect("a table");
        let columns = statement.column_count();
        let mut found = statement.query(()).expect("rows");
        while let Some(row) = found.next().expect("a row") {
            let values = (0..columns).map(|at| format!("{:?}", row.get_ref(at).expect("a value")));
            rows.push(format!("{table}: {}", values.collect::<Vec<_>>().join(", ")));
        }
    }
    rows
}

fn exported(directory: &Folder, name: &str) -> PathBuf {
    let file = directory.0.with_extension(name);
    let _ = std::fs::remove_file(&file);
    postrider(&["export", &directory.shown(), &file.display().to_string()]).success();
    file
}

/// Whatever comes to the two clients when they are back, line by line.
fn return_of_both(directory: &Folder) -> Vec<String> {
    let broker = Broker::keeping(&directory.0, &[]);
    let mut lines = Vec::new();
    let mut back = Wire::dial(&broker);
    assert!(back.enter(&reader()), "the session is there");
    let mut writer_back = Wire::dial(&broker);
    assert!(writer_back.enter(&writer()), "the session is there");
    // Sent again: it is known, and brought to nobody a second time.
    writer_back.send(&publish("t/half", "once only").q2(9).dup().bytes(Version::V5));
    writer_back.acknowledge(AckKind::Pubrel, 9);
    lines.extend([writer_back.next(), writer_back.next()]);
    writer_back.send(&publish("t/end", "").q2(10).bytes(Version::V5));
    loop {
        let line = back.next();
        let is_last = line.contains("t/end");
        // Its own time has gone on.
        let words = line.split(' ').filter(|word| !word.starts_with("MessageExpiryInterval="));
        lines.push(words.collect::<Vec<_>>().join(" "));
        if is_last {
            break;
        }
    }
    let mut looker = Wire::client(&broker, &postrider_testkit::Hello::new("looker"));
    looker.send(&subscribe(1, "#", 1).bytes(Version::V5));
    lines.extend([looker.next(), looker.next(), looker.next()]);
    lines
}

#[test]
fn what_is_exported_and_imported_is_the_same_in_tables_and_for_clients() {
    let (original, copy) = (rich("export"), Folder::new("import"));
    let first = exported(&original, "first");
    let all = rows(&first);
    for table in TABLES {
        assert!(all.iter().any(|row| row.starts_with(table)), "nothing in {table}");
    }
    postrider(&["import", &first.display().to_string(), &copy.shown()]).success();
    postrider(&["check", &copy.shown()]).success();
    let second = exported(&copy, "second");
    assert_eq!(all, rows(&second));
    let lines = return_of_both(&original);
    assert!(lines.iter().any(|line| line.starts_with("PUBREL #3")), "{lines:?}");
    assert_eq!(lines.iter().filter(|line| line.contains("dup")).count(), 2, "{lines:?}");
    assert_eq!(lines.iter().filter(|line| line.contains("t/half")).count(), 1, "{lines:?}");
    assert_eq!(lines, return_of_both(&copy));
    // What was written by an import lives on like anything else.
    postrider(&["check", &copy.shown()]).success();
    for file in [first, second] {
        std::fs::remove_file(file).expect("ours");
    }
}

#[test]
fn people_can_ask_the_tables() {
    let folder = rich("query");
    let file = exported(&folder, "sqlite");
    let connection = Connection::open(&file).expect("a database");
    let longest: (String, i64) = connection
        .query_row(
            "SELECT client_id, count(*) FROM deliveries WHERE state = 'queued' AND client_id IS NOT NULL \
             GROUP BY client_id ORDER BY 2 DESC",
            (),
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .expect("a row");
    assert_eq!(longest, ("reader".to_owned(), 3));
    let again = postrider(&["export", &folder.shown(), &file.display().to_string()]);
    assert!(again.errors.contains("is there already"), "{}", again.errors);
    std::fs::remove_file(file).expect("ours");
}

/// The same table without its constraints.
fn loose(table: &str, columns: &str) -> String {
    format!(
        "CREATE TABLE other AS SELECT {columns} FROM {table}; DROP TABLE {table}; \
         ALTER TABLE other RENAME TO {table};"
    )
}

/// What is done to a database, and what is said about it then: tables and messages.
fn wrong_tables() -> Vec<(String, &'static str)> {
    vec![
        ("DROP TABLE deliveries;".to_owned(), "table deliveries is missing"),
        ("UPDATE store SET format = 2;".to_owned(), "format 2 is not known"),
        ("DELETE FROM store;".to_owned(), "table store has to have one row"),
        (
            loose("sessions", "*") + "INSERT INTO sessions SELECT * FROM sessions WHERE client_id = 'writer';",
            "table sessions, row 3: \"writer\" is there twice",
        ),
        (
            loose(
                "messages",
                "id, topic, qos + 0.5 AS qos, payload_format, content_type, response_topic, correlation_data, user_properties, payload, expires_at_ms",
            ),
            "table messages, row 1: real in column qos has no place there",
        ),
        (loose("messages", "id, topic, qos"), "table messages: column expires_at_ms is missing"),
        ("UPDATE messages SET topic = 'a/#' WHERE id = 2;".to_owned(), "table messages, row 2: a topic that is none"),
        ("UPDATE messages SET qos = 3 WHERE id = 2;".to_owned(), "table messages, row 2: 3 in column qos is not a QoS"),
        (
            "UPDATE messages SET user_properties = '[1]' WHERE id = 4;".to_owned(),
            "table messages, row 4: column user_properties",
        ),
    ]
}

/// The same of those who are owed something, and what.
fn wrong_owners() -> Vec<(String, &'static str)> {
    vec![
        (
            "UPDATE subscriptions SET filter = 'a/#/b' WHERE rowid = 3;".to_owned(),
            "table subscriptions, row 3: a filter that is none",
        ),
        (
            "UPDATE subscriptions SET client_id = 'nobody' WHERE rowid = 1;".to_owned(),
            "table subscriptions, row 1: client \"nobody\" has no session",
        ),
        ("UPDATE wills SET client_id = 'nobody';".to_owned(), "table wills, row 1: client \"nobody\" has no session"),
        (
            "UPDATE deliveries SET message = 77 WHERE rowid = 1;".to_owned(),
            "table deliveries, row 1: message 77 is not in table messages",
        ),
        ("UPDATE deliveries SET packet_id = 2 WHERE rowid = 1;".to_owned(), "table deliveries, row 2"),
        (
            "UPDATE deliveries SET state = 'lost' WHERE rowid = 1;".to_owned(),
            "table deliveries, row 1: \"lost\" in column state is not known",
        ),
        ("UPDATE deliveries SET state = 'awaits-pubrec' WHERE rowid = 1;".to_owned(), "table deliveries, row"),
        (
            "UPDATE deliveries SET packet_id = NULL WHERE rowid = 1;".to_owned(),
            "table deliveries, row 1: state awaits-puback and packet_id do not agree",
        ),
        ("UPDATE sessions SET awaiting_pubrel = '[0]';".to_owned(), "table sessions, row 1: column awaiting_pubrel"),
        ("UPDATE sessions SET awaiting_pubrel = '[70000]';".to_owned(), "table sessions, row"),
        (
            "UPDATE sessions SET expiry_s = 0 WHERE rowid = 1;".to_owned(),
            "table sessions, row 1: a session that ends with its connection",
        ),
        (
            "DELETE FROM subscriptions WHERE filter LIKE '$share%';".to_owned(),
            "no session is subscribed to \"$share/crew/s/+\"",
        ),
        ("UPDATE retained SET topic = 'elsewhere' WHERE rowid = 1;".to_owned(), "table retained, row 1"),
    ]
}

#[test]
fn what_cannot_be_is_refused_with_table_and_row_and_nothing_is_left() {
    let folder = rich("bad");
    let good = exported(&folder, "good");
    let bad = folder.0.with_extension("bad");
    let place = Folder::new("bad-places");
    std::fs::create_dir(&place.0).expect("ours");
    let new = place.0.join("new");
    let refused = || {
        let refused = postrider(&["import", &bad.display().to_string(), &new.display().to_string()]);
        assert_eq!((refused.code, refused.errors.lines().count()), (Some(1), 1), "{}", refused.errors);
        let left: Vec<_> = std::fs::read_dir(&place.0).expect("ours").collect();
        assert!(left.is_empty(), "{left:?}");
        refused.errors
    };
    for (change, part) in wrong_tables().into_iter().chain(wrong_owners()) {
        std::fs::copy(&good, &bad).expect("ours");
        let connection = Connection::open(&bad).expect("a database");
        connection.execute_batch(&format!("PRAGMA foreign_keys = OFF; {change}")).expect(&change);
        drop(connection);
        let errors = refused();
        assert!(errors.contains(part), "{part} is not in {errors}");
    }
    std::fs::write(&bad, "no database at all, but long enough to be taken for one at first sight").expect("ours");
    assert!(refused().contains("not a"), "{}", refused());
    std::fs::remove_file(&bad).expect("ours");
    assert!(refused().contains("cannot open"), "{}", refused());
    let taken = postrider(&["import", &good.display().to_string(), &folder.shown()]);
    assert!(taken.errors.contains("not empty"), "{}", taken.errors);
    std::fs::remove_file(good).expect("ours");
}
