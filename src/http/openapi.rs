//! The OpenAPI 3.1 document. The operations and their types describe themselves in `routes` and
//! `model`; this folder adds what is the same for all: general information and security
//! (`security`), the responses and headers that follow from an operation's parts (`responses`,
//! `headers`), names and references of schemas (`schemas`), schemas of parts of items (`parts`),
//! what drafts may lack (`drafts`), and examples (`examples`).

mod drafts;
mod examples;
mod headers;
mod parts;
pub mod patches;
mod responses;
mod schemas;
mod security;
pub mod versions;
pub mod vocabulary;
mod walk;

use utoipa::openapi::{OpenApi, ServerBuilder};

use self::vocabulary::{
    ApiKeyStatusFilter, AuditActionFilter, BusinessDomainFields, CircuitName, DocumentFormatName,
    MetricFields, MetricSort, ReadinessPurpose,
};
use super::app_data::AccessPolicy;
use super::envelope::ErrorBody;
use crate::model::completeness::CompletenessFilter;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "MDL: Metrics Definition Library",
        description = "A catalogue of metric definitions.\n\n\
            **To begin**, send `POST /api/auth/login` with your username and password, copy \
            `tokens.access_token` of the response, press *Authorize* and paste it as `bearer`; \
            then send `GET /api/v1/metrics`. Programs use an API key (`POST /api/auth/api-keys`), \
            sent as `X-API-Key`. A request carries one of both, not both.\n\n\
            Every response carries `X-Request-ID`; every error response has an `ErrorEnvelope`. \
            Query parameters that an operation does not list are refused.",
        contact(name = "MDL maintainers")
    ),
    tags(
        (name = "metrics", description = "Metric definitions"),
        (name = "domains", description = "Business domains, which own metrics"),
        (name = "catalogue", description = "The catalogue as a whole"),
        (name = "auth", description = "Registration, sessions, passwords"),
        (name = "users", description = "User administration"),
        (name = "api-keys", description = "API keys"),
        (name = "audit", description = "Audit log"),
        (name = "health", description = "Health checks and circuit breakers"),
    ),
    components(schemas(
        ErrorBody<'static>,
        ApiKeyStatusFilter,
        AuditActionFilter,
        BusinessDomainFields,
        CircuitName,
        CompletenessFilter,
        DocumentFormatName,
        MetricFields,
        MetricSort,
        ReadinessPurpose
    ))
)]
struct Base;

/// Builds the document without operations.
pub fn base() -> OpenApi {
    let mut document = <Base as utoipa::OpenApi>::openapi();
    security::add_schemes(&mut document);
    document
}

/// Completes a document that has all operations, for a service with this policy and, if it is set,
/// this public address.
pub fn complete(mut document: OpenApi, policy: &AccessPolicy, public_url: Option<&str>) -> OpenApi {
    let server = ServerBuilder::new()
        .url(public_url.unwrap_or("/"))
        .description(Some("This service"))
        .build();
    document.servers = Some(vec![server]);
    security::apply(&mut document, *policy);
    responses::complete(&mut document);
    schemas::complete(&mut document);
    drafts::relax(&mut document);
    parts::add(&mut document);
    examples::add(&mut document);
    document
}
