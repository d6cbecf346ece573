//! Response types of users. A password hash is in none of them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::model::page::Pagination;
use crate::model::users::{Role, UserStatus};
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
pub(in crate::http::routes) struct UserBody {
    success: bool,
    user: UserResponse,
}

impl From<User> for UserBody {
    fn from(row: User) -> Self {
        Self { success: true, user: row.into() }
    }
}

/// A page of users.
#[derive(Serialize, ToSchema)]
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
