//! The graph as a drawing: what the metric derives from on its left, what derives from it on its
//! right. It is for eyes and mice; the lists below it say the same to all others.

use std::collections::HashMap;
use std::fmt::Write;

use maud::{Markup, html};

use super::super::frame::path_of;
use super::layout::{NODE_HEIGHT, SideLayout, SlotPlace, place};
use crate::model::text::Id;
use crate::storage::metric_edges::{GraphSide, MetricGraph, ReachedMetric};

/// Width of a node, in pixels.
const NODE_WIDTH: usize = 176;
const COLUMN_GAP: usize = 52;
/// Around the whole, for thick lines.
const MARGIN: usize = 3;
/// Characters of a name, and of the line below it, that fit into a node.
const NAME_LENGTH: usize = 23;
const DETAIL_LENGTH: usize = 27;

/// A side with its place in the drawing.
struct DrawnSide {
    layout: SideLayout,
    /// The column of the metric in the middle.
    middle: usize,
    is_left: bool,
    top: usize,
}

impl DrawnSide {
    /// The left edge of a place.
    fn x(&self, place: SlotPlace) -> usize {
        let column = if self.is_left {
            self.middle.saturating_sub(place.column)
        } else {
            self.middle.saturating_add(place.column)
        };
        column.saturating_mul(NODE_WIDTH + COLUMN_GAP).saturating_add(MARGIN)
    }

    /// The centre of a place.
    fn y(&self, place: SlotPlace) -> usize {
        place.y.saturating_add(self.top)
    }

    /// The line of an edge, from left to right.
    fn line(&self, route: &[SlotPlace]) -> String {
        let mut places = route.to_vec();
        if self.is_left {
            places.reverse();
        }
        let mut line = String::new();
        let mut from: Option<(usize, usize)> = None;
        for place in places {
            let (x, y) = (self.x(place), self.y(place));
            let right = x.saturating_add(NODE_WIDTH);
            if let Some((from_x, from_y)) = from {
                let half = from_x.midpoint(x);
                // Writing to a String cannot fail.
                let _ = write!(line, "C{half} {from_y} {half} {y} {x} {y}");
                if place.is_bend {
                    let _ = write!(line, "H{right}");
                }
            } else {
                let _ = write!(line, "M{right} {y}");
            }
            from = Some((right, y));
        }
        line
    }
}

/// What a node shows.
struct GraphNode<'a> {
    id: &'a str,
    /// Name and status; none of an id that no metric has.
    known: Option<(&'a str, &'a str)>,
    is_middle: bool,
}

impl<'a> GraphNode<'a> {
    fn new(metric: &'a ReachedMetric) -> Self {
        let known = metric.known.as_ref().map(|(name, status)| (&**name, &**status));
        Self { id: &metric.metric_id, known, is_middle: false }
    }
}

/// Renders the drawing.
pub(super) fn drawing(id: &Id, graph: &MetricGraph) -> Markup {
    let (left, right) = (layout_of(id, &graph.upstream), layout_of(id, &graph.downstream));
    let height = left.height.max(right.height);
    let middle = left.columns.saturating_sub(1);
    let columns = middle.saturating_add(right.columns);
    let side = |layout: SideLayout, is_left| {
        let top = height.saturating_sub(layout.height) / 2;
        DrawnSide { layout, middle, is_left, top: top.saturating_add(MARGIN) }
    };
    let sides = [(side(left, true), &graph.upstream), (side(right, false), &graph.downstream)];
    let width = columns.saturating_mul(NODE_WIDTH + COLUMN_GAP).saturating_sub(COLUMN_GAP);
    let (width, height) = (width.saturating_add(2 * MARGIN), height.saturating_add(2 * MARGIN));
    let root =
        GraphNode { id: id.as_str(), known: Some((&graph.name, &graph.status)), is_middle: true };
    let [(left, _), _] = &sides;
    html! {
        figure.graph tabindex="0" aria-label="Drawing of what the lists below say" {
            svg viewBox=(format!("0 0 {width} {height}")) width=(width) height=(height)
                aria-hidden="true" focusable="false" {
                defs {
                    marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7"
                        markerHeight="7" orient="auto" { path.arrow d="M0 0L8 4L0 8z" {} }
                    clipPath id="in-node" {
                        rect x="6" y="0" width=(NODE_WIDTH - 12) height=(NODE_HEIGHT) {}
                    }
                }
                @for (side, _) in &sides {
                    @for route in &side.layout.routes {
                        path.edge d=(side.line(route)) marker-end="url(#arrow)" {}
                    }
                }
                @for (side, of) in &sides {
                    // The first place is that of the metric in the middle.
                    @for (place, metric) in side.layout.places.iter().skip(1).zip(&of.metrics) {
                        (node(side, *place, &GraphNode::new(metric)))
                    }
                }
                @for place in left.layout.places.iter().take(1) { (node(left, *place, &root)) }
            }
        }
    }
}

