//! The values of a metric as markup. Every text is escaped; a link is one only if it leads to a web
//! page; a rich text is cleaned again before it is shown.

use maud::{Markup, html};
use serde_json::Value;

use super::super::elements::instant;
use super::super::stored_texts::{rich_text, web_link};
use super::fields::{Look, ShownField};
use super::frame::path_of;

/// Returns the value at a path such as `definition.formula`; null if there is none.
pub(in crate::http::pages) fn at<'a>(content: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(content, |value, name| value.get(name).unwrap_or(&Value::Null))
}

/// Returns the text at a path; empty if there is none.
pub(in crate::http::pages) fn text_at<'a>(content: &'a Value, path: &str) -> &'a str {
    at(content, path).as_str().unwrap_or_default()
}

/// Whether a value says nothing.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Renders a value.
pub(super) fn render(value: &Value, look: Look) -> Markup {
    match (look, value) {
        (Look::Rich, Value::String(text)) => rich_text(text),
        (Look::Code, Value::String(text)) => html! { pre { code { (text) } } },
        (Look::Instant, Value::String(text)) => instant(text),
        (Look::MetricIds, Value::String(id)) => metric_link(id),
        (Look::MetricIds, Value::Array(ids)) => html! {
            ul { @for id in ids { li { (render(id, Look::MetricIds)) } } }
        },
        (Look::Table(columns), Value::Array(rows)) => table(rows, columns),
        (Look::Data, value) => html! { pre { code { (pretty(value)) } } },
        (_, Value::Array(items)) => html! {
            ul { @for item in items { li { (render(item, Look::Plain)) } } }
        },
        (_, value) => plain(value),
    }
}

/// Renders a text, a number, yes or no.
pub(super) fn plain(value: &Value) -> Markup {
    match value {
        Value::Null => html! {},
        Value::Bool(true) => html! { "yes" },
        Value::Bool(false) => html! { "no" },
        Value::String(text) => web_link(text),
        Value::Number(number) => html! { (number.to_string()) },
        other => html! { code { (other.to_string()) } },
    }
}

/// A JSON value on several lines.
pub(super) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn metric_link(id: &str) -> Markup {
    html! { a href=(path_of(id)) { (id) } }
}

fn table(rows: &[Value], columns: &[ShownField]) -> Markup {
    html! {
        table.small {
            thead { tr { @for (_, label, _) in columns { th scope="col" { (label) } } } }
            tbody {
                @for row in rows {
                    tr {
                        @for (name, label, look) in columns {
                            td data-label=(label) { (render(at(row, name), *look)) }
                        }
                    }
                }
            }
        }
    }
}
