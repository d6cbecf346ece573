//! Users and their password hashes. A hash leaves storage only to be verified.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::document::Document;
use super::schema::users;
use super::{StorageError, Transaction};
use crate::model::audit::Changes;
use crate::model::object::Object;
use crate::model::users::{Role, UserPatch, UserStatus};

/// Advisory lock of the transaction that creates the first administrator: "admin" in ASCII.
const FIRST_ADMIN: i64 = 0x0061_646d_696e;

/// A user as shown to itself and to administrators, without the password hash.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(diesel::pg::Pg))]
pub struct User {
    pub user_id: Uuid,
    pub username: String,
    pub email: String,
    pub full_name: String,
    #[diesel(deserialize_as = String)]
    pub role: Role,
    #[diesel(deserialize_as = String)]
    pub status: UserStatus,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub last_login_at: Option<DateTime<Utc>>,
    pub metadata: Document,
}

impl User {
    /// Compares with an earlier state, for the audit log. Of the metadata, a free object, only the
    /// name is included.
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

/// The part of a user that identifies a caller and its role.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(diesel::pg::Pg))]
pub struct Account {
    pub user_id: Uuid,
    pub username: String,
    pub email: String,
    #[diesel(deserialize_as = String)]
    pub role: Role,
}

/// A user to be stored.
#[derive(Debug)]
pub struct NewUser<'a> {
    pub user_id: Uuid,
    pub username: &'a str,
    pub email: &'a str,
    pub full_name: &'a str,
    /// argon2id in PHC string format.
    pub password_hash: &'a str,
    pub role: Role,
    pub status: UserStatus,
    pub metadata: &'a Object,
}

diesel::define_sql_function! {
    /// Lower case, for comparisons of names and addresses without regard to case.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// Stores a new user.
///
/// # Errors
/// [`StorageError::Duplicate`] with `username` or `email`.
pub async fn create(
    conn: &mut Transaction<'_>,
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
            users::metadata.eq(Document::new(new.metadata)?),
            users::created_at.eq(now),
            users::updated_at.eq(now),
        ))
        .returning(User::as_returning())
        .get_result(conn)
        .await
        .map_err(map_unique_violation)
}

fn map_unique_violation(error: diesel::result::Error) -> StorageError {
    StorageError::from(error)
        .on_constraint("users_username_key", StorageError::Duplicate("username"))
        .on_constraint("users_email_key", StorageError::Duplicate("email"))
}

/// Gets a user.
///
/// # Errors
/// [`StorageError::NotFound`].
pub async fn get(conn: &mut AsyncPgConnection, user_id: Uuid) -> Result<User, StorageError> {
    Ok(users::table.find(user_id).select(User::as_select()).first(conn).await?)
}

/// Locks a user until the transaction ends, so that its sessions, keys and password are changed by
/// one transaction after another. Foreign keys to it can still be checked meanwhile.
///
/// # Errors
/// [`StorageError::NotFound`].
pub async fn lock(conn: &mut Transaction<'_>, user_id: Uuid) -> Result<User, StorageError> {
    Ok(users::table.find(user_id).select(User::as_select()).for_no_key_update().first(conn).await?)
}

/// Lists at most `limit` users from `offset` on, by name, and counts all of them.
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

/// Returns whether there is any administrator.
pub async fn has_admin(conn: &mut AsyncPgConnection) -> Result<bool, StorageError> {
    let admins = users::table.filter(users::role.eq("admin")).select(users::user_id);
    Ok(diesel::select(diesel::dsl::exists(admins)).get_result(conn).await?)
}

/// Stores the first administrator. Returns none if there is one already; an advisory lock
/// serialises replicas that start together.
///
/// # Errors
/// [`StorageError::Duplicate`] with `username` or `email`, if a user without that role has it.
pub async fn create_first_admin(
    conn: &mut Transaction<'_>,
    new: &NewUser<'_>,
    now: DateTime<Utc>,
) -> Result<Option<User>, StorageError> {
    diesel::sql_query("SELECT pg_advisory_xact_lock($1)")
        .bind::<BigInt, _>(FIRST_ADMIN)
        .execute(conn)
        .await?;
    if has_admin(conn).await? { Ok(None) } else { create(conn, new, now).await.map(Some) }
}

/// Finds a user and its password hash by name or e-mail address.
pub async fn find_for_login(
    conn: &mut AsyncPgConnection,
    name: &str,
) -> Result<Option<(User, SecretString)>, StorageError> {
    let found = users::table
        .filter(lower(users::username).eq(lower(name)).or(lower(users::email).eq(lower(name))))
        .select((User::as_select(), users::password_hash))
        // At most one row: an address contains an @, and a user name cannot.
        .first::<(User, String)>(conn)
        .await
        .optional()?;
    Ok(found.map(|(user, hash)| (user, hash.into())))
}

/// Gets the password hash of a user.
///
/// # Errors
/// [`StorageError::NotFound`].
pub async fn get_password_hash(
    conn: &mut AsyncPgConnection,
    user_id: Uuid,
) -> Result<SecretString, StorageError> {
    let hash: String = users::table.find(user_id).select(users::password_hash).first(conn).await?;
    Ok(hash.into())
}

/// Records a log-in, if the user is still active and has the password that was verified.
pub async fn record_login(
    conn: &mut Transaction<'_>,
    user_id: Uuid,
    verified_hash: &SecretString,
    now: DateTime<Utc>,
) -> Result<Option<User>, StorageError> {
    Ok(diesel::update(users::table.find(user_id))
        .filter(
            users::status.eq("active").and(users::password_hash.eq(verified_hash.expose_secret())),
        )
        .set(users::last_login_at.eq(now))
        .returning(User::as_returning())
        .get_result(conn)
        .await
        .optional()?)
}

/// Sets a new password. The caller revokes the sessions.
///
/// # Errors
/// [`StorageError::NotFound`] if the user does not exist, or has another hash than `old_hash`.
pub async fn set_password(
    conn: &mut Transaction<'_>,
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

/// Changes a user that the transaction has locked.
///
/// # Errors
/// [`StorageError::NotFound`] or [`StorageError::Duplicate`].
pub async fn update(
    conn: &mut Transaction<'_>,
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
                .map(Document::new)
                .transpose()?
                .map(|metadata| users::metadata.eq(metadata)),
            users::updated_at.eq(now),
        ))
        .returning(User::as_returning())
        .get_result(conn)
        .await
        .map_err(map_unique_violation)
}

/// Deletes a user that the transaction has locked; foreign keys delete what belongs to it.
///
/// # Errors
/// [`StorageError::NotFound`].
pub async fn delete(conn: &mut Transaction<'_>, user_id: Uuid) -> Result<(), StorageError> {
    match diesel::delete(users::table.find(user_id)).execute(conn).await? {
        0 => Err(StorageError::NotFound),
        _ => Ok(()),
    }
}