fn layout_of(id: &Id, side: &GraphSide) -> SideLayout {
    let ids = std::iter::once(id.as_str()).chain(side.metrics.iter().map(|one| &*one.metric_id));
    let numbers: HashMap<&str, usize> = ids.enumerate().map(|(number, id)| (id, number)).collect();
    let number = |id: &String| numbers.get(id.as_str()).copied();
    let edges = side.edges.iter().filter_map(|(near, far)| number(near).zip(number(far)));
    place(side.metrics.len().saturating_add(1), &edges.collect::<Vec<_>>())
}

fn node(side: &DrawnSide, place: SlotPlace, shown: &GraphNode<'_>) -> Markup {
    let (x, y) = (side.x(place), side.y(place).saturating_sub(NODE_HEIGHT / 2));
    let at = format!("translate({x} {y})");
    let class = match shown.known {
        _ if shown.is_middle => "node middle",
        None => "node unknown",
        Some((_, "deprecated")) => "node deprecated",
        Some((_, "draft")) => "node draft",
        Some(_) => "node",
    };
    let (name, detail) = match shown.known {
        None => (shown.id, "unknown id".to_owned()),
        Some((name, "active")) => (name, shown.id.to_owned()),
        Some((name, status)) => (name, format!("{status} · {}", shown.id)),
    };
    let content = html! {
        title { (name) " · " (detail) }
        rect width=(NODE_WIDTH) height=(NODE_HEIGHT) rx="5" {}
        g clip-path="url(#in-node)" {
            text x="10" y="20" { (cut(name, NAME_LENGTH)) }
            text.detail x="10" y="37" { (cut(&detail, DETAIL_LENGTH)) }
        }
    };
    html! {
        g class=(class) transform=(at) {
            // The lists have the same links for keyboards.
            @if shown.known.is_some() { a href=(path_of(shown.id)) tabindex="-1" { (content) } }
            @else { (content) }
        }
    }
}

/// Cuts a text to so many characters of usual width.
fn cut(text: &str, length: usize) -> String {
    // Beyond are mostly scripts whose characters are about twice as wide.
    let width = |c: char| if c < '\u{1100}' { 1_usize } else { 2 };
    let total: usize = text.chars().map(width).sum();
    if total <= length {
        return text.to_owned();
    }
    let mut left = length.saturating_sub(1);
    let fits = |c: &char| {
        let rest = left.checked_sub(width(*c));
        left = rest.unwrap_or_default();
        rest.is_some()
    };
    let kept: String = text.chars().take_while(fits).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("longer", 5), "long…");
        assert_eq!(cut("two words", 5), "two…");
        assert_eq!(cut("解約率の推移", 7), "解約率…");
        assert_eq!(cut("", 5), "");
    }

    #[test]
    fn edges_run_from_left_to_right_on_both_sides() {
        let layout = place(3, &[(0, 1), (1, 2), (0, 2)]);
        for (is_left, middle) in [(true, 2), (false, 0)] {
            let side = DrawnSide { layout: layout.clone(), middle, is_left, top: 0 };
            for route in &side.layout.routes {
                let line = side.line(route);
                let start = line[1..].split(' ').next().unwrap().parse::<usize>().unwrap();
                let rest = line.rsplit(['C', ' ', 'H']).nth(1).unwrap();
                assert!(start < rest.parse::<usize>().unwrap(), "{line}");
                assert_eq!(line.contains('H'), route.len() == 3, "{line}");
            }
        }
    }
}
