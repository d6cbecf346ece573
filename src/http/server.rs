//! The application: routes, middleware and their order, and the OpenAPI document.

use actix_governor::Governor;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Compress, Condition, from_fn};
use actix_web::{App, web};
use utoipa::openapi::OpenApi;
use utoipa_actix_web::AppExt;

use super::{error, middleware, openapi, rate_limit, routes, unmatched};

use super::rate_limit::burst::BurstConfig;
use super::request::class::Routes;
use crate::http::state::AppState;

/// What stands in front of the application.
#[derive(Clone)]
#[allow(missing_debug_implementations)]
pub struct Shields {
    /// So many requests a second.
    pub burst: BurstConfig,
    /// Origins whose scripts may read answers.
    pub origins: Vec<String>,
    /// Whether requests are counted and timed for Prometheus.
    pub measured: bool,
}

/// The application, one for each worker, and its description; `with_metrics` if Prometheus scrapes
/// the same listener.
pub fn app(
    state: web::Data<AppState>,
    shields: Shields,
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
    let (app, document) = described(App::new());
    let measure = state.instruments.http.middleware.clone();
    let app = app
        .app_data(web::Data::new(Routes::new(&document, with_metrics)))
        .app_data(state)
        .configure(|config| routes::docs::configure(config, document.clone()))
        .configure(|config| {
            if with_metrics {
                routes::exposition::configure(config);
            }
        })
        .default_service(web::to(unmatched::unmatched))
        .wrap(from_fn(middleware::run_to_end::run_to_end))
        .wrap(from_fn(rate_limit::general::settle))
        .wrap(from_fn(middleware::authenticate::authenticate))
        .wrap(from_fn(middleware::queries::bound))
        .wrap(from_fn(middleware::classify::refuse))
        .wrap(from_fn(rate_limit::general::limit))
        .wrap(Governor::new(&shields.burst))
        .wrap(from_fn(middleware::head::head_as_get))
        .wrap(Compress::default())
        .wrap(Condition::new(!shields.origins.is_empty(), middleware::cors::cors(&shields.origins)))
        .wrap(from_fn(middleware::access_log::frame))
        .wrap(Condition::new(shields.measured, measure))
        .wrap(from_fn(middleware::classify::classify))
        .wrap(from_fn(middleware::method::known_or_other))
        .wrap(from_fn(middleware::bodies::bound));
    (app, document)
}

/// The description alone, without an application.
pub fn document() -> OpenApi {
    described(App::new()).1
}

fn described<T>(app: App<T>) -> (App<T>, OpenApi)
where
    T: ServiceFactory<ServiceRequest, Config = (), Error = actix_web::Error, InitError = ()>,
{
    let (app, document) = app
        .into_utoipa_app()
        .openapi(openapi::base())
        .configure(routes::configure)
        .split_for_parts();
    (app, openapi::complete(document))
}

/// What Prometheus scrapes, on a listener of its own, in the same frame as everything else.
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
    let nowhere = || async {
        Err::<actix_web::HttpResponse, _>(error::ApiError::NotFound("Only /metrics is here"))
    };
    App::new()
        .app_data(web::Data::new(Routes::new(&OpenApi::default(), true)))
        .app_data(state)
        .configure(routes::exposition::configure)
        .default_service(web::to(nowhere))
        .wrap(from_fn(middleware::classify::refuse))
        .wrap(from_fn(middleware::access_log::frame))
        .wrap(from_fn(middleware::classify::classify))
        .wrap(from_fn(middleware::bodies::bound))
}
