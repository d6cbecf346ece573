//! A row of the audit log to be inserted, and the target that it names.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::storage::document::Document;
use crate::storage::schema::audit_events;

/// A user, session or API key that something is done to.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    pub id: Uuid,
    pub name: &'a str,
}

/// The target of any action; one without a UUID, such as a metric, has only a name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    pub(super) id: Option<Uuid>,
    pub(super) name: Option<&'a str>,
}

impl<'a> From<Target<'a>> for Subject<'a> {
    fn from(target: Target<'a>) -> Self {
        Self { id: Some(target.id), name: Some(target.name) }
    }
}

impl<'a> From<&'a str> for Subject<'a> {
    fn from(name: &'a str) -> Self {
        Self { id: None, name: Some(name) }
    }
}

/// A row to be inserted; the comments of the table describe the columns.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = audit_events)]
pub struct NewEvent {
    pub occurred_at: DateTime<Utc>,
    pub action: &'static str,
    pub outcome: &'static str,
    pub reason: Option<&'static str>,
    pub occurrences: i64,
    pub actor_id: Option<Uuid>,
    pub actor: Option<String>,
    pub target_id: Option<Uuid>,
    pub target: Option<String>,
    pub channel: &'static str,
    pub credential: Option<&'static str>,
    pub credential_id: Option<Uuid>,
    pub address: Option<String>,
    pub request_id: Option<String>,
    pub server_request_id: Option<Uuid>,
    pub trace_id: Option<Uuid>,
    pub details: Document,
    pub changes: Document,
}
