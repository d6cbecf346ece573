//! What is known of every request before it is handled. The access log middleware finds it once,
//! and puts it into the request.

use std::sync::Arc;

use actix_web::HttpMessage;
use slog::Logger;

use super::client_ip::ClientAddress;
use super::request_id::RequestIds;
use crate::rate_limit::client_ip::ClientPrefix;

/// Client, ids, route and logger of a request.
#[derive(Clone, Debug)]
pub struct RequestContext {
    pub client: ClientAddress,
    pub ids: RequestIds,
    /// The pattern of its route, or `unmatched`.
    pub route: Arc<str>,
    /// Its events have the ids.
    pub logger: Logger,
}

impl RequestContext {
    /// Returns the client IP of a request.
    pub fn client(request: &impl HttpMessage) -> Option<ClientAddress> {
        request.extensions().get::<Self>().map(|context| context.client)
    }

    /// Returns the prefix that rate limits count a request by.
    pub fn client_prefix(request: &impl HttpMessage) -> Option<ClientPrefix> {
        Self::client(request).map(|client| client.0.into())
    }

    /// Returns the ids of a request.
    pub fn ids(request: &impl HttpMessage) -> Option<RequestIds> {
        request.extensions().get::<Self>().map(|context| context.ids.clone())
    }

    /// Returns the pattern of the route of a request.
    pub fn route(request: &impl HttpMessage) -> Option<Arc<str>> {
        request.extensions().get::<Self>().map(|context| Arc::clone(&context.route))
    }

    /// Returns the logger of a request.
    pub fn logger(request: &impl HttpMessage) -> Option<Logger> {
        request.extensions().get::<Self>().map(|context| context.logger.clone())
    }
}
