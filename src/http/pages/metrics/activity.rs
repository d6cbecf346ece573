//! What was done to a metric, by whom and how, newest first.

use actix_web::{HttpResponse, web};
use maud::{Markup, html};

use super::super::PageTable;
use super::super::document::{NavSection, PageContext};
use super::super::elements::instant;
use super::super::page_table::Audience;
use super::frame::{Tab, path_of, tabs};
use super::version_list::{list, pages};
use crate::http::app_data::CatalogueServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Metrics, Reader};
use crate::http::extract::path::IdPath;
use crate::http::extract::query::QueryParameters;
use crate::model::metrics::history::ChangeType;
use crate::model::versions::{ChangeChannel, VersionEntry};

/// Adds the page to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    table.get("/dashboard/metrics/{id}/activity", &["page"], Audience::Callers, show)
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
    let body = html! {
        (tabs(&id, Tab::Activity))
        ol.activity {
            @for entry in &entries { li { (line(&path, entry)) } }
        }
        (pages(&format!("{path}/activity"), pagination))
    };
    Ok(context.kept_page(&format!("Activity of {}", id.as_str()), NavSection::Metrics, &body))
}

fn line(path: &str, entry: &VersionEntry) -> Markup {
    let author = Some(entry.changed_by.as_str()).filter(|name| !name.is_empty());
    let what = match entry.change_type {
        ChangeType::Create => "created",
        ChangeType::Update => "changed",
        ChangeType::Delete => "deleted",
    };
    let how = match entry.channel {
        Some(ChangeChannel::Import) => " with an import",
        Some(ChangeChannel::Restore) => " by restoring a version",
        Some(ChangeChannel::DomainRename) => " by the new name of its business domain",
        Some(ChangeChannel::Command) => " with a command on the server",
        Some(ChangeChannel::Api) | None => "",
    };
    let former =
        entry.previous_version.as_deref().filter(|_| entry.change_type == ChangeType::Update);
    html! {
        (instant(&entry.changed_at)) " "
        strong { (author.unwrap_or("unknown")) } " " (what) " it" (how) ", version "
        @if let Some(former) = former.filter(|_| entry.content_kept) {
            a href=(format!("{path}/compare?from={former}&to={}", entry.version)) {
                (former) " to " (entry.version)
            }
        } @else { (entry.version) }
        "."
        @if !entry.fields_changed.is_empty() {
            ul.fields { @for field in &entry.fields_changed { li { code { (field) } } } }
        }
    }
}
