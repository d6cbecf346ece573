//! The circuits: their states, and what changed last.

use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

use super::super::elements::time;
use super::lasting::lasting;
use crate::actors::db_breaker::{CircuitReport, CircuitState};

/// How many changes of state are shown, those of all circuits together.
const TRANSITIONS: usize = 10;

/// Renders a row for each circuit.
pub(super) fn table(circuits: &[CircuitReport], now: DateTime<Utc>) -> Markup {
    html! {
        table.small {
            thead { tr {
                @for label in ["Circuit", "State", "Last 10 seconds", "Refused", "Last error"] {
                    th scope="col" { (label) }
                }
            } }
            tbody { @for circuit in circuits { (row(circuit, now)) } }
        }
    }
}

fn row(circuit: &CircuitReport, now: DateTime<Utc>) -> Markup {
    let window = circuit.window;
    html! {
        tr {
            th scope="row" { (circuit.circuit.as_ref()) }
            td data-label="State" { div {
                (badge(circuit.state)) " for " (lasting(circuit.in_state_for))
                @if let Some(left) = circuit.retry_after {
                    span.id { "next attempt "
                        (time(now + TimeDelta::from_std(left).unwrap_or_default())) }
                }
            } }
            td data-label="Last 10 seconds" {
                (window.successes) " answered, " (window.failures) " failed"
            }
            td data-label="Refused" { (circuit.stats.rejects) }
            td data-label="Last error" { (circuit.last_error.as_deref().unwrap_or("none")) }
        }
    }
}

fn badge(state: CircuitState) -> Markup {
    let class = if state == CircuitState::Closed { "status active" } else { "status deprecated" };
    html! { span class=(class) { (state.as_ref()) } }
}

/// Renders the newest changes of state of all circuits.
pub(super) fn transitions(circuits: &[CircuitReport], now: DateTime<Utc>) -> Markup {
    let one = |circuit: &CircuitReport| {
        let name = circuit.circuit;
        circuit.last_transitions.clone().into_iter().map(move |change| (name, change))
    };
    let mut changes: Vec<_> = circuits.iter().flat_map(one).collect();
    changes.sort_by_key(|(_, change)| change.ago);
    changes.truncate(TRANSITIONS);
    html! {
        h3 { "Latest changes" }
        @if changes.is_empty() { p { "None since the process started." } }
        ul {
            @for (circuit, change) in &changes {
                li {
                    (time(now - TimeDelta::from_std(change.ago).unwrap_or_default()))
                    " " strong { (circuit.as_ref()) } ": " (change.from.as_ref()) " → "
                    (change.to.as_ref()) ", " (change.cause)
                }
            }
        }
    }
}
