//! Examples of request bodies. Metric and business domain are the templates that `mdl example`
//! prints, and can be posted as they are: the domain, then its metric. The schemas have the whole
//! items as examples.

use serde_json::{Value, json};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{OpenApi, RefOr};

use super::walk;
use crate::model::catalogue::{ExampleDetail, ExampleKind, example};

/// Adds the examples to a complete document.
pub(super) fn add(document: &mut OpenApi) {
    for (_, _, operation) in walk::operations(document) {
        let id = operation.operation_id.as_deref().unwrap_or_default();
        let Some(example) = body_example(id) else { continue };
        let body = operation.request_body.as_mut();
        // The import, which also takes YAML, has JSON first.
        if let Some(content) = body.and_then(|body| body.content.values_mut().next()) {
            content.example = Some(example);
        }
    }
    let Some(components) = &mut document.components else { return };
    for (name, kind) in [("BusinessDomain", ExampleKind::Domain), ("Metric", ExampleKind::Metric)] {
        if let Some(RefOr::T(Schema::Object(object))) = components.schemas.get_mut(name) {
            object.examples = item(kind, ExampleDetail::Full).into_iter().collect();
        }
    }
}

fn item(kind: ExampleKind, detail: ExampleDetail) -> Option<Value> {
    serde_json::to_value(example(kind, detail)?).ok()
}

fn body_example(operation_id: &str) -> Option<Value> {
    let template = |kind| item(kind, ExampleDetail::Required);
    let (old, new) = ("correct horse battery staple", "a horse of another colour");
    Some(match operation_id {
        "create_metric" => template(ExampleKind::Metric)?,
        "update_metric" => json!({ "tier": "Tier-2", "tags": ["revenue", "board"] }),
        "patch_metric" => json!({ "definition": { "unit": "EUR" }, "metadata": { "notes": null } }),
        "create_domain" => template(ExampleKind::Domain)?,
        "update_domain" => json!({ "owner_team": "Finance Analytics" }),
        "patch_domain" => json!({ "color": null }),
        "import_catalogue" => template(ExampleKind::Catalogue)?,
        "login" => json!({ "username": "admin", "password": old }),
        "register" => json!({ "username": "ada", "email": "ada@example.com",
            "full_name": "Ada Example", "password": old }),
        "refresh" | "logout" => json!({ "refresh_token": "eyJhbGciOiJIUzI1NiJ9…" }),
        "change_password" => json!({ "current_password": old, "new_password": new }),
        "request_password_reset" => json!({ "email": "ada@example.com" }),
        "confirm_password_reset" => json!({ "token": "token of the mail", "new_password": new }),
        "create_user" => json!({ "username": "ada", "email": "ada@example.com",
            "full_name": "Ada Example", "password": old, "role": "editor" }),
        "update_user" => json!({ "role": "viewer" }),
        "create_api_key" => json!({ "name": "nightly export",
            "scopes": ["metrics:read", "domains:read"] }),
        "update_api_key" => json!({ "extend_days": 90 }),
        "rotate_api_key" => json!({ "grace_minutes": 60 }),
        "control_circuit_breaker" => json!({ "action": "reset", "reason": "database repaired" }),
        _ => return None,
    })
}
