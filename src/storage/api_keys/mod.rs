//! API keys: creating and listing them is here, changing and revoking them in [`lifecycle`], and
//! what a request needs of a key in [`authority`].
//!
//! Locks are taken in one order everywhere, so that no two transactions deadlock: the owner, then
//! its keys by id, then (by trigger, at the end) the authority epoch.

pub mod authority;
pub mod family;
pub mod lifecycle;

use chrono::{DateTime, Utc};
use diesel::dsl::count_star;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::document::Document;
use super::schema::api_keys;
use super::{StorageError, Transaction};
use crate::credentials::api_keys::ApiKey;
use crate::model::api_keys::{KeyDraft, KeyQuery, KeyStatus, MAX_ACTIVE_KEYS};
use crate::model::rich_text::RichText;
use crate::model::scopes::Scopes;

/// A row of `api_keys`, without the hash.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = api_keys, check_for_backend(diesel::pg::Pg))]
pub struct KeyRow {
    pub key_id: Uuid,
    pub user_id: Uuid,
    pub name: String,
    pub description: Option<String>,
    #[diesel(deserialize_as = Document)]
    pub scopes: Scopes,
    pub prefix: String,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub replaces: Option<Uuid>,
    pub rate_limit: Option<i32>,
    /// The client IP of the last use.
    pub last_used_ip: Option<String>,
}

impl KeyRow {
    /// Returns whether the key can be used at `now`.
    pub fn status(&self, now: DateTime<Utc>) -> KeyStatus {
        KeyStatus::at(self.revoked_at.is_some(), self.expires_at, now)
    }
}

impl TryFrom<Document> for Scopes {
    type Error = serde_json::Error;

    fn try_from(document: Document) -> Result<Self, Self::Error> {
        serde_json::from_str(document.text())
    }
}

/// A key to be stored.
#[derive(Clone, Copy, Debug)]
pub struct NewKey<'a> {
    pub key_id: Uuid,
    pub user_id: Uuid,
    /// Only the hash and the prefix of it are stored.
    pub key: &'a ApiKey,
}

/// Stores a key. The transaction must have locked the owner.
///
/// # Errors
/// [`StorageError::TooManyKeys`] if the owner has [`MAX_ACTIVE_KEYS`] live keys.
pub async fn create(
    conn: &mut Transaction<'_>,
    new: NewKey<'_>,
    draft: &KeyDraft,
    now: DateTime<Utc>,
) -> Result<KeyRow, StorageError> {
    ensure_below_key_limit(conn, new.user_id, None, now).await?;
    insert(conn, new, KeyDescription::from_draft(draft), draft.expires_at, None, now).await
}

/// The columns of a key that its owner chooses and that a rotation copies.
struct KeyDescription<'a> {
    name: &'a str,
    description: Option<&'a str>,
    scopes: Scopes,
    rate_limit: Option<i32>,
}

impl<'a> KeyDescription<'a> {
    fn from_draft(draft: &'a KeyDraft) -> Self {
        let description = draft.description.as_ref().map(RichText::as_str);
        let rate_limit = draft.rate_limit.and_then(|limit| i32::try_from(limit).ok());
        Self { name: draft.name.as_str(), description, scopes: draft.scopes, rate_limit }
    }
}

async fn insert(
    conn: &mut Transaction<'_>,
    new: NewKey<'_>,
    description: KeyDescription<'_>,
    expires_at: Option<DateTime<Utc>>,
    replaces: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<KeyRow, StorageError> {
    Ok(diesel::insert_into(api_keys::table)
        .values((
            api_keys::key_id.eq(new.key_id),
            api_keys::user_id.eq(new.user_id),
            api_keys::name.eq(description.name),
            api_keys::description.eq(description.description),
            api_keys::scopes.eq(Document::new(&description.scopes)?),
            api_keys::key_hash.eq(new.key.hash().hex()),
            api_keys::prefix.eq(new.key.prefix()),
            api_keys::created_at.eq(now),
            api_keys::expires_at.eq(expires_at),
            api_keys::replaces.eq(replaces),
            api_keys::rate_limit.eq(description.rate_limit),
        ))
        .returning(KeyRow::as_returning())
        .get_result(conn)
        .await?)
}

async fn ensure_below_key_limit(
    conn: &mut Transaction<'_>,
    user_id: Uuid,
    except: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let live: i64 = api_keys::table
        .filter(api_keys::user_id.eq(user_id))
        .filter(has_status(KeyStatus::Active, now))
        .filter(api_keys::key_id.ne(except.unwrap_or_default()))
        .count()
        .get_result(conn)
        .await?;
    if live < MAX_ACTIVE_KEYS { Ok(()) } else { Err(StorageError::TooManyKeys) }
}

type KeyFilter = Box<
    dyn BoxableExpression<
            api_keys::table,
            Pg,
            SqlType = diesel::sql_types::Nullable<diesel::sql_types::Bool>,
        >,
>;

/// The rows in one state: [`KeyStatus::at`] in SQL.
fn has_status(status: KeyStatus, now: DateTime<Utc>) -> KeyFilter {
    let expired = api_keys::expires_at.is_not_null().and(api_keys::expires_at.le(now));
    let not_expired = api_keys::expires_at.is_null().or(api_keys::expires_at.gt(now));
    match status {
        KeyStatus::Active => Box::new(api_keys::revoked_at.is_null().and(not_expired)),
        KeyStatus::Expired => Box::new(api_keys::revoked_at.is_null().and(expired)),
        KeyStatus::Revoked => Box::new(api_keys::revoked_at.is_not_null().nullable()),
    }
}

/// Lists a page of a user's keys, newest first, and counts all that match the query.
pub async fn list(
    conn: &mut AsyncPgConnection,
    user_id: Uuid,
    query: &KeyQuery,
    now: DateTime<Utc>,
) -> Result<(Vec<KeyRow>, i64), StorageError> {
    let all = [KeyStatus::Active, KeyStatus::Expired, KeyStatus::Revoked];
    let statuses = if query.status.is_empty() { &all[..] } else { &query.status };
    let status_filter = || {
        let none: KeyFilter = Box::new(api_keys::key_id.ne(api_keys::key_id).nullable());
        statuses.iter().fold(none, |any, status| Box::new(any.or(has_status(*status, now))))
    };
    let total = api_keys::table
        .filter(api_keys::user_id.eq(user_id))
        .filter(status_filter())
        .select(count_star())
        .first(conn)
        .await?;
    let rows = api_keys::table
        .filter(api_keys::user_id.eq(user_id))
        .filter(status_filter())
        .select(KeyRow::as_select())
        .order_by((api_keys::created_at.desc(), api_keys::key_id.desc()))
        .offset(query.page.offset())
        .limit(query.page.limit)
        .load(conn)
        .await?;
    Ok((rows, total))
}
