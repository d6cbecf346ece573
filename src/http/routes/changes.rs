//! The change feed: a part of it, or a stream of server-sent events (`stream`).

mod events;
mod part;
mod stream;

use std::time::Instant;

use actix_web::http::header::{HeaderValue, VARY};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, get, web};
use utoipa_actix_web::service_config::ServiceConfig;

use self::part::read;
use self::stream::ChangeStream;
use crate::http::app_data::CatalogueServices;
use crate::http::client_places::PlaceHolder;
use crate::http::envelope::ListBody;
use crate::http::error::ApiError;
use crate::http::extract::accepted_feed::FeedFormat;
use crate::http::extract::caller::{Everything, Reader};
use crate::http::extract::query::QueryParameters;
use crate::http::request::caller::Caller;
use crate::http::request::context::RequestContext;
use crate::http::request::event_stream::EventStream;
use crate::http::request::method::HeadRequest;
use crate::http::response::{event_stream, json};
use crate::model::changes::{CatalogueChange, ChangesQuery, foreign_change_cursor};
use crate::model::paging::{CursorPagination, ListPagination};
use crate::storage::catalogue_changes::FeedPart;

/// Registers the route of the change feed.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list);
}

/// List changes
///
/// All changes of metrics and business domains, in the one order in which they were made. Go on
/// with `pagination.next_cursor`, which is also there at the end of the feed: what is changed later
/// comes after it. With `Accept: text/event-stream` the response is a stream of server-sent events,
/// each of them a change with its cursor as id; it goes on until the client closes it, its
/// permissions end or the service stops.
#[utoipa::path(
    tag = "catalogue",
    operation_id = "list_changes",
    security((), ("bearer" = []), ("api_key" = [])),
    params(
        ("since" = Option<String>, Query,
            description = "A `cursor` or `next_cursor` of this feed; `start`, which is the \
                default; or `end` for what is changed from now on",
            example = "start", min_length = 1, max_length = 100, pattern = "^[A-Za-z0-9_-]+$"),
        ("limit" = Option<i64>, Query,
            description = "Maximum number of changes, default 100; in a stream, of changes that \
                are sent at a time",
            minimum = 1, maximum = 100),
        ("Last-Event-ID" = Option<String>, Header,
            description = "The id of the last event that the client has received; a stream begins \
                after it, whatever `since` is"),
    ),
    responses((status = 200, content(
        (ListBody<CatalogueChange> = "application/json"),
        (String = "text/event-stream"),
    )))
)]
#[get("/api/v1/changes")]
async fn list(
    _: Reader<Everything>,
    caller: Option<Caller>,
    QueryParameters(parameters): QueryParameters,
    format: FeedFormat,
    services: web::Data<CatalogueServices>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = ChangesQuery::parse(&parameters).map_err(ApiError::Validation)?;
    let mut response = match format {
        FeedFormat::Json => {
            let part = read(&services, query.since, query.limit).await?;
            json(&mut HttpResponse::Ok(), &body(part, query.limit))?
        }
        FeedFormat::Stream(last) => {
            let start = last.unwrap_or(query.since);
            open(&services, &request, caller.as_ref(), ChangesQuery { since: start, ..query })
                .await
                .map_err(|error| of_last_event(error, last.is_some()))?
        }
    };
    response.headers_mut().append(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

fn body(part: FeedPart, limit: i64) -> ListBody<CatalogueChange> {
    let next_cursor = Some(part.next.encode());
    let pagination = CursorPagination { limit, has_next: part.has_more, next_cursor };
    ListBody::new(part.changes, ListPagination::Cursor(pagination))
}

/// Opens a stream. What is wrong with the request, or with the database, shows in its status.
async fn open(
    services: &web::Data<CatalogueServices>,
    request: &HttpRequest,
    caller: Option<&Caller>,
    query: ChangesQuery,
) -> Result<HttpResponse, ApiError> {
    let mut response = event_stream();
    if request.extensions().contains::<HeadRequest>() {
        return Ok(response.streaming(futures_util::stream::empty::<std::io::Result<_>>()));
    }
    let address = RequestContext::client_prefix(request);
    let client = caller
        .map_or(PlaceHolder::Anonymous(address), |caller| PlaceHolder::User(caller.user.user_id));
    let listener = services.feed.admit(client).await?;
    let first = read(services, query.since, query.limit).await?;
    request.extensions_mut().insert(EventStream(Instant::now()));
    let stream = ChangeStream::new(services, request, listener, caller.is_some(), (query, first));
    Ok(response.streaming(stream.into_bytes()))
}

/// Names the header in place of the parameter, if the cursor came from there.
fn of_last_event(error: ApiError, is_from_header: bool) -> ApiError {
    match error {
        ApiError::Validation(_) if is_from_header => {
            ApiError::Validation(foreign_change_cursor("last-event-id"))
        }
        error => error,
    }
}
