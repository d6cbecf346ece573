//! Reads of metrics: the list, one metric, its history.

use actix_web::{HttpResponse, get, web};

use super::path::PATH;
use super::response::{MetricResponse, RevisionResponse};
use super::versioned::VERSIONED;
use crate::actors::db_breaker::Circuit;
use crate::http::app_data::CatalogueServices;
use crate::http::catalogue::cache_key::CacheKey;
use crate::http::catalogue::cached_read;
use crate::http::catalogue::deprecation::deprecation_headers;
use crate::http::catalogue::known_list::ListLookup;
use crate::http::catalogue::selected::{select, tagged_version};
use crate::http::envelope::{ListBody, MetricBody, PageBody};
use crate::http::error::ApiError;
use crate::http::extract::accepted_encoding::AcceptedEncoding;
use crate::http::extract::caller::{Metrics, Reader};
use crate::http::extract::conditions::IfNoneMatch;
use crate::http::extract::path::IdPath;
use crate::http::extract::query::QueryParameters;
use crate::http::openapi::vocabulary::{MetricFields, MetricSort};
use crate::http::response::{cached_body, cached_page, cached_part};
use crate::http::routes::not_found::name_missing;
use crate::http::routes::past_lists::PastRead;
use crate::http::routes::versions::VersionRead;
use crate::model::completeness::CompletenessFilter;
use crate::model::fields::FieldSelection;
use crate::model::metrics::governance::MetricStatus;
use crate::model::metrics::history::HistoryEntry;
use crate::model::metrics::query::MetricQuery;
use crate::model::metrics::{Metric, MetricType, Tier};
use crate::model::page::PageRequest;
use crate::model::text::Id;
use crate::model::versions::query::take_as_of;
use crate::storage::metrics::ListedMetrics;
use crate::storage::{metric_revisions, metrics};

/// List metrics
///
/// All filters must match. Each parameter may be sent once. To read the whole list while it may
/// change, follow `cursor`: each metric that is not changed meanwhile comes exactly once.
#[utoipa::path(
    tag = "metrics",
    operation_id = "list_metrics",
    security((), ("bearer" = []), ("api_key" = [])),
    params(
        ("category" = Option<String>, Query, description = "Category, exact match",
            min_length = 1, max_length = 2000),
        ("business_domain" = Option<String>, Query, description = "Name of the business domain",
            min_length = 1, max_length = 2000),
        ("tier" = Option<Tier>, Query, description = "Tier, exact match"),
        ("metric_type" = Option<MetricType>, Query, description = "Type, exact match"),
        ("tags" = Option<String>, Query,
            description = "Tags, separated by commas; all must match",
            min_length = 1, max_length = 2000, pattern = "^[^,]+(,[^,]+){0,19}$"),
        ("status" = Option<MetricStatus>, Query, description = "Status, exact match"),
        ("owner_team" = Option<String>, Query, description = "Owner team, exact match",
            min_length = 1, max_length = 2000),
        ("completeness" = Option<CompletenessFilter>, Query,
            description = "Whether anything is missing that active metrics need; only drafts \
                can lack something"),
        ("search" = Option<String>, Query,
            description = "Words or prefixes of words in name, description or formula; \
                all must match",
            min_length = 1, max_length = 2000),
        ("sort" = Option<MetricSort>, Query,
            description = "Default name; prefix - for descending order. Ties are ordered by \
                metric_id"),
        ("page" = Option<i64>, Query, description = "Page number, from 1",
            minimum = 1, maximum = 10_000_000),
        ("limit" = Option<i64>, Query, description = "Items per page, default 50",
            minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query,
            description = "`start`, then `pagination.next_cursor` of the response before; instead \
                of `page`. Filters and sort stay the same",
            example = "start", min_length = 1, max_length = 2000, pattern = "^[A-Za-z0-9_-]+$"),
        ("fields" = Option<MetricFields>, Query,
            description = "Fields of the response, separated by commas; `metric_id` is always \
                among them"),
        ("If-None-Match" = Option<String>, Header,
            description = "Entity tags of the responses that the client has"),
        ("as_of" = Option<String>, Query,
            description = "RFC 3339 time that is not in the future: the list as it was then, \
                without `metadata.change_history`. Refused for instants from before contents were \
                kept, and together with `search`",
            example = "2026-01-31T12:00:00Z", min_length = 1, max_length = 100),
    ),
    responses(
        (status = 200, body = ListBody<Metric>, headers(
            ("ETag" = String, description = "Entity tag of the response, quoted"),
            ("Link" = String,
                description = "first, prev, next, last (RFC 8288); with `cursor` next only"),
            ("X-Total-Count" = i64, description = "Number of items in the list; not with `cursor`"),
            ("X-Page" = i64, description = "Number of this page; not with `cursor`"),
            ("X-Per-Page" = i64, description = "Items per page; not with `cursor`"),
            ("X-Total-Pages" = i64, description = "Number of pages; not with `cursor`"),
    )),
        (status = 304, description = "Not modified"),
    )
)]
#[get("/api/v1/metrics")]
pub(super) async fn list(
    _: Reader<Metrics>,
    QueryParameters(parameters): QueryParameters,
    encoding: AcceptedEncoding,
    if_none_match: IfNoneMatch,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let now = services.clock.now();
    let query = MetricQuery::parse(&parameters, now).map_err(ApiError::Validation)?;
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
        return read.list(&metrics::past_list(&query, instant)?).await;
    }
    let key = CacheKey::of_list(PATH, &parameters).for_readers_of::<Metrics>();
    cached_read::read(&services, &key, encoding, &if_none_match, async || {
        let lookup = ListLookup::new(&services, PATH, &parameters, &query.paging);
        let ListedMetrics { rows, part, positions } = services
            .read(Circuit::Metrics, "metrics.list", async |conn| {
                metrics::list(conn, &query, &lookup.known).await
            })
            .await?;
        lookup.insert(&services, &part, positions);
        let fields = query.fields.as_ref();
        let items = rows.iter().map(|row| select(MetricResponse::from(row), fields));
        let items = items.collect::<Result<_, _>>()?;
        cached_part(PATH, &parameters, part.describe(), items)
    })
    .await
}

