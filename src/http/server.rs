//! The application: its routes, its middleware and their order, and the OpenAPI document. The
//! listeners that serve it are in `app::service::listener`.

use actix_governor::Governor;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Compress, Condition, from_fn};
use actix_web::{App, web};
use utoipa::openapi::OpenApi;
use utoipa_actix_web::AppExt;

use super::app_data::AccessPolicy;
use super::middleware::access_log::access_log;
use super::middleware::cached_reads::CachedReads;
use super::rate_limit::burst::BurstConfig;
use super::request::routes::Routes;
use super::{error, middleware, openapi, pages, rate_limit, routes, unmatched};
use crate::http::state::AppState;

/// Options of the API's server.
#[derive(Clone)]
#[allow(missing_debug_implementations)]
pub struct AppOptions {
    pub burst: BurstConfig,
    /// Allowed CORS origins; empty allows the same origin only.
    pub origins: Vec<String>,
    /// Whether Prometheus metrics of HTTP requests are collected.
    pub measured: bool,
}

/// Builds the application (one for each worker) and its OpenAPI document. `with_metrics` adds
/// `/metrics` to the same listener.
pub fn app(
    state: web::Data<AppState>,
    options: AppOptions,
    with_metrics: bool,
) -> (
    App<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<impl MessageBody>,
            Error = actix_web::Error,
            InitError = (),
        >,
    >,
    OpenApi,
) {
    let (app, document) = with_routes(App::new());
    let public_url = state.mail.public_url.as_deref();
    let document = openapi::complete(document, &state.access_policy, public_url);
    let table = pages::table();
    let known = Routes::new(&document, with_metrics).with_pages(&table.operations());
    let measured = options.measured;
    let cross_origin = !options.origins.is_empty();
    let preflights = middleware::cors::preflights(&options.origins);
    let response_headers = middleware::cors::response_headers(&options.origins);
    let app = app
        .app_data(web::Data::new(known))
        .configure(|config| state.register(config))
        .app_data(state)
        .configure(|config| pages::register(table, config))
        .configure(|config| routes::docs::configure(config, &document))
        .configure(|config| {
            if with_metrics {
                routes::exposition::configure(config);
            }
        })
        .default_service(web::to(unmatched::unmatched))
        .wrap(from_fn(middleware::run_to_end::run_to_end))
        .wrap(from_fn(rate_limit::general::settle_charge))
        .wrap(from_fn(middleware::authenticate::authenticate))
        .wrap(from_fn(middleware::same_origin::refuse_foreign))
        .wrap(Condition::new(cross_origin, preflights))
        .wrap(from_fn(middleware::queries::refuse_query))
        .wrap(from_fn(middleware::classify::refuse_path))
        .wrap(from_fn(rate_limit::general::charge_request))
        .wrap(Governor::new(&options.burst))
        .wrap(from_fn(rate_limit::burst::record_refusal))
        .wrap_fn(middleware::head::head_as_get)
        .wrap(Compress::default())
        .wrap(CachedReads(options.burst))
        .wrap(Condition::new(cross_origin, response_headers))
        .wrap_fn(move |request, next| access_log(request, next, measured))
        .wrap_fn(middleware::classify::classify)
        .wrap_fn(middleware::method::normalize_method)
        .wrap_fn(middleware::bodies::enforce_deadline);
    (app, document)
}

/// Builds the OpenAPI document without an application, as with the default configuration.
pub fn document() -> OpenApi {
    let policy =
        AccessPolicy { anonymous_read: false, registration: false, require_if_match: false };
    openapi::complete(with_routes(App::new()).1, &policy, None)
}

fn with_routes<T>(app: App<T>) -> (App<T>, OpenApi)
where
    T: ServiceFactory<ServiceRequest, Config = (), Error = actix_web::Error, InitError = ()>,
{
    app.into_utoipa_app().openapi(openapi::base()).configure(routes::configure).split_for_parts()
}

/// Builds the application of the separate metrics listener, with the same access log, error bodies
/// and body deadlines as the API.
pub fn exposition(
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
        let message = "Route not found; this listener serves /metrics only".to_owned();
        Err::<actix_web::HttpResponse, _>(error::ApiError::NotFound(message))
    };
    let measure = state.instruments.http.exposition.clone();
    App::new()
        .app_data(web::Data::new(Routes::new(&OpenApi::default(), true)))
        .configure(|config| state.register(config))
        .app_data(state)
        .configure(routes::exposition::configure)
        .default_service(web::to(unmatched))
        .wrap(from_fn(middleware::queries::refuse_query))
        .wrap(from_fn(middleware::classify::refuse_path))
        .wrap_fn(|request, next| access_log(request, next, false))
        .wrap(measure)
        .wrap_fn(middleware::classify::classify)
        .wrap_fn(middleware::method::normalize_method)
        .wrap_fn(middleware::bodies::enforce_deadline)
}
