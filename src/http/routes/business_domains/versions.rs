//! Versions of business domains: the list, one of them, what differs between two, and restoring
//! one.

use actix_web::{HttpResponse, get, post, web};

use super::response::DomainResponse;
use super::versioned::VERSIONED;
use crate::actors::db_breaker::Circuit;
use crate::credentials::digest::fingerprint;
use crate::http::app_data::CatalogueServices;
use crate::http::catalogue::write::{change_once, restore_stamp};
use crate::http::envelope::{ChangedBody, DataBody, PageBody};
use crate::http::error::ApiError;
use crate::http::extract::accepted_diff::DiffFormat;
use crate::http::extract::accepted_encoding::AcceptedEncoding;
use crate::http::extract::caller::{Domains, Editor, Reader};
use crate::http::extract::conditions::{IfMatch, IfNoneMatch};
use crate::http::extract::idempotency::IdempotentChange;
use crate::http::extract::json_body::{ITEM, JsonBody};
use crate::http::extract::origin::Origin;
use crate::http::extract::path::{IdPath, VersionPath};
use crate::http::extract::query::QueryParameters;
use crate::http::openapi::patches::JsonPatchOperation;
use crate::http::openapi::versions::BusinessDomainVersion;
use crate::http::response::changed_item;
use crate::http::routes::version_conflicts::answer_change;
use crate::http::routes::versions::VersionRead;
use crate::model::audit::Action;
use crate::model::business_domains::BusinessDomain;
use crate::model::text::Id;
use crate::model::versions::VersionEntry;
use crate::model::versions::diff::VersionDiff;
use crate::model::versions::query::{BusinessDomainRestore, DiffQuery};
use crate::storage::{audit_events, business_domains};

/// List the versions of a business domain, newest first
///
/// Versions of a deleted domain are kept; its deletion is an entry, too.
#[utoipa::path(
    tag = "domains",
    operation_id = "domain_versions",
    security((), ("bearer" = []), ("api_key" = [])),
    params(
        ("id" = Id, Path, description = "domain_id"),
        ("page" = Option<i64>, Query, description = "Page number, from 1",
            minimum = 1, maximum = 10_000_000),
        ("limit" = Option<i64>, Query, description = "Items per page, default 50",
            minimum = 1, maximum = 100),
        ("If-None-Match" = Option<String>, Header,
            description = "Entity tags of the responses that the client has"),
    ),
    responses(
        (status = 200, body = PageBody<VersionEntry>,
            headers(("ETag" = String, description = "Entity tag of the response, quoted"))),
        (status = 304, description = "Not modified"),
    )
)]
#[get("/api/v1/domains/{id}/versions")]
pub(super) async fn list(
    _: Reader<Domains>,
    IdPath(id): IdPath,
    QueryParameters(parameters): QueryParameters,
    encoding: AcceptedEncoding,
    if_none_match: IfNoneMatch,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let read = VersionRead { services: &services, of: &VERSIONED, id: &id, encoding };
    read.list(&parameters, &if_none_match).await
}

/// Get a version of a business domain
///
/// A version never changes: the response may be kept for ever. Not found is also a version whose
/// content was not kept (`content_kept` in the list of versions), with a message that says so.
#[utoipa::path(
    tag = "domains",
    operation_id = "get_domain_version",
    security((), ("bearer" = []), ("api_key" = [])),
    params(
        ("id" = Id, Path, description = "domain_id"),
        ("version" = String, Path, description = "A version of the list of versions",
            example = "1", min_length = 1, max_length = 100, pattern = "^[0-9.]+$"),
        ("If-None-Match" = Option<String>, Header,
            description = "Entity tags of the versions that the client has"),
    ),
    responses(
        (status = 200, body = DataBody<BusinessDomainVersion>,
            headers(("ETag" = String, description = "The version, quoted"))),
        (status = 304, description = "Not modified"),
    )
)]
#[get("/api/v1/domains/{id}/versions/{version}")]
pub(super) async fn get(
    _: Reader<Domains>,
    IdPath(id): IdPath,
    VersionPath(version): VersionPath,
    encoding: AcceptedEncoding,
    if_none_match: IfNoneMatch,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let read = VersionRead { services: &services, of: &VERSIONED, id: &id, encoding };
    read.get(&version, &if_none_match).await
}

