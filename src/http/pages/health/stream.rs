//! The stream that keeps the page current: one server-sent event every few seconds, with the part
//! of the page that changes. Its place is one of those for streams of changes, which are bounded,
//! and the caller is authenticated again before each event.

use std::convert::Infallible;
use std::time::Instant;

use actix_web::web::{Bytes, Data};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use futures_util::Stream;
use tokio::time::sleep;

use super::live::live;
use crate::http::app_data::{CatalogueServices, OperationsServices};
use crate::http::client_places::PlaceHolder;
use crate::http::error::ApiError;
use crate::http::extract::circuit_admin::CircuitAdmin;
use crate::http::extract::origin::Origin;
use crate::http::feed_listeners::FeedListener;
use crate::http::request::caller::Caller;
use crate::http::request::context::RequestContext;
use crate::http::request::event_stream::EventStream;
use crate::http::request::method::HeadRequest;
use crate::http::response::event_stream;
use crate::telemetry::recent::EVERY;

/// What the next event is made from.
struct HealthStream {
    admin: CircuitAdmin,
    origin: Origin,
    request: HttpRequest,
    services: Data<OperationsServices>,
    listener: FeedListener,
    /// Whether an event was sent.
    has_begun: bool,
}

pub(super) async fn open(
    admin: CircuitAdmin,
    caller: Option<Caller>,
    origin: Origin,
    services: Data<OperationsServices>,
    catalogue: Data<CatalogueServices>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    if request.extensions().contains::<HeadRequest>() {
        return Ok(event_stream().finish());
    }
    let address = RequestContext::client_prefix(&request);
    let client = caller
        .map_or(PlaceHolder::Anonymous(address), |caller| PlaceHolder::User(caller.user.user_id));
    let listener = catalogue.feed.admit(client).await?;
    request.extensions_mut().insert(EventStream(Instant::now()));
    let stream = HealthStream { admin, origin, request, services, listener, has_begun: false };
    Ok(event_stream().streaming(stream.into_bytes()))
}

impl HealthStream {
    fn into_bytes(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        Box::pin(futures_util::stream::unfold(self, |mut stream| async move {
            let event = stream.next().await?;
            Some((Ok(Bytes::from(event)), stream))
        }))
    }

    /// Waits until the next event is due, and makes it; none if the service stops, or the caller is
    /// no administrator any more.
    async fn next(&mut self) -> Option<String> {
        if self.has_begun {
            tokio::select! {
                _ = self.listener.signal.wait_for(|signal| signal.stopped) => return None,
                () = sleep(EVERY) => {}
            }
        }
        self.has_begun = true;
        self.admin.confirm(&self.request, &self.origin).await.ok()?;
        live(&self.services).await.ok().map(|part| event(&part.into_string()))
    }
}

/// Makes an event (HTML Standard, 9.2): causes of errors may have several lines.
fn event(text: &str) -> String {
    let lines = text.split(['\n', '\r']).map(|line| format!("data: {line}\n"));
    lines.chain(["\n".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn event_has_a_field_for_each_line() {
        assert_eq!(super::event("<p>a\r\nb</p>"), "data: <p>a\ndata: \ndata: b</p>\n\n");
    }
}
