//! Requests, times, failures and the cache in the last quarter of an hour: each as it was in the
//! last minute, in the whole window, and as a line.

use std::time::Duration;

use maud::{Markup, html};

use super::charts::line;
use crate::telemetry::recent::MeasuredInterval;

/// One row of the table.
struct Figure {
    label: &'static str,
    /// None where nothing happened that it could be of.
    value: fn(&MeasuredInterval) -> Option<f64>,
    shown: fn(f64) -> String,
}

const FIGURES: [Figure; 8] = [
    Figure { label: "Requests per second", value: |one| Some(one.rate()), shown: number },
    Figure { label: "Failed requests", value: MeasuredInterval::error_ratio, shown: percentage },
    Figure { label: "Time, median", value: |one| one.quantile(0.5), shown: time },
    Figure { label: "Time, 95th percentile", value: |one| one.quantile(0.95), shown: time },
    Figure { label: "Time, 99th percentile", value: |one| one.quantile(0.99), shown: time },
    Figure { label: "Refused by limits", value: |one| count(one.rate_limited), shown: whole },
    Figure {
        label: "Refused by circuits",
        value: |one| count(one.refused_by_circuits),
        shown: whole,
    },
    Figure { label: "Reads from the cache", value: MeasuredInterval::hit_ratio, shown: percentage },
];

/// Renders the table. Each interval has its age.
pub(super) fn table(intervals: &[(Duration, MeasuredInterval)]) -> Markup {
    let minute = intervals.iter().filter(|(age, _)| age.as_secs() < 60);
    let minute = MeasuredInterval::sum(minute.map(|(_, interval)| interval));
    let all = MeasuredInterval::sum(intervals.iter().map(|(_, interval)| interval));
    html! {
        table.small.figures {
            thead { tr {
                @for label in ["What", "Last minute", "15 minutes", "Course"] {
                    th scope="col" { (label) }
                }
            } }
            tbody {
                @for figure in FIGURES {
                    @let points = intervals.iter().filter_map(|(age, interval)| {
                        Some((*age, (figure.value)(interval)?))
                    });
                    tr {
                        th scope="row" { (figure.label) }
                        td data-label="Last minute" { (figure.of(&minute)) }
                        td data-label="15 minutes" { (figure.of(&all)) }
                        td data-label="Course" { (line(figure.label, points, figure.shown)) }
                    }
                }
            }
        }
    }
}

impl Figure {
    fn of(&self, interval: &MeasuredInterval) -> String {
        (self.value)(interval).map_or_else(|| "–".to_owned(), self.shown)
    }
}

// Counts of a quarter of an hour are exact as floating-point numbers.
#[allow(clippy::cast_precision_loss, clippy::unnecessary_wraps)]
fn count(number: u64) -> Option<f64> {
    Some(number as f64)
}

fn number(value: f64) -> String {
    format!("{value:.1}")
}

fn whole(value: f64) -> String {
    format!("{value:.0}")
}

fn percentage(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn time(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.1} ms", seconds * 1000.0) } else { format!("{seconds:.1} s") }
}
