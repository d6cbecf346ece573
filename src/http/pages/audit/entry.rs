//! One entry of the audit log. Everything in it may have been chosen by a client: it is text.

use maud::{Markup, html};
use serde_json::{Map, Value};

use super::super::elements::time;
use super::paths::PATH;
use crate::storage::audit_events::AuditEvent;
use crate::storage::document::Document;

/// Renders an entry as a row of the table.
pub(super) fn row(event: &AuditEvent) -> Markup {
    html! {
        tr {
            td data-label="When" { (time(event.occurred_at)) }
            td data-label="Who" { div {
                @if let Some(actor) = &event.actor { a href=(link("actor", actor)) { (actor) } }
                @else { "unknown" }
                @if let Some(credential) = &event.credential {
                    span.id { (credential.replace('_', " ")) }
                }
            } }
            td data-label="Action" { div {
                (event.action)
                @if event.outcome != "success" {
                    span.id { span.warning { (event.outcome) }
                        @if let Some(reason) = &event.reason { " " (reason) }
                        @if event.occurrences > 1 { " × " (event.occurrences) } }
                }
            } }
            td data-label="Target" { div {
                @if let Some(target) = &event.target {
                    a href=(link("target", target)) { (target) }
                }
                @if let Some(id) = event.target_id { span.id { (id) } }
            } }
            td data-label="From" { div {
                (event.address.as_deref().unwrap_or(""))
                @if event.channel != "api" { span.id { (event.channel) } }
            } }
            td data-label="What changed" {
                div { (changes(&event.changes)) (details(&event.details)) }
            }
        }
    }
}

fn link(name: &str, value: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    format!("{PATH}?{}", query.append_pair(name, value).finish())
}

/// Changed fields with their old and new values. Lists and objects are recorded without values.
fn changes(changes: &Document) -> Markup {
    html! {
        @for (field, change) in object(changes) {
            div.change {
                code { (field) }
                @if change.get("from").is_some() || change.get("to").is_some() {
                    ": " del { (shown(change.get("from"))) } " → " ins { (shown(change.get("to"))) }
                }
            }
        }
    }
}

fn details(details: &Document) -> Markup {
    html! {
        @for (name, value) in object(details) {
            @if !value.is_null() { div.change { (name) ": " (shown(Some(&value))) } }
        }
    }
}

fn object(document: &Document) -> Map<String, Value> {
    serde_json::from_str(document.text()).unwrap_or_default()
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "none".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
