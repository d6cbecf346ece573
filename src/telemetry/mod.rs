//! Logs, and what Prometheus scrapes ([`instruments`]): structured events on stdout, written by a task of their own so that no request waits for a terminal.

pub mod authentication;
pub mod instruments;
mod level;
pub mod limits;

use std::io::IsTerminal;

use slog::{Drain, FnValue, Logger, PushFnValue, Record, o};

use self::level::{Filtered, Levels};
use crate::config::{LogConfig, LogFormat};

/// How many events may wait to be written; what comes on top is dropped and counted in the stream.
const BUFFERED_EVENTS: usize = 8192;

/// The logger and its writer. Dropping it writes what is still buffered.
pub struct Logs {
    /// The root of all loggers.
    pub logger: Logger,
    _writer: slog_async::AsyncGuard,
    _global: slog_scope::GlobalLoggerGuard,
}

/// Starts logging, also for the libraries that log through `log`.
///
/// # Errors
/// A line that names the variable, when `LOG_LEVEL` cannot be understood.
pub fn start(config: &LogConfig) -> Result<Logs, String> {
    let levels = Levels::parse(&config.log_level)?;
    let format = config
        .log_format
        .unwrap_or_else(|| if std::io::stdout().is_terminal() { LogFormat::Terminal } else { LogFormat::Json });
    let out: Out = match format {
        LogFormat::Json => Box::new(std::sync::Mutex::new(json(std::io::stdout())).map(slog::Fuse)),
        LogFormat::Terminal => {
            let decorator = slog_term::TermDecorator::new().stdout().build();
            Box::new(std::sync::Mutex::new(slog_term::CompactFormat::new(decorator).build()).map(slog::Fuse))
        }
    };
    let (writing, writer) = slog_async::Async::new(out)
        .chan_size(BUFFERED_EVENTS)
        .overflow_strategy(slog_async::OverflowStrategy::DropAndReport)
        .thread_name("mdl-log".into())
        .build_with_guard();
    let drain = Filtered::new(writing.fuse(), levels).ignore_res();
    let logger = Logger::root(drain.fuse(), o!());
    let global = slog_scope::set_global_logger(logger.clone());
    // Fails only when called twice in one process; the first bridge goes on working then.
    let _ = slog_stdlog::init_with_level(log::Level::Info);
    Ok(Logs { logger, _writer: writer, _global: global })
}

/// Where the events end up.
type Out = Box<dyn Drain<Ok = (), Err = slog::Never> + Send>;

/// One JSON object a line with `timestamp`, `level`, `module` and `message`, then the event's own fields.
fn json<W: std::io::Write + Send>(out: W) -> slog_json::Json<W> {
    let fields = o!(
        "timestamp" => FnValue(|_: &Record<'_>| chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true)),
        "level" => FnValue(|record: &Record<'_>| record.level().as_str().to_lowercase()),
        "module" => FnValue(|record: &Record<'_>| level::module(record).to_owned()),
        "message" => PushFnValue(|record: &Record<'_>, out| out.emit(record.msg())),
    );
    slog_json::Json::new(out).set_newlines(true).set_flush(true).add_key_value(fields).build()
}
