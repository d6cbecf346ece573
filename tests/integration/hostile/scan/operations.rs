//! The operations that the scanner attacks. Wapiti reads them from an OpenAPI document, and changes
//! one value at a time: all others must be valid, or no attack gets past the validation. So each
//! operation of the served document is given values that the service accepts.

use chrono::{SecondsFormat, Utc};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::support::samples::metric_with;
use crate::support::{ADMIN_PASSWORD, PASSWORD, Server, json_body};

/// Ids of the service under test: of a user, of an API key, and of the metric's second version.
pub struct Ids {
    pub user: String,
    pub key: String,
    pub version: String,
}

#[derive(Clone)]
struct Parameter {
    name: String,
    in_path: bool,
    value: String,
}

/// An operation, with values for its parameters and its body.
#[derive(Clone)]
pub struct Operation {
    pub method: Method,
    /// As in the OpenAPI document.
    pub pattern: String,
    pub needs_caller: bool,
    parameters: Vec<Parameter>,
    body: Option<Value>,
}

/// Returns the operations that wapiti can attack: GET and POST. Without the control of circuits,
/// which would stop the service.
pub fn operations(served: &Value, ids: &Ids) -> Vec<Operation> {
    let mut found = Vec::new();
    for (pattern, item) in served["paths"].as_object().unwrap() {
        for method in [Method::GET, Method::POST] {
            let operation = &item[method.as_str().to_lowercase()];
            if operation.is_null() || pattern == "/health/circuit-breakers/{name}" {
                continue;
            }
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            // Instead of a page, which other lists have.
            let by_cursor = parameters.iter().any(|one| one["name"] == "cursor");
            // The list of domains has it, together with a search.
            let searched = |name: &str| name == "as_of" && pattern == "/api/v1/metrics";
            let sent = |one: &&Value| {
                let name = one["name"].as_str().unwrap();
                one["in"] != "header" && !(by_cursor && name == "page") && !searched(name)
            };
            let parameters = parameters.iter().filter(sent).map(|one| {
                let (name, in_path) = (one["name"].as_str().unwrap(), one["in"] == "path");
                let value = sample_value(pattern, name, ids);
                Parameter { name: name.to_owned(), in_path, value }
            });
            found.push(Operation {
                pattern: pattern.clone(),
                needs_caller: operation["security"].as_array().is_some_and(|all| !all.is_empty()),
                parameters: parameters.collect(),
                body: (method == Method::POST).then(|| sample_body(pattern)),
                method,
            });
        }
    }
    found
}

fn sample_value(pattern: &str, name: &str, ids: &Ids) -> String {
    let of_metrics = pattern.starts_with("/api/v1/metrics");
    let value = match (name, pattern) {
        ("as_of", _) => return Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
        ("version" | "from", _) if of_metrics => "1.0.0",
        ("to", _) if of_metrics => &ids.version,
        ("to", _) => "2",
        ("id", _) if of_metrics => "m1",
        ("id", path) if path.starts_with("/api/v1/domains") => "d1",
        ("id", path) if path.starts_with("/api/auth/api-keys") => &ids.key,
        ("id", path) if path.starts_with("/api/auth/users") => &ids.user,
        ("user_id", _) => &ids.user,
        ("category", _) => "Revenue",
        ("business_domain", _) => "Finance",
        ("tier", _) => "Tier-1",
        ("metric_type", _) => "lagging",
        ("tags", _) => "a",
        ("owner_team", _) => "Team & Co",
        ("completeness", _) => "complete",
        ("search", _) => "Metric",
        ("status", _) => "active",
        ("version" | "from" | "page", _) => "1",
        ("cursor", _) | ("since", "/api/v1/changes") => "start",
        ("sort" | "fields", _) => "name",
        ("limit", _) => "5",
        ("actor", _) => "admin",
        ("action", _) => "metric.created",
        ("target", _) => "m1",
        ("outcome", _) => "success",
        ("since", _) => "2020-01-01T00:00:00Z",
        ("until", _) => "2100-01-01T00:00:00Z",
        ("for", _) => "reads",
        ("dry_run" | "force" | "part", _) => "false",
        ("format", _) => "json",
        _ => panic!("no value for {name} of {pattern}: add one that the service accepts"),
    };
    value.to_owned()
}

