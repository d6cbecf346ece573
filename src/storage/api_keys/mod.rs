//! API keys: their rows ([`self`]), what becomes of them ([`life`]), and what requests ask of them
//! ([`authority`]).
//!
//! Locks are taken in one order everywhere, so that no two transactions wait for each other: the
//! owner, then its keys by id, then (by trigger, at the end) the epoch.

pub mod authority;
pub mod life;

use chrono::{DateTime, Utc};
use diesel::dsl::count_star;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::StorageError;
use super::document::Document;
use super::schema::api_keys;
use crate::credentials::api_keys::ApiKey;
use crate::model::api_keys::{KeyDraft, KeyQuery, KeyStatus, MAX_LIVE};
use crate::model::rich_text::RichText;
use crate::model::scopes::Scopes;

/// A stored key.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = api_keys, check_for_backend(diesel::pg::Pg))]
#[allow(missing_docs)] // the comments of the table say it
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
}

impl KeyRow {
    /// Whether it can be used.
    pub fn status(&self, now: DateTime<Utc>) -> KeyStatus {
        KeyStatus::of(self.revoked_at.is_some(), self.expires_at, now)
    }
}

impl TryFrom<Document> for Scopes {
    type Error = serde_json::Error;

    fn try_from(document: Document) -> Result<Self, Self::Error> {
        serde_json::from_str(document.text())
    }
}

/// A key to be.
#[derive(Clone, Copy, Debug)]
pub struct NewKey<'a> {
    pub key_id: Uuid,
    pub user_id: Uuid,
    /// The key itself, of which the hash is stored.
    pub key: &'a ApiKey,
}

/// Stores a key. Needs a transaction that has locked the owner.
///
/// # Errors
/// [`StorageError::TooManyKeys`] where the owner has [`MAX_LIVE`] live ones.
pub async fn create(
    conn: &mut AsyncPgConnection,
    new: NewKey<'_>,
    draft: &KeyDraft,
    now: DateTime<Utc>,
) -> Result<KeyRow, StorageError> {
    room_for_one(conn, new.user_id, None, now).await?;
    insert(conn, new, Described::of(draft), draft.expires_at, None, now).await
}

/// What a key says of itself.
struct Described<'a> {
    name: &'a str,
    description: Option<&'a str>,
    scopes: Scopes,
    rate_limit: Option<i32>,
}

impl<'a> Described<'a> {
    fn of(draft: &'a KeyDraft) -> Self {
        let description = draft.description.as_ref().map(RichText::as_str);
        let rate_limit = draft.rate_limit.and_then(|limit| i32::try_from(limit).ok());
        Self { name: draft.name.as_str(), description, scopes: draft.scopes, rate_limit }
    }
}

async fn insert(
    conn: &mut AsyncPgConnection,
    new: NewKey<'_>,
    described: Described<'_>,
    expires_at: Option<DateTime<Utc>>,
    replaces: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<KeyRow, StorageError> {
    Ok(diesel::insert_into(api_keys::table)
        .values((
            api_keys::key_id.eq(new.key_id),
            api_keys::user_id.eq(new.user_id),
            api_keys::name.eq(described.name),
            api_keys::description.eq(described.description),
            api_keys::scopes.eq(Document::of(&described.scopes)?),
            api_keys::key_hash.eq(new.key.hash().hex()),
            api_keys::prefix.eq(new.key.prefix()),
            api_keys::created_at.eq(now),
            api_keys::expires_at.eq(expires_at),
            api_keys::replaces.eq(replaces),
            api_keys::rate_limit.eq(described.rate_limit),
        ))
        .returning(KeyRow::as_returning())
        .get_result(conn)
        .await?)
}

async fn room_for_one(
    conn: &mut AsyncPgConnection,
    user_id: Uuid,
    except: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let live: i64 = api_keys::table
        .filter(api_keys::user_id.eq(user_id))
        .filter(is(KeyStatus::Active, now))
        .filter(api_keys::key_id.ne(except.unwrap_or_default()))
        .count()
        .get_result(conn)
        .await?;
    if live < MAX_LIVE { Ok(()) } else { Err(StorageError::TooManyKeys) }
}

type Condition = Box<
    dyn BoxableExpression<
            api_keys::table,
            Pg,
            SqlType = diesel::sql_types::Nullable<diesel::sql_types::Bool>,
        >,
>;

/// The rows in one state: [`KeyStatus::of`] in SQL.
fn is(status: KeyStatus, now: DateTime<Utc>) -> Condition {
    let expired = api_keys::expires_at.is_not_null().and(api_keys::expires_at.le(now));
    let lasting = api_keys::expires_at.is_null().or(api_keys::expires_at.gt(now));
    match status {
        KeyStatus::Active => Box::new(api_keys::revoked_at.is_null().and(lasting)),
        KeyStatus::Expired => Box::new(api_keys::revoked_at.is_null().and(expired)),
        KeyStatus::Revoked => Box::new(api_keys::revoked_at.is_not_null().nullable()),
    }
}

/// A user's keys, newest first, and how many there are.
pub async fn list(
    conn: &mut AsyncPgConnection,
    user_id: Uuid,
    query: &KeyQuery,
    now: DateTime<Utc>,
) -> Result<(Vec<KeyRow>, i64), StorageError> {
    let all = [KeyStatus::Active, KeyStatus::Expired, KeyStatus::Revoked];
    let asked = if query.status.is_empty() { &all[..] } else { &query.status };
    let of_status = || {
        let none: Condition = Box::new(api_keys::key_id.ne(api_keys::key_id).nullable());
        asked.iter().fold(none, |any, status| Box::new(any.or(is(*status, now))))
    };
    let total = api_keys::table
        .filter(api_keys::user_id.eq(user_id))
        .filter(of_status())
        .select(count_star())
        .first(conn)
        .await?;
    let rows = api_keys::table
        .filter(api_keys::user_id.eq(user_id))
        .filter(of_status())
        .select(KeyRow::as_select())
        .order_by((api_keys::created_at.desc(), api_keys::key_id.desc()))
        .offset(query.page.offset())
        .limit(query.page.limit)
        .load(conn)
        .await?;
    Ok((rows, total))
}
