//! The list of business domains, by name.

use std::collections::HashMap;

use actix_web::{HttpResponse, web};
use maud::{Markup, html};

use super::super::document::{NavSection, PageContext};
use super::super::elements::time;
use super::super::pager::{list_parameters, pager};
use super::paths::{NEW, PATH, path_of};
use crate::actors::db_breaker::Circuit;
use crate::http::app_data::CatalogueServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Domains, Reader};
use crate::http::extract::query::QueryParameters;
use crate::model::business_domains::query::DomainQuery;
use crate::model::paging::ListPagination;
use crate::storage::business_domains::{DomainRow, listing, usage};

pub(super) async fn show(
    _: Reader<Domains>,
    context: PageContext,
    QueryParameters(parameters): QueryParameters,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let parameters = list_parameters(parameters);
    let query =
        DomainQuery::parse(&parameters, services.clock.now()).map_err(ApiError::Validation)?;
    let read = services.db.run(Circuit::Domains, "business_domains.list", async |conn| {
        let (rows, part) = listing::list_part(conn, &query, None).await?;
        let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        let counts = usage::count_metrics(conn, &names).await?;
        Ok((rows, part, counts))
    });
    let (rows, part, counts) = read.await?;
    let search = parameters.iter().find(|(name, _)| name == "search");
    let search = search.map_or("", |(_, value)| value.as_str());
    let body = html! {
        div.toolbar {
            form.search role="search" method="get" action=(PATH) {
                label.visually-hidden for="search" { "Search name and description" }
                input id="search" type="search" name="search" value=(search)
                    placeholder="Search name and description" autocomplete="off";
                button type="submit" { "Search" }
            }
            @if context.may_edit() { a.button href=(NEW) { "New domain" } }
        }
        @if rows.is_empty() { (empty(search, context.may_edit())) }
        @else { (table(&rows, &counts)) }
        @if let ListPagination::Page(pagination) = part.describe() {
            (pager(PATH, &parameters, pagination))
        }
    };
    Ok(context.kept_page("Business domains", NavSection::Domains, &body))
}

fn empty(search: &str, may_edit: bool) -> Markup {
    html! {
        div.empty {
            @if search.is_empty() {
                p { "There are no business domains yet." }
                @if may_edit {
                    p { "A metric belongs to one: " a href=(NEW) { "create the first" } "." }
                }
            } @else {
                p { "No business domain matches. " a href=(PATH) { "Show all" } }
            }
        }
    }
}

fn table(rows: &[DomainRow], counts: &HashMap<String, i64>) -> Markup {
    html! {
        table.small {
            thead { tr {
                @for label in ["Name", "Owner", "Contact", "Metrics", "Changed"] {
                    th scope="col" { (label) }
                }
            } }
            tbody {
                @for row in rows {
                    tr {
                        th scope="row" {
                            a href=(path_of(&row.domain_id)) { (row.name) }
                            span.id { (row.domain_id) }
                        }
                        td data-label="Owner" { (row.owner_team.as_deref().unwrap_or("")) }
                        td data-label="Contact" { (row.contact_email.as_deref().unwrap_or("")) }
                        td data-label="Metrics" { (counts.get(&row.name).copied().unwrap_or(0)) }
                        td data-label="Changed" { (time(row.updated_at)) }
                    }
                }
            }
        }
    }
}
