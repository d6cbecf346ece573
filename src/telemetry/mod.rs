//! What operators hear of the service: structured events (on stdout, and [`shipping`]), and what
//! Prometheus scrapes ([`instruments`]).

mod error_chain;
pub mod instruments;
mod level;
// Without a sink there is nobody to use it.
#[cfg_attr(not(any(feature = "cloudwatch", feature = "elasticsearch")), allow(dead_code, unused))]
pub mod shipping;
pub mod sinks;
mod stdout;

use slog::{Drain, Duplicate, Logger, o};

pub use self::error_chain::error_chain;
use self::level::{Filtered, Levels};
use self::shipping::{CAPACITY, Pace, Shipping};
use self::sinks::Sinks;
use self::stdout::{Flush, Stdout};
use crate::config::{LogConfig, ShippingConfig};

/// The logger and its writers. Dropping it ships and writes what is still buffered.
pub struct Logs {
    /// The root of all loggers.
    pub logger: Logger,
    /// What became of its events.
    pub sinks: Sinks,
    // In this order: whoever ships may still have something to say on stdout.
    _shipping: Shipping,
    _stdout: Flush,
}

/// Starts logging, also for the libraries that log through `log`.
///
/// # Errors
/// A line that names the variable which cannot be used.
pub fn start(config: &LogConfig, shipping: &ShippingConfig) -> Result<Logs, String> {
    let levels = Levels::parse(&config.log_level)?;
    let mut shipping = Shipping::prepare(shipping, CAPACITY, Pace::default())?;
    let mut sinks = Sinks::default();
    let (out, guard, written) = Stdout::start(config.log_format);
    sinks.add("stdout", written);
    let drain = Filtered::new(Duplicate::new(out, shipping.drain(&mut sinks)), levels);
    let logger = Logger::root(drain.ignore_res(), o!());
    // Libraries log until the very end, when nobody writes any more: then into nothing, not into a
    // panic.
    slog_scope::set_global_logger(logger.clone()).cancel_reset();
    // Fails only when called twice in one process; the first bridge goes on working then.
    let _ = slog_stdlog::init_with_level(log::Level::Info);
    shipping.start(&logger)?;
    for (sink, _) in sinks.counts().iter().filter(|(sink, _)| *sink != "stdout") {
        slog::info!(logger, "shipping log events"; "sink" => sink, "instance" => shipping.instance.to_string());
    }
    Ok(Logs { logger, sinks, _shipping: shipping, _stdout: Flush::of(guard) })
}
