//! API keys. Their owner looks after them, logged in: no key makes or changes keys. What ends one
//! is committed first, then forgotten here, then answered.

mod body;

use actix_web::{HttpResponse, delete, get, patch, post, web};
use chrono::{DateTime, Utc};
use serde_json::json;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use self::body::{ChangedKey, ChangedKeyBody, KeyBody, KeysBody, NewKeyBody, RevokedBody};
use super::token_pair::secret;
use crate::actors::db_breaker::Circuit;
use crate::credentials::api_keys::ApiKey;
use crate::http::AppState;
use crate::http::answer::{self, listed, uncached};
use crate::http::envelope::Message;
use crate::http::error::ApiError;
use crate::http::extract::caller::Person;
use crate::http::extract::json_body::{JsonBody, OptionalJsonBody};
use crate::http::extract::origin::Origin;
use crate::http::extract::path::UuidPath;
use crate::http::extract::query::QueryParameters;
use crate::http::rate_limit::{Against, Limiter};
use crate::model::api_keys::{KeyDraft, KeyPatch, KeyQuery, KeyRotation, may_set_rate_limit};
use crate::model::audit::Action;
use crate::model::authority::Concern;
use crate::model::scopes::Scopes;
use crate::model::users::Role;
use crate::rate_limit::policy::Policy;
use crate::storage::api_keys::{self, KeyRow, NewKey, life};
use crate::storage::audit_events::{self, Target};
use crate::storage::authority::{self, Lost};
use crate::storage::{StorageError, users};

const PATH: &str = "/api/auth/api-keys";
const STORE_IT: &str = "Store this API key securely. It will not be shown again.";

/// All routes of API keys.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list)
        .service(create)
        .service(rotate)
        .service(update)
        .service(revoke)
        .service(revoke_all);
}

/// A route of keys knows no other thing that could be missing.
fn of_keys(error: impl Into<ApiError>) -> ApiError {
    match error.into() {
        ApiError::NotFound(_) => ApiError::NoApiKey,
        error => error,
    }
}

fn target(row: &KeyRow) -> Target<'_> {
    Target { id: row.key_id, name: &row.name }
}

/// List API keys, newest first
///
/// Your own; an administrator may ask for another user's.
#[utoipa::path(
    tag = "api-keys",
    operation_id = "list_api_keys",
    security(("bearer" = [])),
    params(("status" = Option<String>, Query, description = "active, expired, revoked, separated by commas; all if not said"),
           ("user_id" = Option<Uuid>, Query, description = "Another user's keys, for administrators"),
           ("page" = Option<i64>, Query, minimum = 1, maximum = 10_000_000),
           ("limit" = Option<i64>, Query, description = "100 if not said", minimum = 1, maximum = 100)),
    responses((status = 200, body = KeysBody))
)]
#[get("/api/auth/api-keys")]
async fn list(
    caller: Person,
    QueryParameters(parameters): QueryParameters,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let query = KeyQuery::parse(&parameters).map_err(ApiError::Validation)?;
    let (now, user_id) = (state.clock.now(), query.user_id.unwrap_or(caller.user.user_id));
    if user_id != caller.user.user_id && caller.user.role != Role::Admin {
        return Err(ApiError::Authorization("Only administrators see other users' API keys"));
    }
    let (rows, total) = state
        .db
        .run(Circuit::ApiKeys, "list_api_keys", async |conn| {
            api_keys::list(conn, user_id, &query, now).await
        })
        .await?;
    let pagination = query.page.of(total);
    let keys: Vec<KeyBody> = rows.into_iter().map(|row| KeyBody::of(row, now)).collect();
    let body = KeysBody { success: true, count: keys.len(), api_keys: keys, pagination };
    Ok(uncached(&listed(PATH, &parameters, pagination, &body)?))
}

/// Create an API key
///
/// The answer shows it once. It never allows more than your role does at the time.
#[utoipa::path(
    tag = "api-keys",
    operation_id = "create_api_key",
    security(("bearer" = [])),
    request_body = KeyDraft,
    responses((status = 201, body = NewKeyBody), (status = 409, description = "You have 100 live keys"))
)]
#[post("/api/auth/api-keys")]
async fn create(
    caller: Person,
    limiter: Limiter,
    origin: Origin,
    body: JsonBody<KeyDraft>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (draft, now) = (body.value, state.clock.now());
    if draft.expires_at.is_some_and(|at| at <= now) {
        return Err(ApiError::invalid("expires_at", "must be in the future"));
    }
    if !draft.scopes.is_within(Scopes::of(caller.user.role)) {
        return Err(ApiError::Authorization("Your role does not allow all of these scopes"));
    }
    check_rate_limit(&state, &caller, draft.rate_limit)?;
    let account = caller.user.user_id.to_string();
    let made = async || make(&state, &caller, origin, &draft, now).await;
    limiter.guard(Policy::ApiKey, Against::Account(&account), Result::is_ok, made).await
}

