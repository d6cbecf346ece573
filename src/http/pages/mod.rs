//! The pages for people, below `/dashboard`: HTML from components that are functions (maud), plain
//! links and forms, and htmx where it makes them quicker. They stand beside the API's routes and
//! call the same functions below; no rule lives in them alone. `docs/pages.md` says how to add one.
//!
//! [`table`] lists every page with its method, query parameters and whether it knows its caller;
//! routing, rate limits, authentication and the tests all read it.

mod account;
mod api_keys;
mod assets;
mod audit;
mod business_domains;
mod catalogue;
mod document;
mod elements;
pub mod failed_page;
mod form_parts;
mod health;
mod hx;
mod import;
mod input_field;
mod metric_form;
mod metrics;
mod navigation;
mod notice;
mod outage;
mod page_table;
mod pager;
mod password_resets;
mod registration;
mod sign_in;
mod stored_texts;
mod users;

use actix_web::middleware::from_fn;
use actix_web::web;

pub use self::page_table::PageTable;
use crate::http::request::class::RequestKind;

/// Returns all pages. A path is compared in this order.
pub fn table() -> PageTable {
    let table = PageTable::default();
    let table = catalogue::add_to(table);
    let table = metrics::add_to(table);
    let table = metric_form::add_to(table);
    let table = import::add_to(table);
    let table = sign_in::add_to(table);
    let table = registration::add_to(table);
    let table = password_resets::add_to(table);
    let table = account::add_to(table);
    let table = api_keys::add_to(table);
    let table = business_domains::add_to(table);
    let table = users::add_to(table);
    let table = audit::add_to(table);
    let table = health::add_to(table);
    assets::add_to(table)
}

/// Registers the handlers of these pages.
pub fn register(table: PageTable, config: &mut web::ServiceConfig) {
    for (path, kind, route) in table.into_routes() {
        let is_asset = kind == RequestKind::Asset;
        let route = if is_asset { route } else { route.wrap(from_fn(outage::stand_in)) };
        config.route(path, route);
    }
}
