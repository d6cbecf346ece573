//! The last version of each business domain that was deleted, as a trigger keeps it. A domain that
//! is created again goes on from there, so that no entity tag is used twice.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::schema::deleted_business_domains::dsl;
use super::{StorageError, Transaction};

/// Removes and returns the version of a domain that is created again.
pub(super) async fn take_version(
    conn: &mut Transaction<'_>,
    domain_id: &str,
) -> Result<Option<i32>, StorageError> {
    Ok(diesel::delete(dsl::deleted_business_domains.find(domain_id))
        .returning(dsl::version)
        .get_result(conn)
        .await
        .optional()?)
}
