//! Restores former versions of business domains: what a version contained becomes a new version.

use super::{DomainRow, insert, lock, replace_with};
use crate::model::audit::Changes;
use crate::model::business_domains::BusinessDomain;
use crate::model::trusted::from_stored;
use crate::model::versions::RevisionStamp;
use crate::storage::precondition::Precondition;
use crate::storage::versions::{self, BUSINESS_DOMAINS};
use crate::storage::{StorageError, Transaction};

/// Restores a version of a domain, also of a deleted one, which is then created again. Returns what
/// it changed, for the audit log, or none if the domain has that content already.
///
/// # Errors
/// [`StorageError::NotFound`], [`StorageError::UnknownVersion`], [`StorageError::ContentNotKept`],
/// [`StorageError::Stale`], [`StorageError::CreatedAgain`] for a version of a former domain with
/// the id of a present one, and [`StorageError::Duplicate`] if another domain has its name now.
pub async fn restore_version(
    conn: &mut Transaction<'_>,
    domain_id: &str,
    precondition: &Precondition,
    version: &str,
    stamp: RevisionStamp<'_>,
) -> Result<(DomainRow, Option<Changes>), StorageError> {
    // The lock comes first: what is read after it stays as it is.
    let row = match lock(conn, domain_id).await {
        Err(StorageError::NotFound) => None,
        found => Some(found?),
    };
    let kept = versions::get(conn, BUSINESS_DOMAINS, domain_id, version).await?;
    let revision = kept.entry.revision;
    let content = kept.into_content()?;
    let domain: BusinessDomain = from_stored(content.text())
        .map_err(StorageError::corrupt_by("a version of a business domain"))?;
    let summary = format!("Restored version {version}");
    let Some(row) = row else {
        precondition.check_absent(version)?;
        let row = insert(conn, &domain, summary, stamp).await?;
        let changes = Changes::version(None, Some(row.version));
        return Ok((row, Some(changes)));
    };
    precondition.check(&row.version.to_string())?;
    let created = versions::last_creation(conn, BUSINESS_DOMAINS, domain_id).await?;
    if created.is_some_and(|created| revision < created) {
        return Err(StorageError::CreatedAgain);
    }
    let (before, former) = (row.to_domain()?, row.version);
    if domain == before {
        return Ok((row, None));
    }
    let row = replace_with(conn, row, &domain, Some(summary), stamp).await?;
    let mut changes = Changes::between(&before, &domain);
    changes.field("version", &former, &row.version);
    Ok((row, Some(changes)))
}
