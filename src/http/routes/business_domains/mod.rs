//! Routes of business domains: changes here, whose work is in `http::catalogue::domain_changes`;
//! reads in `read`, former versions in `versions`, response types in `response`.

pub(in crate::http) mod path;
mod read;
pub(in crate::http) mod response;
pub(in crate::http) mod versioned;
mod versions;

use actix_web::{HttpResponse, delete, patch, post, put, web};
use utoipa_actix_web::service_config::ServiceConfig;

use self::path::PATH;
use crate::credentials::digest::fingerprint;
use crate::http::app_data::CatalogueServices;
use crate::http::catalogue::domain_changes::{DomainChangeRequest, create_domain};
use crate::http::envelope::{ChangedBody, MessageBody};
use crate::http::error::ApiError;
use crate::http::extract::caller::{Domains, Editor, Remover};
use crate::http::extract::conditions::IfMatch;
use crate::http::extract::idempotency::IdempotentChange;
use crate::http::extract::json_body::{ITEM, JsonBody, MergePatchBody, PatchBody};
use crate::http::extract::origin::Origin;
use crate::http::extract::path::IdPath;
use crate::http::openapi::patches::BusinessDomainPatch;
use crate::http::response::{created_item, stored_change};
use crate::model::business_domains::BusinessDomain;
use crate::model::text::Id;
use crate::storage::precondition::Precondition;

/// Registers the routes of business domains.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(read::list)
        .service(read::get)
        .service(create)
        .service(update)
        .service(merge)
        .service(delete)
        .service(versions::list)
        .service(versions::get)
        .service(versions::diff)
        .service(versions::restore);
}

/// Create a business domain
///
/// Metrics refer to it by its name.
#[utoipa::path(
    tag = "domains",
    operation_id = "create_domain",
    security(("bearer" = []), ("api_key" = [])),
    params(
        ("Idempotency-Key" = Option<String>, Header,
            description = "1 to 255 printable ASCII characters; a repeated request within 24 \
                hours gets the same response and changes nothing", pattern = "^[ -~]{1,255}$"),
    ),
    request_body = BusinessDomain,
    responses(
        (status = 201, description = "Created", body = ChangedBody<BusinessDomain>,
            headers(("Location" = String, description = "Path of the domain"),
                ("ETag" = String, description = "Version of the domain, quoted"))),
        (status = 409, description = "The domain_id or the name exists, or the first request with \
            this Idempotency-Key is still running"),
        (status = 422, description = "The Idempotency-Key was used with another request"),
    )
)]
#[post("/api/v1/domains")]
async fn create(
    editor: Editor<Domains>,
    idempotent: IdempotentChange,
    origin: Origin,
    body: JsonBody<BusinessDomain, ITEM>,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let digest = fingerprint(&String::from_utf8_lossy(&body.bytes));
    let request = idempotent.request(editor.caller.user.user_id, &digest);
    let domain = (&body.value, &body.warnings);
    let created = create_domain(&services, &editor, &origin, request, domain).await?;
    let path = format!("{PATH}/{}", body.value.domain_id.as_str());
    Ok(created_item(&path, &created.etag, created.body))
}

/// Update a business domain
///
/// Absent top-level fields stay as they are; null removes an optional field. A new name is also
/// written to the metrics of the domain, as a revision of each.
#[utoipa::path(
    tag = "domains",
    operation_id = "update_domain",
    security(("bearer" = []), ("api_key" = [])),
    params(
        ("id" = Id, Path, description = "domain_id"),
        ("If-Match" = Option<String>, Header,
            description = "Entity tag of the version to be changed"),
        ("Idempotency-Key" = Option<String>, Header,
            description = "1 to 255 printable ASCII characters; a repeated request within 24 \
                hours gets the same response and changes nothing", pattern = "^[ -~]{1,255}$"),
    ),
    request_body = BusinessDomainPatch,
    responses(
        (status = 200, body = ChangedBody<BusinessDomain>,
            headers(("ETag" = String, description = "Version of the domain, quoted"))),
        (status = 409, description = "The name exists, or the first request with this \
            Idempotency-Key is still running"),
        (status = 422, description = "The Idempotency-Key was used with another request"),
    )
)]
#[put("/api/v1/domains/{id}")]
async fn update(
    editor: Editor<Domains>,
    IdPath(id): IdPath,
    IfMatch(precondition): IfMatch,
    idempotent: IdempotentChange,
    origin: Origin,
    body: PatchBody<BusinessDomain>,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    apply(editor, &id, (precondition, idempotent), origin, body, services).await
}

