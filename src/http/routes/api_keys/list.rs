//! The list of API keys.

use actix_web::{HttpResponse, get, web};

use super::response::KeysBody;
use crate::http::accounts::own_keys::list_keys;
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::SessionCaller;
use crate::http::extract::query::QueryParameters;
use crate::http::openapi::vocabulary::ApiKeyStatusFilter;
use crate::http::response::cached_list;
use crate::model::api_keys::KeyQuery;

const PATH: &str = "/api/auth/api-keys";

/// List API keys, newest first
///
/// Lists the caller's own keys. Administrators can list those of another user.
#[utoipa::path(
    tag = "api-keys",
    operation_id = "list_api_keys",
    security(("bearer" = [])),
    params(
        ("status" = Option<ApiKeyStatusFilter>, Query,
            description = "active, expired, revoked, separated by commas; default all"),
        ("user_id" = Option<Uuid>, Query,
            description = "Owner of the keys, default the caller; others for administrators only"),
        ("page" = Option<i64>, Query, description = "Page number, from 1",
            minimum = 1, maximum = 10_000_000),
        ("limit" = Option<i64>, Query, description = "Items per page, default 100",
            minimum = 1, maximum = 100),
    ),
    responses((status = 200, body = KeysBody))
)]
#[get("/api/auth/api-keys")]
pub(super) async fn list(
    caller: SessionCaller,
    QueryParameters(parameters): QueryParameters,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let query = KeyQuery::parse(&parameters).map_err(ApiError::Validation)?;
    let now = services.clock.now();
    let (rows, total) = list_keys(&services, &caller, &query).await?;
    let pagination = query.page.paginate(total);
    let body = KeysBody::new(rows, pagination, now);
    Ok(cached_list(PATH, &parameters, pagination, &body)?.respond(None))
}
