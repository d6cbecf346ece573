//! How much the catalogue uses of a business domain.

use std::collections::HashMap;

use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::storage::StorageError;
use crate::storage::schema::metrics;

/// Counts the metrics of the domains with these names. Domains without metrics are left out.
pub async fn count_metrics(
    conn: &mut AsyncPgConnection,
    names: &[&str],
) -> Result<HashMap<String, i64>, StorageError> {
    let counts: Vec<(String, i64)> = metrics::table
        .filter(metrics::business_domain.eq_any(names))
        .group_by(metrics::business_domain)
        .select((metrics::business_domain, count_star()))
        .load(conn)
        .await?;
    Ok(counts.into_iter().collect())
}
