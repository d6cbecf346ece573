//! Response types of users. A password hash is in none of them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::model::page::Pagination;
use crate::model::users::{Role, UserStatus};
use crate::model::warnings::{Warning, Warnings};
use crate::storage::document::Document;
use crate::storage::users::User;

/// A user, without the password.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub(in crate::http::routes) struct UserResponse {
    /// UUID of version 7.
    user_id: Uuid,
    /// Unique without regard to case.
    username: String,
    /// Unique without regard to case.
    email: String,
    full_name: String,
    role: Role,
    /// Only active users can log in.
    status: UserStatus,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    last_login_at: Option<DateTime<Utc>>,
    /// Any JSON object.
    #[schema(value_type = Object)]
    metadata: Document,
}

impl From<User> for UserResponse {
    fn from(row: User) -> Self {
        Self {
            user_id: row.user_id,
            username: row.username,
            email: row.email,
            full_name: row.full_name,
            role: row.role,
            status: row.status,
            created_at: row.created_at,
            updated_at: row.updated_at,
            last_login_at: row.last_login_at,
            metadata: row.metadata,
        }
    }
}

/// The response about one user.
#[derive(Serialize, ToSchema)]
#[schema(as = UserEnvelope)]
pub(in crate::http::routes) struct UserBody {
    success: bool,
    user: UserResponse,
}

impl From<User> for UserBody {
    fn from(row: User) -> Self {
        Self { success: true, user: row.into() }
    }
}

/// The response about one user that was created or changed.
#[derive(Serialize, ToSchema)]
#[schema(as = ChangedUserEnvelope)]
pub(super) struct ChangedUserBody {
    success: bool,
    user: UserResponse,
    /// What was removed from rich texts in `metadata`, at most the first 100 parts; absent if
    /// nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    warnings: Vec<Warning>,
    /// Number of warnings beyond those in `warnings`; absent if 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    warnings_omitted: Option<usize>,
}

impl ChangedUserBody {
    pub(super) fn new(user: User, warnings: Warnings) -> Self {
        let (warnings, warnings_omitted) = warnings.into_fields();
        Self { success: true, user: user.into(), warnings, warnings_omitted }
    }
}

/// A page of users.
#[derive(Serialize, ToSchema)]
#[schema(as = UserPage)]
pub(super) struct UsersBody {
    success: bool,
    users: Vec<UserResponse>,
    count: usize,
    pagination: Pagination,
}

impl UsersBody {
    pub(super) fn new(rows: Vec<User>, pagination: Pagination) -> Self {
        let users: Vec<_> = rows.into_iter().map(UserResponse::from).collect();
        Self { success: true, count: users.len(), users, pagination }
    }
}