/// Get a metric
///
/// With `If-None-Match` and the current version the response is 304, without a body. With `as_of`
/// the metric as it was then, without `metadata.change_history`; not found if it did not exist, or
/// if the content of its version was not kept.
#[utoipa::path(
    tag = "metrics",
    operation_id = "get_metric",
    security((), ("bearer" = []), ("api_key" = [])),
    params(
        ("id" = Id, Path, description = "metric_id"),
        ("fields" = Option<MetricFields>, Query,
            description = "Fields of the response, separated by commas; `metric_id` is always \
                among them"),
        ("as_of" = Option<String>, Query,
            description = "RFC 3339 time that is not in the future",
            example = "2026-01-31T12:00:00Z", min_length = 1, max_length = 100),
        ("If-None-Match" = Option<String>, Header,
            description = "Entity tags of the versions that the client has"),
    ),
    responses(
        (status = 200, body = MetricBody<Metric>,
            headers(("ETag" = String, description = "Version of the metric, quoted"),
                ("Deprecation" = String, description = "Of deprecated metrics: since when \
                    (RFC 9745); also with 304"),
                ("Sunset" = String, description = "Of deprecated metrics with `sunset_on`: when \
                    they may be gone (RFC 8594); also with 304"),
                ("Link" = String, description = "Of deprecated metrics with `successor_id`: \
                    the successor-version (RFC 5829); also with 304"))),
        (status = 304, description = "Not modified"),
    )
)]
#[get("/api/v1/metrics/{id}")]
pub(super) async fn get(
    _: Reader<Metrics>,
    IdPath(id): IdPath,
    QueryParameters(mut parameters): QueryParameters,
    encoding: AcceptedEncoding,
    if_none_match: IfNoneMatch,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let as_of = take_as_of(&mut parameters, services.clock.now()).map_err(ApiError::Validation)?;
    let fields = FieldSelection::parse::<Metric>(&parameters).map_err(ApiError::Validation)?;
    if let Some(instant) = as_of {
        let read = VersionRead { services: &services, of: &VERSIONED, id: &id, encoding };
        return read.get_as_of((instant, &parameters), fields.as_ref(), &if_none_match).await;
    }
    let path = format!("{PATH}/{}", id.as_str());
    let key = CacheKey::of_item(&path, &parameters).for_readers_of::<Metrics>();
    cached_read::read(&services, &key, encoding, &if_none_match, async || {
        let (row, notice) = services
            .read(Circuit::Metrics, "metrics.get", async |conn| {
                let row = metrics::get(conn, id.as_str()).await?;
                let notice = metrics::find_deprecation(conn, &row).await?;
                Ok((row, notice))
            })
            .await
            .map_err(name_missing("Metric", id.as_str()))?;
        let item = select(MetricResponse::from(&row), fields.as_ref())?;
        let body = MetricBody::new(item, row.completeness()?);
        let response = cached_body(&body, &tagged_version(&row.version, fields.as_ref()))?;
        let notices = notice.map(|notice| deprecation_headers(&notice, PATH));
        response.with_notices(notices.unwrap_or_default())
    })
    .await
}

/// List the revisions of a metric, newest first
///
/// Revisions of a deleted metric are kept.
#[utoipa::path(
    tag = "metrics",
    operation_id = "metric_history",
    security((), ("bearer" = []), ("api_key" = [])),
    params(
        ("id" = Id, Path, description = "metric_id"),
        ("page" = Option<i64>, Query, description = "Page number, from 1",
            minimum = 1, maximum = 10_000_000),
        ("limit" = Option<i64>, Query, description = "Items per page, default 50",
            minimum = 1, maximum = 100),
        ("If-None-Match" = Option<String>, Header,
            description = "Entity tags of the responses that the client has"),
    ),
    responses(
        (status = 200, body = PageBody<HistoryEntry>,
            headers(("ETag" = String, description = "Entity tag of the response, quoted"))),
        (status = 304, description = "Not modified"),
    )
)]
#[get("/api/v1/metrics/{id}/history")]
pub(super) async fn history(
    _: Reader<Metrics>,
    IdPath(id): IdPath,
    QueryParameters(parameters): QueryParameters,
    encoding: AcceptedEncoding,
    if_none_match: IfNoneMatch,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let request = PageRequest::parse(&parameters, 50).map_err(ApiError::Validation)?;
    let item = format!("{PATH}/{}", id.as_str());
    let path = format!("{item}/history");
    let key = CacheKey::below_item(&item, &path, &parameters).for_readers_of::<Metrics>();
    cached_read::read(&services, &key, encoding, &if_none_match, async || {
        let (rows, total) = services
            .read(Circuit::Metrics, "metric_revisions.list", async |conn| {
                metric_revisions::list(conn, id.as_str(), request.offset(), request.limit).await
            })
            .await
            .map_err(name_missing("Metric", id.as_str()))?;
        let items: Vec<_> = rows.into_iter().map(RevisionResponse::from).collect();
        cached_page(&path, &parameters, request.paginate(total), items)
    })
    .await
}
