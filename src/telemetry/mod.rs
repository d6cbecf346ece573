//! What operators see of the service: log events, on stdout and in the sinks of [`shipping`], the
//! metrics that Prometheus scrapes ([`instruments`]), and [`traces`]. What is logged and measured
//! is decided where it happens, in `http`, `actors` and `app`.

mod error;
mod error_chain;
mod event;
pub mod instruments;
mod level;
pub mod recent;
pub mod repeated;
// Without a sink feature nothing uses it.
#[cfg_attr(not(any(feature = "cloudwatch", feature = "elasticsearch")), allow(dead_code, unused))]
pub mod shipping;
pub mod sinks;
mod stdout;
pub mod traces;

use slog::{Drain, Duplicate, Logger, o};

pub use self::error::LoggingError;
pub use self::error_chain::error_chain;
use self::level::{LevelFilter, Levels};
use self::shipping::{CAPACITY, Shipping, ShippingTimes};
use self::sinks::Sinks;
use self::stdout::{StdoutDrain, StdoutFlush};
use crate::config::{LogConfig, ShippingConfig};

/// The logger and its writers. Dropping it ships and writes what is still buffered.
pub struct Logs {
    pub logger: Logger,
    pub sinks: Sinks,
    // Dropped in this order: a shipper that ends may still log to stdout.
    _shipping: Shipping,
    _stdout: StdoutFlush,
}

/// Starts logging, also for libraries that log through the `log` crate.
///
/// # Errors
/// When a variable cannot be used, or a sink cannot be started.
pub fn start(config: &LogConfig, shipping: &ShippingConfig) -> Result<Logs, LoggingError> {
    let levels = Levels::parse(&config.log_level)?;
    let mut shipping = Shipping::prepare(shipping, CAPACITY, ShippingTimes::default())?;
    let mut sinks = Sinks::default();
    let (out, writer, counts) = StdoutDrain::start(config.log_format, shipping.instance);
    sinks.add("stdout", counts);
    let drain = LevelFilter::new(Duplicate::new(out, shipping.drain(&mut sinks)), levels);
    let logger = Logger::root(drain.ignore_res(), o!());
    // Libraries may log after the writers have ended; their events are discarded then, without a
    // panic.
    slog_scope::set_global_logger(logger.clone()).cancel_reset();
    // This fails only when called twice in one process; the first bridge keeps working then.
    let _ = slog_stdlog::init_with_level(log::Level::Info);
    shipping.start(&logger)?;
    for (sink, _) in sinks.counts().iter().filter(|(sink, _)| *sink != "stdout") {
        slog::info!(logger, "shipping log events";
            "sink" => sink, "instance" => shipping.instance.to_string());
    }
    Ok(Logs { logger, sinks, _shipping: shipping, _stdout: StdoutFlush::new(writer) })
}
