//! The error responses that follow from an operation's parameters, body and security, so that no
//! handler has to list them. Those that are the same everywhere are named components; a handler may
//! describe one of its own.

use actix_web::http::Method;
use serde_json::json;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response, ResponseBuilder};

use super::headers::{self, HeaderTraits};
use super::security::is_secured;
use super::walk;

const ERROR: &str = "ErrorEnvelope";

/// An error response that several operations share.
struct SharedError {
    status: &'static str,
    /// Name of the component.
    name: &'static str,
    description: &'static str,
    /// Code and message of the example.
    example: (&'static str, &'static str),
}

const SHARED: [SharedError; 12] = [
    SharedError {
        status: "400",
        name: "InvalidRequest",
        description: "The request is not valid; `details` has the violations",
        example: ("VALIDATION_ERROR", "The request is not valid"),
    },
    SharedError {
        status: "401",
        name: "Unauthenticated",
        description: "Credentials are missing, invalid or expired",
        example: ("TOKEN_EXPIRED", "The access token has expired; refresh it and try again"),
    },
    SharedError {
        status: "403",
        name: "Forbidden",
        description: "The role, or the scopes of the API key, do not allow this",
        example: ("AUTHORIZATION_ERROR", "Your role does not allow this"),
    },
    SharedError {
        status: "404",
        name: "NotFound",
        description: "Not found",
        example: ("NOT_FOUND", "Metric \"x\" not found"),
    },
    SharedError {
        status: "408",
        name: "RequestTimeout",
        description: "The body did not arrive in time; the connection is closed",
        example: ("REQUEST_TIMEOUT", "The body did not arrive in time"),
    },
    SharedError {
        status: "412",
        name: "PreconditionFailed",
        description: "`If-Match` names another version, or `If-None-Match` this one; `ETag` has \
            the current one",
        example: ("PRECONDITION_FAILED", "The resource has another version; read it again"),
    },
    SharedError {
        status: "415",
        name: "UnsupportedMediaType",
        description: "The body does not have a documented media type",
        example: ("UNSUPPORTED_MEDIA_TYPE", "The body must be application/json"),
    },
    SharedError {
        status: "428",
        name: "PreconditionRequired",
        description: "`If-Match` is missing, and the service requires it",
        example: ("PRECONDITION_REQUIRED", "Send the version that you change in If-Match"),
    },
    SharedError {
        status: "429",
        name: "TooManyRequests",
        description: "Too many requests; `Retry-After` says when to try again",
        example: ("RATE_LIMIT_EXCEEDED", "Too many requests. Please try again later."),
    },
    SharedError {
        status: "500",
        name: "InternalError",
        description: "Internal error",
        example: ("INTERNAL_ERROR", "Internal server error"),
    },
    SharedError {
        status: "503",
        name: "Unavailable",
        description: "Overloaded, or database unavailable; `Retry-After` says when to try again",
        example: ("DATABASE_ERROR", "Database temporarily unavailable. Please try again later."),
    },
    SharedError {
        status: "504",
        name: "OutcomeUnknown",
        description: "The change was sent to the database, and its answer was lost: it may have \
            been made",
        example: ("OUTCOME_UNKNOWN", "The change may have been made; read the item again"),
    },
];

/// Completes the responses of all operations.
pub(super) fn complete(document: &mut OpenApi) {
    for (path, method, operation) in walk::operations(document) {
        complete_operation(path, &method, operation);
    }
    let Some(components) = &mut document.components else { return };
    let traits = HeaderTraits { limited: true, cached: false };
    for shared in &SHARED {
        let mut response = error(shared.description, Some(shared.example));
        headers::add(&mut response.headers, shared.status, traits);
        components.responses.insert(shared.name.into(), RefOr::T(response));
    }
}

fn complete_operation(path: &str, method: &Method, operation: &mut Operation) {
    let traits = HeaderTraits {
        limited: path.starts_with("/api/") || is_secured(operation),
        cached: operation.parameters.iter().flatten().any(|one| one.name == "If-None-Match")
            || operation.operation_id.as_deref().is_some_and(is_cached_list),
    };
    let takes_body = operation.request_body.is_some();
    let applies = |status: &str, operation: &Operation| {
        let secured = is_secured(operation);
        let conditional = operation.parameters.iter().flatten().any(|one| one.name == "If-Match");
        match status {
            "401" | "403" => secured,
            "404" => path.contains('{'),
            "408" | "413" | "415" => takes_body,
            "412" | "428" => conditional,
            "429" => traits.limited,
            "503" => secured || takes_body,
            "504" => secured && *method != Method::GET,
            _ => true,
        }
    };
    for shared in &SHARED {
        if applies(shared.status, operation) {
            let responses = &mut operation.responses.responses;
            let reference = || RefOr::Ref(Ref::from_response_name(shared.name));
            responses.entry(shared.status.into()).or_insert_with(reference);
        }
    }
    if takes_body {
        let too_large = error(too_large(path), None);
        operation.responses.responses.entry("413".into()).or_insert(RefOr::T(too_large));
    }
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        let is_error = status.starts_with(['4', '5']);
        if is_error && response.content.is_empty() {
            response.content.insert("application/json".into(), error_content(None));
        }
        if response.description.is_empty() {
            response.description = "Success".into();
        }
        headers::add(&mut response.headers, status, traits);
    }
}

fn is_cached_list(operation_id: &str) -> bool {
    matches!(
        operation_id,
        "list_metrics" | "list_domains" | "metric_history" | "metric_versions" | "domain_versions"
    )
}

/// Describes the size limits of `http::extract::json_body`.
fn too_large(path: &str) -> &'static str {
    match path {
        "/api/v1/import" => "The body is larger than `IMPORT_MAX_BYTES` (default 8 MiB)",
        _ if path.starts_with("/api/v1/") => "The body is larger than 256 KiB",
        _ => "The body is larger than 64 KiB",
    }
}

fn error(description: &str, example: Option<(&str, &str)>) -> Response {
    let content = error_content(example);
    ResponseBuilder::new().description(description).content("application/json", content).build()
}

fn error_content(example: Option<(&str, &str)>) -> Content {
    let mut content = Content::new(Some(Ref::from_schema_name(ERROR)));
    content.example = example.map(|(code, message)| {
        json!({
            "success": false,
            "error": { "code": code, "message": message },
            "requestId": "019363a1-0000-7000-8000-000000000000",
            "timestamp": "2026-11-24T10:15:00.000Z",
        })
    });
    content
}
