//! What requests need of API keys: the authority of a presented key, and its last use.
//! `actors::api_key_cache` caches the former and batches the latter.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::credentials::api_keys::KeyHash;
use crate::model::scopes::Scopes;
use crate::model::users::UserStatus;
use crate::storage::StorageError;
use crate::storage::document::Document;
use crate::storage::schema::{api_keys, users};
use crate::storage::users::Account;

/// The owner of a key, and what the key may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAuthority {
    pub key_id: Uuid,
    pub owner: Arc<Account>,
    /// The scopes of the key; the role of the owner may allow less.
    pub scopes: Scopes,
    /// The key's own rate limit, in requests per window of a caller.
    pub rate_limit: Option<u32>,
    /// The moment from which on the key is refused.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether the key was revoked, or its owner is not active.
    pub ended: bool,
}

/// When and from where a key was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUse {
    pub key_id: Uuid,
    pub at: DateTime<Utc>,
    /// The client IP, if it is known.
    pub client: Option<IpAddr>,
}

/// Finds a key by its hash, with one statement.
pub async fn find(
    conn: &mut AsyncPgConnection,
    hash: KeyHash,
) -> Result<Option<KeyAuthority>, StorageError> {
    type KeyColumns = (
        Uuid,
        Document,
        Option<i32>,
        Option<DateTime<Utc>>,
        Option<DateTime<Utc>>,
        String,
        Account,
    );
    let found: Option<KeyColumns> = api_keys::table
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
        Scopes::try_from(scopes).map_err(StorageError::corrupt_by("the scopes of an API key"))?;
    let ended = revoked_at.is_some() || status != UserStatus::Active.as_ref();
    let rate_limit = rate_limit.and_then(|limit| u32::try_from(limit).ok());
    let owner = Arc::new(owner);
    Ok(Some(KeyAuthority { key_id, owner, scopes, rate_limit, expires_at, ended }))
}

/// Writes when and from where keys were last used; forward only, and in the order of their ids, so
/// that two processes that write the same keys do not deadlock.
pub async fn update_last_used(
    conn: &mut AsyncPgConnection,
    uses: &[KeyUse],
) -> Result<(), StorageError> {
    let ids: Vec<Uuid> = uses.iter().map(|used| used.key_id).collect();
    let instants: Vec<DateTime<Utc>> = uses.iter().map(|used| used.at).collect();
    let text = |used: &KeyUse| used.client.map(|client| client.to_string());
    let clients: Vec<Option<String>> = uses.iter().map(text).collect();
    diesel::sql_query(
        "WITH used AS (SELECT * FROM unnest($1, $2, $3) AS used (key_id, at, client)), \
         held AS MATERIALIZED (SELECT key.key_id, used.at, used.client \
           FROM api_keys AS key JOIN used USING (key_id) \
           ORDER BY key.key_id FOR NO KEY UPDATE OF key) \
         UPDATE api_keys AS key SET last_used_at = held.at, last_used_ip = held.client FROM held \
         WHERE key.key_id = held.key_id \
           AND (key.last_used_at IS NULL OR key.last_used_at < held.at)",
    )
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Timestamptz>, _>(instants)
    .bind::<Array<Nullable<Text>>, _>(clients)
    .execute(conn)
    .await?;
    Ok(())
}
