//! What differs between two versions, field by field; in longer texts word by word.

use maud::{Markup, html};
use serde_json::Value;

use super::values::pretty;
use crate::model::versions::diff::ValueChange;
use crate::model::versions::words::{SpanKind, TextSpan};

/// A table of changes. The two names are the headings of its columns.
pub(super) fn changes(changes: &[ValueChange], (old, new): (&str, &str)) -> Markup {
    html! {
        @if changes.is_empty() {
            p { "Nothing differs that people write." }
        } @else {
            table.metrics.changes {
                thead { tr {
                    th scope="col" { "Field" } th scope="col" { (old) } th scope="col" { (new) }
                } }
                tbody {
                    @for change in changes {
                        tr {
                            th scope="row" data-label="Field" { code { (change.path) } }
                            td data-label=(old) {
                                (side(change, change.old.as_ref(), SpanKind::Removed))
                            }
                            td data-label=(new) {
                                (side(change, change.new.as_ref(), SpanKind::Added))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn side(change: &ValueChange, value: Option<&Value>, own: SpanKind) -> Markup {
    match (&change.spans, value) {
        (Some(spans), Some(Value::String(_))) => words(spans, own),
        (_, Some(value)) => whole(value),
        (_, None) => html! { em { "absent" } },
    }
}

/// The parts of a text that one side has; those that the other lacks are marked.
fn words(spans: &[TextSpan], own: SpanKind) -> Markup {
    html! {
        span.text {
            @for span in spans.iter().filter(|span| [SpanKind::Equal, own].contains(&span.kind)) {
                @match span.kind {
                    SpanKind::Equal => (span.text),
                    SpanKind::Removed => del { (span.text) },
                    SpanKind::Added => ins { (span.text) },
                }
            }
        }
    }
}

/// A value as it is stored.
pub(in crate::http::pages) fn whole(value: &Value) -> Markup {
    match value {
        Value::String(text) => html! { span.text { (text) } },
        Value::Array(_) | Value::Object(_) => html! { pre { code { (pretty(value)) } } },
        other => html! { (other.to_string()) },
    }
}
