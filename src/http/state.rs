//! The composition of the services. `app::service` builds it; handlers do not use it but ask for
//! the services of `http::app_data` that they need. Middleware reads it from the application data.

use std::path::PathBuf;

use actix_web::web;
use slog::Logger;

use crate::actors::db_breaker::DbBreakerHandle;
use crate::clock::Clock;
use crate::http::app_data::{
    AccessPolicy, AccountServices, CatalogueServices, MailServices, OperationsServices,
};
use crate::http::auditing::queue::AuditQueue;
use crate::http::background_work::BackgroundWork;
use crate::http::middleware::detached::DetachedRequests;
use crate::http::middleware::security::SecurityHeaders;
use crate::http::rate_limit::limiter::RateLimiter;
use crate::http::request::client_ip::Forwarding;
use crate::telemetry::instruments::Instruments;
use crate::telemetry::traces::request_span::RequestTracer;

/// All services of the application, and the handles that they share.
#[derive(Debug)]
pub struct AppState {
    pub db: DbBreakerHandle,
    pub clock: Clock,
    /// For events that belong to no request.
    pub logger: Logger,
    pub instruments: Instruments,
    pub access_policy: web::Data<AccessPolicy>,
    pub catalogue: web::Data<CatalogueServices>,
    pub accounts: web::Data<AccountServices>,
    pub mail: web::Data<MailServices>,
    pub operations: web::Data<OperationsServices>,
    pub audit: web::Data<AuditQueue>,
    pub rate_limiter: web::Data<RateLimiter>,
    pub background: BackgroundWork,
    /// Folder of the embedded database, without links; none with a server.
    pub data_folder: Option<PathBuf>,
    pub middleware: MiddlewareServices,
}

/// What only the middleware uses.
#[derive(Debug)]
pub struct MiddlewareServices {
    /// Finds the client IP behind trusted proxies.
    pub forwarding: Forwarding,
    pub security_headers: SecurityHeaders,
    pub tracer: RequestTracer,
    /// Counts writes whose clients have disconnected.
    pub detached: DetachedRequests,
}

impl AppState {
    /// Registers each service for the handlers.
    pub fn register(&self, config: &mut web::ServiceConfig) {
        config
            .app_data(self.access_policy.clone())
            .app_data(self.catalogue.clone())
            .app_data(self.accounts.clone())
            .app_data(self.mail.clone())
            .app_data(self.operations.clone())
            .app_data(self.audit.clone())
            .app_data(self.rate_limiter.clone());
    }
}
