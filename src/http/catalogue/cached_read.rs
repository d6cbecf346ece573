//! Reads of the catalogue: from the response cache while the catalogue has not changed, else from
//! the database, and stale from the cache (RFC 9111) while the database is unavailable or the
//! service overloaded. Every reader of the catalogue sees the same, so path and parameters alone
//! are the cache key.

use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::http::header::{AGE, ETAG, WARNING};

use crate::cache::responses::{CacheLookup, CachedResponse};
use crate::http::app_data::CatalogueServices;
use crate::http::error::ApiError;
use crate::http::extract::conditions::IfNoneMatch;
use crate::http::response::{JSON, etag};
use crate::telemetry::instruments::operations::CacheOutcome;

/// Builds the cache key of a path and its parameters, which may come in any order.
pub fn cache_key(path: &str, parameters: &[(String, String)]) -> String {
    let mut sorted: Vec<&(String, String)> = parameters.iter().collect();
    sorted.sort();
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(sorted).finish();
    format!("{path}?{query}")
}

/// Answers a read from the cache, or by `load`, which queries the database.
///
/// # Errors
/// Those of `load`; [`ApiError::Unavailable`] and [`ApiError::Overloaded`] only if the cache has no
/// response.
pub async fn read(
    services: &CatalogueServices,
    key: &str,
    if_none_match: Option<&IfNoneMatch>,
    load: impl AsyncFnOnce() -> Result<CachedResponse, ApiError>,
) -> Result<HttpResponse, ApiError> {
    let (responses, instruments) = (&services.responses, &services.instruments.operations);
    let cached = responses.get(key, Instant::now());
    if let CacheLookup::Fresh(response) = &cached {
        instruments.count_cache_lookup(CacheOutcome::Hit);
        return Ok(respond(response, if_none_match, None));
    }
    let epoch = responses.epoch();
    match (load().await, cached) {
        (Ok(loaded), _) => {
            instruments.count_cache_lookup(CacheOutcome::Miss);
            let response = respond(&loaded, if_none_match, None);
            responses.insert(key, loaded, epoch, Instant::now());
            Ok(response)
        }
        // Under overload, too, a stale response serves better than none.
        (
            Err(ApiError::Unavailable { .. } | ApiError::Overloaded { .. }),
            CacheLookup::Stale(stale, age),
        ) => {
            instruments.count_cache_lookup(CacheOutcome::Stale);
            Ok(respond(&stale, if_none_match, Some(age)))
        }
        (Err(error), _) => {
            instruments.count_cache_lookup(CacheOutcome::Miss);
            Err(error)
        }
    }
}

fn respond(
    cached: &CachedResponse,
    if_none_match: Option<&IfNoneMatch>,
    stale_for: Option<Duration>,
) -> HttpResponse {
    let is_match = cached.version.as_ref().is_some_and(|version| {
        if_none_match.is_some_and(|if_none_match| if_none_match.contains(version))
    });
    let mut response = if is_match { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    if let Some(version) = &cached.version {
        response.insert_header((ETAG, etag(version)));
    }
    if let Some(age) = stale_for {
        response
            .insert_header((AGE, age.as_secs().to_string()))
            .insert_header(("X-Cache", "STALE"))
            .insert_header((WARNING, "110 - \"Response is Stale\""));
    }
    if is_match {
        return response.finish();
    }
    for (name, value) in &cached.headers {
        response.insert_header((*name, value.as_str()));
    }
    response.content_type(JSON).body(cached.body.clone())
}
