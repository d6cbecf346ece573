//! Ships log events to CloudWatch Logs and Elasticsearch: each event is rendered once, put into a
//! bounded [`buffer`] for each sink, and sent by a `shipper` on a thread of its own. Requests never
//! wait for a sink. A shipper's own log events go to stdout only, so that a failing sink produces
//! no events for itself.

pub mod buffer;
#[cfg(feature = "cloudwatch")]
mod cloudwatch;
#[cfg(feature = "elasticsearch")]
mod elasticsearch;
mod missing_events;
mod shipper;
mod sink;

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::Utc;
use slog::{Drain, Logger, Never, OwnedKVList, Record};
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use self::buffer::{Buffer, Capacity};
use self::shipper::Shipper;
pub use self::shipper::{SHUTDOWN_TIMEOUT, ShippingTimes};
use self::sink::Sink;
use super::LoggingError;
use super::event::{self, EventFormat};
use super::sinks::Sinks;
use crate::config::ShippingConfig;

/// Capacity of each buffer: at 500 bytes an event, about half a minute of 1,000 requests a second.
pub const CAPACITY: Capacity = Capacity { events: 32_768, bytes: 16 * 1024 * 1024 };

thread_local! {
    static IS_SHIPPER: Cell<bool> = const { Cell::new(false) };
}

type StartThread = Box<
    dyn FnOnce(Logger, watch::Receiver<Option<Instant>>) -> std::io::Result<JoinHandle<()>> + Send,
>;

/// A sink before its thread is started: the buffer already takes events, but the shipper needs a
/// logger.
struct PreparedSink {
    name: &'static str,
    buffer: Arc<Buffer>,
    start: StartThread,
}

/// All sinks except stdout. Dropping it ships the rest of the buffers.
pub struct Shipping {
    prepared: Vec<PreparedSink>,
    running: Vec<JoinHandle<()>>,
    close: watch::Sender<Option<Instant>>,
    shutdown: Duration,
    /// Identifies this process in log events.
    pub instance: Uuid,
}

impl Shipping {
    /// Creates the configured sinks; nothing is sent yet.
    ///
    /// # Errors
    /// When a variable cannot be used; the message names it.
    pub fn prepare(
        config: &ShippingConfig,
        capacity: Capacity,
        times: ShippingTimes,
    ) -> Result<Self, LoggingError> {
        let instance = Uuid::now_v7();
        let mut shipping = Self {
            prepared: Vec::new(),
            running: Vec::new(),
            close: watch::Sender::default(),
            shutdown: times.shutdown,
            instance,
        };
        if config.aws_cloudwatch_enabled {
            config.check_cloudwatch().map_err(|error| LoggingError::Sink(error.to_string()))?;
            #[cfg(feature = "cloudwatch")]
            {
                let config = config.clone();
                let make = async move || cloudwatch::CloudWatch::new(&config, instance).await;
                shipping.add("cloudwatch", make, capacity, times);
            }
            #[cfg(not(feature = "cloudwatch"))]
            return Err(LoggingError::FeatureMissing {
                variable: "AWS_CLOUDWATCH_ENABLED",
                feature: "cloudwatch",
            });
        }
        if config.elasticsearch_enabled {
            #[cfg(feature = "elasticsearch")]
            {
                let sink = elasticsearch::Elasticsearch::new(config, instance)?;
                shipping.add("elasticsearch", async move || sink, capacity, times);
            }
            #[cfg(not(feature = "elasticsearch"))]
            return Err(LoggingError::FeatureMissing {
                variable: "ELASTICSEARCH_ENABLED",
                feature: "elasticsearch",
            });
        }
        Ok(shipping)
    }

    fn add<S: Sink + 'static>(
        &mut self,
        name: &'static str,
        make: impl AsyncFnOnce() -> S + Send + 'static,
        capacity: Capacity,
        times: ShippingTimes,
    ) {
        let buffer = Arc::new(Buffer::new(capacity, S::LIMITS, self.instance));
        let shared = Arc::clone(&buffer);
        let start = move |logger, closing| {
            let run = move || {
                IS_SHIPPER.set(true);
                let (buffer, own_logger) = (Arc::clone(&shared), Logger::clone(&logger));
                let ship = AssertUnwindSafe(|| {
                    let runtime =
                        tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                    runtime.block_on(async move {
                        Shipper { name, buffer, times, closing, logger, consecutive_failures: 0 }
                            .run(make())
                            .await;
                    });
                    // A DNS lookup may still run on a thread of its own.
                    runtime.shutdown_background();
                    Ok::<_, std::io::Error>(())
                });
                // A panic in the library of a sink must not end the service.
                if !matches!(std::panic::catch_unwind(ship), Ok(Ok(()))) {
                    let dropped = shared.close();
                    slog::error!(own_logger,
                        "log sink failed; its events are dropped until the next start";
                        "sink" => name, "events" => dropped);
                }
            };
            std::thread::Builder::new().name(format!("mdl-ship-{name}")).spawn(run)
        };
        self.prepared.push(PreparedSink { name, buffer, start: Box::new(start) });
    }

    /// Returns the drain that fills the buffers, and adds their counters to `sinks`.
    pub fn drain(&self, sinks: &mut Sinks) -> ShippingDrain {
        for prepared in &self.prepared {
            sinks.add(prepared.name, Arc::clone(&prepared.buffer) as _);
        }
        let buffers = self.prepared.iter().map(|prepared| Arc::clone(&prepared.buffer)).collect();
        ShippingDrain { buffers, format: EventFormat::shipped(self.instance) }
    }

    /// Starts the threads that ship.
    ///
    /// # Errors
    /// When a thread cannot be created.
    pub fn start(&mut self, logger: &Logger) -> Result<(), LoggingError> {
        for PreparedSink { start, .. } in self.prepared.drain(..) {
            self.running.push(start(logger.clone(), self.close.subscribe())?);
        }
        Ok(())
    }
}

impl Drop for Shipping {
    /// Ships the rest, all sinks at the same time, until the shutdown timeout.
    fn drop(&mut self) {
        self.close.send_replace(Some(Instant::now() + self.shutdown));
        for thread in self.running.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Renders events and puts them into the buffers of all sinks.
pub struct ShippingDrain {
    buffers: Vec<Arc<Buffer>>,
    format: EventFormat,
}

impl Drain for ShippingDrain {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        if self.buffers.is_empty() || IS_SHIPPER.get() {
            return Ok(());
        }
        let now = Utc::now();
        let line: Arc<str> = event::render(record, values, now, self.format).into();
        for buffer in &self.buffers {
            buffer.push(record.level(), now, Arc::clone(&line));
        }
        Ok(())
    }
}
