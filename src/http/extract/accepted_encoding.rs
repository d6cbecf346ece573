//! The encoding of the response, for handlers that send compressed bodies from the cache. It is the
//! one that `actix_web::middleware::Compress` chooses for the same request, and by its rules.

use std::cell::RefCell;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{
    ACCEPT_ENCODING, AcceptEncoding, ContentEncoding, Encoding, HeaderValue,
};
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use crate::http::error::ApiError;

/// What the middleware supports with its features.
const SUPPORTED: [Encoding; 5] = [
    Encoding::identity(),
    Encoding::brotli(),
    Encoding::gzip(),
    Encoding::deflate(),
    Encoding::zstd(),
];

/// The encoding that the client prefers. If it accepts none, the middleware answers 406 itself.
#[derive(Clone, Copy, Debug)]
pub struct AcceptedEncoding(pub ContentEncoding);

impl AcceptedEncoding {
    /// Chooses the encoding for a request.
    pub fn negotiate(request: &HttpRequest) -> Self {
        Self(negotiate(request))
    }
}

thread_local! {
    /// The last header and its result: most clients send the same, and to parse it allocates.
    static LAST: RefCell<Option<(HeaderValue, ContentEncoding)>> = const { RefCell::new(None) };
}

impl FromRequest for AcceptedEncoding {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::negotiate(request)))
    }
}

fn negotiate(request: &HttpRequest) -> ContentEncoding {
    let mut values = request.headers().get_all(ACCEPT_ENCODING);
    let (value, second) = (values.next(), values.next());
    let Some(value) = value else { return ContentEncoding::Identity };
    if second.is_some() {
        return parse(request);
    }
    LAST.with_borrow_mut(|last| match last {
        Some((known, encoding)) if known == value => *encoding,
        _ => {
            let encoding = parse(request);
            // Copied, because the value is a part of the buffer of its connection.
            let copied = HeaderValue::from_bytes(value.as_bytes());
            *last = copied.ok().map(|value| (value, encoding));
            encoding
        }
    })
}

fn parse(request: &HttpRequest) -> ContentEncoding {
    let accepted = request.get_header::<AcceptEncoding>();
    match accepted.and_then(|accepted| accepted.negotiate(SUPPORTED.iter())) {
        Some(Encoding::Known(encoding)) => encoding,
        _ => ContentEncoding::Identity,
    }
}
