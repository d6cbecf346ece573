//! Small components that many pages use.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use crate::clock::rfc3339;

/// An instant: in UTC, which the script of the pages replaces by the reader's zone.
pub(super) fn time(instant: DateTime<Utc>) -> Markup {
    html! {
        time datetime=(rfc3339(instant)) { (instant.format("%Y-%m-%d %H:%M UTC")) }
    }
}

/// An instant that is given as RFC 3339.
pub(super) fn instant(text: &str) -> Markup {
    let instant = DateTime::parse_from_rfc3339(text);
    instant.map_or_else(|_| html! { (text) }, |instant| time(instant.to_utc()))
}

/// An error that concerns a form as a whole. Screen readers announce it.
pub(super) fn form_error(message: &str) -> Markup {
    html! { p.error role="alert" { (message) } }
}

/// A share between 0 and 1 of what a metric needs, rounded down.
pub(super) fn completeness(share: f64) -> Markup {
    let percent = format!("{:.0} %", (share * 100.0).floor());
    html! {
        meter min="0" max="1" low="0.5" high="0.999" optimum="1" value=(share)
            aria-label="Complete" { (percent) }
        " " (percent)
    }
}

/// The status of a metric, an API key or a user.
pub(super) fn status(status: &str) -> Markup {
    let class = match status {
        "active" => "status active",
        "deprecated" => "status deprecated",
        _ => "status",
    };
    html! { span class=(class) { (status) } }
}