/// Compare two versions of a business domain
///
/// The fields that differ, with old and new value, and word by word in longer texts. With
/// `Accept: application/json-patch+json` a JSON Patch (RFC 6902) that turns the content of one
/// version into that of the other. Two equal versions are refused.
#[utoipa::path(
    tag = "domains",
    operation_id = "diff_domain_versions",
    security((), ("bearer" = []), ("api_key" = [])),
    params(
        ("id" = Id, Path, description = "domain_id"),
        ("from" = String, Query, description = "The version that is compared",
            example = "1", min_length = 1, max_length = 100, pattern = "^[0-9.]+$"),
        ("to" = String, Query, description = "The version that it is compared with",
            example = "2", min_length = 1, max_length = 100, pattern = "^[0-9.]+$"),
        ("If-None-Match" = Option<String>, Header,
            description = "Entity tags of the comparisons that the client has"),
    ),
    responses(
        (status = 200, content(
            (DataBody<VersionDiff> = "application/json"),
            (Vec<JsonPatchOperation> = "application/json-patch+json"),
        ), headers(("ETag" = String, description = "Both versions, quoted"))),
        (status = 304, description = "Not modified"),
    )
)]
#[get("/api/v1/domains/{id}/diff")]
pub(super) async fn diff(
    _: Reader<Domains>,
    IdPath(id): IdPath,
    QueryParameters(parameters): QueryParameters,
    format: DiffFormat,
    encoding: AcceptedEncoding,
    if_none_match: IfNoneMatch,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let query = DiffQuery::parse(&parameters).map_err(ApiError::Validation)?;
    let read = VersionRead { services: &services, of: &VERSIONED, id: &id, encoding };
    read.diff(&query, format, &if_none_match).await
}

/// Restore a version of a business domain
///
/// Its content becomes a new version. A deleted domain is created again; `If-Match` is then
/// refused, because there is no version to match. A domain that has the content already keeps its
/// version. A former name is also written to the metrics of the domain, as a revision of each.
#[utoipa::path(
    tag = "domains",
    operation_id = "restore_domain",
    security(("bearer" = []), ("api_key" = [])),
    params(
        ("id" = Id, Path, description = "domain_id"),
        ("If-Match" = Option<String>, Header,
            description = "Entity tag of the version to be replaced"),
        ("Idempotency-Key" = Option<String>, Header,
            description = "1 to 255 printable ASCII characters; a repeated request within 24 \
                hours gets the same response and changes nothing", pattern = "^[ -~]{1,255}$"),
    ),
    request_body = BusinessDomainRestore,
    responses(
        (status = 200, body = ChangedBody<BusinessDomain>,
            headers(("ETag" = String, description = "Version of the domain, quoted"))),
        (status = 409, description = "Another domain has the name, the version is of a domain that \
            was deleted and another one was created with its id, or the first request with this \
            Idempotency-Key is still running"),
        (status = 422, description = "The Idempotency-Key was used with another request"),
    )
)]
#[post("/api/v1/domains/{id}/restore")]
pub(super) async fn restore(
    editor: Editor<Domains>,
    IdPath(item): IdPath,
    IfMatch(precondition): IfMatch,
    idempotent: IdempotentChange,
    origin: Origin,
    body: JsonBody<BusinessDomainRestore, ITEM>,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let (id, version) = (item.as_str(), body.value.version.to_string());
    let (authority, actor) = (editor.authority(), origin.actor(&editor.caller.user));
    let digest = fingerprint(&String::from_utf8_lossy(&body.bytes));
    let request = idempotent.request(editor.caller.user.user_id, &digest);
    let target = (Circuit::Domains, "business_domains.restore");
    let restored =
        change_once(&services, target, &authority, request.as_ref(), async |conn, now| {
            let stamp = restore_stamp(&editor.caller, now);
            let (row, changes) =
                business_domains::restore_version(conn, id, &precondition, &version, stamp).await?;
            if let Some(changes) = changes {
                let action = Action::DomainRestored;
                audit_events::record_changes(conn, &actor, action, id, &changes, now).await?;
            }
            let version = row.version.to_string();
            changed_item(&DomainResponse::from(row), &version, &body.warnings)
        });
    let change = (&item, &precondition);
    answer_change(&services, &VERSIONED, change, restored.await).await
}
