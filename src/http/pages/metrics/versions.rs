//! The list of the versions of a metric, to compare and restore them.

use actix_web::{HttpResponse, web};
use maud::{Markup, html};

use super::super::PageTable;
use super::super::document::{NavSection, PageContext};
use super::super::elements::instant;
use super::super::metric_form::seen::SEEN;
use super::super::notice::DONE;
use super::super::page_table::Audience;
use super::frame::{Tab, path_of, tabs};
use super::version_list::{list, pages};
use crate::http::app_data::CatalogueServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Metrics, Reader};
use crate::http::extract::path::IdPath;
use crate::http::extract::query::QueryParameters;
use crate::model::metrics::history::ChangeType;
use crate::model::versions::VersionEntry;

const PATH: &str = "/dashboard/metrics/{id}/versions";

/// Adds the page to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    table.get(PATH, &["page", DONE], Audience::Callers, show)
}

async fn show(
    _: Reader<Metrics>,
    context: PageContext,
    IdPath(id): IdPath,
    QueryParameters(parameters): QueryParameters,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let (entries, pagination) = list(&services, &id, &parameters).await?;
    let path = path_of(id.as_str());
    let kept: Vec<_> = entries.iter().filter(|entry| has_content(entry)).collect();
    let body = html! {
        (tabs(&id, Tab::Versions))
        @if kept.len() > 1 { (compare_form(&path, &kept)) }
        table.metrics {
            thead { tr {
                th scope="col" { "Version" } th scope="col" { "When" } th scope="col" { "Who" }
                th scope="col" { "What" } th scope="col" { "Actions" }
            } }
            tbody { @for entry in &entries { (row(&context, &path, entry, entries.first())) } }
        }
        (pages(&format!("{path}/versions"), pagination))
    };
    Ok(context.kept_page(&format!("Versions of {}", id.as_str()), NavSection::Metrics, &body))
}

fn has_content(entry: &VersionEntry) -> bool {
    entry.content_kept && entry.change_type != ChangeType::Delete
}

fn compare_form(path: &str, kept: &[&VersionEntry]) -> Markup {
    let select = |name: &str, label: &str, chosen: usize| {
        html! {
            label for=(name) { (label) }
            select id=(name) name=(name) {
                @for (index, entry) in kept.iter().enumerate() {
                    option value=(entry.version) selected[index == chosen] { (entry.version) }
                }
            }
        }
    };
    html! {
        form.inline method="get" action=(format!("{path}/compare")) {
            (select("from", "Compare", 1)) (select("to", "with", 0))
            button.quiet type="submit" { "Compare" }
        }
    }
}

fn row(
    context: &PageContext,
    path: &str,
    entry: &VersionEntry,
    newest: Option<&VersionEntry>,
) -> Markup {
    let is_present = newest.is_some_and(|newest| newest.revision == entry.revision);
    let is_kept = has_content(entry);
    html! {
        tr {
            th scope="row" data-label="Version" {
                @if is_kept {
                    a href=(format!("{path}/versions/{}", entry.version)) { (entry.version) }
                } @else { (entry.version) }
                @if entry.change_type == ChangeType::Delete { " (deleted)" }
            }
            td data-label="When" { (instant(&entry.changed_at)) }
            td data-label="Who" { (entry.changed_by) }
            td data-label="What" { (entry.changes_summary) }
            td data-label="Actions" {
                @if let (true, Some(former)) = (is_kept, &entry.previous_version) {
                    a href=(format!("{path}/compare?from={former}&to={}", entry.version)) {
                        "Changes"
                    }
                }
                @if context.may_edit() && is_kept && !is_present {
                    (restore_form(path, &entry.version, newest))
                }
                @if !entry.content_kept { span.hint { "content not kept" } }
            }
        }
    }
}

/// Restores a version, unless another one than the reader has seen is present by then.
fn restore_form(path: &str, version: &str, newest: Option<&VersionEntry>) -> Markup {
    let seen = newest.filter(|newest| newest.change_type != ChangeType::Delete);
    html! {
        form method="post" action=(format!("{path}/restore")) {
            input type="hidden" name="version" value=(version);
            @if let Some(seen) = seen { input type="hidden" name=(SEEN) value=(seen.version); }
            @let action = format!("Restore version {version}");
            button.quiet type="submit" aria-label=(action) { "Restore" }
        }
    }
}
