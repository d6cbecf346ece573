//! Issues API keys: creation and rotation. The key itself leaves these functions once and is never
//! stored.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::key_target::{check_rate_limit, key_not_found, target};
use crate::actors::db_breaker::Circuit;
use crate::credentials::api_keys::ApiKey;
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::SessionCaller;
use crate::http::extract::origin::Origin;
use crate::http::rate_limit::limiter::RateLimiter;
use crate::http::rate_limit::{Against, RequestLimiter};
use crate::http::routes::key_events::KeyEventLog;
use crate::model::api_keys::{KeyDraft, KeyRotation};
use crate::model::audit::Action;
use crate::model::authority::InvalidationScope;
use crate::model::scopes::Scopes;
use crate::rate_limit::policy::Policy;
use crate::storage::StorageError;
use crate::storage::api_keys::{self, KeyRow, NewKey, lifecycle};
use crate::storage::audit_events::{self, Target};
use crate::storage::authority;
use crate::storage::error::LostAuthority;

/// A key that was just created, and what is stored of it.
#[derive(Debug)]
pub struct IssuedKey {
    pub key: ApiKey,
    pub row: KeyRow,
}

/// Who issues a key, and how often it may.
#[derive(Debug)]
pub struct KeyIssuer<'a> {
    pub services: &'a AccountServices,
    pub caller: &'a SessionCaller,
    pub limiter: &'a RequestLimiter,
    pub origin: &'a Origin,
}

impl KeyIssuer<'_> {
    /// Creates a key of the caller.
    ///
    /// # Errors
    /// [`ApiError::Validation`] for an expiry in the past, [`ApiError::Authorization`] for scopes
    /// or a rate limit that the role does not allow, [`ApiError::RateLimited`], and
    /// [`ApiError::Conflict`] with too many live keys.
    pub async fn create(
        &self,
        draft: &KeyDraft,
        rate_limiter: &RateLimiter,
    ) -> Result<IssuedKey, ApiError> {
        let now = self.services.clock.now();
        if draft.expires_at.is_some_and(|at| at <= now) {
            return Err(ApiError::invalid("expires_at", "must be in the future"));
        }
        if !draft.scopes.is_subset(Scopes::from_role(self.caller.user.role)) {
            return Err(ApiError::Authorization("Your role does not allow all of these scopes"));
        }
        check_rate_limit(rate_limiter, self.caller, draft.rate_limit)?;
        self.counted(async || self.store_new(draft, now).await).await
    }

    /// Replaces a key of the caller by a new one. The old one stays valid for the grace period.
    ///
    /// # Errors
    /// [`ApiError::NoApiKey`], [`ApiError::Conflict`] if the key has ended or was rotated before,
    /// and [`ApiError::RateLimited`].
    pub async fn rotate(&self, id: Uuid, rotation: KeyRotation) -> Result<IssuedKey, ApiError> {
        // A rotation creates a key, so it is counted as a creation.
        self.counted(async || self.store_successor(id, rotation).await).await
    }

    async fn counted(
        &self,
        work: impl AsyncFnOnce() -> Result<IssuedKey, ApiError>,
    ) -> Result<IssuedKey, ApiError> {
        let account = self.caller.user.user_id.to_string();
        let against = Against::Account(&account);
        let issued = self.limiter.guard(Policy::ApiKey, against, Result::is_ok, work).await?;
        self.services.instruments.authentication.count_created_key();
        Ok(issued)
    }

    async fn store_new(&self, draft: &KeyDraft, now: DateTime<Utc>) -> Result<IssuedKey, ApiError> {
        let Self { services, caller, origin, .. } = *self;
        let (key, actor) = (ApiKey::generate(), origin.actor(&caller.user));
        let new = NewKey { key_id: Uuid::now_v7(), user_id: caller.user.user_id, key: &key };
        let created = services.db.transaction(Circuit::ApiKeys, "api_keys.create", async |conn| {
            let owner = authority::lock_and_confirm(conn, &caller.authority(), now).await?;
            // The role may have been lowered since the scopes were checked.
            if !draft.scopes.is_subset(Scopes::from_role(owner.role)) {
                return Err(StorageError::AuthorityLost(LostAuthority::Role));
            }
            let row = api_keys::create(conn, new, draft, now).await?;
            let details =
                json!({ "scopes": row.scopes, "expires_at": row.expires_at, "prefix": row.prefix });
            let action = Action::KeyCreated;
            audit_events::record(conn, &actor, action, target(&row), &details, now).await?;
            Ok(row)
        });
        let row = created.await?;
        KeyEventLog::new(&services.logger, &caller.user, &actor).created(&row);
        Ok(IssuedKey { key, row })
    }

    async fn store_successor(
        &self,
        id: Uuid,
        rotation: KeyRotation,
    ) -> Result<IssuedKey, ApiError> {
        let Self { services, caller, origin, .. } = *self;
        let (key, actor) = (ApiKey::generate(), origin.actor(&caller.user));
        let now = services.clock.now();
        let new = NewKey { key_id: Uuid::now_v7(), user_id: caller.user.user_id, key: &key };
        let rotated = services.db.transaction(Circuit::ApiKeys, "api_keys.rotate", async |conn| {
            authority::lock_and_confirm(conn, &caller.authority(), now).await?;
            let row = lifecycle::rotate(conn, id, new, rotation.grace_minutes, now).await?;
            let details =
                json!({ "successor": row.key_id, "grace_minutes": rotation.grace_minutes });
            let old = Target { id, name: &row.name };
            audit_events::record(conn, &actor, Action::KeyRotated, old, &details, now).await?;
            Ok(row)
        });
        let invalidation = services.invalidation(InvalidationScope::Key(id));
        let row = invalidation.apply_after(rotated).await.map_err(key_not_found)?;
        KeyEventLog::new(&services.logger, &caller.user, &actor).rotated(id, &row);
        Ok(IssuedKey { key, row })
    }
}
