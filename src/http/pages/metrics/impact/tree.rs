//! One side of a graph as a nested list: each metric once, below the one that leads to it on the
//! shortest way, with the others that lead to it.

use std::collections::HashMap;

use maud::{Markup, html};

use super::super::super::elements::status;
use super::super::frame::path_of;
use crate::storage::metric_edges::{GraphSide, ReachedMetric};

/// The metrics below each id, with the further ids that lead to them.
type Branches<'a> = HashMap<&'a str, Vec<(&'a ReachedMetric, Vec<&'a str>)>>;

/// Renders the list. It is as deep as the longest of the shortest ways, at most one level for each
/// metric that is shown.
pub(super) fn tree(root: &str, side: &GraphSide) -> Markup {
    let depths: HashMap<&str, usize> =
        side.metrics.iter().map(|metric| (metric.metric_id.as_str(), metric.depth)).collect();
    let depth = |id: &str| if id == root { 0 } else { depths.get(id).copied().unwrap_or(0) };
    let mut branches = Branches::new();
    for metric in &side.metrics {
        let into = side.edges.iter().filter(|(_, far)| *far == metric.metric_id);
        let mut leading: Vec<&str> = into.map(|(near, _)| near.as_str()).collect();
        let nearest = leading.iter().position(|near| depth(near) < metric.depth).unwrap_or(0);
        if nearest < leading.len() {
            let parent = leading.remove(nearest);
            leading.retain(|near| *near != metric.metric_id);
            branches.entry(parent).or_default().push((metric, leading));
        }
    }
    html! { div.tree { (level(root, &branches)) } }
}

fn level(id: &str, branches: &Branches<'_>) -> Markup {
    html! {
        @if let Some(metrics) = branches.get(id) {
            ul {
                @for (metric, others) in metrics {
                    li {
                        (named(metric))
                        @if !others.is_empty() {
                            " " span.hint { "also by way of " (others.join(", ")) }
                        }
                        (level(&metric.metric_id, branches))
                    }
                }
            }
        }
    }
}

fn named(metric: &ReachedMetric) -> Markup {
    html! {
        @match &metric.known {
            Some((name, state)) => {
                a href=(path_of(&metric.metric_id)) { (name) }
                " " code { (metric.metric_id) }
                @if state != "active" { " " (status(state)) }
            }
            None => { code { (metric.metric_id) } " " span.status { "unknown id" } }
        }
    }
}
