//! The rules of query strings, applied before anything reads them. On every path, whether or not a
//! route takes a query, the size is limited: the cost to decode, sort and compare parameters grows
//! with their number. Where a request matches an operation, its parameters must be among those that
//! the OpenAPI document declares, each at most once. What a parameter may be is decided by the
//! model.
//!
//! This comes before authentication, so that the answer does not depend on the credentials.
//! Requests that match no operation keep their 404 or 405, and the pages of the API documentation
//! may have any query, which some browsers and proxies add to files.

use std::borrow::Cow;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};

use crate::http::app_data::AccessPolicy;
use crate::http::error::ApiError;
use crate::http::request::routes::Routes;
use crate::http::unmatched::is_disabled;
use crate::model::page::repeated;
use crate::model::violations::Violation;

/// Longest accepted query string in bytes, as it was sent.
pub const MAX_BYTES: usize = 8 * 1024;
/// Largest accepted number of parameters.
pub const MAX_PARAMETERS: usize = 32;

/// Answers 400 to a query that is too long, has too many parameters, or has parameters that its
/// operation does not have.
pub async fn refuse_query<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Err(error) = check(&request) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    // A response, not an error, so that the rate limits and the access log outside see it.
    let response = HttpResponse::from_error(error);
    Ok(ServiceResponse::new(request.into_parts().0, response))
}

fn check(request: &ServiceRequest) -> Result<(), ApiError> {
    let query = request.query_string();
    if query.is_empty() {
        return Ok(());
    }
    if let Some(message) = size_violation(query) {
        return Err(ApiError::invalid("", message));
    }
    let disabled = request
        .app_data::<web::Data<AccessPolicy>>()
        .is_some_and(|policy| is_disabled(request.path(), ***policy));
    let known = request
        .app_data::<web::Data<Routes>>()
        .filter(|_| !disabled)
        .and_then(|routes| routes.query_parameters(request.method(), request.path()));
    let violations = known.map(|known| name_violations(query, &known)).unwrap_or_default();
    if violations.is_empty() { Ok(()) } else { Err(ApiError::Validation(violations)) }
}

pub(super) fn size_violation(query: &str) -> Option<&'static str> {
    if query.len() > MAX_BYTES {
        Some("the query must be at most 8 KiB long")
    } else if query.split('&').filter(|parameter| !parameter.is_empty()).count() > MAX_PARAMETERS {
        Some("the query must have at most 32 parameters")
    } else {
        None
    }
}

fn name_violations(query: &str, known: &[&str]) -> Vec<Violation> {
    let parameters: Vec<(Cow<'_, str>, Cow<'_, str>)> =
        url::form_urlencoded::parse(query.as_bytes()).collect();
    let unknown = parameters.iter().filter(|(name, _)| !known.contains(&name.as_ref()));
    let refused = unknown.map(|(name, _)| {
        Violation::new(Violation::printable_name(name), "is not a known parameter")
    });
    refused.chain(repeated(&parameters)).collect()
}

#[cfg(test)]
mod tests;
