//! Business domains: reading, and changes with a version for optimistic locking. A rename is
//! carried on to the metrics of the domain. Lists for clients are in [`listing`], former versions
//! in `restore`.

pub mod listing;
mod past;
mod restore;
mod row;
pub mod usage;

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

pub use self::past::past_list;
pub use self::restore::restore_version;
use self::row::DomainColumns;
pub use self::row::DomainRow;
use super::business_domain_revisions::DomainChange;
use super::precondition::Precondition;
use super::schema::business_domains::dsl;
use super::{
    StorageError, Transaction, business_domain_revisions, deleted_business_domains, metrics,
};
use crate::model::audit::Changes;
use crate::model::business_domains::BusinessDomain;
use crate::model::metrics::history::ChangeType;
use crate::model::patch::Patch;
use crate::model::versions::RevisionStamp;

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
    stamp: RevisionStamp<'_>,
) -> Result<DomainRow, StorageError> {
    insert(conn, domain, "Created".to_owned(), stamp).await
}

/// Inserts a domain and its revision, which has this summary.
async fn insert(
    conn: &mut Transaction<'_>,
    domain: &BusinessDomain,
    summary: String,
    stamp: RevisionStamp<'_>,
) -> Result<DomainRow, StorageError> {
    let id = domain.domain_id.as_str();
    let former = deleted_business_domains::take_version(conn, id).await?;
    let version = former.map_or(1, |version| version.saturating_add(1));
    let row = diesel::insert_into(dsl::business_domains)
        .values((
            dsl::domain_id.eq(id),
            dsl::created_at.eq(stamp.now),
            DomainColumns::new(domain, version, stamp.now)?,
        ))
        .returning(DomainRow::as_returning())
        .get_result(conn)
        .await
        .map_err(map_unique_violation)?;
    let (change_type, fields) = (ChangeType::Create, Vec::new());
    let change = DomainChange { id, version, change_type, fields, summary };
    business_domain_revisions::insert(conn, &change, stamp).await?;
    Ok(row)
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
    stamp: RevisionStamp<'_>,
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
    let row = replace(conn, row, &domain, stamp).await?;
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
    stamp: RevisionStamp<'_>,
) -> Result<DomainRow, StorageError> {
    replace_with(conn, row, domain, None, stamp).await
}

/// As [`replace`]; `summary` replaces the sentence about what changed.
async fn replace_with(
    conn: &mut Transaction<'_>,
    row: DomainRow,
    domain: &BusinessDomain,
    summary: Option<String>,
    stamp: RevisionStamp<'_>,
) -> Result<DomainRow, StorageError> {
    let updated = diesel::update(dsl::business_domains.find(&row.domain_id))
        .set(DomainColumns::new(domain, row.version.saturating_add(1), stamp.now)?)
        .returning(DomainRow::as_returning())
        .get_result(conn)
        .await
        .map_err(map_unique_violation)?;
    let fields = Changes::between(&row.to_domain()?, domain).names();
    let (id, version) = (updated.domain_id.as_str(), updated.version);
    let summary = summary.unwrap_or_else(|| format!("Changed {}", fields.join(", ")));
    let change_type = ChangeType::Update;
    let change = DomainChange { id, version, change_type, fields, summary };
    business_domain_revisions::insert(conn, &change, stamp).await?;
    if updated.name != row.name {
        // The foreign key has updated the metrics (ON UPDATE CASCADE); each of them gets a revision
        // for it.
        metrics::record_domain_rename(conn, &updated.name, stamp).await?;
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
    stamp: RevisionStamp<'_>,
) -> Result<i32, StorageError> {
    let row = lock(conn, domain_id).await?;
    precondition.check(&row.version.to_string())?;
    diesel::delete(dsl::business_domains.find(domain_id)).execute(conn).await.map_err(|error| {
        StorageError::from(error).on_constraint("metrics_business_domain_fkey", StorageError::InUse)
    })?;
    let (id, version) = (domain_id, row.version);
    let (change_type, fields) = (ChangeType::Delete, Vec::new());
    let change = DomainChange { id, version, change_type, fields, summary: "Deleted".to_owned() };
    business_domain_revisions::insert(conn, &change, stamp).await?;
    Ok(version)
}
