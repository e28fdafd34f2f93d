//! Tables into a data directory.
//!
//! Owns: that rows fit each other: who is named is there, and nobody twice.
//! Never: holds more than one message in memory.

use super::Counts;
use super::rows::{Reading, check_tables};
use crate::check::explain;
use anyhow::{Context, anyhow};
use postrider::{DataWriter, DeliveryData, Qos, SessionData, Stage, WriteError, Written};
use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator;
use rusqlite::{Connection, Row, Rows, Statement};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub(super) fn read(connection: &Connection, new: &Path) -> anyhow::Result<Counts> {
    check_tables(connection)?;
    let mut import = Import {
        writer: DataWriter::create(new).map_err(explain)?,
        sessions: BTreeMap::new(),
        shares: BTreeSet::new(),
        groups: BTreeMap::new(),
        messages: BTreeMap::new(),
        counts: Counts::default(),
    };
    import.sessions(connection)?;
    import.subscriptions(connection)?;
    import.groups(connection)?;
    import.messages(connection)?;
    import.flows(connection)?;
    let Import { writer, counts, .. } = import;
    writer.finish().map_err(explain)?;
    Ok(counts)
}

struct Import {
    writer: DataWriter,
    sessions: BTreeMap<String, (Written, SessionData)>,
    /// Filters of shared subscriptions that some session has.
    shares: BTreeSet<String>,
    groups: BTreeMap<String, Written>,
    /// By number: the record, and what it is charged. Only those that somebody waits for.
    messages: BTreeMap<u64, (u64, u64)>,
    counts: Counts,
}

impl Import {
    fn sessions(&mut self, connection: &Connection) -> anyhow::Result<()> {
        let mut wills = BTreeMap::new();
        each(connection, "wills", "SELECT rowid AS rowid, * FROM wills", |reading| {
            let client_id: String = reading.get("client_id")?;
            let will = (reading.place(), reading.will()?);
            wills.insert(client_id.clone(), will).map_or(Ok(()), |_| Err(twice(reading, &client_id)))
        })?;
        each(connection, "sessions", "SELECT rowid AS rowid, * FROM sessions ORDER BY client_id", |reading| {
            let mut session = reading.session()?;
            let client_id = session.subject.client_id.as_str().to_owned();
            if self.sessions.contains_key(&client_id) {
                return Err(twice(reading, &client_id));
            }
            check_distinct(&session.awaiting_pubrel)
                .map_err(|id| reading.wrong(format!("{id} waits for PUBREL twice")))?;
            session.will = wills.remove(&client_id).map(|(_, will)| will);
            let written = self.writer.session(&session).map_err(|error| refused(reading, error))?;
            session.will = None;
            self.sessions.insert(client_id, (written, session));
            self.counts.sessions += 1;
            Ok(())
        })?;
        match wills.into_iter().next() {
            Some((client_id, (place, _))) => Err(anyhow!("{place}: client {client_id:?} has no session")),
            None => Ok(()),
        }
    }

    fn subscriptions(&mut self, connection: &Connection) -> anyhow::Result<()> {
        let mut before = None;
        let select = "SELECT rowid AS rowid, * FROM subscriptions ORDER BY client_id, filter";
        each(connection, "subscriptions", select, |reading| {
            let session = self.session(reading)?.0;
            let subscription = reading.subscription()?;
            let name = Some((session, subscription.filter.clone()));
            if before == name {
                return Err(twice(reading, &subscription.filter));
            }
            self.writer.subscription(session, &subscription).map_err(|error| refused(reading, error))?;
            before = name;
            if subscription.filter.starts_with("$share/") {
                self.shares.insert(subscription.filter);
            }
            Ok(())
        })
    }

    /// Shared subscriptions that are owed something.
    fn groups(&mut self, connection: &Connection) -> anyhow::Result<()> {
        let select = "SELECT min(rowid) AS rowid, share FROM deliveries WHERE share IS NOT NULL GROUP BY share";
        each(connection, "deliveries", select, |reading| {
            let share: String = reading.get("share")?;
            if !self.shares.contains(&share) {
                return Err(reading.wrong(format!("no session is subscribed to {share:?}")));
            }
            let group = self.writer.group(&share).map_err(|error| refused(reading, error))?;
            self.groups.insert(share, group);
            Ok(())
        })
    }

