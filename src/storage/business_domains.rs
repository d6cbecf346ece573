//! Business domains: reading, and changes with a version for optimistic locking. A rename is
//! carried on to the metrics of the domain. Lists for clients are in [`listing`].

pub mod listing;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::de::DeserializeOwned;

use super::document::Document;
use super::precondition::Precondition;
use super::schema::business_domains::{self, dsl};
use super::{StorageError, Transaction, deleted_business_domains, metrics};
use crate::model::audit::Changes;
use crate::model::business_domains::BusinessDomain;
use crate::model::patch::Patch;
use crate::model::rich_text::RichText;
use crate::model::text::{Email, Id, Text};
use crate::model::trusted::from_stored;

/// A row of `business_domains`.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = business_domains, check_for_backend(diesel::pg::Pg))]
pub struct DomainRow {
    pub domain_id: String,
    pub name: String,
    pub description: Option<String>,
    pub owner_team: Option<String>,
    pub contact_email: Option<String>,
    pub tier_focus: Document,
    pub key_areas: Document,
    pub color: Option<String>,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl DomainRow {
    /// Parses the row into the model. What is stored is trusted: its rules are not checked, and
    /// its rich texts are not sanitised again (`model::trusted`).
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] if a stored value has not the structure of the model's.
    pub fn to_domain(&self) -> Result<BusinessDomain, StorageError> {
        Ok(BusinessDomain {
            domain_id: Id::new(&self.domain_id),
            name: Text::new(&self.name),
            description: self.description.as_deref().map(RichText::from_stored),
            owner_team: self.owner_team.as_deref().map(Text::new),
            contact_email: self.contact_email.as_deref().map(Email::new),
            tier_focus: stored_json(&self.tier_focus)?,
            key_areas: stored_json(&self.key_areas)?,
            color: self.color.as_deref().map(Text::new),
            version: None,
            created_at: None,
            updated_at: None,
        })
    }
}

fn stored_json<T: DeserializeOwned>(stored: &Document) -> Result<T, StorageError> {
    from_stored(stored.text()).map_err(StorageError::corrupt_by("a business domain"))
}

#[derive(Insertable, AsChangeset)]
#[diesel(table_name = business_domains, treat_none_as_null = true)]
struct DomainColumns<'a> {
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

impl<'a> DomainColumns<'a> {
    fn new(
        domain: &'a BusinessDomain,
        version: i32,
        now: DateTime<Utc>,
    ) -> Result<Self, StorageError> {
        Ok(Self {
            name: domain.name.as_str(),
            description: domain.description.as_ref().map(RichText::as_str),
            owner_team: domain.owner_team.as_ref().map(Text::as_str),
            contact_email: domain.contact_email.as_ref().map(Email::as_str),
            tier_focus: Document::new(&domain.tier_focus)?,
            key_areas: Document::new(&domain.key_areas)?,
            color: domain.color.as_ref().map(Text::as_str),
            version,
            updated_at: now,
        })
    }
}

/// Lists at most `limit` domains from `offset` on, by name, and counts all of them.
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

/// Returns the names and ids of all domains, in no order; for batches over all of them.
pub async fn list_names(
    conn: &mut AsyncPgConnection,
) -> Result<Vec<(String, String)>, StorageError> {
    Ok(dsl::business_domains.select((dsl::name, dsl::domain_id)).load(conn).await?)
}

/// Gets those of these domains that exist, in no order.
pub async fn get_many(
    conn: &mut AsyncPgConnection,
    ids: &[String],
) -> Result<Vec<DomainRow>, StorageError> {
    let found = dsl::business_domains.filter(dsl::domain_id.eq_any(ids));
    Ok(found.select(DomainRow::as_select()).load(conn).await?)
}

/// Locks all domains until the transaction ends, and returns them.
pub async fn lock_all(conn: &mut Transaction<'_>) -> Result<Vec<DomainRow>, StorageError> {
    Ok(dsl::business_domains
        .select(DomainRow::as_select())
        .order_by(dsl::domain_id)
        .for_update()
        .load(conn)
        .await?)
}

