//! Reads a part of the change feed.

use crate::actors::db_breaker::{Circuit, DbError};
use crate::http::app_data::CatalogueServices;
use crate::model::changes::FeedStart;
use crate::storage::catalogue_changes::{self, FeedPart};

/// Reads at most `limit` changes from `start` on.
///
/// # Errors
/// Those of the query.
pub(super) async fn read(
    services: &CatalogueServices,
    start: FeedStart,
    limit: i64,
) -> Result<FeedPart, DbError> {
    let read = async |conn: &mut _| catalogue_changes::list(conn, start, limit).await;
    services.db.run(Circuit::Metrics, "catalogue_changes.list", read).await
}
