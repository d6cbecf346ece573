//! Reads a page of the versions of a metric.

use maud::{Markup, html};

use crate::actors::db_breaker::Circuit;
use crate::http::app_data::CatalogueServices;
use crate::http::error::ApiError;
use crate::http::routes::metrics::path::NOUN;
use crate::http::routes::metrics::versioned::VERSIONED;
use crate::http::routes::not_found::name_missing;
use crate::model::page::{PageRequest, Pagination};
use crate::model::text::Id;
use crate::model::versions::VersionEntry;
use crate::storage::versions;

/// Lists a page of the versions, newest first.
pub(super) async fn list(
    services: &CatalogueServices,
    id: &Id,
    parameters: &[(String, String)],
) -> Result<(Vec<VersionEntry>, Pagination), ApiError> {
    let paged = parameters.iter().filter(|(name, _)| name == "page").cloned();
    let request =
        PageRequest::parse(&paged.collect::<Vec<_>>(), 50).map_err(ApiError::Validation)?;
    let operation = VERSIONED.operations.0;
    let read = services.db.run(Circuit::Metrics, operation, async |conn| {
        let (table, id) = (VERSIONED.table, id.as_str());
        versions::list(conn, table, id, request.offset(), request.limit).await
    });
    let (entries, total) = read.await.map_err(name_missing(NOUN, id.as_str()))?;
    Ok((entries, request.paginate(total)))
}

/// The links to other pages of a list of versions.
pub(super) fn pages(path: &str, pagination: Pagination) -> Markup {
    let Pagination { page, pages, has_next, has_prev, .. } = pagination;
    let to = |page: i64| format!("{path}?page={page}");
    html! {
        @if pages > 1 {
            nav.pages aria-label="Pages" {
                @if has_prev { a.button rel="prev" href=(to(page - 1)) { "Newer" } }
                span { "Page " (page) " of " (pages) }
                @if has_next { a.button rel="next" href=(to(page + 1)) { "Older" } }
            }
        }
    }
}
