//! The catalogue: one table of metrics with search, facets, sorting and pages, all of them in the
//! URL. The parameters are those of the API's list.

mod export;
mod facets;
mod list_query;
mod table;

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use maud::{Markup, html};

use self::facets::facets;
use self::list_query::ListQuery;
use self::table::{pages, rows};
use super::PageTable;
use super::document::{NavSection, PageContext};
use super::elements::form_error;
use super::hx;
use super::import::PATH as IMPORT;
use super::metric_form::NEW;
use super::notice::DONE;
use super::page_table::Audience;
use crate::actors::db_breaker::Circuit;
use crate::http::app_data::CatalogueServices;
use crate::http::catalogue::known_list::ListLookup;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Metrics, Reader};
use crate::http::extract::query::QueryParameters;
use crate::http::request::routes::DASHBOARD;
use crate::http::routes::metrics::path::PATH;
use crate::model::metrics::query::MetricQuery;
use crate::model::page::Pagination;
use crate::model::paging::ListPagination;
use crate::model::violations::Violation;
use crate::storage::metrics::{self, FacetValue, ListedMetrics, MetricRow};

const TITLE: &str = "Metrics";
/// The fields of a row of the table.
const FIELDS: &str = "name,business_domain,tier,metric_type,governance";
const PARAMETERS: &[&str] = &[
    "search",
    "business_domain",
    "status",
    "tier",
    "metric_type",
    "owner_team",
    "completeness",
    "category",
    "tags",
    "sort",
    "page",
    DONE,
];

/// Adds the page to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    export::add_to(table).get(DASHBOARD, PARAMETERS, Audience::Callers, show)
}

/// What was found.
struct Found {
    rows: Vec<MetricRow>,
    facets: Arc<[FacetValue]>,
    pagination: Pagination,
}

async fn show(
    _: Reader<Metrics>,
    context: PageContext,
    QueryParameters(parameters): QueryParameters,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let list = ListQuery::new(parameters);
    let parameters = list.of_api(FIELDS);
    let query = match MetricQuery::parse(&parameters, services.clock.now()) {
        Ok(query) => query,
        Err(violations) => {
            let body = body(&context, &list, &refusal(&violations), None);
            let error = ApiError::Validation(violations);
            return Ok(context.refused(error, TITLE, NavSection::Metrics, &body));
        }
    };
    let lookup = ListLookup::new(&services, PATH, &parameters, &query.paging);
    let counted = lookup.facets(&services);
    let (listed, facets) = services
        .db
        .run(Circuit::Metrics, "metrics.list", async |conn| {
            let listed = metrics::list(conn, &query, &lookup.known).await?;
            let facets = match &counted {
                Some(facets) => Arc::clone(facets),
                None => metrics::count_facets(conn, &query.filter).await?.into(),
            };
            Ok((listed, facets))
        })
        .await?;
    if counted.is_none() {
        lookup.insert_facets(&services, &facets);
    }
    let ListedMetrics { rows, part, positions } = listed;
    lookup.insert(&services, &part, positions);
    let ListPagination::Page(pagination) = part.describe() else {
        return Err(ApiError::Internal { cause: "a list without pages".into() });
    };
    let found = Found { rows, facets, pagination };
    let results = results(&context, &list, &found)?;
    let body = body(&context, &list, &results, Some(&found.facets));
    Ok(context.kept_page(TITLE, NavSection::Metrics, &body))
}

fn refusal(violations: &[Violation]) -> Markup {
    html! {
        @for violation in violations {
            (form_error(&format!("{} {}", violation.field, violation.message)))
        }
    }
}

fn body(
    context: &PageContext,
    list: &ListQuery,
    results: &Markup,
    found: Option<&[FacetValue]>,
) -> Markup {
    let inputs = html! {
        label.visually-hidden for="search" { "Search name, description and formula" }
        input id="search" type="search" name="search" value=(list.value("search"))
            placeholder="Name, description, formula" autocomplete="off";
        @for (name, value) in list.kept_by_search() {
            input type="hidden" name=(name) value=(value);
        }
        button type="submit" { "Search" }
    };
    html! {
        div.toolbar {
            (hx::search_form(&context.nonce, DASHBOARD, "results", &inputs))
            @if context.may_edit() {
                a.button href=(NEW) { "New metric" }
                a href=(IMPORT) { "Import" }
            }
        }
        div.catalogue id="results" {
            @if let Some(found) = found { (facets(list, found)) }
            div.list { (results) }
        }
    }
}

fn results(context: &PageContext, list: &ListQuery, found: &Found) -> Result<Markup, ApiError> {
    let Pagination { total, page, limit, .. } = found.pagination;
    if total == 0 {
        return Ok(empty(context, list));
    }
    let first = (page - 1).saturating_mul(limit).saturating_add(1);
    let end = first.saturating_add(i64::try_from(found.rows.len()).unwrap_or(0)) - 1;
    Ok(html! {
        (chips(list))
        p.count role="status" {
            @if found.rows.is_empty() {
                "There is no such page. " a href=(list.first_page()) { "First page" }
            } @else {
                (first) "–" (end) " of " (total)
                @if total == 1 { " metric" } @else { " metrics" }
            }
        }
        (rows(list, &found.rows)?)
        (pages(list, found.pagination))
        p.hint {
            "Save " @if list.is_filtered() { "all metrics of this list" } @else { "the catalogue" }
            " as " a href=(list.export("yaml")) { "YAML" }
            " or " a href=(list.export("json")) { "JSON" }
        }
    })
}

/// The filters that are set, each with a link that removes it.
fn chips(list: &ListQuery) -> Markup {
    let filters = list.filters();
    html! {
        @if !filters.is_empty() {
            ul.chips aria-label="Filters" {
                @for (label, value, without) in &filters {
                    @let action = format!("Remove the filter {label} {value}");
                    li { a href=(without) aria-label=(action) { (label) ": " (value) " ✕" } }
                }
                li { a href=(DASHBOARD) { "Remove all" } }
            }
        }
    }
}

fn empty(context: &PageContext, list: &ListQuery) -> Markup {
    html! {
        (chips(list))
        div.empty role="status" {
            @if list.is_filtered() {
                p { "No metric matches." }
                p { "Remove a filter, search for the beginning of a word, or "
                    a href=(DASHBOARD) { "show all metrics" } "." }
            } @else {
                p { "There are no metrics yet." }
                @if context.may_edit() {
                    p { a href=(NEW) { "Create the first one" } ", or "
                        a href=(IMPORT) { "import a catalogue" } "." }
                } @else {
                    p { "An editor can create them." }
                }
            }
        }
    }
}
