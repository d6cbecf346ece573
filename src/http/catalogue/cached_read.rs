//! Reads of the catalogue: from memory while nothing has changed, else from the database, and from
//! memory again, marked as stale (RFC 9111), while the database is away. Everyone who may read the
//! catalogue sees the same of it, so the question alone is the key.

use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::http::header::{AGE, ETAG, WARNING};

use crate::cache::responses::{Answer, Recollection};
use crate::http::AppState;
use crate::http::answer::{JSON, etag};
use crate::http::error::ApiError;
use crate::http::extract::conditions::IfNoneMatch;

/// A question: a path and its parameters, whatever their order.
pub fn question(path: &str, parameters: &[(String, String)]) -> String {
    let mut sorted: Vec<&(String, String)> = parameters.iter().collect();
    sorted.sort();
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(sorted).finish();
    format!("{path}?{query}")
}

/// Answers a question; `read` asks the database.
///
/// # Errors
/// Those of `read`; that the database is away only if nothing is remembered.
pub async fn answer(
    state: &AppState,
    question: &str,
    known: Option<&IfNoneMatch>,
    read: impl AsyncFnOnce() -> Result<Answer, ApiError>,
) -> Result<HttpResponse, ApiError> {
    let remembered = state.answers.recall(question, Instant::now());
    if let Recollection::Fresh(answer) = &remembered {
        return Ok(respond(answer, known, None));
    }
    let epoch = state.answers.epoch();
    match (read().await, remembered) {
        (Ok(answer), _) => {
            let response = respond(&answer, known, None);
            state.answers.remember(question, answer, epoch, Instant::now());
            Ok(response)
        }
        (Err(ApiError::Unavailable { .. }), Recollection::Stale(answer, age)) => {
            Ok(respond(&answer, known, Some(age)))
        }
        (Err(error), _) => Err(error),
    }
}

fn respond(answer: &Answer, known: Option<&IfNoneMatch>, stale: Option<Duration>) -> HttpResponse {
    let had = answer
        .version
        .as_ref()
        .is_some_and(|version| known.is_some_and(|known| known.has(version)));
    let mut response = if had { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    if let Some(version) = &answer.version {
        response.insert_header((ETAG, etag(version)));
    }
    if let Some(age) = stale {
        response
            .insert_header((AGE, age.as_secs().to_string()))
            .insert_header(("X-Cache", "STALE"))
            .insert_header((WARNING, "110 - \"Response is Stale\""));
    }
    if had {
        return response.finish();
    }
    for (name, value) in &answer.headers {
        response.insert_header((*name, value.as_str()));
    }
    response.content_type(JSON).body(answer.body.clone())
}
