//! Users, with their password hashes; those leave this floor only to be checked.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::StorageError;
use super::document::Document;
use super::schema::users;
use crate::model::audit::Changes;
use crate::model::object::Object;
use crate::model::users::{Role, UserPatch, UserStatus};

/// The advisory lock of the transaction that creates the first administrator: "admin" as a number.
const FIRST_ADMIN: i64 = 0x0061_646d_696e;

/// A user, as anyone who may see it sees it.
#[derive(Clone, Debug, Queryable, Selectable, Serialize, ToSchema)]
#[diesel(table_name = users, check_for_backend(diesel::pg::Pg))]
pub struct User {
    /// UUID v7.
    pub user_id: Uuid,
    /// Unique without regard to case.
    pub username: String,
    /// Unique without regard to case.
    pub email: String,
    /// As the person writes it.
    pub full_name: String,
    /// What it may do.
    #[diesel(deserialize_as = String)]
    pub role: Role,
    /// Whether it may log in.
    #[diesel(deserialize_as = String)]
    pub status: UserStatus,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// Last successful log-in.
    pub last_login_at: Option<DateTime<Utc>>,
    /// Free object.
    #[schema(value_type = Object)]
    pub metadata: Document,
}

impl User {
    /// What differs from an earlier state, for the audit log. Metadata is free, so only its name
    /// is.
    pub fn changes_since(&self, before: &Self) -> Changes {
        let mut changes = Changes::default();
        changes
            .field("username", &before.username, &self.username)
            .field("email", &before.email, &self.email)
            .field("full_name", &before.full_name, &self.full_name)
            .field("role", &before.role, &self.role)
            .field("status", &before.status, &self.status);
        if before.metadata.text() != self.metadata.text() {
            changes.name("metadata");
        }
        changes
    }
}

/// Who a user is, for what it does.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(diesel::pg::Pg))]
pub struct Account {
    /// UUID v7.
    pub user_id: Uuid,
    /// Unique without regard to case.
    pub username: String,
    /// Unique without regard to case.
    pub email: String,
    /// What it may do.
    #[diesel(deserialize_as = String)]
    pub role: Role,
}

/// A user to be.
#[derive(Debug)]
pub struct NewUser<'a> {
    /// UUID v7.
    pub user_id: Uuid,
    /// Unique without regard to case.
    pub username: &'a str,
    /// Unique without regard to case.
    pub email: &'a str,
    /// As the person writes it.
    pub full_name: &'a str,
    /// PHC string.
    pub password_hash: &'a str,
    /// What it may do.
    pub role: Role,
    /// Whether it may log in.
    pub status: UserStatus,
    /// Free object.
    pub metadata: &'a Object,
}