    /// Each message with everybody who waits for it, in the order in which they came.
    fn messages(&mut self, connection: &Connection) -> anyhow::Result<()> {
        let mut owed =
            select(connection, "SELECT rowid AS rowid, * FROM deliveries WHERE message IS NOT NULL ORDER BY message")?;
        let mut owed = Ahead::new("deliveries", owed.query(())?)?;
        let mut kept = select(connection, "SELECT rowid AS rowid, * FROM retained ORDER BY message")?;
        let mut kept = Ahead::new("retained", kept.query(())?)?;
        each(connection, "messages", "SELECT rowid AS rowid, * FROM messages ORDER BY id", |reading| {
            let id: i64 = reading.get("id")?;
            let mut message = reading.message()?;
            let mut waiting = Vec::new();
            owed.take(id, |row| {
                let delivery = row.delivery()?;
                if delivery.qos > message.qos {
                    return Err(row.wrong("a delivery with a higher QoS than its message"));
                }
                waiting.push((self.owner(row, &delivery)?, delivery));
                Ok(())
            })?;
            let mut is_retained = false;
            kept.take(id, |row| {
                if std::mem::replace(&mut is_retained, true) || row.get::<String>("topic")? != message.topic {
                    return Err(row.wrong(format!("message {id} has another topic or is retained twice")));
                }
                message.author = row.subject("author", "author_principal")?;
                Ok(())
            })?;
            let written =
                self.writer.message(&message, is_retained, &waiting).map_err(|error| refused(reading, error))?;
            if !waiting.is_empty() {
                let id = u64::try_from(id).map_err(|_| reading.wrong("a number below 0"))?;
                self.messages.insert(id, (written.record, written.charge));
            }
            self.counts.messages += 1;
            self.counts.retained += u64::from(is_retained);
            Ok(())
        })?;
        owed.check_end()?;
        kept.check_end()
    }

    /// How far each session's flows have come.
    fn flows(&mut self, connection: &Connection) -> anyhow::Result<()> {
        let order = "SELECT rowid AS rowid, * FROM deliveries WHERE client_id IS NOT NULL ORDER BY client_id, position";
        let mut statement = select(connection, order)?;
        let mut rows = statement.query(())?;
        let mut next = next_of_session(&mut rows)?;
        for (client_id, (written, session)) in &self.sessions {
            let mut owed = Vec::new();
            let mut ids = BTreeSet::new();
            let mut place = String::new();
            while let Some((_, at, delivery)) = next.take_if(|(owner, ..)| owner == client_id) {
                place = at;
                let is_behind = owed.last().is_some_and(|(before, _): &(DeliveryData, u64)| before.packet_id.is_none());
                if delivery.packet_id.is_some_and(|id| is_behind || !ids.insert(id)) {
                    return Err(anyhow!("{place}: what was sent stands before what waits, each packet_id once"));
                }
                let (record, charge) = match delivery.record {
                    Some(message) => self.messages.get(&message).copied().context("it was read before")?,
                    None => (0, 0),
                };
                let record = delivery.record.map(|_| record);
                owed.push((DeliveryData { record, ..delivery }, charge));
                self.counts.deliveries += 1;
                next = next_of_session(&mut rows)?;
            }
            let written = self.writer.flows(*written, session, owed.into_iter());
            written.map_err(|error| match error {
                WriteError::Invalid(error) if place.is_empty() => {
                    anyhow!("table sessions, client {client_id:?}: {error}")
                }
                WriteError::Invalid(error) => anyhow!("client {client_id:?}, up to {place}: {error}"),
                WriteError::Failed(error) => explain(error),
            })?;
        }
        let shared = connection
            .query_row("SELECT count(*) FROM deliveries WHERE share IS NOT NULL", (), |row| row.get::<_, i64>(0))?;
        self.counts.deliveries += u64::try_from(shared)?;
        Ok(())
    }

