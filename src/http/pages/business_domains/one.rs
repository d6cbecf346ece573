//! The page of one business domain: what it is for, and its metrics.

use actix_web::{HttpResponse, web};
use maud::{Markup, html};

use super::super::document::{NavSection, PageContext};
use super::super::elements::time;
use super::super::pager::{list_parameters, pager};
use super::super::stored_texts::rich_text;
use super::metrics::DomainMetrics;
use super::paths::path_of;
use super::texts::{DomainTexts, FIELDS};
use crate::actors::db_breaker::Circuit;
use crate::http::app_data::CatalogueServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Domains, Metrics, Reader};
use crate::http::extract::path::IdPath;
use crate::http::extract::query::QueryParameters;
use crate::http::routes::business_domains::path::NOUN;
use crate::http::routes::business_domains::response::DomainResponse;
use crate::http::routes::not_found::name_missing;
use crate::storage::business_domains::{self, DomainRow};

pub(super) async fn show(
    _: (Reader<Domains>, Reader<Metrics>),
    context: PageContext,
    IdPath(id): IdPath,
    QueryParameters(parameters): QueryParameters,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let parameters = list_parameters(parameters);
    let id = id.as_str();
    let read = services.db.run(Circuit::Domains, "business_domains.get", async |conn| {
        business_domains::get(conn, id).await
    });
    let row = read.await.map_err(name_missing(NOUN, id))?;
    let page = parameters.iter().find(|(name, _)| name == "page");
    let page = page.map_or("1", |(_, value)| value.as_str());
    let metrics = DomainMetrics::read(&services, &row.name, page).await?;
    let (path, name) = (path_of(id), row.name.clone());
    let body = html! {
        div.toolbar {
            @if context.may_edit() { a.button href=(format!("{path}/edit")) { "Edit" } }
            @if context.may_delete() { a href=(format!("{path}/delete")) { "Delete" } }
        }
        (facts(row)?)
        h2 { "Metrics (" (metrics.pagination.total) ")" }
        @if metrics.rows.is_empty() { p { "No metric refers to this domain." } }
        @else { (metrics.table()?) }
        (pager(&path, &parameters, metrics.pagination))
    };
    Ok(context.kept_page(&name, NavSection::Domains, &body))
}

fn facts(row: DomainRow) -> Result<Markup, ApiError> {
    let (version, updated_at) = (row.version, row.updated_at);
    let id = row.domain_id.clone();
    let body = serde_json::to_value(DomainResponse::from(row))
        .map_err(|error| ApiError::Internal { cause: error.to_string() })?;
    let texts = DomainTexts::from_content(&body);
    Ok(html! {
        @if !texts.text("description").is_empty() {
            div.description { (rich_text(texts.text("description"))) }
        }
        dl {
            @for (name, label, _) in FIELDS {
                @if !matches!(name, "name" | "description") && !texts.text(name).is_empty() {
                    div { dt { (label_of(name, label)) } dd { (value(name, texts.text(name))) } }
                }
            }
            div { dt { "Id" } dd { code { (id) } } }
            div { dt { "Version" } dd { (version) ", " (time(updated_at)) } }
        }
    })
}

fn label_of(name: &str, label: &'static str) -> &'static str {
    match name {
        "key_areas" => "Main subjects",
        "tier_1" => "Tier-1",
        "tier_2" => "Tier-2",
        "tier_3" => "Tier-3",
        _ => label,
    }
}

fn value(name: &str, text: &str) -> Markup {
    let digits = text.strip_prefix('#').unwrap_or_default();
    let is_rgb = matches!(digits.len(), 3 | 6) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    html! {
        @if name == "key_areas" {
            ul { @for area in text.lines() { li { (area) } } }
        } @else if name == "color" && is_rgb {
            svg width="16" height="16" aria-hidden="true" {
                rect width="16" height="16" fill=(text) {}
            }
            " " (text)
        } @else { (text) }
    }
}