/// Gets a domain.
///
/// # Errors
/// [`StorageError::NotFound`].
pub async fn get(conn: &mut AsyncPgConnection, domain_id: &str) -> Result<DomainRow, StorageError> {
    Ok(dsl::business_domains.find(domain_id).select(DomainRow::as_select()).first(conn).await?)
}

/// Stores a new domain. One that existed before continues its versions.
///
/// # Errors
/// [`StorageError::Duplicate`] with `domain_id` or `name`.
pub async fn create(
    conn: &mut Transaction<'_>,
    domain: &BusinessDomain,
    now: DateTime<Utc>,
) -> Result<DomainRow, StorageError> {
    let id = domain.domain_id.as_str();
    let former = deleted_business_domains::take_version(conn, id).await?;
    let version = former.map_or(1, |version| version.saturating_add(1));
    diesel::insert_into(dsl::business_domains)
        .values((
            dsl::domain_id.eq(id),
            dsl::created_at.eq(now),
            DomainColumns::new(domain, version, now)?,
        ))
        .returning(DomainRow::as_returning())
        .get_result(conn)
        .await
        .map_err(map_unique_violation)
}

fn map_unique_violation(error: diesel::result::Error) -> StorageError {
    StorageError::from(error)
        .on_constraint("business_domains_pkey", StorageError::Duplicate("domain_id"))
        .on_constraint("business_domains_name_key", StorageError::Duplicate("name"))
}

/// Applies a patch of either kind to a domain. Returns what it changed, for the audit log, or none
/// if nothing changed.
///
/// # Errors
/// [`StorageError::NotFound`], [`StorageError::Stale`], [`StorageError::Invalid`],
/// [`StorageError::Duplicate`].
pub async fn update(
    conn: &mut Transaction<'_>,
    domain_id: &str,
    precondition: &Precondition,
    patch: &Patch<BusinessDomain>,
    author: &str,
    now: DateTime<Utc>,
) -> Result<(DomainRow, Option<Changes>), StorageError> {
    let row = lock(conn, domain_id).await?;
    precondition.check(&row.version.to_string())?;
    let (before, version) = (row.to_domain()?, row.version);
    let domain = patch.apply_to(&before).map_err(StorageError::Invalid)?;
    if domain.domain_id.as_str() != domain_id {
        return Err(StorageError::invalid("domain_id", "cannot be changed"));
    }
    if domain == before {
        return Ok((row, None));
    }
    let row = replace(conn, row, &domain, author, now).await?;
    let mut changes = Changes::between(&before, &domain);
    changes.field("version", &version, &row.version);
    Ok((row, Some(changes)))
}

/// Replaces a domain that the transaction has locked, and that differs from the new one.
///
/// # Errors
/// [`StorageError::Duplicate`].
pub async fn replace(
    conn: &mut Transaction<'_>,
    row: DomainRow,
    domain: &BusinessDomain,
    author: &str,
    now: DateTime<Utc>,
) -> Result<DomainRow, StorageError> {
    let updated = diesel::update(dsl::business_domains.find(&row.domain_id))
        .set(DomainColumns::new(domain, row.version.saturating_add(1), now)?)
        .returning(DomainRow::as_returning())
        .get_result(conn)
        .await
        .map_err(map_unique_violation)?;
    if updated.name != row.name {
        // The foreign key has updated the metrics (ON UPDATE CASCADE); each of them gets a revision
        // for it.
        metrics::record_domain_rename(conn, &updated.name, author, now).await?;
    }
    Ok(updated)
}

async fn lock(conn: &mut Transaction<'_>, domain_id: &str) -> Result<DomainRow, StorageError> {
    Ok(dsl::business_domains
        .find(domain_id)
        .select(DomainRow::as_select())
        .for_update()
        .first(conn)
        .await?)
}

/// Deletes a domain. Returns the version that it had.
///
/// # Errors
/// [`StorageError::NotFound`], [`StorageError::Stale`], or [`StorageError::InUse`] while metrics
/// refer to it.
pub async fn delete(
    conn: &mut Transaction<'_>,
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
