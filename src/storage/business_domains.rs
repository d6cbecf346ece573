//! Business domains.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;

use super::document::Document;
use super::page_size::ensure_fits;
use super::precondition::Precondition;
use super::schema::business_domains::{self, dsl};
use super::{StorageError, metrics};
use crate::model::audit::Changes;
use crate::model::business_domains::BusinessDomain;
use crate::model::patch::Patch;

/// A stored domain; serialises to what the API answers.
#[derive(Clone, Debug, Queryable, Selectable, Serialize)]
#[diesel(table_name = business_domains, check_for_backend(diesel::pg::Pg))]
pub struct DomainRow {
    /// Chosen by the client.
    pub domain_id: String,
    pub name: String,
    description: Option<String>,
    owner_team: Option<String>,
    contact_email: Option<String>,
    tier_focus: Document,
    key_areas: Document,
    color: Option<String>,
    /// Raised by each change.
    pub version: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl DomainRow {
    /// What a client wrote.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] where what is stored breaks the rules.
    pub fn to_domain(&self) -> Result<BusinessDomain, StorageError> {
        let stored = serde_json::to_value(self).and_then(serde_json::from_value);
        stored.map_err(|_| StorageError::Corrupt("a business domain"))
    }
}

#[derive(Insertable, AsChangeset)]
#[diesel(table_name = business_domains, treat_none_as_null = true)]
struct Columns<'a> {
    name: &'a str,
    description: Option<&'a str>,
    owner_team: Option<&'a str>,
    contact_email: Option<&'a str>,
    tier_focus: Document,
    key_areas: Document,
    color: Option<&'a str>,
    version: i32,
    updated_at: DateTime<Utc>,
}

impl<'a> Columns<'a> {
    fn of(
        domain: &'a BusinessDomain,
        version: i32,
        now: DateTime<Utc>,
    ) -> Result<Self, StorageError> {
        Ok(Self {
            name: domain.name.as_str(),
            description: domain
                .description
                .as_ref()
                .map(super::super::model::rich_text::RichText::as_str),
            owner_team: domain.owner_team.as_ref().map(super::super::model::text::Text::as_str),
            contact_email: domain
                .contact_email
                .as_ref()
                .map(super::super::model::text::Email::as_str),
            tier_focus: Document::of(&domain.tier_focus)?,
            key_areas: Document::of(&domain.key_areas)?,
            color: domain.color.as_ref().map(super::super::model::text::Text::as_str),
            version,
            updated_at: now,
        })
    }
}

/// Domains by name; at most `limit` from `offset`, and how many there are.
pub async fn list(
    conn: &mut AsyncPgConnection,
    offset: i64,
    limit: i64,
) -> Result<(Vec<DomainRow>, i64), StorageError> {
    let total = dsl::business_domains.count().get_result(conn).await?;
    let page = dsl::business_domains
        .select(DomainRow::as_select())
        .order_by(dsl::name)
        .offset(offset)
        .limit(limit)
        .load(conn)
        .await?;
    Ok((page, total))
}

/// Refuses a page of [`list`] that would be too long.
///
/// # Errors
/// [`StorageError::Invalid`] for the field `limit`.
pub async fn ensure_page_fits(
    conn: &mut AsyncPgConnection,
    offset: i64,
    limit: i64,
) -> Result<(), StorageError> {
    #[derive(QueryableByName)]
    struct Size {
        #[diesel(sql_type = BigInt)]
        bytes: i64,
    }
    let statement =
        "SELECT coalesce(sum(500 + coalesce(octet_length(description), 0) + coalesce(octet_length(owner_team), 0)
             + octet_length(tier_focus::text) + octet_length(key_areas::text)), 0)::bigint AS bytes
         FROM (SELECT * FROM business_domains ORDER BY name OFFSET $1 LIMIT $2) AS page";
    let size: Size = diesel::sql_query(statement)
        .bind::<BigInt, _>(offset)
        .bind::<BigInt, _>(limit)
        .get_result(conn)
        .await?;
    ensure_fits(size.bytes)
}

/// All domains, locked against change until the transaction ends.
pub async fn lock_all(conn: &mut AsyncPgConnection) -> Result<Vec<DomainRow>, StorageError> {
    Ok(dsl::business_domains
        .select(DomainRow::as_select())
        .order_by(dsl::domain_id)
        .for_update()
        .load(conn)
        .await?)
}

