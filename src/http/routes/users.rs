//! Users, for administrators.

use actix_web::{HttpResponse, delete, get, post, put, web};
use garde::Validate;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::account::{UserBody, check_password};
use crate::actors::db_breaker::Circuit;
use crate::http::AppState;
use crate::http::answer::{self, JSON, listed, text, uncached};
use crate::http::envelope::Message;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Admin, Person};
use crate::http::extract::json_body::JsonBody;
use crate::http::extract::origin::Origin;
use crate::http::extract::path::UuidPath;
use crate::http::extract::query::QueryParameters;
use crate::http::request::caller::{Caller, Credential};
use crate::model::audit::Action;
use crate::model::authority::Concern;
use crate::model::object::Object;
use crate::model::page::{PageRequest, Pagination};
use crate::model::scopes::Scope;
use crate::model::text::{Email, Text100, Username};
use crate::model::users::{Role, UserPatch, UserStatus};
use crate::storage::audit_events::{self, Target};
use crate::storage::users::{self, NewUser, User};
use crate::storage::{authority, user_changes};

const PATH: &str = "/api/auth/users";

/// All routes of users.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list).service(get).service(create).service(update).service(remove);
}

/// A user to be.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
struct UserCreation {
    #[garde(dive)]
    username: Username,
    #[garde(dive)]
    email: Email,
    /// 12 to 128 characters, none of the common ones.
    #[garde(skip)]
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 128)]
    password: SecretString,
    #[garde(dive)]
    full_name: Text100,
    /// viewer if not said.
    #[serde(default = "viewer")]
    #[garde(skip)]
    #[schema(default = "viewer")]
    role: Role,
    /// active if not said.
    #[serde(default = "active")]
    #[garde(skip)]
    #[schema(default = "active")]
    status: UserStatus,
    #[serde(default)]
    #[garde(dive)]
    metadata: Object,
}

fn viewer() -> Role {
    Role::Viewer
}

fn active() -> UserStatus {
    UserStatus::Active
}

fn target(user: &User) -> Target<'_> {
    Target { id: user.user_id, name: &user.username }
}

/// A page of users.
#[derive(Serialize, ToSchema)]
struct UsersBody {
    success: bool,
    users: Vec<User>,
    count: usize,
    pagination: Pagination,
}

/// List users, by name
#[utoipa::path(
    tag = "users",
    operation_id = "list_users",
    security(("bearer" = []), ("api_key" = [])),
    params(("page" = Option<i64>, Query, minimum = 1, maximum = 10_000_000),
           ("limit" = Option<i64>, Query, description = "100 if not said", minimum = 1, maximum = 100)),
    responses((status = 200, body = UsersBody))
)]
#[get("/api/auth/users")]
async fn list(
    _: Admin,
    QueryParameters(parameters): QueryParameters,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let request = PageRequest::parse(&parameters, 100).map_err(ApiError::Validation)?;
    let (users, total) = state
        .db
        .run(Circuit::Auth, "list_users", async |conn| {
            users::list(conn, request.offset(), request.limit).await
        })
        .await?;
    let pagination = request.of(total);
    let body = UsersBody { success: true, count: users.len(), users, pagination };
    Ok(uncached(&listed(PATH, &parameters, pagination, &body)?))
}

/// One user
///
/// For administrators, and for oneself.
#[utoipa::path(
    tag = "users",
    operation_id = "get_user",
    security(("bearer" = []), ("api_key" = [])),
    params(("id" = Uuid, Path, description = "user_id")),
    responses((status = 200, body = UserBody))
)]
#[get("/api/auth/users/{id}")]
async fn get(
    caller: Caller,
    UuidPath(id): UuidPath,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let oneself = caller.user.user_id == id && matches!(caller.credential, Credential::LogIn(_));
    if !oneself {
        caller.may(&[Scope::Admin])?;
    }
    let user =
        state.db.run(Circuit::Auth, "get_user", async |conn| users::get(conn, id).await).await?;
    answer::json(&mut HttpResponse::Ok(), &UserBody { success: true, user })
}

