//! The audit log, for administrators: who did what to what, when and from where, with the values
//! before and after.

mod entry;
mod filters;
mod paths;

use actix_web::{HttpResponse, web};
use maud::html;

use self::filters::AuditFilters;
use self::paths::PATH;
use super::PageTable;
use super::document::{NavSection, PageContext};
use super::page_table::Audience;
use super::pager::{list_parameters, pager};
use crate::http::accounts::audit_log::list_events;
use crate::http::app_data::AccountServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::Admin;
use crate::http::extract::query::QueryParameters;
use crate::model::audit::AuditQuery;

const TITLE: &str = "Audit log";

/// Adds the page to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    let parameters = &["actor", "action", "target", "outcome", "since", "until", "page"];
    table.get(PATH, parameters, Audience::Callers, show)
}

async fn show(
    _: Admin,
    context: PageContext,
    QueryParameters(parameters): QueryParameters,
    services: web::Data<AccountServices>,
) -> Result<HttpResponse, ApiError> {
    let parameters = list_parameters(parameters);
    let filters = AuditFilters(&parameters);
    let query = match AuditQuery::parse(&filters.of_api()) {
        Ok(query) => query,
        Err(violations) => {
            let error = ApiError::Validation(violations);
            let form = filters.form(Some(&error));
            return Ok(context.refused(error, TITLE, NavSection::Audit, &form));
        }
    };
    let (events, total) = list_events(&services, &query).await?;
    let body = html! {
        (filters.form(None))
        p.count { (total) @if total == 1 { " event" } @else { " events" } ", newest first" }
        @if events.is_empty() {
            div.empty { p { "No event matches. " a href=(PATH) { "Show all" } } }
        } @else {
            table.small.audit {
                thead { tr {
                    @for label in ["When", "Who", "Action", "Target", "From", "What changed"] {
                        th scope="col" { (label) }
                    }
                } }
                tbody { @for event in &events { (entry::row(event)) } }
            }
        }
        (pager(PATH, &parameters, query.page.paginate(total)))
    };
    Ok(context.page(TITLE, NavSection::Audit, &body))
}
