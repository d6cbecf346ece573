//! Routes of users, for administrators; the work of what pages do, too, is in
//! `http::accounts::users`. What users do with their own account is in `account`.

pub(super) mod response;
mod self_or_admin;

use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, delete, get, post, put, web};
use garde::Validate;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use self::response::{ChangedUserBody, UserBody, UsersBody};
use self::self_or_admin::SelfOrAdmin;
use super::key_events::{KeyEventLog, RevocationCause};
use super::not_found::name_missing;
use super::password_rules::check_password;
use crate::actors::db_breaker::Circuit;
use crate::http::accounts::user_target::target;
use crate::http::accounts::users::{get_user, list_users, update_user};
use crate::http::app_data::AccountServices;
use crate::http::envelope::MessageBody;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Admin, SessionCaller};
use crate::http::extract::json_body::JsonBody;
use crate::http::extract::origin::Origin;
use crate::http::extract::path::UuidPath;
use crate::http::extract::query::QueryParameters;
use crate::http::response::{cached_list, json as json_response};
use crate::model::audit::Action;
use crate::model::authority::InvalidationScope;
use crate::model::object::Object;
use crate::model::page::PageRequest;
use crate::model::text::{Email, Text100, Username};
use crate::model::users::{Role, UserPatch, UserStatus};
use crate::storage::audit_events;
use crate::storage::users::{self, NewUser};
use crate::storage::{authority, user_changes};

const PATH: &str = "/api/auth/users";

/// Registers the routes of users.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list).service(get).service(create).service(update).service(delete);
}

/// A user to create.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
struct UserCreation {
    #[garde(dive)]
    username: Username,
    #[garde(dive)]
    email: Email,
    /// 12 to 128 characters, not a common password.
    #[garde(skip)]
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 128)]
    password: SecretString,
    #[garde(dive)]
    full_name: Text100,
    /// By default `viewer`.
    #[serde(default = "default_role")]
    #[garde(skip)]
    role: Role,
    /// By default `active`.
    #[serde(default = "default_status")]
    #[garde(skip)]
    status: UserStatus,
    #[serde(default)]
    #[garde(dive)]
    metadata: Object,
}

fn default_role() -> Role {
    Role::Viewer
}

fn default_status() -> UserStatus {
    UserStatus::Active
}

/// List users by name
///
/// For administrators.
#[utoipa::path(
    tag = "users",
    operation_id = "list_users",
    security(("bearer" = []), ("api_key" = [])),
    params(
        ("page" = Option<i64>, Query, description = "Page number, from 1",
            minimum = 1, maximum = 10_000_000),
        ("limit" = Option<i64>, Query, description = "Items per page, default 100",
            minimum = 1, maximum = 100),
    ),
    responses((status = 200, body = UsersBody))
)]
#[get("/api/auth/users")]
async fn list(
    _: Admin,
    QueryParameters(parameters): QueryParameters,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let request = PageRequest::parse(&parameters, 100).map_err(ApiError::Validation)?;
    let (rows, total) = list_users(&services, request).await?;
    let pagination = request.paginate(total);
    let body = UsersBody::new(rows, pagination);
    Ok(cached_list(PATH, &parameters, pagination, &body)?.respond(None))
}

/// Get a user
///
/// Administrators can get any user, others only themselves.
#[utoipa::path(
    tag = "users",
    operation_id = "get_user",
    security(("bearer" = []), ("api_key" = [])),
    params(("id" = Uuid, Path, description = "user_id")),
    responses((status = 200, body = UserBody))
)]
#[get("/api/auth/users/{id}")]
async fn get(
    SelfOrAdmin { user_id }: SelfOrAdmin,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let user = get_user(&services, user_id).await?;
    json_response(&mut HttpResponse::Ok(), &UserBody::from(user))
}

