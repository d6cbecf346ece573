//! Routes of metrics: reads in `read`, changes in `write`, former versions in `versions`, what
//! depends on a metric in `impact`, response types in `response`.

mod impact;
pub(in crate::http) mod path;
mod read;
pub(in crate::http) mod response;
pub(in crate::http) mod versioned;
mod versions;
mod write;

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the routes of metrics.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(read::list)
        .service(read::get)
        .service(write::create)
        .service(write::update)
        .service(write::merge)
        .service(write::delete)
        .service(read::history)
        .service(impact::impact)
        .service(versions::list)
        .service(versions::get)
        .service(versions::diff)
        .service(versions::restore);
}
