//! Whether a client wants another media type than JSON (`Accept`, RFC 9110, 12.5.1).

use actix_web::HttpRequest;
use actix_web::http::header::{Accept, Header, Quality};

/// Whether the client names this media type and does not prefer JSON. A range such as `*/*` names
/// none.
pub(super) fn prefers(request: &HttpRequest, media_type: &str) -> bool {
    let Ok(accepted) = Accept::parse(request) else { return false };
    let quality = |media_type: &str| {
        let named = accepted.iter().filter(|item| item.item.essence_str() == media_type);
        named.map(|item| item.quality).max().unwrap_or(Quality::ZERO)
    };
    let wanted = quality(media_type);
    wanted > Quality::ZERO && wanted >= quality("application/json")
}
