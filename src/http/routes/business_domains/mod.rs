//! Routes of business domains. Each change writes its audit event in its transaction.

mod response;

use actix_web::{HttpResponse, delete, get, post, put, web};
use utoipa_actix_web::service_config::ServiceConfig;

use self::response::DomainResponse;
use super::not_found::name_missing;
use crate::actors::db_breaker::Circuit;
use crate::http::app_data::CatalogueServices;
use crate::http::catalogue::cached_read::{self, cache_key};
use crate::http::catalogue::write::change;
use crate::http::envelope::{ChangedBody, DataBody, MessageBody, PageBody};
use crate::http::error::ApiError;
use crate::http::extract::caller::{Domains, Editor, Reader, Remover};
use crate::http::extract::conditions::{IfMatch, IfNoneMatch};
use crate::http::extract::json_body::{ITEM, JsonBody, PatchBody};
use crate::http::extract::origin::Origin;
use crate::http::extract::path::IdPath;
use crate::http::extract::query::QueryParameters;
use crate::http::openapi::patches::BusinessDomainPatch;
use crate::http::response::{
    cached_item, cached_page, changed_item, created_item, etag, json, to_json,
};
use crate::model::audit::{Action, Changes};
use crate::model::business_domains::BusinessDomain;
use crate::model::page::PageRequest;
use crate::model::text::Id;
use crate::storage::{audit_events, business_domains};

const PATH: &str = "/api/v1/domains";
const NOUN: &str = "Business domain";

/// Registers the routes of business domains.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list).service(get).service(create).service(update).service(delete);
}

/// List business domains by name
///
/// A repeated read is answered from the cache while nothing in the catalogue has changed.
#[utoipa::path(
    tag = "domains",
    operation_id = "list_domains",
    security((), ("bearer" = []), ("api_key" = [])),
    params(
        ("page" = Option<i64>, Query, description = "Page number, from 1",
            minimum = 1, maximum = 10_000_000),
        ("limit" = Option<i64>, Query, description = "Items per page, default 100",
            minimum = 1, maximum = 100),
    ),
    responses((status = 200, body = PageBody<BusinessDomain>))
)]
#[get("/api/v1/domains")]
async fn list(
    _: Reader<Domains>,
    QueryParameters(parameters): QueryParameters,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let request = PageRequest::parse(&parameters, 100).map_err(ApiError::Validation)?;
    cached_read::read(&services, &cache_key(PATH, &parameters), None, async || {
        let (rows, total) = services
            .db
            .run(Circuit::Domains, "business_domains.list", async |conn| {
                business_domains::ensure_page_fits(conn, request.offset(), request.limit).await?;
                business_domains::list(conn, request.offset(), request.limit).await
            })
            .await?;
        let items: Vec<_> = rows.into_iter().map(DomainResponse::from).collect();
        cached_page(PATH, &parameters, request.paginate(total), items)
    })
    .await
}

/// Get a business domain
///
/// With `If-None-Match` and the current version the response is 304, without a body.
#[utoipa::path(
    tag = "domains",
    operation_id = "get_domain",
    security((), ("bearer" = []), ("api_key" = [])),
    params(
        ("id" = Id, Path, description = "domain_id"),
        ("If-None-Match" = Option<String>, Header,
            description = "Entity tags of the versions that the client has"),
    ),
    responses(
        (status = 200, body = DataBody<BusinessDomain>,
            headers(("ETag" = String, description = "Version of the domain, quoted"))),
        (status = 304, description = "Not modified"),
    )
)]
#[get("/api/v1/domains/{id}")]
async fn get(
    _: Reader<Domains>,
    IdPath(id): IdPath,
    if_none_match: IfNoneMatch,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let path = format!("{PATH}/{}", id.as_str());
    cached_read::read(&services, &cache_key(&path, &[]), Some(&if_none_match), async || {
        let row = services
            .db
            .run(Circuit::Domains, "business_domains.get", async |conn| {
                business_domains::get(conn, id.as_str()).await
            })
            .await
            .map_err(name_missing(NOUN, id.as_str()))?;
        let version = row.version.to_string();
        cached_item(&DomainResponse::from(row), &version)
    })
    .await
}

