//! Reads of business domains: the list, and one domain.

use actix_web::{HttpResponse, get, web};

use super::path::{NOUN, PATH};
use super::response::DomainResponse;
use super::versioned::VERSIONED;
use crate::actors::db_breaker::Circuit;
use crate::http::app_data::CatalogueServices;
use crate::http::catalogue::cache_key::CacheKey;
use crate::http::catalogue::cached_read;
use crate::http::catalogue::known_list::ListLookup;
use crate::http::catalogue::selected::{select, tagged_version};
use crate::http::envelope::{DataBody, ListBody};
use crate::http::error::ApiError;
use crate::http::extract::accepted_encoding::AcceptedEncoding;
use crate::http::extract::caller::{Domains, Reader};
use crate::http::extract::conditions::IfNoneMatch;
use crate::http::extract::path::IdPath;
use crate::http::extract::query::QueryParameters;
use crate::http::openapi::vocabulary::BusinessDomainFields;
use crate::http::response::{cached_item, cached_part};
use crate::http::routes::not_found::name_missing;
use crate::http::routes::past_lists::PastRead;
use crate::http::routes::versions::VersionRead;
use crate::model::business_domains::BusinessDomain;
use crate::model::business_domains::query::DomainQuery;
use crate::model::fields::FieldSelection;
use crate::model::text::Id;
use crate::model::versions::query::take_as_of;
use crate::storage::business_domains::{self, listing};

/// List business domains by name
///
/// A repeated read is answered from the cache while nothing in the catalogue has changed.
#[utoipa::path(
    tag = "domains",
    operation_id = "list_domains",
    security((), ("bearer" = []), ("api_key" = [])),
    params(
        ("search" = Option<String>, Query,
            description = "Words or prefixes of words in name or description; all must match",
            example = "revenue", min_length = 1, max_length = 2000),
        ("page" = Option<i64>, Query, description = "Page number, from 1",
            minimum = 1, maximum = 10_000_000),
        ("limit" = Option<i64>, Query, description = "Items per page, default 100",
            minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query,
            description = "`start`, then `pagination.next_cursor` of the response before; instead \
                of `page`. The search stays the same",
            example = "start", min_length = 1, max_length = 2000, pattern = "^[A-Za-z0-9_-]+$"),
        ("fields" = Option<BusinessDomainFields>, Query,
            description = "Fields of the response, separated by commas; `domain_id` is always \
                among them"),
        ("If-None-Match" = Option<String>, Header,
            description = "Entity tags of the responses that the client has"),
        ("as_of" = Option<String>, Query,
            description = "RFC 3339 time that is not in the future: the list as it was then. \
                Refused for instants from before contents were \
                kept",
            example = "2026-01-31T12:00:00Z", min_length = 1, max_length = 100),
    ),
    responses(
        (status = 200, body = ListBody<BusinessDomain>,
            headers(("ETag" = String, description = "Entity tag of the response, quoted"))),
        (status = 304, description = "Not modified"),
    )
)]
#[get("/api/v1/domains")]
pub(super) async fn list(
    _: Reader<Domains>,
    QueryParameters(parameters): QueryParameters,
    encoding: AcceptedEncoding,
    if_none_match: IfNoneMatch,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let now = services.clock.now();
    let query = DomainQuery::parse(&parameters, now).map_err(ApiError::Validation)?;
    if let Some(instant) = query.as_of {
        let (services, of, fields) = (&services, &VERSIONED, query.fields.as_ref());
        let read = PastRead {
            services,
            of,
            parameters: &parameters,
            fields,
            encoding,
            if_none_match: &if_none_match,
        };
        return read.list(&business_domains::past_list(&query, instant)).await;
    }
    let key = CacheKey::of_list(PATH, &parameters).for_readers_of::<Domains>();
    cached_read::read(&services, &key, encoding, &if_none_match, async || {
        let lookup = ListLookup::new(&services, PATH, &parameters, &query.paging);
        let (rows, part) = services
            .read(Circuit::Domains, "business_domains.list", async |conn| {
                listing::list_part(conn, &query, lookup.known.total).await
            })
            .await?;
        lookup.insert(&services, &part, Vec::new());
        let fields = query.fields.as_ref();
        let items = rows.into_iter().map(|row| select(DomainResponse::from(row), fields));
        let items = items.collect::<Result<_, _>>()?;
        cached_part(PATH, &parameters, part.describe(), items)
    })
    .await
}

/// Get a business domain
///
/// With `If-None-Match` and the current version the response is 304, without a body. With `as_of`
/// the domain as it was then; not found if it did not exist, or if the
/// content of its version was not kept.
#[utoipa::path(
    tag = "domains",
    operation_id = "get_domain",
    security((), ("bearer" = []), ("api_key" = [])),
    params(
        ("id" = Id, Path, description = "domain_id"),
        ("fields" = Option<BusinessDomainFields>, Query,
            description = "Fields of the response, separated by commas; `domain_id` is always \
                among them"),
        ("as_of" = Option<String>, Query,
            description = "RFC 3339 time that is not in the future",
            example = "2026-01-31T12:00:00Z", min_length = 1, max_length = 100),
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
pub(super) async fn get(
    _: Reader<Domains>,
    IdPath(id): IdPath,
    QueryParameters(mut parameters): QueryParameters,
    encoding: AcceptedEncoding,
    if_none_match: IfNoneMatch,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let as_of = take_as_of(&mut parameters, services.clock.now()).map_err(ApiError::Validation)?;
    let fields =
        FieldSelection::parse::<BusinessDomain>(&parameters).map_err(ApiError::Validation)?;
    if let Some(instant) = as_of {
        let read = VersionRead { services: &services, of: &VERSIONED, id: &id, encoding };
        return read.get_as_of((instant, &parameters), fields.as_ref(), &if_none_match).await;
    }
    let path = format!("{PATH}/{}", id.as_str());
    let key = CacheKey::of_item(&path, &parameters).for_readers_of::<Domains>();
    cached_read::read(&services, &key, encoding, &if_none_match, async || {
        let row = services
            .read(Circuit::Domains, "business_domains.get", async |conn| {
                business_domains::get(conn, id.as_str()).await
            })
            .await
            .map_err(name_missing(NOUN, id.as_str()))?;
        let version = tagged_version(&row.version.to_string(), fields.as_ref());
        cached_item(&select(DomainResponse::from(row), fields.as_ref())?, &version)
    })
    .await
}