/// Create a user
///
/// For administrators. By default the user is an active viewer.
#[utoipa::path(
    tag = "users",
    operation_id = "create_user",
    security(("bearer" = [])),
    request_body = UserCreation,
    responses(
        (status = 201, description = "Created", body = ChangedUserBody,
            headers(("Location" = String, description = "Path of the user"))),
        (status = 409, description = "The username or email exists"),
    )
)]
#[post("/api/auth/users")]
async fn create(
    caller: SessionCaller,
    admin: Admin,
    origin: Origin,
    body: JsonBody<UserCreation>,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let UserCreation { username, email, password, full_name, role, status, metadata } = body.value;
    check_password("password", &password, username.as_str(), email.as_str())?;
    let password_hash = services.hasher.hash(password).await?;
    let new = NewUser {
        user_id: Uuid::now_v7(),
        username: username.as_str(),
        email: email.as_str(),
        full_name: full_name.as_str(),
        password_hash: &password_hash,
        role,
        status,
        metadata: &metadata,
    };
    let (now, actor) = (services.clock.now(), origin.actor(&caller.user));
    let user = services
        .db
        .transaction(Circuit::Auth, "users.create", async |conn| {
            authority::confirm(conn, &admin.authority(), now).await?;
            let user = users::create(conn, &new, now).await?;
            let details = json!({ "role": user.role, "status": user.status });
            audit_events::record(conn, &actor, Action::UserCreated, target(&user), &details, now)
                .await?;
            Ok(user)
        })
        .await?;
    let location = format!("{PATH}/{}", user.user_id);
    json_response(
        HttpResponse::Created().insert_header((LOCATION, location)),
        &ChangedUserBody::new(user, body.warnings),
    )
}

/// Update a user
///
/// Takes effect on tokens and API keys at once, also on requests whose body is still arriving. Any
/// status but active ends all sessions and, unless `keep_api_keys` is true, revokes the user's API
/// keys. A new email or status invalidates pending password resets.
#[utoipa::path(
    tag = "users",
    operation_id = "update_user",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "user_id")),
    request_body = UserPatch,
    responses(
        (status = 200, body = ChangedUserBody),
        (status = 409,
            description = "The username or email exists, or no other active administrator would \
                remain"),
    )
)]
#[put("/api/auth/users/{id}")]
async fn update(
    caller: SessionCaller,
    admin: Admin,
    UuidPath(id): UuidPath,
    origin: Origin,
    body: JsonBody<UserPatch>,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let change = (id, &body.value);
    let user = update_user(&services, (&caller, &admin), &origin, change).await?;
    json_response(&mut HttpResponse::Ok(), &ChangedUserBody::new(user, body.warnings))
}

/// Delete a user
///
/// The user's API keys are deleted, too. Metrics and revisions keep the username of their author.
#[utoipa::path(
    tag = "users",
    operation_id = "delete_user",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "user_id")),
    responses(
        (status = 200, body = MessageBody),
        (status = 409, description = "No other active administrator would remain"),
    )
)]
#[delete("/api/auth/users/{id}")]
async fn delete(
    caller: SessionCaller,
    admin: Admin,
    UuidPath(id): UuidPath,
    origin: Origin,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let (now, actor) = (services.clock.now(), origin.actor(&caller.user));
    let deleted = services.db.transaction(Circuit::Auth, "users.delete", async |conn| {
        let (user, keys) = user_changes::delete(conn, &admin.authority(), &actor, id, now).await?;
        let (action, details) = (Action::UserDeleted, json!({}));
        audit_events::record(conn, &actor, action, target(&user), &details, now).await?;
        Ok(keys)
    });
    let keys = services
        .invalidation(InvalidationScope::User(id))
        .apply_after(deleted)
        .await
        .map_err(name_missing("User", &id.to_string()))?;
    let events = KeyEventLog::new(&services.logger, &caller.user, &actor);
    events.revoked_with(RevocationCause::UserDeleted, id, &keys);
    json_response(&mut HttpResponse::Ok(), &MessageBody::new("User deleted successfully"))
}
