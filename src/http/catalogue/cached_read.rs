//! Reads of the catalogue: from the response cache while what they show has not changed, else from
//! the database, and stale from the cache (RFC 9111) while the database is unavailable or the
//! service overloaded.
//!
//! A body is compressed once: the compressed bytes are an entry of their own, with the epoch and
//! the age of the response.

use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::http::header::{ContentEncoding, HeaderMap};

use super::cache_key::CacheKey;
use crate::cache::responses::{BodyEncoding, CacheLookup, CachedEntry};
use crate::http::app_data::CatalogueServices;
use crate::http::cached_response::CachedResponse;
use crate::http::error::ApiError;
use crate::http::extract::accepted_encoding::AcceptedEncoding;
use crate::http::extract::conditions::IfNoneMatch;
use crate::model::scopes::Scope;
use crate::telemetry::instruments::operations::CacheOutcome;

/// A request whose response can be cached.
struct CachedRead<'a> {
    services: &'a CatalogueServices,
    key: &'a CacheKey<'a>,
    encoding: ContentEncoding,
    if_none_match: &'a IfNoneMatch,
}

/// Answers a read from the cache, or by `load`, which queries the database.
///
/// # Errors
/// Those of `load`; [`ApiError::Unavailable`] and [`ApiError::Overloaded`] only if the cache has no
/// response.
pub async fn read(
    services: &CatalogueServices,
    key: &CacheKey<'_>,
    AcceptedEncoding(encoding): AcceptedEncoding,
    if_none_match: &IfNoneMatch,
    load: impl AsyncFnOnce() -> Result<CachedResponse, ApiError>,
) -> Result<HttpResponse, ApiError> {
    let (responses, instruments) = (&services.responses, &services.instruments.operations);
    let read = CachedRead { services, key, encoding, if_none_match };
    let now = Instant::now();
    let cached = responses.get(key.text(), body_encoding(encoding), now);
    if let CacheLookup::Fresh(entry) = &cached {
        instruments.count_cache_lookup(CacheOutcome::Hit);
        return Ok(read.answer(entry, None));
    }
    let plain = match encoding {
        ContentEncoding::Identity => CacheLookup::Miss,
        _ => responses.get(key.text(), BodyEncoding::Identity, now),
    };
    if let CacheLookup::Fresh(entry) = &plain {
        instruments.count_cache_lookup(CacheOutcome::Hit);
        return Ok(read.respond(entry, None).await);
    }
    let load_entry = async || {
        let epoch = responses.epochs.current();
        let loaded = load().await?.for_readers(key.readers());
        let dependency = key.dependency(&responses.epochs);
        let entry = CachedEntry::new(loaded, dependency, epoch, Instant::now());
        responses.insert(key.text(), BodyEncoding::Identity, entry.clone());
        Ok(entry)
    };
    let stale = newest(cached, plain);
    // After a change of the catalogue, all clients of a list ask for it again at once.
    let loaded = match responses.epochs.confirmed(now).filter(|_| stale.is_some()) {
        Some(epoch) => services.loads.run(key.text(), epoch, load_entry).await,
        None => load_entry().await,
    };
    match (loaded, stale) {
        (Ok(entry), _) => {
            instruments.count_cache_lookup(CacheOutcome::Miss);
            Ok(read.respond(&entry, None).await)
        }
        // Under overload, too, a stale response serves better than none.
        (Err(ApiError::Unavailable { .. } | ApiError::Overloaded { .. }), Some(stale)) => {
            instruments.count_cache_lookup(CacheOutcome::Stale);
            Ok(read.respond(&stale, Some(stale.age(now))).await)
        }
        (Err(error), _) => {
            instruments.count_cache_lookup(CacheOutcome::Miss);
            Err(error)
        }
    }
}

/// A fresh response that is sent without its handler.
#[derive(Debug)]
pub struct ReadyResponse {
    entry: CachedEntry<CachedResponse>,
    if_none_match: IfNoneMatch,
    /// The scopes of those who may have it.
    pub readers: &'static [Scope],
}

impl ReadyResponse {
    /// Finds the fresh response to a request with this path and these parameters, encoded as the
    /// client prefers. None if there is none, or only its handler may send it.
    pub fn find(
        services: &CatalogueServices,
        key: &str,
        AcceptedEncoding(encoding): AcceptedEncoding,
        headers: &HeaderMap,
    ) -> Option<Self> {
        let found = services.responses.get(key, body_encoding(encoding), Instant::now());
        let CacheLookup::Fresh(entry) = found else { return None };
        let readers = entry.response.readers()?;
        let if_none_match = IfNoneMatch::from_headers(headers).ok()?;
        Some(Self { entry, if_none_match, readers })
    }

    /// Counts the hit and answers the request.
    pub fn respond(&self, services: &CatalogueServices) -> HttpResponse {
        services.instruments.operations.count_cache_lookup(CacheOutcome::Hit);
        answer(&self.entry.response, &self.if_none_match, None)
    }
}

/// Answers with a response as it is, or says that the client has it already.
fn answer(
    response: &CachedResponse,
    if_none_match: &IfNoneMatch,
    stale_for: Option<Duration>,
) -> HttpResponse {
    match if_none_match.find(response.identity()) {
        Some(stored) => response.not_modified(stored, stale_for),
        None => response.respond(stale_for),
    }
}

impl CachedRead<'_> {
    /// Answers with an entry, encoded as the client prefers.
    async fn respond(
        &self,
        entry: &CachedEntry<CachedResponse>,
        stale_for: Option<Duration>,
    ) -> HttpResponse {
        let response = &entry.response;
        let is_ready = self.encoding == ContentEncoding::Identity
            || response.encoding() != ContentEncoding::Identity
            || self.if_none_match.find(response.identity()).is_some();
        if !is_ready && let Some(encoded) = response.encode(self.encoding).await {
            let encoded = entry.with_response(encoded);
            let (key, encoding) = (self.key.text(), body_encoding(self.encoding));
            self.services.responses.insert(key, encoding, encoded.clone());
            return self.answer(&encoded, stale_for);
        }
        self.answer(entry, stale_for)
    }

    /// Answers with an entry as it is.
    fn answer(
        &self,
        entry: &CachedEntry<CachedResponse>,
        stale_for: Option<Duration>,
    ) -> HttpResponse {
        answer(&entry.response, self.if_none_match, stale_for)
    }
}

/// The newest of the stale entries.
fn newest<R>(cached: CacheLookup<R>, plain: CacheLookup<R>) -> Option<CachedEntry<R>> {
    let entry = |lookup| match lookup {
        CacheLookup::Fresh(entry) | CacheLookup::Stale(entry) => Some(entry),
        CacheLookup::Miss => None,
    };
    match (entry(cached), entry(plain)) {
        (Some(cached), Some(plain)) if plain.is_newer_than(&cached) => Some(plain),
        (cached, plain) => cached.or(plain),
    }
}

fn body_encoding(encoding: ContentEncoding) -> BodyEncoding {
    match encoding {
        ContentEncoding::Brotli => BodyEncoding::Brotli,
        ContentEncoding::Gzip => BodyEncoding::Gzip,
        ContentEncoding::Deflate => BodyEncoding::Deflate,
        ContentEncoding::Zstd => BodyEncoding::Zstd,
        _ => BodyEncoding::Identity,
    }
}
