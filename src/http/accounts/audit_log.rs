//! The audit log, for the API's route and the page.

use crate::actors::db_breaker::Circuit;
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::model::audit::AuditQuery;
use crate::storage::audit_events::{self, AuditEvent};

/// Lists a page of the entries that match, newest first, with the number of all of them.
///
/// # Errors
/// Those of the database.
pub async fn list_events(
    services: &AccountServices,
    query: &AuditQuery,
) -> Result<(Vec<AuditEvent>, i64), ApiError> {
    let list = services.db.run(Circuit::Auth, "audit_events.list", async |conn| {
        audit_events::list(conn, query).await
    });
    Ok(list.await?)
}