fn sample_body(pattern: &str) -> Value {
    let domain = |id: &str, name: &str| {
        json!({"domain_id": id, "name": name, "description": "<i>d</i>", "owner_team": "t",
            "contact_email": "a@example.com", "key_areas": ["k"], "color": "#112233"})
    };
    let user = json!({"username": "wim", "email": "wim@example.com", "password": PASSWORD,
        "full_name": "W"});
    let with = |mut body: Value, name: &str, value: &str| {
        body[name] = json!(value);
        body
    };
    match pattern {
        "/api/auth/login" => json!({"username": "admin", "password": ADMIN_PASSWORD}),
        "/api/auth/refresh" | "/api/auth/logout" => json!({"refresh_token": "none"}),
        "/api/auth/register" => with(user, "username", "vera"),
        "/api/auth/users" => with(user, "role", "viewer"),
        "/api/auth/change-password" => {
            json!({"current_password": "not the password", "new_password": PASSWORD})
        }
        "/api/auth/password-reset/request" => json!({"email": "none@example.com"}),
        "/api/auth/password-reset/confirm" => json!({"token": "none", "new_password": PASSWORD}),
        "/api/auth/api-keys" => {
            json!({"name": "k", "description": "d", "scopes": ["metrics:read"]})
        }
        "/api/auth/api-keys/{id}/rotate" => json!({"grace_minutes": 10}),
        "/api/v1/domains/{id}/restore" => json!({"version": 1}),
        "/api/v1/metrics/{id}/restore" => json!({"version": "1.0.0"}),
        "/api/v1/domains" => domain("d3", "Growth"),
        "/api/v1/metrics" => attackable(metric_with("m2", &json!({}))),
        "/api/v1/import" => json!({"domains": [domain("d4", "Sales")]}),
        _ => panic!("no body for {pattern}: add one that the service accepts"),
    }
}

/// A metric without what comes back changed, and without empty lists and free-form objects, for
/// which wapiti has no schema.
fn attackable(mut metric: Value) -> Value {
    metric["definition"]["numerator"] = json!({"event_name": "e"});
    metric["definition"]["denominator"] = json!({"event_name": "f"});
    metric["data"].as_object_mut().unwrap().remove("secondary_sources");
    metric["relationships"] = json!({"upstream_metric_ids": ["m1"], "tradeoffs": ["t"]});
    metric
}

impl Operation {
    /// Whether it has a value that can be attacked; wapiti leaves paths as they are.
    pub fn is_attackable(&self) -> bool {
        self.body.is_some() || self.parameters.iter().any(|parameter| !parameter.in_path)
    }

    /// Keeps only those query parameters.
    pub fn with_query(mut self, names: &[&str]) -> Self {
        self.parameters.retain(|one| one.in_path || names.contains(&&*one.name));
        self
    }

    /// Sends it as it is. What it asks for may exist or be refused, but it must be valid.
    pub async fn assert_accepted(&self, server: &Server, token: &str) {
        let mut url = url::Url::parse(&server.base).unwrap();
        let mut path = self.pattern.clone();
        for Parameter { name, in_path, value } in &self.parameters {
            if *in_path {
                path = path.replace(&format!("{{{name}}}"), value);
            } else {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let (path, body) = (format!("{path}{query}"), self.body.as_ref().map(json_body));
        let answer = server.send(self.method.clone(), &path, token, &[], body).await;
        let accepted: &[u16] =
            if self.method == Method::GET { &[200] } else { &[200, 201, 202, 401, 403, 409] };
        assert!(accepted.contains(&answer.status), "{} {path}: {}", self.method, answer.text);
    }

    fn describe(&self) -> Value {
        let describe = |parameter: &Parameter| {
            json!({"name": parameter.name, "in": if parameter.in_path { "path" } else { "query" },
                "schema": {"type": "string", "default": parameter.value}})
        };
        let parameters: Vec<_> = self.parameters.iter().map(describe).collect();
        let mut described = json!({"parameters": parameters});
        if let Some(body) = &self.body {
            let content = json!({"application/json": {"schema": schema(body)}});
            described["requestBody"] = json!({"content": content});
        }
        described
    }
}

/// Returns a schema of which wapiti makes just this value.
fn schema(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), schema(value)));
            json!({"type": "object", "properties": fields.collect::<Map<_, _>>()})
        }
        Value::Array(items) => json!({"type": "array", "items": schema(&items[0])}),
        Value::Bool(_) => json!({"type": "boolean", "default": value}),
        Value::Number(_) => json!({"type": "number", "default": value}),
        _ => json!({"type": "string", "default": value}),
    }
}

/// Returns an OpenAPI document of these operations.
pub fn document(origin: &str, operations: &[Operation]) -> Value {
    let mut paths = json!({});
    for operation in operations {
        let method = operation.method.as_str().to_lowercase();
        paths[&operation.pattern][method] = operation.describe();
    }
    json!({"openapi": "3.1.0", "info": {"title": "MDL", "version": "1"},
        "servers": [{"url": origin}], "paths": paths})
}
