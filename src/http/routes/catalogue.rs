//! Routes of the catalogue as a whole.

mod export;
mod import;

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the routes of the catalogue as a whole.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(import::import).service(export::export);
}