diesel::define_sql_function! {
    /// Names and addresses are compared without regard to case.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// Stores a new user.
///
/// # Errors
/// [`StorageError::Duplicate`] with `username` or `email`.
pub async fn create(
    conn: &mut AsyncPgConnection,
    new: &NewUser<'_>,
    now: DateTime<Utc>,
) -> Result<User, StorageError> {
    diesel::insert_into(users::table)
        .values((
            users::user_id.eq(new.user_id),
            users::username.eq(new.username),
            users::email.eq(new.email),
            users::full_name.eq(new.full_name),
            users::password_hash.eq(new.password_hash),
            users::role.eq(new.role.as_ref()),
            users::status.eq(new.status.as_ref()),
            users::metadata.eq(Document::of(new.metadata)?),
            users::created_at.eq(now),
            users::updated_at.eq(now),
        ))
        .returning(User::as_returning())
        .get_result(conn)
        .await
        .map_err(taken)
}

fn taken(error: diesel::result::Error) -> StorageError {
    StorageError::from(error)
        .on_constraint("users_username_key", StorageError::Duplicate("username"))
        .on_constraint("users_email_key", StorageError::Duplicate("email"))
}

/// One user.
///
/// # Errors
/// [`StorageError::NotFound`].
pub async fn get(conn: &mut AsyncPgConnection, user_id: Uuid) -> Result<User, StorageError> {
    Ok(users::table.find(user_id).select(User::as_select()).first(conn).await?)
}

/// Locks a user until the transaction ends: its sessions, keys and password are changed by one
/// transaction after another. Foreign keys to it can still be checked meanwhile.
///
/// # Errors
/// [`StorageError::NotFound`].
pub async fn lock(conn: &mut AsyncPgConnection, user_id: Uuid) -> Result<User, StorageError> {
    Ok(users::table.find(user_id).select(User::as_select()).for_no_key_update().first(conn).await?)
}

/// All users, by name; at most `limit` from `offset`, and how many there are.
pub async fn list(
    conn: &mut AsyncPgConnection,
    offset: i64,
    limit: i64,
) -> Result<(Vec<User>, i64), StorageError> {
    let total = users::table.count().get_result(conn).await?;
    let page = users::table
        .select(User::as_select())
        .order_by((lower(users::username), users::user_id))
        .offset(offset)
        .limit(limit)
        .load(conn)
        .await?;
    Ok((page, total))
}

/// Whether there is any administrator.
pub async fn any_admin(conn: &mut AsyncPgConnection) -> Result<bool, StorageError> {
    let admins = users::table.filter(users::role.eq("admin")).select(users::user_id);
    Ok(diesel::select(diesel::dsl::exists(admins)).get_result(conn).await?)
}

/// Stores the first administrator; none if there is one already. Replicas that start together take
/// turns. Needs a transaction.
///
/// # Errors
/// [`StorageError::Duplicate`] with `username` or `email`, if a user who is no administrator has it.
pub async fn create_first_admin(
    conn: &mut AsyncPgConnection,
    new: &NewUser<'_>,
    now: DateTime<Utc>,
) -> Result<Option<User>, StorageError> {
    diesel::sql_query("SELECT pg_advisory_xact_lock($1)")
        .bind::<BigInt, _>(FIRST_ADMIN)
        .execute(conn)
        .await?;
    if any_admin(conn).await? { Ok(None) } else { create(conn, new, now).await.map(Some) }
}

/// A user and its password hash, by name or e-mail address; none if nobody is called so.
pub async fn find_for_login(
    conn: &mut AsyncPgConnection,
    name: &str,
) -> Result<Option<(User, SecretString)>, StorageError> {
    let found = users::table
        .filter(lower(users::username).eq(lower(name)).or(lower(users::email).eq(lower(name))))
        .select((User::as_select(), users::password_hash))
        // A user name cannot contain an @, an address must: at most one row.
        .first::<(User, String)>(conn)
        .await
        .optional()?;
    Ok(found.map(|(user, hash)| (user, hash.into())))
}

/// A user's password hash.
///
/// # Errors
/// [`StorageError::NotFound`].
pub async fn password_hash(
    conn: &mut AsyncPgConnection,
    user_id: Uuid,
) -> Result<SecretString, StorageError> {
    let hash: String = users::table.find(user_id).select(users::password_hash).first(conn).await?;
    Ok(hash.into())
}

/// Notes a log-in, if the user still may log in with the password that was checked.
pub async fn logged_in(
    conn: &mut AsyncPgConnection,
    user_id: Uuid,
    checked_hash: &SecretString,
    now: DateTime<Utc>,
) -> Result<Option<User>, StorageError> {
    Ok(diesel::update(users::table.find(user_id))
        .filter(
            users::status.eq("active").and(users::password_hash.eq(checked_hash.expose_secret())),
        )
        .set(users::last_login_at.eq(now))
        .returning(User::as_returning())
        .get_result(conn)
        .await
        .optional()?)
}

/// Sets another password, if it still is the one that was checked; the sessions are the caller's to
/// end.
///
/// # Errors
/// [`StorageError::NotFound`] if there is no such user, or its password was changed in between.
pub async fn set_password(
    conn: &mut AsyncPgConnection,
    user_id: Uuid,
    old_hash: Option<&SecretString>,
    new_hash: &str,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let mut update = diesel::update(users::table.find(user_id)).into_boxed();
    if let Some(old_hash) = old_hash {
        update = update.filter(users::password_hash.eq(old_hash.expose_secret()));
    }
    match update
        .set((users::password_hash.eq(new_hash), users::updated_at.eq(now)))
        .execute(conn)
        .await?
    {
        0 => Err(StorageError::NotFound),
        _ => Ok(()),
    }
}

/// Changes a user that is locked.
///
/// # Errors
/// [`StorageError::NotFound`] or [`StorageError::Duplicate`].
pub async fn update(
    conn: &mut AsyncPgConnection,
    user_id: Uuid,
    patch: &UserPatch,
    now: DateTime<Utc>,
) -> Result<User, StorageError> {
    diesel::update(users::table.find(user_id))
        .set((
            patch.username.as_ref().map(|name| users::username.eq(name.as_str())),
            patch.email.as_ref().map(|email| users::email.eq(email.as_str())),
            patch.full_name.as_ref().map(|name| users::full_name.eq(name.as_str())),
            patch.role.map(|role| users::role.eq(role.as_ref().to_owned())),
            patch.status.map(|status| users::status.eq(status.as_ref().to_owned())),
            patch
                .metadata
                .as_ref()
                .map(Document::of)
                .transpose()?
                .map(|metadata| users::metadata.eq(metadata)),
            users::updated_at.eq(now),
        ))
        .returning(User::as_returning())
        .get_result(conn)
        .await
        .map_err(taken)
}

/// Removes a user that is locked, sessions and all.
///
/// # Errors
/// [`StorageError::NotFound`].
pub async fn delete(conn: &mut AsyncPgConnection, user_id: Uuid) -> Result<(), StorageError> {
    match diesel::delete(users::table.find(user_id)).execute(conn).await? {
        0 => Err(StorageError::NotFound),
        _ => Ok(()),
    }
}
