//! What a metric derives from and what derives from it: a drawing, and the same as nested lists,
//! for keyboards, screen readers and narrow screens.

mod drawing;
mod layout;
mod tree;

use actix_web::{HttpResponse, web};
use maud::{Markup, html};

use self::drawing::drawing;
use self::tree::tree;
use super::super::PageTable;
use super::super::document::{NavSection, PageContext};
use super::super::page_table::Audience;
use super::frame::{Tab, tabs};
use crate::actors::db_breaker::Circuit;
use crate::http::app_data::CatalogueServices;
use crate::http::error::ApiError;
use crate::http::extract::caller::{Metrics, Reader};
use crate::http::extract::path::IdPath;
use crate::http::routes::metrics::path::NOUN;
use crate::http::routes::not_found::name_missing;
use crate::model::text::Id;
use crate::storage::metric_edges::{self, GraphSide, MetricGraph};

const PATH: &str = "/dashboard/metrics/{id}/impact";
/// Metrics that are shown on each side, the nearest.
const SHOWN: usize = 60;

/// Adds the page to the table.
pub(super) fn add_to(table: PageTable) -> PageTable {
    table.get(PATH, &[], Audience::Callers, show)
}

async fn show(
    _: Reader<Metrics>,
    context: PageContext,
    IdPath(id): IdPath,
    services: web::Data<CatalogueServices>,
) -> Result<HttpResponse, ApiError> {
    let read = services.db.run(Circuit::Metrics, "metric_edges.graph", async |conn| {
        metric_edges::find_graph(conn, id.as_str(), SHOWN).await
    });
    let graph = read.await.map_err(name_missing(NOUN, id.as_str()))?;
    let body = html! {
        (tabs(&id, Tab::Impact))
        (content(&id, &graph))
    };
    Ok(context.page(&format!("Impact of {}", graph.name), NavSection::Metrics, &body))
}

fn content(id: &Id, graph: &MetricGraph) -> Markup {
    let MetricGraph { upstream, downstream, .. } = graph;
    if upstream.metrics.is_empty() && downstream.metrics.is_empty() {
        return html! {
            div.empty {
                p { "It derives from no other metric, and no other metric derives from it." }
                p { "The fields “Influenced by” and “Influences” of a metric say what it derives \
                     from and what derives from it." }
            }
        };
    }
    html! {
        @if is_on_both_sides(graph) {
            p.banner role="note" {
                "Some of these metrics derive from each other in a circle. Such a circle is from \
                 before circles were refused: take one of the ids out."
            }
        }
        (drawing(id, graph))
        div.trees {
            section {
                h2 { "It derives from" }
                (side(id, upstream, "It derives from no other metric."))
            }
            section {
                h2 { "Derived from it" }
                (side(id, downstream, "No other metric derives from it."))
            }
        }
    }
}

fn side(id: &Id, side: &GraphSide, empty: &str) -> Markup {
    let GraphSide { metrics, omitted, truncated, .. } = side;
    html! {
        @if metrics.is_empty() { p { (empty) } }
        @else { (tree(id.as_str(), side)) }
        @if *omitted > 0 {
            p.hint { "The nearest " (metrics.len()) " are shown; " @if *truncated { "at least " }
                (omitted) " more are left out." }
        }
    }
}

fn is_on_both_sides(graph: &MetricGraph) -> bool {
    let below = &graph.downstream.metrics;
    let is_below = |id: &str| below.iter().any(|metric| metric.metric_id == id);
    graph.upstream.metrics.iter().any(|metric| is_below(&metric.metric_id))
}
