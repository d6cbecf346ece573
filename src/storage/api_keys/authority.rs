//! What requests ask of keys: whom one stands for, and that it was used.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::credentials::api_keys::KeyHash;
use crate::model::scopes::Scopes;
use crate::model::users::UserStatus;
use crate::storage::StorageError;
use crate::storage::document::Document;
use crate::storage::schema::{api_keys, users};
use crate::storage::users::Account;

/// Whom a key stands for, and what it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub key_id: Uuid,
    pub owner: Account,
    /// What it may do, if its owner may.
    pub scopes: Scopes,
    /// Its own rate limit, requests per window of a caller.
    pub rate_limit: Option<u32>,
    /// From when on it is refused.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether it was revoked, or its owner may not be here.
    pub ended: bool,
}

/// Finds a key. One statement.
pub async fn find(
    conn: &mut AsyncPgConnection,
    hash: KeyHash,
) -> Result<Option<Standing>, StorageError> {
    type Row = (
        Uuid,
        Document,
        Option<i32>,
        Option<DateTime<Utc>>,
        Option<DateTime<Utc>>,
        String,
        Account,
    );
    let found: Option<Row> = api_keys::table
        .inner_join(users::table)
        .filter(api_keys::key_hash.eq(hash.hex()))
        .select((
            api_keys::key_id,
            api_keys::scopes,
            api_keys::rate_limit,
            api_keys::expires_at,
            api_keys::revoked_at,
            users::status,
            Account::as_select(),
        ))
        .first(conn)
        .await
        .optional()?;
    let Some((key_id, scopes, rate_limit, expires_at, revoked_at, status, owner)) = found else {
        return Ok(None);
    };
    let scopes =
        Scopes::try_from(scopes).map_err(|_| StorageError::Corrupt("the scopes of an API key"))?;
    let ended = revoked_at.is_some() || status != UserStatus::Active.as_ref();
    let rate_limit = rate_limit.and_then(|limit| u32::try_from(limit).ok());
    Ok(Some(Standing { key_id, owner, scopes, rate_limit, expires_at, ended }))
}

/// Notes when keys were last used; never backwards, and in the order of their ids, so that two
/// processes that note the same keys take turns.
pub async fn note_used(
    conn: &mut AsyncPgConnection,
    uses: &[(Uuid, DateTime<Utc>)],
) -> Result<(), StorageError> {
    let (ids, instants): (Vec<Uuid>, Vec<DateTime<Utc>>) = uses.iter().copied().unzip();
    diesel::sql_query(
        "WITH used AS (SELECT * FROM unnest($1, $2) AS used (key_id, at)), \
         held AS MATERIALIZED (SELECT key.key_id, used.at FROM api_keys AS key JOIN used USING (key_id) \
           ORDER BY key.key_id FOR NO KEY UPDATE OF key) \
         UPDATE api_keys AS key SET last_used_at = held.at FROM held \
         WHERE key.key_id = held.key_id AND (key.last_used_at IS NULL OR key.last_used_at < held.at)",
    )
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Timestamptz>, _>(instants)
    .execute(conn)
    .await?;
    Ok(())
}
