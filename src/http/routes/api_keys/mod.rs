//! Routes of API keys. Users manage their keys with a session: an API key cannot create or change
//! API keys. A change that ends a key is committed first, then invalidates the caches, then is
//! answered.

mod issue;
mod list;
mod rate_limit;
mod response;
mod revoke;
mod target;
mod update;

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the routes of API keys.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list::list)
        .service(issue::create)
        .service(issue::rotate)
        .service(update::update)
        .service(revoke::revoke)
        .service(revoke::revoke_all);
}
