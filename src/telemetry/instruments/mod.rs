//! The metrics that Prometheus scrapes: one struct of instruments for each subject, created from
//! the list in [`families`]. Code that counts is handed the struct of its subject; values that
//! others keep (pool, circuits, sinks) are read in [`Instruments::exposition`].

pub mod authentication;
pub mod catalogue;
pub mod connections;
mod counters;
pub mod database;
pub mod families;
pub mod family;
pub mod http;
mod labels;
pub mod limits;
pub mod logs;
pub mod operations;
pub mod reference;
pub mod traces;

use std::sync::{Arc, Mutex, PoisonError};

use prometheus::{Encoder, Registry, TextEncoder};

use self::authentication::AuthInstruments;
use self::catalogue::CatalogueInstruments;
use self::connections::ConnectionInstruments;
use self::database::DatabaseInstruments;
use self::families::BUILD;
use self::http::HttpInstruments;
use self::limits::RateLimitInstruments;
use self::logs::LogInstruments;
use self::operations::OperationsInstruments;
use self::traces::TraceInstruments;

/// Content type of the exposition: Prometheus' text format 0.0.4.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
/// The commit of this build, or `unknown`; found by `build.rs`.
pub const REVISION: &str = env!("MDL_BUILD_REVISION");

/// All instruments and their registry.
#[derive(Clone)]
pub struct Instruments {
    registry: Registry,
    exposing: Arc<Mutex<()>>,
    pub http: HttpInstruments,
    pub connections: ConnectionInstruments,
    pub authentication: AuthInstruments,
    pub limits: RateLimitInstruments,
    pub database: DatabaseInstruments,
    pub catalogue: CatalogueInstruments,
    pub logs: LogInstruments,
    pub traces: TraceInstruments,
    pub operations: OperationsInstruments,
}

impl std::fmt::Debug for Instruments {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Instruments").finish_non_exhaustive()
    }
}

impl Instruments {
    /// Creates all instruments in a new registry.
    ///
    /// # Errors
    /// When a name is invalid or registered twice, which is a bug.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        BUILD.gauges(&registry)?.with_label_values(&[env!("CARGO_PKG_VERSION"), REVISION]).set(1);
        #[cfg(target_os = "linux")]
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(Self {
            http: HttpInstruments::new(&registry)?,
            connections: ConnectionInstruments::new(&registry)?,
            authentication: AuthInstruments::new(&registry)?,
            limits: RateLimitInstruments::new(&registry)?,
            database: DatabaseInstruments::new(&registry)?,
            catalogue: CatalogueInstruments::new(&registry)?,
            logs: LogInstruments::new(&registry)?,
            traces: TraceInstruments::new(&registry)?,
            operations: OperationsInstruments::new(&registry)?,
            registry,
            exposing: Arc::default(),
        })
    }

    /// Renders all metrics in Prometheus' text format, after `refresh` has copied the values that
    /// other parts keep. Calls are serialised, or two scrapes would add the same increase twice.
    ///
    /// # Errors
    /// When the encoder fails, which is a bug.
    pub fn exposition(&self, refresh: impl FnOnce(&Self)) -> Result<String, prometheus::Error> {
        let _guard = self.exposing.lock().unwrap_or_else(PoisonError::into_inner);
        refresh(self);
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}