/// One domain.
///
/// # Errors
/// [`StorageError::NotFound`].
pub async fn get(conn: &mut AsyncPgConnection, domain_id: &str) -> Result<DomainRow, StorageError> {
    Ok(dsl::business_domains.find(domain_id).select(DomainRow::as_select()).first(conn).await?)
}

/// Stores a new domain.
///
/// # Errors
/// [`StorageError::Duplicate`] with `domain_id` or `name`.
pub async fn create(
    conn: &mut AsyncPgConnection,
    domain: &BusinessDomain,
    now: DateTime<Utc>,
) -> Result<DomainRow, StorageError> {
    diesel::insert_into(dsl::business_domains)
        .values((
            dsl::domain_id.eq(domain.domain_id.as_str()),
            dsl::created_at.eq(now),
            Columns::of(domain, 1, now)?,
        ))
        .returning(DomainRow::as_returning())
        .get_result(conn)
        .await
        .map_err(taken)
}

fn taken(error: diesel::result::Error) -> StorageError {
    StorageError::from(error)
        .on_constraint("business_domains_pkey", StorageError::Duplicate("domain_id"))
        .on_constraint("business_domains_name_key", StorageError::Duplicate("name"))
}

/// Lays the top-level fields of `patch` over a domain; what is absent stays as it is. Says what it
/// changed, for the audit log. Needs a transaction.
///
/// # Errors
/// [`StorageError::NotFound`], [`StorageError::Stale`], [`StorageError::Invalid`], [`StorageError::Duplicate`].
pub async fn update(
    conn: &mut AsyncPgConnection,
    domain_id: &str,
    precondition: &Precondition,
    patch: &Patch<BusinessDomain>,
    author: &str,
    now: DateTime<Utc>,
) -> Result<(DomainRow, Option<Changes>), StorageError> {
    let row = lock(conn, domain_id).await?;
    precondition.check(&row.version.to_string())?;
    let (before, version) = (row.to_domain()?, row.version);
    let domain = patch.over(&before).map_err(StorageError::Invalid)?;
    if domain.domain_id.as_str() != domain_id {
        return Err(StorageError::invalid("domain_id", "cannot be changed"));
    }
    let row = replace(conn, row, &domain, author, now).await?;
    let mut changes = Changes::names_between(&before, &domain);
    changes.field("version", &version, &row.version);
    let is_new = row.version != version;
    Ok((row, is_new.then_some(changes)))
}

/// Replaces a locked domain, if that changes anything.
///
/// # Errors
/// [`StorageError::Duplicate`].
pub async fn replace(
    conn: &mut AsyncPgConnection,
    row: DomainRow,
    domain: &BusinessDomain,
    author: &str,
    now: DateTime<Utc>,
) -> Result<DomainRow, StorageError> {
    if row.to_domain()? == *domain {
        return Ok(row);
    }
    let updated = diesel::update(dsl::business_domains.find(&row.domain_id))
        .set(Columns::of(domain, row.version.saturating_add(1), now)?)
        .returning(DomainRow::as_returning())
        .get_result(conn)
        .await
        .map_err(taken)?;
    if updated.name != row.name {
        // The foreign key has carried the metrics along; for each of them that is a change of its
        // own.
        metrics::renamed_domain(conn, &updated.name, author, now).await?;
    }
    Ok(updated)
}

async fn lock(conn: &mut AsyncPgConnection, domain_id: &str) -> Result<DomainRow, StorageError> {
    Ok(dsl::business_domains
        .find(domain_id)
        .select(DomainRow::as_select())
        .for_update()
        .first(conn)
        .await?)
}

/// Removes a domain. Returns the version that it had. Needs a transaction.
///
/// # Errors
/// [`StorageError::NotFound`], [`StorageError::Stale`], or [`StorageError::InUse`] while metrics refer to it.
pub async fn delete(
    conn: &mut AsyncPgConnection,
    domain_id: &str,
    precondition: &Precondition,
) -> Result<i32, StorageError> {
    let row = lock(conn, domain_id).await?;
    precondition.check(&row.version.to_string())?;
    diesel::delete(dsl::business_domains.find(domain_id)).execute(conn).await.map_err(|error| {
        StorageError::from(error).on_constraint("metrics_business_domain_fkey", StorageError::InUse)
    })?;
    Ok(row.version)
}
