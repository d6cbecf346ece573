//! What there is.

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::http::answer::json;
use crate::http::error::ApiError;

/// With and without a slash at its end.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(index).map(|plain| plain.route("/api/v1/", web::get().to(listing)));
}

#[derive(Serialize, ToSchema)]
struct Index {
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
    auth: &'static str,
    health: &'static str,
}

/// What there is
#[utoipa::path(tag = "catalogue", responses((status = 200, body = Index)))]
#[get("/api/v1")]
async fn index() -> Result<HttpResponse, ApiError> {
    listing().await
}

async fn listing() -> Result<HttpResponse, ApiError> {
    let endpoints = Endpoints {
        metrics: "/api/v1/metrics",
        domains: "/api/v1/domains",
        import: "/api/v1/import",
        auth: "/api/auth",
        health: "/health",
    };
    json(
        &mut HttpResponse::Ok(),
        &Index { version: "v1", status: "stable", endpoints, documentation: "/api-docs" },
    )
}
