//! A line over the last quarter of an hour, as SVG. Its look is in the style sheet.

use std::fmt::Write;
use std::time::Duration;

use maud::{Markup, html};

use crate::telemetry::recent::WINDOW;

const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 36.0;
/// Room for half of the line's width at both edges.
const MARGIN: f64 = 2.0;

/// Draws values by their age, oldest first. Screen readers announce the highest.
pub(super) fn line(
    label: &str,
    points: impl Iterator<Item = (Duration, f64)>,
    shown: fn(f64) -> String,
) -> Markup {
    let points: Vec<_> = points.collect();
    let highest = points.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let described = if points.is_empty() {
        format!("{label}: nothing yet")
    } else {
        format!("{label} over 15 minutes, at most {}", shown(highest))
    };
    html! {
        svg.line viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(described) {
            title { (described) }
            line.base x1="0" x2=(WIDTH) y1=(HEIGHT - MARGIN) y2=(HEIGHT - MARGIN) {}
            @if !points.is_empty() { polyline points=(coordinates(&points, highest)) {} }
        }
    }
}

fn coordinates(points: &[(Duration, f64)], highest: f64) -> String {
    let mut text = String::new();
    for (age, value) in points {
        let x = WIDTH * (1.0 - age.as_secs_f64() / WINDOW.as_secs_f64()).max(0.0);
        let share = if highest > 0.0 { value / highest } else { 0.0 };
        let y = HEIGHT - MARGIN - share * 2.0f64.mul_add(-MARGIN, HEIGHT);
        // Writing to a text cannot fail.
        let _ = write!(text, "{x:.1},{y:.1} ");
    }
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_value_is_at_the_right_and_the_highest_at_the_top() {
        let points = [(WINDOW, 0.0), (WINDOW / 2, 5.0), (Duration::ZERO, 10.0)];
        assert_eq!(coordinates(&points, 10.0), "0.0,34.0 120.0,18.0 240.0,2.0");
        assert_eq!(coordinates(&[(Duration::ZERO, 0.0)], 0.0), "240.0,34.0");
        let drawn = line("Times", points.into_iter(), |value| format!("{value} ms")).into_string();
        assert!(drawn.contains("Times over 15 minutes, at most 10 ms"), "{drawn}");
    }
}