/// Create a business domain
///
/// Metrics refer to it by its name.
#[utoipa::path(
    tag = "domains",
    operation_id = "create_domain",
    security(("bearer" = []), ("api_key" = [])),
    request_body = BusinessDomain,
    responses(
        (status = 201, description = "Created", body = ChangedBody<BusinessDomain>,
            headers(("Location" = String, description = "Path of the domain"),
                ("ETag" = String, description = "Version of the domain, quoted"))),
        (status = 409, description = "The domain_id or the name exists"),
    )
)]
#[post("/api/v1/domains")]
async fn create(
    editor: Editor<Domains>,
    origin: Origin,
    body: JsonBody<BusinessDomain, ITEM>,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let (now, actor) = (services.clock.now(), origin.actor(&editor.caller.user));
    let authority = editor.authority();
    let created =
        change(&services, Circuit::Domains, "business_domains.create", &authority, async |conn| {
            let row = business_domains::create(conn, &body.value, now).await?;
            let changes = Changes::version(None, Some(row.version));
            let id = row.domain_id.as_str();
            audit_events::record_changes(conn, &actor, Action::DomainCreated, id, &changes, now)
                .await?;
            Ok(row)
        });
    let row = created.await?;
    let (path, etag) = (format!("{PATH}/{}", row.domain_id), etag(&row.version.to_string()));
    let body = ChangedBody::new(DomainResponse::from(row), body.warnings);
    Ok(created_item(&path, &etag, to_json(&body)?))
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
    ),
    request_body = BusinessDomainPatch,
    responses(
        (status = 200, body = ChangedBody<BusinessDomain>,
            headers(("ETag" = String, description = "Version of the domain, quoted"))),
        (status = 409, description = "The name exists"),
    )
)]
#[put("/api/v1/domains/{id}")]
async fn update(
    editor: Editor<Domains>,
    IdPath(id): IdPath,
    IfMatch(precondition): IfMatch,
    origin: Origin,
    PatchBody { patch, warnings }: PatchBody<BusinessDomain>,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let id = id.as_str();
    if !patch.keeps_id(id) {
        return Err(ApiError::invalid("domain_id", "cannot be changed"));
    }
    let (now, author, actor) = (
        services.clock.now(),
        editor.caller.user.username.as_str(),
        origin.actor(&editor.caller.user),
    );
    let authority = editor.authority();
    let updated =
        change(&services, Circuit::Domains, "business_domains.update", &authority, async |conn| {
            let (row, changes) =
                business_domains::update(conn, id, &precondition, &patch, author, now).await?;
            if let Some(changes) = changes {
                let action = Action::DomainUpdated;
                audit_events::record_changes(conn, &actor, action, id, &changes, now).await?;
            }
            Ok(row)
        });
    let row = updated.await.map_err(name_missing(NOUN, id))?;
    let version = row.version.to_string();
    changed_item(&DomainResponse::from(row), &version, warnings)
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
    ),
    responses(
        (status = 200, body = MessageBody),
        (status = 409, description = "Metrics still refer to this business domain"),
    )
)]
#[delete("/api/v1/domains/{id}")]
async fn delete(
    remover: Remover<Domains>,
    IdPath(id): IdPath,
    IfMatch(precondition): IfMatch,
    origin: Origin,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let id = id.as_str();
    let (now, actor) = (services.clock.now(), origin.actor(&remover.caller.user));
    let authority = remover.authority();
    let deleted =
        change(&services, Circuit::Domains, "business_domains.delete", &authority, async |conn| {
            let version = business_domains::delete(conn, id, &precondition).await?;
            let (action, changes) = (Action::DomainDeleted, Changes::version(Some(version), None));
            audit_events::record_changes(conn, &actor, action, id, &changes, now).await
        });
    deleted.await.map_err(name_missing(NOUN, id))?;
    json(&mut HttpResponse::Ok(), &MessageBody::new("Domain deleted successfully"))
}