/// Change parts of a business domain
///
/// A merge patch (RFC 7396): at any depth, absent members stay as they are, null removes an
/// optional one, and a list is replaced as a whole. Otherwise as PUT.
#[utoipa::path(
    tag = "domains",
    operation_id = "patch_domain",
    security(("bearer" = []), ("api_key" = [])),
    params(
        ("id" = Id, Path, description = "domain_id"),
        ("If-Match" = Option<String>, Header,
            description = "Entity tag of the version to be changed"),
        ("Idempotency-Key" = Option<String>, Header,
            description = "1 to 255 printable ASCII characters; a repeated request within 24 \
                hours gets the same response and changes nothing", pattern = "^[ -~]{1,255}$"),
    ),
    request_body(content = BusinessDomainPatch, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, body = ChangedBody<BusinessDomain>,
            headers(("ETag" = String, description = "Version of the domain, quoted"))),
        (status = 409, description = "The name exists, or the first request with this \
            Idempotency-Key is still running"),
        (status = 422, description = "The Idempotency-Key was used with another request"),
    )
)]
#[patch("/api/v1/domains/{id}")]
async fn merge(
    editor: Editor<Domains>,
    IdPath(id): IdPath,
    IfMatch(precondition): IfMatch,
    idempotent: IdempotentChange,
    origin: Origin,
    MergePatchBody(body): MergePatchBody<BusinessDomain>,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    apply(editor, &id, (precondition, idempotent), origin, body, services).await
}

/// Applies the patch of either method.
async fn apply(
    editor: Editor<Domains>,
    item: &Id,
    (precondition, idempotent): (Precondition, IdempotentChange),
    origin: Origin,
    PatchBody { patch, digest }: PatchBody<BusinessDomain>,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let request = idempotent.request(editor.caller.user.user_id, &digest);
    let change = DomainChangeRequest {
        services: &services,
        origin: &origin,
        id: item,
        precondition: &precondition,
        request,
    };
    Ok(stored_change(change.update(&editor, &patch).await?))
}

/// Delete a business domain
///
/// A domain that metrics refer to cannot be deleted.
#[utoipa::path(
    tag = "domains",
    operation_id = "delete_domain",
    security(("bearer" = []), ("api_key" = [])),
    params(
        ("id" = Id, Path, description = "domain_id"),
        ("If-Match" = Option<String>, Header,
            description = "Entity tag of the version to be deleted"),
        ("Idempotency-Key" = Option<String>, Header,
            description = "1 to 255 printable ASCII characters; a repeated request within 24 \
                hours gets the same response and changes nothing", pattern = "^[ -~]{1,255}$"),
    ),
    responses(
        (status = 200, body = MessageBody),
        (status = 409, description = "Metrics still refer to this business domain, or the first \
            request with this Idempotency-Key is still running"),
        (status = 422, description = "The Idempotency-Key was used with another request"),
    )
)]
#[delete("/api/v1/domains/{id}")]
async fn delete(
    remover: Remover<Domains>,
    IdPath(item): IdPath,
    IfMatch(precondition): IfMatch,
    idempotent: IdempotentChange,
    origin: Origin,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let request = idempotent.request(remover.caller.user.user_id, "");
    let change = DomainChangeRequest {
        services: &services,
        origin: &origin,
        id: &item,
        precondition: &precondition,
        request,
    };
    Ok(stored_change(change.delete(&remover).await?))
}
