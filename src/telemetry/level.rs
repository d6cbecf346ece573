//! `LOG_LEVEL`: one level for all modules, and others for single ones.

use std::str::FromStr;

use slog::{Drain, Level, OwnedKVList, Record, RecordStatic};

use super::LoggingError;

/// Modules whose events are of level debug, whatever they say. actix-http logs an error for each
/// request that it cannot parse, so a stranger could flood the log.
const DEBUG_MODULES: [&str; 1] = ["actix_http::h1::dispatcher"];
/// Crates whose events of level info are of level debug: they tell of each thread that starts and
/// stops.
const CHATTY_CRATES: [&str; 1] = ["actix_server"];

/// Levels by module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Levels {
    default: Level,
    /// Longest module path first, so that the first match is the most specific.
    modules: Vec<(String, Level)>,
}

impl Levels {
    /// Parses a list such as `info,mdl::storage=debug`.
    pub(super) fn parse(text: &str) -> Result<Self, LoggingError> {
        let mut levels = Self { default: Level::Info, modules: Vec::new() };
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some((module, level)) => {
                    levels.modules.push((module.trim().to_owned(), parse_level(level)?));
                }
                None => levels.default = parse_level(part)?,
            }
        }
        // This library warns about each request that is answered before routing (429, preflight)
        // and about each page of the documentation, so any client could flood the log.
        levels.modules.push(("actix_web_prom".to_owned(), Level::Error));
        levels.modules.sort_by_key(|(module, _)| std::cmp::Reverse(module.len()));
        Ok(levels)
    }

    fn level(&self, module: &str) -> Level {
        let matches = |prefix: &str| {
            module
                .strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        self.modules
            .iter()
            .find(|(prefix, _)| matches(prefix))
            .map_or(self.default, |(_, level)| *level)
    }
}

fn parse_level(text: &str) -> Result<Level, LoggingError> {
    Level::from_str(text.trim()).map_err(|()| LoggingError::Level)
}

/// Passes on the events that reach the level of their module.
pub(super) struct LevelFilter<D> {
    drain: D,
    levels: Levels,
}

impl<D> LevelFilter<D> {
    pub(super) fn new(drain: D, levels: Levels) -> Self {
        Self { drain, levels }
    }
}

impl<D: Drain> Drain for LevelFilter<D> {
    type Ok = Option<D::Ok>;
    type Err = D::Err;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<Self::Ok, Self::Err> {
        let module = module(record);
        let is_debug = DEBUG_MODULES.contains(&module) && record.level().is_at_least(Level::Debug)
            || record.level() == Level::Info
                && CHATTY_CRATES.contains(&module.split("::").next().unwrap_or_default());
        let level = if is_debug { Level::Debug } else { record.level() };
        if !level.is_at_least(self.levels.level(module)) {
            return Ok(None);
        }
        let changed = RecordStatic { location: record.location(), tag: record.tag(), level };
        let record = Record::new(&changed, record.msg(), record.kv());
        self.drain.log(&record, values).map(Some)
    }
}

/// Returns the name of a level, as events have it.
pub(super) fn name(level: Level) -> &'static str {
    match level {
        Level::Critical => "critical",
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}

/// Returns the module that logged an event. Events that come through the `log` crate have it in
/// their tag.
pub(super) fn module<'a>(record: &'a Record<'_>) -> &'a str {
    match (record.module(), record.tag()) {
        ("<unknown>", tag) if !tag.is_empty() => tag,
        (module, _) => module,
    }
}

#[cfg(test)]
mod tests;
