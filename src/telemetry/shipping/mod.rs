//! Log events on their way to CloudWatch Logs and to Elasticsearch: rendered once (`line`), put
//! into a bounded [`buffer`] for each sink, carried by a `shipper` on a thread of its own. Nobody
//! waits for a sink, and a shipper never ships what it says itself.

pub mod buffer;
#[cfg(feature = "cloudwatch")]
mod cloudwatch;
#[cfg(feature = "elasticsearch")]
mod elasticsearch;
mod line;
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
pub use self::shipper::{LAST_WORDS, Pace};
use self::sink::Sink;
use super::sinks::Sinks;
use crate::config::ShippingConfig;

/// What each sink may hold back: at 500 bytes an event, about half a minute of 1,000 requests a
/// second.
pub const CAPACITY: Capacity = Capacity { events: 32_768, bytes: 16 * 1024 * 1024 };

thread_local! {
    static SHIPS: Cell<bool> = const { Cell::new(false) };
}

/// From here on, what this thread logs goes to stdout only: a sink's troubles must not feed it.
fn own_thread() {
    SHIPS.set(true);
}

type Start = Box<
    dyn FnOnce(Logger, watch::Receiver<Option<Instant>>) -> std::io::Result<JoinHandle<()>> + Send,
>;

/// A sink that is to be: its buffer fills from the first event, its shipper starts when there is a
/// logger to complain to.
struct Prepared {
    name: &'static str,
    buffer: Arc<Buffer>,
    start: Start,
}

/// All sinks beside stdout.
pub struct Shipping {
    prepared: Vec<Prepared>,
    running: Vec<JoinHandle<()>>,
    close: watch::Sender<Option<Instant>>,
    last_words: Duration,
    /// This process, in what it ships.
    pub instance: Uuid,
}

impl Shipping {
    /// As the configuration says; nothing is sent yet.
    ///
    /// # Errors
    /// A line that names the variable.
    pub fn prepare(
        config: &ShippingConfig,
        capacity: Capacity,
        pace: Pace,
    ) -> Result<Self, String> {
        let instance = Uuid::now_v7();
        let mut shipping = Self {
            prepared: Vec::new(),
            running: Vec::new(),
            close: watch::Sender::default(),
            last_words: pace.last_words,
            instance,
        };
        if config.aws_cloudwatch_enabled {
            config.check_cloudwatch()?;
            #[cfg(feature = "cloudwatch")]
            {
                let config = config.clone();
                let make = async move || cloudwatch::CloudWatch::new(&config, instance).await;
                shipping.add("cloudwatch", make, capacity, pace);
            }
            #[cfg(not(feature = "cloudwatch"))]
            return Err(
                "AWS_CLOUDWATCH_ENABLED: this build cannot ship there (feature cloudwatch)".into(),
            );
        }
        if config.elasticsearch_enabled {
            #[cfg(feature = "elasticsearch")]
            {
                let sink = elasticsearch::Elasticsearch::new(config, instance)?;
                shipping.add("elasticsearch", async move || sink, capacity, pace);
            }
            #[cfg(not(feature = "elasticsearch"))]
            return Err(
                "ELASTICSEARCH_ENABLED: this build cannot ship there (feature elasticsearch)"
                    .into(),
            );
        }
        Ok(shipping)
    }

    fn add<S: Sink + 'static>(
        &mut self,
        name: &'static str,
        make: impl AsyncFnOnce() -> S + Send + 'static,
        capacity: Capacity,
        pace: Pace,
    ) {
        let buffer = Arc::new(Buffer::new(capacity, S::LIMITS));
        let shipped = Arc::clone(&buffer);
        let start = move |logger, closing| {
            let run = move || {
                own_thread();
                let (buffer, complaints) = (Arc::clone(&shipped), Logger::clone(&logger));
                let ship = AssertUnwindSafe(|| {
                    let runtime =
                        tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                    runtime.block_on(async move {
                        Shipper { name, buffer, pace, closing, logger, failures: 0 }
                            .run(make())
                            .await;
                    });
                    // Names may still be looked up.
                    runtime.shutdown_background();
                    Ok::<_, std::io::Error>(())
                });
                // Not of ours, as far as we know; but what a library does not survive, the service
                // does.
                if !matches!(std::panic::catch_unwind(ship), Ok(Ok(()))) {
                    let lost = shipped.give_up();
                    slog::error!(complaints, "log sink has failed; its events are dropped until the next start";
                        "sink" => name, "events" => lost);
                }
            };
            std::thread::Builder::new().name(format!("mdl-ship-{name}")).spawn(run)
        };
        self.prepared.push(Prepared { name, buffer, start: Box::new(start) });
    }

    /// Where the logger puts its events, and who counts them.
    pub fn drain(&self, sinks: &mut Sinks) -> ShippingDrain {
        for prepared in &self.prepared {
            sinks.add(prepared.name, Arc::clone(&prepared.buffer) as _);
        }
        ShippingDrain(self.prepared.iter().map(|prepared| Arc::clone(&prepared.buffer)).collect())
    }

    /// Begins to ship.
    ///
    /// # Errors
    /// When there are no threads left.
    pub fn start(&mut self, logger: &Logger) -> Result<(), String> {
        for Prepared { start, .. } in self.prepared.drain(..) {
            let thread = start(logger.clone(), self.close.subscribe());
            self.running.push(thread.map_err(|error| error.to_string())?);
        }
        Ok(())
    }
}

impl Drop for Shipping {
    /// Ships what is left, all sinks at once, for as long as the pace has it at most.
    fn drop(&mut self) {
        self.close.send_replace(Some(Instant::now() + self.last_words));
        for thread in self.running.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Puts events into the buffers.
pub struct ShippingDrain(Vec<Arc<Buffer>>);

impl Drain for ShippingDrain {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        if self.0.is_empty() || SHIPS.get() {
            return Ok(());
        }
        let now = Utc::now();
        let line: Arc<str> = line::render(record, values, now).into();
        for buffer in &self.0 {
            buffer.push(record.level(), now, Arc::clone(&line));
        }
        Ok(())
    }
}
