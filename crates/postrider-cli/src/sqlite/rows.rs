//! Rows of tables as plain data.
//!
//! Owns: what is said about a row that is not right: table, row, column.

use super::schema::{FORMAT, READ};
use crate::parts::Parts;
use anyhow::{Context, anyhow, bail, ensure};
use postrider::{
    ClientId, DeliveryData, MessageData, Principal, Qos, SessionData, Stage, Subject, SubscriptionData, WillData,
};
use rusqlite::types::{FromSql, ValueRef};
use rusqlite::{Connection, Error, Row};
use serde_json::Value;
use std::num::NonZero;

/// Every table is there, and of this format.
pub(super) fn check_tables(connection: &Connection) -> anyhow::Result<()> {
    let mut names = connection
        .prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?")
        .context("it is not a SQLite database; name a file that `postrider export` made")?;
    for table in READ {
        ensure!(names.exists([table])?, "table {table} is missing; `postrider export` makes all of them");
    }
    let formats = connection
        .prepare("SELECT format FROM store")?
        .query_map((), |row| row.get::<_, i64>(0))?
        .collect::<Result<Vec<_>, _>>();
    match formats.context("table store")?[..] {
        [FORMAT] => Ok(()),
        [other] => bail!("table store: format {other} is not known; this version reads format {FORMAT}"),
        _ => bail!("table store has to have one row"),
    }
}

/// A row that is being read.
pub(super) struct Reading<'a> {
    pub(super) table: &'static str,
    pub(super) row: &'a Row<'a>,
}

