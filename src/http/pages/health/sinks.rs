//! The destinations of log events, and what became of the events.

use maud::{Markup, html};

use crate::telemetry::sinks::SinkCounts;

/// Renders a row for each sink, counted since the process started.
pub(super) fn table(sinks: &[(&'static str, SinkCounts)]) -> Markup {
    html! {
        @if sinks.is_empty() { p { "There is no sink." } }
        @else { table.small {
            thead { tr {
                @for label in ["Sink", "Shipped", "Waiting", "Dropped", "Rejected"] {
                    th scope="col" { (label) }
                }
            } }
            tbody {
                @for (name, counts) in sinks {
                    tr {
                        th scope="row" { (name) }
                        td data-label="Shipped" { (counts.shipped) }
                        td data-label="Waiting" { (counts.buffered) }
                        td data-label="Dropped" { (counts.dropped) }
                        td data-label="Rejected" { (counts.rejected) }
                    }
                }
            }
        } }
    }
}
