//! What a metric means: its purpose and formula first, then targets, sources, governance and usage.

use actix_web::{HttpResponse, web};
use maud::{Markup, html};
use serde_json::Value;

use super::super::PageTable;
use super::super::document::{NavSection, PageContext};
use super::super::elements::{completeness, instant, status, time};
use super::super::metric_form::NEW;
use super::super::notice::DONE;
use super::super::page_table::Audience;
use super::super::stored_texts::rich_text;
use super::fields::GROUPS;
use super::frame::{Tab, path_of, tabs};
use super::loaded::{LoadedMetric, instant_of};
use super::values::{at, is_empty, render, text_at};
use crate::http::app_data::CatalogueServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Metrics, Reader};
use crate::http::extract::path::IdPath;
use crate::http::extract::query::QueryParameters;
use crate::model::text::Id;

/// Adds the page to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    table.get("/dashboard/metrics/{id}", &["as_of", DONE], Audience::Callers, show)
}

async fn show(
    _: Reader<Metrics>,
    context: PageContext,
    IdPath(id): IdPath,
    QueryParameters(parameters): QueryParameters,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let loaded = match instant_of(parameters, services.clock.now())? {
        Some(instant) => LoadedMetric::as_of(&services, &id, instant).await?,
        None => LoadedMetric::present(&services, &id).await?,
    };
    let title = text_at(&loaded.content, "name");
    let body = html! {
        (tabs(&id, Tab::Definition))
        (banners(&id, &loaded))
        (whole(&id, &loaded))
        (tools(&context, &id, &loaded))
    };
    Ok(context.kept_page(title, NavSection::Metrics, &body))
}

/// What the reader must know before anything else.
fn banners(id: &Id, loaded: &LoadedMetric) -> Markup {
    html! {
        @if let Some(instant) = loaded.as_of {
            p.banner role="note" {
                "This is the metric as it was at " (time(instant)) ". "
                a href=(path_of(id.as_str())) { "Show it as it is now" }
            }
        }
        @if let Some(notice) = &loaded.deprecation {
            p.banner role="note" {
                "Deprecated since " (time(notice.since)) "."
                @if let Some(successor) = &notice.successor_id {
                    " Use " a href=(path_of(successor)) { (successor) } " instead."
                }
                @if let Some(day) = notice.sunset_on {
                    " It may be gone from " time datetime=(day) { (day) } " on."
                }
            }
        }
        @if !loaded.completeness.missing.is_empty() { (missing(loaded)) }
    }
}

fn missing(loaded: &LoadedMetric) -> Markup {
    html! {
        details.banner {
            summary { "Draft, " (completeness(loaded.completeness.share)) " complete" }
            p { "Before it can be active it needs:" }
            ul { @for path in &loaded.completeness.missing { li { code { (path) } } } }
        }
    }
}

/// The whole content of a version.
pub(super) fn whole(id: &Id, loaded: &LoadedMetric) -> Markup {
    let content = &loaded.content;
    html! {
        (head(id, loaded))
        @for (heading, fields) in GROUPS {
            @let shown = fields.iter().filter(|(path, ..)| !is_empty(at(content, path)));
            @let shown: Vec<_> = shown.collect();
            @if !shown.is_empty() {
                section.group {
                    h2 { (heading) }
                    dl {
                        @for (path, label, look) in shown {
                            div { dt { (label) } dd { (render(at(content, path), *look)) } }
                        }
                    }
                }
            }
        }
    }
}

fn head(id: &Id, loaded: &LoadedMetric) -> Markup {
    let content = &loaded.content;
    let text = |path: &str| text_at(content, path);
    let facts =
        [text("business_domain"), text("tier"), text("metric_type"), text("governance.owner_team")];
    html! {
        p.facts {
            (status(text("governance.status")))
            @for fact in facts.into_iter().filter(|fact| !fact.is_empty()) { span { (fact) } }
            span { code { (id.as_str()) } }
            span { "version " (loaded.version) }
        }
        @if !text("description").is_empty() { div.description { (rich_text(text("description"))) } }
        @if !text("alignment.why_it_matters").is_empty() {
            p { strong { "Why it matters: " } (text("alignment.why_it_matters")) }
        }
        @if !text("definition.formula").is_empty() {
            div.formula {
                pre { code id="formula" { (text("definition.formula")) } }
                button.quiet type="button" data-copy="formula" hidden { "Copy formula" }
            }
        }
        (changed(content))
    }
}

fn changed(content: &Value) -> Markup {
    let when = text_at(content, "metadata.last_updated");
    let author = text_at(content, "metadata.last_updated_by");
    html! {
        @if !when.is_empty() {
            p.hint { "Changed " (instant(when))
                @if !author.is_empty() { " by " (author) } }
        }
    }
}

/// Other views of the same metric.
fn tools(context: &PageContext, id: &Id, loaded: &LoadedMetric) -> Markup {
    let path = path_of(id.as_str());
    let day = loaded.as_of.map(|instant| instant.date_naive().to_string());
    html! {
        section.tools {
            h2 { "More" }
            @if context.may_edit() && loaded.as_of.is_none() {
                p.actions {
                    a.button href=(format!("{path}/edit")) { "Edit" }
                    a href=(format!("{NEW}?from={}", id.as_str())) { "Duplicate" }
                    @if loaded.deprecation.is_none() {
                        a href=(format!("{path}/deprecate")) { "Deprecate" }
                    }
                    @if context.may_delete() { a href=(format!("{path}/delete")) { "Delete" } }
                }
            }
            form method="get" action=(path) {
                label for="as-of" { "As it was at the end of (UTC)" }
                input id="as-of" type="date" name="as_of" value=[day] required;
                button.quiet type="submit" { "Show" }
            }
            p { "Source: " a href=(format!("{path}/source?format=json")) { "JSON" }
                " · " a href=(format!("{path}/source?format=yaml")) { "YAML" } }
        }
    }
}
