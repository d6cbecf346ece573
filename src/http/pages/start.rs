//! The first page.

use actix_web::HttpResponse;
use maud::html;

use super::PageTable;
use super::document::{NavSection, PageContext};
use super::notice::DONE;
use super::page_table::Audience;
use crate::http::extract::caller::{Metrics, Reader};
use crate::http::request::routes::DASHBOARD;

/// Adds the page to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    table.get(DASHBOARD, &[DONE], Audience::Callers, show)
}

async fn show(_: Reader<Metrics>, context: PageContext) -> HttpResponse {
    context.page("Metrics", NavSection::Metrics, &html! {})
}
