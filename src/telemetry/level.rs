//! `LOG_LEVEL`: one level for all, and others for single modules.

use std::str::FromStr;

use slog::{Drain, Level, OwnedKVList, Record};

/// Which events are worth writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Levels {
    default: Level,
    /// The longest module path first, so that the first match is the closest.
    modules: Vec<(String, Level)>,
}

impl Levels {
    /// Reads `info,mdl::storage=debug`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut levels = Self { default: Level::Info, modules: Vec::new() };
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some((module, level)) => {
                    levels.modules.push((module.trim().to_owned(), one(level)?))
                }
                None => levels.default = one(part)?,
            }
        }
        // It warns of each request whose path has parameters and that is answered before it is
        // routed (a 429, a preflight), and of each for the pages of the documentation: anybody's
        // flood.
        levels.modules.push(("actix_web_prom".to_owned(), Level::Error));
        levels.modules.sort_by_key(|(module, _)| std::cmp::Reverse(module.len()));
        Ok(levels)
    }

    fn of(&self, module: &str) -> Level {
        let inside = |prefix: &str| {
            module
                .strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        self.modules
            .iter()
            .find(|(prefix, _)| inside(prefix))
            .map_or(self.default, |(_, level)| *level)
    }
}

fn one(text: &str) -> Result<Level, String> {
    Level::from_str(text.trim()).map_err(|()| {
        "LOG_LEVEL must be error, warning, info, debug or trace, or a list such as info,mdl::storage=debug".into()
    })
}

/// Passes on what is worth writing.
pub(super) struct Filtered<D> {
    drain: D,
    levels: Levels,
}

impl<D> Filtered<D> {
    pub(super) fn new(drain: D, levels: Levels) -> Self {
        Self { drain, levels }
    }
}

impl<D: Drain> Drain for Filtered<D> {
    type Ok = Option<D::Ok>;
    type Err = D::Err;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<Self::Ok, Self::Err> {
        if record.level().is_at_least(self.levels.of(module(record))) {
            self.drain.log(record, values).map(Some)
        } else {
            Ok(None)
        }
    }
}

/// Where an event comes from. What a library logs through `log` has its module in the tag.
pub(super) fn module<'a>(record: &'a Record<'_>) -> &'a str {
    match (record.module(), record.tag()) {
        ("<unknown>", tag) if !tag.is_empty() => tag,
        (module, _) => module,
    }
}

#[cfg(test)]
mod tests;
