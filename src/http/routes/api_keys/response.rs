//! Response types of API keys. The key itself is in [`NewKeyBody`] only.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::credentials::api_keys::ApiKey;
use crate::model::api_keys::KeyStatus;
use crate::model::page::Pagination;
use crate::model::scopes::{Scope, Scopes};
use crate::model::warnings::{Warning, Warnings};
use crate::storage::api_keys::KeyRow;

const STORE_IT: &str = "Store this API key securely. It will not be shown again.";

/// An API key, without the key itself.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKey)]
struct KeyBody {
    id: Uuid,
    /// Equal to `id`.
    key_id: Uuid,
    user_id: Uuid,
    name: String,
    description: Option<String>,
    #[schema(value_type = Vec<Scope>)]
    scopes: Scopes,
    /// The first characters of the key.
    prefix: String,
    created_at: DateTime<Utc>,
    /// Written up to ten seconds late.
    last_used_at: Option<DateTime<Utc>>,
    /// Client IP of the last use, as the rate limits see it; null if it was not recorded.
    last_used_ip: Option<String>,
    expires_at: Option<DateTime<Utc>>,
    revoked: bool,
    revoked_at: Option<DateTime<Utc>>,
    status: KeyStatus,
    /// The key that was rotated into this one.
    replaces: Option<Uuid>,
    /// Requests per `RATE_LIMIT_CALLER_WINDOW`; null for the limit of all callers.
    rate_limit: Option<i32>,
}

impl KeyBody {
    /// `now` decides whether the key has expired.
    fn new(row: KeyRow, now: DateTime<Utc>) -> Self {
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
            last_used_ip: row.last_used_ip,
            expires_at: row.expires_at,
            revoked: row.revoked_at.is_some(),
            revoked_at: row.revoked_at,
            status,
            replaces: row.replaces,
            rate_limit: row.rate_limit,
        }
    }
}

/// A new API key.
#[derive(Serialize, ToSchema)]
#[schema(as = NewApiKey)]
pub(super) struct NewKeyBody {
    success: bool,
    /// The key itself, shown once.
    api_key: String,
    key_info: KeyBody,
    message: &'static str,
    /// What was removed from the description, at most the first 100 parts; absent if nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    warnings: Vec<Warning>,
    /// Number of warnings beyond those in `warnings`; absent if 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    warnings_omitted: Option<usize>,
}

impl NewKeyBody {
    pub(super) fn new(key: &ApiKey, row: KeyRow, now: DateTime<Utc>) -> Self {
        Self {
            success: true,
            api_key: key.expose().to_owned(),
            key_info: KeyBody::new(row, now),
            message: STORE_IT,
            warnings: Vec::new(),
            warnings_omitted: None,
        }
    }

    pub(super) fn with_warnings(self, warnings: Warnings) -> Self {
        let (warnings, warnings_omitted) = warnings.into_fields();
        Self { warnings, warnings_omitted, ..self }
    }
}

/// A page of API keys.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKeyPage)]
pub(super) struct KeysBody {
    success: bool,
    api_keys: Vec<KeyBody>,
    count: usize,
    pagination: Pagination,
}

impl KeysBody {
    pub(super) fn new(rows: Vec<KeyRow>, pagination: Pagination, now: DateTime<Utc>) -> Self {
        let api_keys: Vec<_> = rows.into_iter().map(|row| KeyBody::new(row, now)).collect();
        Self { success: true, count: api_keys.len(), api_keys, pagination }
    }
}

/// An updated API key.
#[derive(Serialize, ToSchema)]
#[schema(as = ChangedApiKeyEnvelope)]
pub(super) struct ChangedKeyBody {
    success: bool,
    key: ChangedKey,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChangedApiKey)]
struct ChangedKey {
    id: Uuid,
    name: String,
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
    rate_limit: Option<i32>,
}

impl From<KeyRow> for ChangedKeyBody {
    fn from(row: KeyRow) -> Self {
        let KeyRow { key_id, name, expires_at, last_used_at, rate_limit, .. } = row;
        let key = ChangedKey { id: key_id, name, expires_at, last_used_at, rate_limit };
        Self { success: true, key }
    }
}

/// The number of revoked API keys.
#[derive(Serialize, ToSchema)]
#[schema(as = RevokedApiKeys)]
pub(super) struct RevokedBody {
    success: bool,
    message: String,
    count: usize,
}

impl RevokedBody {
    pub(super) fn new(count: usize) -> Self {
        Self { success: true, message: format!("{count} API keys revoked successfully"), count }
    }
}
