//! A key with the keys that a rotation links it to.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::KeyRow;
use crate::storage::StorageError;
use crate::storage::schema::api_keys;

/// A key, the one that it replaces, and the one that replaces it.
#[derive(Clone, Debug)]
pub struct KeyFamily {
    pub key: KeyRow,
    pub predecessor: Option<KeyRow>,
    pub successor: Option<KeyRow>,
}

/// Gets a key of a user with its relatives.
///
/// # Errors
/// [`StorageError::NotFound`], also for a key of another user.
pub async fn get(
    conn: &mut AsyncPgConnection,
    user_id: Uuid,
    key_id: Uuid,
) -> Result<KeyFamily, StorageError> {
    let own = || api_keys::table.filter(api_keys::user_id.eq(user_id)).select(KeyRow::as_select());
    let mut rows: Vec<KeyRow> = own()
        .filter(api_keys::key_id.eq(key_id).or(api_keys::replaces.eq(key_id)))
        .load(conn)
        .await?;
    let at = rows.iter().position(|row| row.key_id == key_id).ok_or(StorageError::NotFound)?;
    let key = rows.swap_remove(at);
    let predecessor = match key.replaces {
        Some(id) => own().filter(api_keys::key_id.eq(id)).first(conn).await.optional()?,
        None => None,
    };
    Ok(KeyFamily { key, predecessor, successor: rows.pop() })
}