    fn session(&self, reading: &Reading<'_>) -> anyhow::Result<&(Written, SessionData)> {
        let client_id: String = reading.get("client_id")?;
        self.sessions.get(&client_id).ok_or_else(|| reading.wrong(format!("client {client_id:?} has no session")))
    }

    fn owner(&self, reading: &Reading<'_>, delivery: &DeliveryData) -> anyhow::Result<Written> {
        let share: Option<String> = reading.get("share")?;
        match (reading.get::<Option<String>>("client_id")?, share) {
            (Some(_), None) if delivery.qos == Qos::AtMostOnce => Err(reading.wrong("QoS 0 waits for no session")),
            (Some(_), None) => Ok(self.session(reading)?.0),
            (None, Some(_)) if delivery.stage != Stage::Queued => {
                Err(reading.wrong("what a shared subscription is owed is queued"))
            }
            (None, Some(share)) => self.groups.get(&share).copied().context("all groups are written"),
            (Some(_), Some(_)) | (None, None) => Err(reading.wrong("either client_id or share, and not both")),
        }
    }
}

/// Rows in ascending order of their message, read as far as is needed.
struct Ahead<'a> {
    table: &'static str,
    rows: Rows<'a>,
    is_over: bool,
}

impl<'a> Ahead<'a> {
    fn new(table: &'static str, mut rows: Rows<'a>) -> anyhow::Result<Self> {
        let is_over = rows.next().with_context(|| format!("table {table}"))?.is_none();
        Ok(Self { table, rows, is_over })
    }

    /// The rows of one message. What comes before it has no message.
    fn take(&mut self, id: i64, mut take: impl FnMut(&Reading<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
        while let Some(row) = self.rows.get().filter(|_| !self.is_over) {
            let reading = Reading { table: self.table, row };
            let message: i64 = reading.get("message")?;
            if message > id {
                return Ok(());
            }
            if message < id {
                return Err(absent(&reading, message));
            }
            take(&reading)?;
            self.is_over = self.rows.next()?.is_none();
        }
        Ok(())
    }

    fn check_end(&self) -> anyhow::Result<()> {
        match self.rows.get().filter(|_| !self.is_over) {
            Some(row) => {
                let reading = Reading { table: self.table, row };
                Err(absent(&reading, reading.get("message")?))
            }
            None => Ok(()),
        }
    }
}

fn absent(reading: &Reading<'_>, message: i64) -> anyhow::Error {
    reading.wrong(format!("message {message} is not in table messages"))
}

fn select<'a>(connection: &'a Connection, sql: &str) -> anyhow::Result<Statement<'a>> {
    connection.prepare(sql).map_err(|error| anyhow!("{error}; `postrider export` makes tables with all columns"))
}

fn each(
    connection: &Connection,
    table: &'static str,
    sql: &str,
    mut take: impl FnMut(&Reading<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut statement = select(connection, sql)?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next().with_context(|| format!("table {table}"))? {
        take(&Reading { table, row })?;
    }
    Ok(())
}

/// The next delivery to a session: whose, where it stands, and it.
fn next_of_session(rows: &mut Rows<'_>) -> anyhow::Result<Option<(String, String, DeliveryData)>> {
    let Some(row): Option<&Row<'_>> = rows.next()? else { return Ok(None) };
    let reading = Reading { table: "deliveries", row };
    Ok(Some((reading.get("client_id")?, reading.place(), reading.delivery()?)))
}

fn check_distinct(ids: &[u16]) -> Result<(), u16> {
    let mut seen = BTreeSet::new();
    ids.iter().find(|id| !seen.insert(**id)).map_or(Ok(()), |id| Err(*id))
}

fn twice(reading: &Reading<'_>, name: &str) -> anyhow::Error {
    reading.wrong(format!("{name:?} is there twice"))
}

fn refused(reading: &Reading<'_>, error: WriteError) -> anyhow::Error {
    match error {
        WriteError::Invalid(error) => reading.wrong(error),
        WriteError::Failed(error) => explain(error),
    }
}