/// Create a user
#[utoipa::path(
    tag = "users",
    operation_id = "create_user",
    security(("bearer" = [])),
    request_body = UserCreation,
    responses(
        (status = 201, body = UserBody, headers(("Location" = String))),
        (status = 409, description = "The user name or e-mail address is taken"),
    )
)]
#[post("/api/auth/users")]
async fn create(
    caller: Person,
    admin: Admin,
    origin: Origin,
    body: JsonBody<UserCreation>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let UserCreation { username, email, password, full_name, role, status, metadata } = body.value;
    check_password("password", &password, username.as_str(), email.as_str())?;
    let password_hash = state.hasher.hash(password).await?;
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
    let (now, actor) = (state.clock.now(), origin.actor(&caller.user));
    let user = state
        .db
        .transaction(Circuit::Auth, "create_user", async |conn| {
            authority::confirm(conn, &admin.authority(), now).await?;
            let user = users::create(conn, &new, now).await?;
            let details = json!({ "role": user.role, "status": user.status });
            audit_events::record(conn, &actor, Action::UserCreated, target(&user), &details, now)
                .await?;
            Ok(user)
        })
        .await?;
    Ok(HttpResponse::Created()
        .insert_header(("Location", format!("{PATH}/{}", user.user_id)))
        .content_type(JSON)
        .body(text(&UserBody { success: true, user })?))
}

/// Change a user
///
/// Acts on tokens and API keys at once, also on requests whose body is still arriving. Any status
/// but active ends all sessions and, unless `keep_api_keys` is true, revokes the user's API keys
/// for good. Another e-mail address or status voids password resets.
#[utoipa::path(
    tag = "users",
    operation_id = "update_user",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "user_id")),
    request_body = UserPatch,
    responses(
        (status = 200, body = UserBody),
        (status = 409, description = "Taken, or the last active administrator"),
    )
)]
#[put("/api/auth/users/{id}")]
async fn update(
    caller: Person,
    admin: Admin,
    UuidPath(id): UuidPath,
    origin: Origin,
    body: JsonBody<UserPatch>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (now, actor) = (state.clock.now(), origin.actor(&caller.user));
    let updated = state.db.transaction(Circuit::Auth, "update_user", async |conn| {
        let changed =
            user_changes::update(conn, &admin.authority(), &actor, (id, &body.value), now).await?;
        let (user, difference) = (&changed.after, changed.after.changes_since(&changed.before));
        audit_events::record_changes(
            conn,
            &actor,
            Action::UserUpdated,
            target(user),
            &difference,
            now,
        )
        .await?;
        Ok(changed)
    });
    let changed = state.invalidation(Concern::User(id)).deliver_after(updated).await?;
    state.instruments.authentication.keys_revoked(changed.revoked_keys);
    answer::json(&mut HttpResponse::Ok(), &UserBody { success: true, user: changed.after })
}

/// Delete a user
///
/// What it wrote stays, under its name; its API keys go with it.
#[utoipa::path(
    tag = "users",
    operation_id = "delete_user",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "user_id")),
    responses((status = 200, body = Message), (status = 409, description = "The last active administrator"))
)]
#[delete("/api/auth/users/{id}")]
async fn remove(
    caller: Person,
    admin: Admin,
    UuidPath(id): UuidPath,
    origin: Origin,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (now, actor) = (state.clock.now(), origin.actor(&caller.user));
    let removed = state.db.transaction(Circuit::Auth, "delete_user", async |conn| {
        let user = user_changes::delete(conn, &admin.authority(), id, now).await?;
        audit_events::record(conn, &actor, Action::UserDeleted, target(&user), &json!({}), now)
            .await
    });
    state.invalidation(Concern::User(id)).deliver_after(removed).await?;
    answer::json(&mut HttpResponse::Ok(), &Message::of("User deleted successfully"))
}
