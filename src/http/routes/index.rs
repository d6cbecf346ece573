//! The index of the API.

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::http::error::ApiError;
use crate::http::extract::anyone::Anyone;
use crate::http::response::json;

/// Registers the index, with and without a trailing slash.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(index).map(|plain| plain.route("/api/v1/", web::get().to(slash_index)));
}

#[derive(Serialize, ToSchema)]
#[schema(as = Index)]
struct IndexBody {
    version: &'static str,
    status: &'static str,
    endpoints: Endpoints,
    documentation: &'static str,
}

#[derive(Serialize, ToSchema)]
struct Endpoints {
    metrics: &'static str,
    domains: &'static str,
    import: &'static str,
    export: &'static str,
    changes: &'static str,
    auth: &'static str,
    health: &'static str,
}

/// List the endpoints
///
/// Where the parts of the API are, and its version.
#[utoipa::path(tag = "catalogue", responses((status = 200, body = IndexBody)))]
#[get("/api/v1")]
async fn index(_: Anyone) -> Result<HttpResponse, ApiError> {
    respond()
}

async fn slash_index(_: Anyone) -> Result<HttpResponse, ApiError> {
    respond()
}

fn respond() -> Result<HttpResponse, ApiError> {
    let endpoints = Endpoints {
        metrics: "/api/v1/metrics",
        domains: "/api/v1/domains",
        import: "/api/v1/import",
        export: "/api/v1/export",
        changes: "/api/v1/changes",
        auth: "/api/auth",
        health: "/health",
    };
    json(
        &mut HttpResponse::Ok(),
        &IndexBody { version: "v1", status: "stable", endpoints, documentation: "/api-docs" },
    )
}
