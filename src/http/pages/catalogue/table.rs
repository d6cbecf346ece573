//! The table of metrics, and the links to other pages of it.

use maud::{Markup, html};
use serde::Deserialize;

use super::super::elements::{status, time};
use super::super::metrics::path_of;
use super::list_query::ListQuery;
use crate::http::error::ApiError;
use crate::model::page::Pagination;
use crate::storage::metrics::MetricRow;

/// The columns, with the orders of those that can be sorted by.
const COLUMNS: [(&str, &str); 7] = [
    ("Name", "name"),
    ("Domain", ""),
    ("Tier", "tier"),
    ("Type", ""),
    ("Status", ""),
    ("Owner", ""),
    ("Changed", "updated_at"),
];

/// The part of `governance` that the table shows.
#[derive(Deserialize)]
struct ListedGovernance {
    status: String,
    owner_team: Option<String>,
}

/// The rows, in the order of the list.
pub(super) fn rows(list: &ListQuery, rows: &[MetricRow]) -> Result<Markup, ApiError> {
    let parse = |row: &MetricRow| serde_json::from_str::<ListedGovernance>(row.governance.text());
    let governance: Result<Vec<_>, _> = rows.iter().map(parse).collect();
    let governance = governance.map_err(|error| ApiError::Internal { cause: error.to_string() })?;
    Ok(html! {
        table.metrics {
            thead { tr { @for (label, order) in COLUMNS { (heading(list, label, order)) } } }
            tbody {
                @for (row, governance) in rows.iter().zip(&governance) {
                    tr {
                        th scope="row" data-label="Name" {
                            a href=(path_of(&row.metric_id)) { (row.name) }
                            span.id { (row.metric_id) }
                        }
                        td data-label="Domain" { (row.business_domain) }
                        td data-label="Tier" { (row.tier) }
                        td data-label="Type" { (row.metric_type) }
                        td data-label="Status" { (status(&governance.status)) }
                        td data-label="Owner" { (governance.owner_team.as_deref().unwrap_or("")) }
                        td data-label="Changed" { (time(row.updated_at)) }
                    }
                }
            }
        }
    })
}

fn heading(list: &ListQuery, label: &str, order: &str) -> Markup {
    let current = if list.value("sort").is_empty() { "name" } else { list.value("sort") };
    let (sorted, next) = match current.strip_prefix('-') {
        _ if order.is_empty() => (None, String::new()),
        Some(field) if field == order => (Some("descending"), order.to_owned()),
        None if current == order => (Some("ascending"), format!("-{order}")),
        _ => (None, order.to_owned()),
    };
    let arrow = match sorted {
        Some("ascending") => " ▲",
        Some(_) => " ▼",
        None => "",
    };
    html! {
        th scope="col" aria-sort=[sorted] {
            @if order.is_empty() { (label) }
            @else {
                a href=(list.with("sort", &next)) { (label) span aria-hidden="true" { (arrow) } }
            }
        }
    }
}

/// The links to other pages.
pub(super) fn pages(list: &ListQuery, pagination: Pagination) -> Markup {
    let Pagination { page, pages, has_next, has_prev, .. } = pagination;
    html! {
        @if pages > 1 {
            nav.pages aria-label="Pages" {
                @if has_prev { a.button rel="prev" href=(list.page(page - 1)) { "Previous" } }
                span { "Page " (page) " of " (pages) }
                @if has_next { a.button rel="next" href=(list.page(page + 1)) { "Next" } }
            }
        }
    }
}
