//! The audit log, for administrators.

use actix_web::{HttpResponse, get, web};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::actors::db_breaker::Circuit;
use crate::http::AppState;
use crate::http::answer::{page, uncached};
use crate::http::envelope::Page;
use crate::http::error::ApiError;
use crate::http::extract::caller::Admin;
use crate::http::extract::query::QueryParameters;
use crate::model::audit::AuditQuery;
use crate::storage::audit_events::{self, AuditEvent};

const PATH: &str = "/api/v1/audit";

/// The one route.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list);
}

/// Who did what, or was refused what, newest first
///
/// Refusals of one kind are counted together, a minute at a time: `occurrences` says how many there
/// were.
#[utoipa::path(
    tag = "audit",
    operation_id = "list_audit_events",
    security(("bearer" = []), ("api_key" = [])),
    params(("actor" = Option<String>, Query, description = "The user name of the actor, or the command"),
           ("action" = Option<String>, Query, description = "Actions, such as login.failed, or nouns, such as api_key.*, separated by commas"),
           ("target" = Option<String>, Query, description = "Name or id of the target"),
           ("outcome" = Option<String>, Query, description = "success or refused"),
           ("since" = Option<String>, Query, description = "At this RFC 3339 moment or later"),
           ("until" = Option<String>, Query, description = "Before this RFC 3339 moment"),
           ("page" = Option<i64>, Query, minimum = 1, maximum = 10_000_000),
           ("limit" = Option<i64>, Query, description = "50 if not said", minimum = 1, maximum = 100)),
    responses((status = 200, body = Page<AuditEvent>))
)]
#[get("/api/v1/audit")]
async fn list(
    _: Admin,
    QueryParameters(parameters): QueryParameters,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let query = AuditQuery::parse(&parameters).map_err(ApiError::Validation)?;
    let (entries, total) = state
        .db
        .run(Circuit::Auth, "list_audit_events", async |conn| {
            audit_events::list(conn, &query).await
        })
        .await?;
    Ok(uncached(&page(PATH, &parameters, query.page.of(total), entries)?))
}