/// Only an administrator sets a rate limit above that of all callers.
fn check_rate_limit(
    state: &AppState,
    caller: &Person,
    rate_limit: Option<u32>,
) -> Result<(), ApiError> {
    let allowed = |limit| {
        may_set_rate_limit(caller.user.role, limit, state.limits.caller_quota().map(|all| all.most))
    };
    match rate_limit {
        Some(limit) if !allowed(limit) => Err(ApiError::Authorization(
            "Only administrators may set a rate_limit above the limit of all callers",
        )),
        _ => Ok(()),
    }
}

async fn make(
    state: &AppState,
    caller: &Person,
    origin: Origin,
    draft: &KeyDraft,
    now: DateTime<Utc>,
) -> Result<HttpResponse, ApiError> {
    let (key, actor) = (ApiKey::generate(), origin.actor(&caller.user));
    let new = NewKey { key_id: Uuid::now_v7(), user_id: caller.user.user_id, key: &key };
    let made = state.db.transaction(Circuit::ApiKeys, "create_api_key", async |conn| {
        let owner = authority::lock_and_confirm(conn, &caller.authority(), now).await?;
        // The role may have become smaller since the scopes were judged.
        if !draft.scopes.is_within(Scopes::of(owner.role)) {
            return Err(StorageError::AuthorityLost(Lost::Role));
        }
        let row = api_keys::create(conn, new, draft, now).await?;
        let details =
            json!({ "scopes": row.scopes, "expires_at": row.expires_at, "prefix": row.prefix });
        audit_events::record(conn, &actor, Action::KeyCreated, target(&row), &details, now).await?;
        Ok(row)
    });
    shown(state, &key, made.await?, now)
}

fn shown(
    state: &AppState,
    key: &ApiKey,
    row: KeyRow,
    now: DateTime<Utc>,
) -> Result<HttpResponse, ApiError> {
    state.instruments.authentication.key_created();
    let body = NewKeyBody {
        success: true,
        api_key: key.expose().to_owned(),
        key_info: KeyBody::of(row, now),
        message: STORE_IT,
    };
    secret(HttpResponse::Created(), &body)
}

/// Replace an API key by a new one
///
/// With the same name, scopes and expiry. The old one goes on working for `grace_minutes`, but
/// never longer than it would have anyway.
#[utoipa::path(
    tag = "api-keys",
    operation_id = "rotate_api_key",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "key_id")),
    request_body(content = Option<KeyRotation>),
    responses(
        (status = 201, body = NewKeyBody),
        (status = 404, description = "You have no such key"),
        (status = 409, description = "It has ended, or was rotated before"),
    )
)]
#[post("/api/auth/api-keys/{id}/rotate")]
async fn rotate(
    caller: Person,
    limiter: Limiter,
    UuidPath(id): UuidPath,
    origin: Origin,
    OptionalJsonBody(rotation): OptionalJsonBody<KeyRotation>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    // A rotation makes a key, so it counts as one.
    let account = caller.user.user_id.to_string();
    let made = async || replace(&state, &caller, id, rotation, origin).await;
    limiter.guard(Policy::ApiKey, Against::Account(&account), Result::is_ok, made).await
}

async fn replace(
    state: &AppState,
    caller: &Person,
    id: Uuid,
    rotation: KeyRotation,
    origin: Origin,
) -> Result<HttpResponse, ApiError> {
    let (key, actor, now) = (ApiKey::generate(), origin.actor(&caller.user), state.clock.now());
    let new = NewKey { key_id: Uuid::now_v7(), user_id: caller.user.user_id, key: &key };
    let rotated = state.db.transaction(Circuit::ApiKeys, "rotate_api_key", async |conn| {
        authority::lock_and_confirm(conn, &caller.authority(), now).await?;
        let row = life::rotate(conn, id, new, rotation.grace_minutes, now).await?;
        let details = json!({ "successor": row.key_id, "grace_minutes": rotation.grace_minutes });
        let old = Target { id, name: &row.name };
        audit_events::record(conn, &actor, Action::KeyRotated, old, &details, now).await?;
        Ok(row)
    });
    let row = state.invalidation(Concern::Key(id)).deliver_after(rotated).await.map_err(of_keys)?;
    shown(state, &key, row, now)
}

