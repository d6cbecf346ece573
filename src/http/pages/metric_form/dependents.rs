//! What depends on a metric, for those who are about to take it out of use.

use maud::{Markup, html};

use super::super::elements::status;
use super::super::metrics::path_of;
use crate::actors::db_breaker::Circuit;
use crate::http::app_data::CatalogueServices;
use crate::http::error::ApiError;
use crate::model::text::Id;
use crate::storage::metric_edges::{self, Impact};

/// Dependent metrics that are listed.
const SHOWN: usize = 50;

/// Finds the metrics that derive from one.
///
/// # Errors
/// Those of the database.
pub(super) async fn impact(services: &CatalogueServices, id: &Id) -> Result<Impact, ApiError> {
    let read = services.db.run(Circuit::Metrics, "metric_edges.impact", async |conn| {
        metric_edges::find_dependents(conn, id.as_str()).await
    });
    Ok(read.await?)
}

/// The metrics that derive from this one.
pub(super) fn dependents(Impact { dependents, truncated }: &Impact) -> Markup {
    html! {
        h2 { "What depends on it" }
        @if dependents.is_empty() { p { "No other metric derives from it." } }
        @else {
            ul {
                @for one in dependents.iter().take(SHOWN) {
                    li { a href=(path_of(&one.metric_id)) { (one.name) } " " (status(&one.status))
                        @if one.depth > 1 { " in " (one.depth) " steps" } }
                }
            }
            @if dependents.len() > SHOWN {
                p { "and " (dependents.len() - SHOWN) @if *truncated { " or" } " more." }
            }
        }
    }
}
