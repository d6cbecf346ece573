//! The instruments that Prometheus reads, one struct a subject, made from the list in [`families`].

pub mod authentication;
pub mod catalogue;
pub mod connections;
pub mod database;
pub mod families;
pub mod http;
pub mod limits;
pub mod logs;
pub mod reference;

use std::sync::{Arc, Mutex, PoisonError};

use prometheus::{Encoder, IntCounter, Registry, TextEncoder};

use self::authentication::Authentication;
use self::catalogue::CatalogueInstruments;
use self::connections::ConnectionInstruments;
use self::database::DatabaseInstruments;
use self::families::BUILD;
use self::http::HttpInstruments;
use self::limits::LimitInstruments;
use self::logs::LogInstruments;

/// The media type of the exposition.
pub const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// The commit of this build, where whoever built it has said so.
pub const REVISION: &str = match option_env!("MDL_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// All instruments.
#[derive(Clone)]
pub struct Instruments {
    registry: Registry,
    turn: Arc<Mutex<()>>,
    pub http: HttpInstruments,
    /// Connections to the listeners.
    pub connections: ConnectionInstruments,
    /// Authentication and API keys.
    pub authentication: Authentication,
    pub limits: LimitInstruments,
    pub database: DatabaseInstruments,
    /// The catalogue and its users.
    pub catalogue: CatalogueInstruments,
    pub logs: LogInstruments,
}

impl std::fmt::Debug for Instruments {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Instruments").finish_non_exhaustive()
    }
}

impl Instruments {
    /// New ones, in a registry of their own.
    ///
    /// # Errors
    /// Never in practice: the names are right and different.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        BUILD.gauges(&registry)?.with_label_values(&[env!("CARGO_PKG_VERSION"), REVISION]).set(1);
        #[cfg(target_os = "linux")]
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(Self {
            http: HttpInstruments::new(&registry)?,
            connections: ConnectionInstruments::new(&registry)?,
            authentication: Authentication::new(&registry)?,
            limits: LimitInstruments::new(&registry)?,
            database: DatabaseInstruments::new(&registry)?,
            catalogue: CatalogueInstruments::new(&registry)?,
            logs: LogInstruments::new(&registry)?,
            registry,
            turn: Arc::default(),
        })
    }

    /// Everything, in Prometheus' text format, after `refresh` has brought up to date what others
    /// count. One at a time, or two readers would add the same twice.
    ///
    /// # Errors
    /// Never in practice.
    pub fn exposition(&self, refresh: impl FnOnce(&Self)) -> Result<String, prometheus::Error> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        refresh(self);
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

/// Brings a counter to what somebody else has counted, which only grows.
fn raise(counter: &IntCounter, to: u64) {
    counter.inc_by(to.saturating_sub(counter.get()));
}