/// Rename an API key, extend its life, or change its rate limit
///
/// A key that never expires stays so; one that has ended is not revived.
#[utoipa::path(
    tag = "api-keys",
    operation_id = "update_api_key",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "key_id")),
    request_body = KeyPatch,
    responses(
        (status = 200, body = ChangedKeyBody),
        (status = 404, description = "You have no such key"),
        (status = 409, description = "It has ended"),
    )
)]
#[patch("/api/auth/api-keys/{id}")]
async fn update(
    caller: Person,
    UuidPath(id): UuidPath,
    origin: Origin,
    body: JsonBody<KeyPatch>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (patch, now, actor) = (body.value, state.clock.now(), origin.actor(&caller.user));
    if patch.name.is_none() && patch.extend_days.is_none() && patch.rate_limit.is_none() {
        return Err(ApiError::invalid(
            "",
            "must name what to change: name, extend_days or rate_limit",
        ));
    }
    check_rate_limit(&state, &caller, patch.rate_limit.flatten())?;
    let changed = state.db.transaction(Circuit::ApiKeys, "update_api_key", async |conn| {
        authority::lock_and_confirm(conn, &caller.authority(), now).await?;
        let (row, changes) = life::update(conn, caller.user.user_id, id, &patch, now).await?;
        audit_events::record_changes(conn, &actor, Action::KeyUpdated, target(&row), &changes, now)
            .await?;
        Ok(row)
    });
    let changed = state.invalidation(Concern::Key(id)).deliver_after(changed);
    let KeyRow { key_id, name, expires_at, last_used_at, rate_limit, .. } =
        changed.await.map_err(of_keys)?;
    let key = ChangedKey { id: key_id, name, expires_at, last_used_at, rate_limit };
    answer::json(&mut HttpResponse::Ok(), &ChangedKeyBody { success: true, key })
}

/// Revoke an API key
///
/// Your own, or, as an administrator, anybody's. When this is answered the key is dead here; on
/// other processes within a moment.
#[utoipa::path(
    tag = "api-keys",
    operation_id = "revoke_api_key",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "key_id")),
    responses(
        (status = 200, body = Message),
        (status = 403, description = "It is another user's"),
        (status = 404, description = "There is no such key, or it was revoked before"),
    )
)]
#[delete("/api/auth/api-keys/{id}")]
async fn revoke(
    caller: Person,
    UuidPath(id): UuidPath,
    origin: Origin,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (now, actor) = (state.clock.now(), origin.actor(&caller.user));
    let revoked = state.db.transaction(Circuit::ApiKeys, "revoke_api_key", async |conn| {
        let user = authority::lock_and_confirm(conn, &caller.authority(), now).await?;
        let only_of = (user.role != Role::Admin).then_some(user.user_id);
        let row = life::revoke(conn, id, only_of, now).await?;
        let owner = users::get(conn, row.user_id).await?.username;
        audit_events::record(
            conn,
            &actor,
            Action::KeyRevoked,
            target(&row),
            &json!({ "owner": owner }),
            now,
        )
        .await
    });
    state.invalidation(Concern::Key(id)).deliver_after(revoked).await.map_err(of_keys)?;
    state.instruments.authentication.keys_revoked(1);
    answer::json(&mut HttpResponse::Ok(), &Message::of("API key revoked successfully"))
}

/// Revoke all your API keys
#[utoipa::path(
    tag = "api-keys",
    operation_id = "revoke_api_keys",
    security(("bearer" = [])),
    responses((status = 200, body = RevokedBody))
)]
#[delete("/api/auth/api-keys")]
async fn revoke_all(
    caller: Person,
    origin: Origin,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (now, actor, user_id) =
        (state.clock.now(), origin.actor(&caller.user), caller.user.user_id);
    let revoked = state.db.transaction(Circuit::ApiKeys, "revoke_api_keys", async |conn| {
        authority::lock_and_confirm(conn, &caller.authority(), now).await?;
        life::revoke_all(conn, &actor, user_id, now).await
    });
    let count = state.invalidation(Concern::User(user_id)).deliver_after(revoked).await?;
    state.instruments.authentication.keys_revoked(count);
    let message = format!("{count} API keys revoked successfully");
    answer::json(&mut HttpResponse::Ok(), &RevokedBody { success: true, message, count })
}