impl Reading<'_> {
    /// Says which row it is.
    pub(super) fn place(&self) -> String {
        let row = self.row.get::<_, i64>("rowid");
        row.map_or_else(|_| format!("table {}", self.table), |row| format!("table {}, row {row}", self.table))
    }

    /// What is wrong with it.
    pub(super) fn wrong(&self, what: impl std::fmt::Display) -> anyhow::Error {
        anyhow!("{}: {what}", self.place())
    }

    pub(super) fn get<T: FromSql>(&self, column: &str) -> anyhow::Result<T> {
        self.row.get(column).map_err(|error| {
            if let Error::InvalidColumnType(_, column, kind) = &error {
                let kind = kind.to_string().to_lowercase();
                return self.wrong(format!("{kind} in column {column} has no place there"));
            }
            if let Error::InvalidColumnName(_) = &error {
                return anyhow!("table {}: column {column} is missing", self.table);
            }
            self.wrong(format!("column {column}: {error}"))
        })
    }

    /// 0 or 1.
    fn flag(&self, column: &str) -> anyhow::Result<bool> {
        match self.get::<i64>(column)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.wrong(format!("{other} in column {column} is neither 0 nor 1"))),
        }
    }

    fn qos(&self, column: &str) -> anyhow::Result<Qos> {
        let number = self.get::<i64>(column)?;
        let qos = u8::try_from(number).ok().and_then(Qos::from_u8);
        qos.ok_or_else(|| self.wrong(format!("{number} in column {column} is not a QoS")))
    }

    fn time(&self, column: &str) -> anyhow::Result<Option<u64>> {
        let number = self.get::<Option<i64>>(column)?;
        let negative = || self.wrong(format!("column {column} is below 0"));
        number.map(|number| u64::try_from(number).map_err(|_| negative())).transpose()
    }

    /// A list in JSON.
    fn list(&self, column: &str) -> anyhow::Result<Vec<Value>> {
        let text = self.get::<String>(column)?;
        serde_json::from_str(&text).map_err(|_| self.wrong(format!("column {column} is not a list in JSON")))
    }

    fn numbers<T: TryFrom<NonZero<u64>>>(&self, column: &str) -> anyhow::Result<Vec<T>> {
        let wrong = || self.wrong(format!("column {column} is not a list of numbers above 0, or one is too large"));
        let number = |value: &Value| T::try_from(NonZero::new(value.as_u64()?)?).ok();
        self.list(column)?.iter().map(|value| number(value).ok_or_else(wrong)).collect()
    }

    fn user_properties(&self) -> anyhow::Result<Vec<(String, String)>> {
        let pair = |value: &Value| match value.as_array()?.as_slice() {
            [name, value] => Some((name.as_str()?.to_owned(), value.as_str()?.to_owned())),
            _ => None,
        };
        let wrong = || self.wrong("column user_properties is not a list of pairs of texts");
        self.list("user_properties")?.iter().map(|value| pair(value).ok_or_else(wrong)).collect()
    }

    /// The columns that messages and wills have.
    fn message_itself(&self) -> anyhow::Result<MessageData> {
        let parts = Parts {
            payload_format: self.get("payload_format")?,
            content_type: self.get("content_type")?,
            response_topic: self.get("response_topic")?,
            correlation_data: self.get("correlation_data")?,
            user_properties: self.user_properties()?,
        };
        Ok(MessageData {
            topic: self.get("topic")?,
            qos: self.qos("qos")?,
            properties: parts.block().map_err(|error| self.wrong(format!("{error:#}")))?,
            payload: self.payload()?,
            expires_at_ms: None,
            author: None,
        })
    }

    /// People type texts where bytes belong.
    fn payload(&self) -> anyhow::Result<Vec<u8>> {
        match self.row.get_ref("payload")? {
            ValueRef::Blob(bytes) | ValueRef::Text(bytes) => Ok(bytes.to_vec()),
            ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => {
                Err(self.wrong("column payload has neither bytes nor a text"))
            }
        }
    }

    pub(super) fn message(&self) -> anyhow::Result<MessageData> {
        Ok(MessageData { expires_at_ms: self.time("expires_at_ms")?, ..self.message_itself()? })
    }

    pub(super) fn will(&self) -> anyhow::Result<WillData> {
        Ok(WillData {
            message: self.message_itself()?,
            retain: self.flag("retain")?,
            expiry_s: self.get("message_expiry_s")?,
            delay_s: self.get("delay_s")?,
        })
    }

    pub(super) fn session(&self) -> anyhow::Result<SessionData> {
        let subject = self.subject("client_id", "principal")?.ok_or_else(|| self.wrong("no client identifier"))?;
        let awaiting_pubrel: Vec<NonZero<u16>> = self.numbers("awaiting_pubrel")?;
        Ok(SessionData {
            subject,
            expiry_s: self.get::<Option<u32>>("expiry_s")?.unwrap_or(u32::MAX),
            away_since_ms: self.time("away_since_ms")?,
            next_packet_id: self.get::<NonZero<u16>>("next_packet_id")?.get(),
            awaiting_pubrel: awaiting_pubrel.into_iter().map(NonZero::get).collect(),
            will: None,
        })
    }

    pub(super) fn subject(&self, client_id: &str, principal: &str) -> anyhow::Result<Option<Subject>> {
        let principal = self.get::<Option<String>>(principal)?.as_deref().map(Principal::from);
        let client_id = self.get::<Option<String>>(client_id)?.as_deref().map(ClientId::from);
        Ok(client_id.map(|client_id| Subject { client_id, principal }))
    }

    pub(super) fn subscription(&self) -> anyhow::Result<SubscriptionData> {
        Ok(SubscriptionData {
            filter: self.get("filter")?,
            qos: self.qos("qos")?,
            no_local: self.flag("no_local")?,
            retain_as_published: self.flag("retain_as_published")?,
            identifier: self.get("identifier")?,
            is_owed_retained: self.flag("is_owed_retained")?,
        })
    }

    /// With the message's number in place of its record.
    pub(super) fn delivery(&self) -> anyhow::Result<DeliveryData> {
        let state: String = self.get("state")?;
        let stages = [Stage::Queued, Stage::AwaitsPuback, Stage::AwaitsPubrec, Stage::AwaitsPubcomp];
        let stage = stages.into_iter().find(|stage| crate::dump::state(*stage) == state);
        let delivery = DeliveryData {
            stage: stage.ok_or_else(|| self.wrong(format!("{state:?} in column state is not known")))?,
            packet_id: self.get::<Option<NonZero<u16>>>("packet_id")?.map(NonZero::get),
            record: self.time("message")?,
            qos: self.qos("qos")?,
            retain: self.flag("retain")?,
            subscription_ids: self.numbers::<NonZero<u32>>("subscription_ids")?.into_iter().map(NonZero::get).collect(),
        };
        self.check(&delivery)?;
        Ok(delivery)
    }

    fn check(&self, delivery: &DeliveryData) -> anyhow::Result<()> {
        let is_sent = delivery.stage != Stage::Queued;
        let has_message = delivery.stage != Stage::AwaitsPubcomp;
        let state = crate::dump::state(delivery.stage);
        if delivery.packet_id.is_some() != is_sent {
            return Err(self.wrong(format!("state {state} and packet_id do not agree")));
        }
        if delivery.record.is_some() != has_message {
            return Err(self.wrong(format!("state {state} and message do not agree")));
        }
        Ok(())
    }
}
