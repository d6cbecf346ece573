//! The application on the local socket of administrators: the routes of the circuit breakers, with
//! access log and audit log as on the API's listener, but without credentials and rate limits, and
//! the route that copies the embedded database for a backup. The socket is for an outage, in which
//! neither log-in nor lookup of a key is possible, and for those who can read the data folder
//! anyway; who may connect is in `http::connections::local`.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::{App, web};
use utoipa_actix_web::AppExt;

use super::error::ApiError;
use super::middleware::access_log::access_log;
use super::request::routes::Routes;
use super::{middleware, routes};
use crate::http::state::AppState;

/// Builds the application.
pub fn app(
    state: web::Data<AppState>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    let unmatched = || async {
        let message =
            "Route not found; this socket serves /health/circuit-breakers and /backup".to_owned();
        Err::<actix_web::HttpResponse, _>(ApiError::NotFound(message))
    };
    let app = App::new().into_utoipa_app();
    let app = app.configure(routes::circuit_breakers::configure);
    #[cfg(feature = "embedded")]
    let app = app.configure(routes::backup::configure);
    let (app, document) = app.split_for_parts();
    app.app_data(web::Data::new(Routes::new(&document, false)))
        .configure(|config| state.register(config))
        .app_data(state)
        .default_service(web::to(unmatched))
        .wrap(from_fn(middleware::queries::refuse_query))
        .wrap(from_fn(middleware::classify::refuse_path))
        .wrap_fn(|request, next| access_log(request, next, false))
        .wrap_fn(middleware::classify::classify)
        .wrap_fn(middleware::bodies::enforce_deadline)
}
