//! What is answered about API keys.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::model::api_keys::KeyStatus;
use crate::model::page::Pagination;
use crate::model::scopes::{Scope, Scopes};
use crate::storage::api_keys::KeyRow;

/// An API key; never the key itself.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub(super) struct KeyBody {
    pub(super) id: Uuid,
    /// The same as `id`.
    pub(super) key_id: Uuid,
    pub(super) user_id: Uuid,
    pub(super) name: String,
    pub(super) description: Option<String>,
    #[schema(value_type = Vec<Scope>)]
    pub(super) scopes: Scopes,
    /// Its first characters.
    pub(super) prefix: String,
    pub(super) created_at: DateTime<Utc>,
    /// Up to ten seconds late.
    pub(super) last_used_at: Option<DateTime<Utc>>,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) revoked: bool,
    pub(super) revoked_at: Option<DateTime<Utc>>,
    pub(super) status: KeyStatus,
    /// The key that was rotated into this one.
    pub(super) replaces: Option<Uuid>,
    /// Requests per `RATE_LIMIT_CALLER_WINDOW`; null for the limit of all callers.
    pub(super) rate_limit: Option<i32>,
}

impl KeyBody {
    pub(super) fn of(row: KeyRow, now: DateTime<Utc>) -> Self {
        let status = row.status(now);
        Self {
            id: row.key_id,
            key_id: row.key_id,
            user_id: row.user_id,
            name: row.name,
            description: row.description,
            scopes: row.scopes,
            prefix: row.prefix,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
            revoked: row.revoked_at.is_some(),
            revoked_at: row.revoked_at,
            status,
            replaces: row.replaces,
            rate_limit: row.rate_limit,
        }
    }
}

/// A new key, shown once.
#[derive(Serialize, ToSchema)]
pub(super) struct NewKeyBody {
    pub(super) success: bool,
    /// The key itself.
    pub(super) api_key: String,
    pub(super) key_info: KeyBody,
    pub(super) message: &'static str,
}

#[derive(Serialize, ToSchema)]
pub(super) struct KeysBody {
    pub(super) success: bool,
    pub(super) api_keys: Vec<KeyBody>,
    pub(super) count: usize,
    pub(super) pagination: Pagination,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ChangedKeyBody {
    pub(super) success: bool,
    pub(super) key: ChangedKey,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ChangedKey {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) last_used_at: Option<DateTime<Utc>>,
    pub(super) rate_limit: Option<i32>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct RevokedBody {
    pub(super) success: bool,
    pub(super) message: String,
    pub(super) count: usize,
}
