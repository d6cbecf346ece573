//! Business domains.

use actix_web::{HttpResponse, delete, get, post, put, web};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::actors::db_breaker::Circuit;
use crate::http::AppState;
use crate::http::answer::{created, etag, json, one, page, text, versioned};
use crate::http::catalogue::cached_read::{self, question};
use crate::http::catalogue::write::change;
use crate::http::envelope::{Data, Message, Page};
use crate::http::error::ApiError;
use crate::http::extract::caller::{Domains, Editor, Reader, Remover};
use crate::http::extract::conditions::{IfMatch, IfNoneMatch};
use crate::http::extract::json_body::{ITEM, JsonBody, PatchBody};
use crate::http::extract::origin::Origin;
use crate::http::extract::path::IdPath;
use crate::http::extract::query::QueryParameters;
use crate::http::openapi::BusinessDomainPatch;
use crate::model::audit::{Action, Changes};
use crate::model::business_domains::BusinessDomain;
use crate::model::page::PageRequest;
use crate::storage::{audit_events, business_domains};

const PATH: &str = "/api/v1/domains";

/// All routes of business domains.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list).service(get).service(create).service(update).service(remove);
}

/// List business domains, by name
#[utoipa::path(
    tag = "domains",
    operation_id = "list_domains",
    security((), ("bearer" = []), ("api_key" = [])),
    params(("page" = Option<i64>, Query, minimum = 1, maximum = 10_000_000),
           ("limit" = Option<i64>, Query, description = "100 if not said", minimum = 1, maximum = 100)),
    responses((status = 200, body = Page<BusinessDomain>))
)]
#[get("/api/v1/domains")]
async fn list(
    _: Reader<Domains>,
    QueryParameters(parameters): QueryParameters,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let request = PageRequest::parse(&parameters, 100).map_err(ApiError::Validation)?;
    cached_read::answer(&state, &question(PATH, &parameters), None, async || {
        let (rows, total) = state
            .db
            .run(Circuit::Domains, "list_domains", async |conn| {
                business_domains::ensure_page_fits(conn, request.offset(), request.limit).await?;
                business_domains::list(conn, request.offset(), request.limit).await
            })
            .await?;
        page(PATH, &parameters, request.of(total), rows)
    })
    .await
}

/// One business domain
#[utoipa::path(
    tag = "domains",
    operation_id = "get_domain",
    security((), ("bearer" = []), ("api_key" = [])),
    params(("id" = String, Path, description = "domain_id"),
           ("If-None-Match" = Option<String>, Header, description = "Versions that you have")),
    responses(
        (status = 200, body = Data<BusinessDomain>, headers(("ETag" = String, description = "Its version, quoted"))),
        (status = 304, description = "You have it"),
    )
)]
#[get("/api/v1/domains/{id}")]
async fn get(
    _: Reader<Domains>,
    IdPath(id): IdPath,
    known: IfNoneMatch,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let path = format!("{PATH}/{}", id.as_str());
    cached_read::answer(&state, &question(&path, &[]), Some(&known), async || {
        let row = state
            .db
            .run(Circuit::Domains, "get_domain", async |conn| {
                business_domains::get(conn, id.as_str()).await
            })
            .await?;
        one(&row, &row.version.to_string())
    })
    .await
}

/// Create a business domain
#[utoipa::path(
    tag = "domains",
    operation_id = "create_domain",
    security(("bearer" = []), ("api_key" = [])),
    request_body = BusinessDomain,
    responses(
        (status = 201, body = Data<BusinessDomain>, headers(("Location" = String), ("ETag" = String))),
        (status = 409, description = "The id or the name is taken"),
    )
)]
#[post("/api/v1/domains")]
async fn create(
    editor: Editor<Domains>,
    origin: Origin,
    body: JsonBody<BusinessDomain, ITEM>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (now, actor) = (state.clock.now(), origin.actor(&editor.caller.user));
    let row =
        change(&state, Circuit::Domains, "create_domain", &editor.authority(), async |conn| {
            let row = business_domains::create(conn, &body.value, now).await?;
            let changes = Changes::version(None, Some(row.version));
            let id = row.domain_id.as_str();
            audit_events::record_changes(conn, &actor, Action::DomainCreated, id, &changes, now)
                .await?;
            Ok(row)
        })
        .await?;
    let path = format!("{PATH}/{}", row.domain_id);
    Ok(created(&path, &etag(&row.version.to_string()), text(&Data::of(&row))?))
}

/// Change a business domain
///
/// Top-level fields that are absent stay as they are; optional ones are removed by null. A new name
/// carries the metrics along, as a change of each of them.
#[utoipa::path(
    tag = "domains",
    operation_id = "update_domain",
    security(("bearer" = []), ("api_key" = [])),
    params(("id" = String, Path, description = "domain_id"),
           ("If-Match" = Option<String>, Header, description = "The version that you change")),
    request_body = BusinessDomainPatch,
    responses(
        (status = 200, body = Data<BusinessDomain>, headers(("ETag" = String))),
        (status = 409, description = "The name is taken"),
    )
)]
#[put("/api/v1/domains/{id}")]
async fn update(
    editor: Editor<Domains>,
    IdPath(id): IdPath,
    IfMatch(precondition): IfMatch,
    origin: Origin,
    PatchBody(patch): PatchBody<BusinessDomain>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    if !patch.keeps_id(id.as_str()) {
        return Err(ApiError::invalid("domain_id", "cannot be changed"));
    }
    let (now, author, actor) = (
        state.clock.now(),
        editor.caller.user.username.as_str(),
        origin.actor(&editor.caller.user),
    );
    let row =
        change(&state, Circuit::Domains, "update_domain", &editor.authority(), async |conn| {
            let (row, changes) =
                business_domains::update(conn, id.as_str(), &precondition, &patch, author, now)
                    .await?;
            if let Some(changes) = changes {
                audit_events::record_changes(
                    conn,
                    &actor,
                    Action::DomainUpdated,
                    id.as_str(),
                    &changes,
                    now,
                )
                .await?;
            }
            Ok(row)
        })
        .await?;
    versioned(&row, &row.version.to_string())
}

/// Delete a business domain
#[utoipa::path(
    tag = "domains",
    operation_id = "delete_domain",
    security(("bearer" = []), ("api_key" = [])),
    params(("id" = String, Path, description = "domain_id"),
           ("If-Match" = Option<String>, Header, description = "The version that you delete")),
    responses((status = 200, body = Message), (status = 409, description = "Metrics still refer to it"))
)]
#[delete("/api/v1/domains/{id}")]
async fn remove(
    remover: Remover<Domains>,
    IdPath(id): IdPath,
    IfMatch(precondition): IfMatch,
    origin: Origin,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (now, actor) = (state.clock.now(), origin.actor(&remover.caller.user));
    change(&state, Circuit::Domains, "delete_domain", &remover.authority(), async |conn| {
        let version = business_domains::delete(conn, id.as_str(), &precondition).await?;
        let changes = Changes::version(Some(version), None);
        audit_events::record_changes(
            conn,
            &actor,
            Action::DomainDeleted,
            id.as_str(),
            &changes,
            now,
        )
        .await
    })
    .await?;
    json(&mut HttpResponse::Ok(), &Message::of("Domain deleted successfully"))
}
