//! The marker event that says how many events a full buffer has dropped, and where in the stream.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use slog::{Level, OwnedKVList, o};
use uuid::Uuid;

use crate::telemetry::event::{self, EventFormat};

/// Events dropped since the last marker; `first` and `last` are sequence numbers.
#[derive(Default)]
pub(super) struct MissingEvents {
    by_level: BTreeMap<&'static str, u64>,
    first: u64,
    last: u64,
}

impl MissingEvents {
    pub(super) fn is_empty(&self) -> bool {
        self.by_level.is_empty()
    }

    /// Counts a dropped event.
    pub(super) fn count(&mut self, level: Level, sequence: u64) {
        self.first = if self.is_empty() { sequence } else { self.first.min(sequence) };
        self.last = self.last.max(sequence);
        *self.by_level.entry(level.as_str()).or_default() += 1;
    }

    /// Renders the marker.
    pub(super) fn render(&self, now: DateTime<Utc>, instance: Uuid) -> String {
        let dropped: u64 = self.by_level.values().sum();
        let levels: BTreeMap<String, u64> =
            self.by_level.iter().map(|(level, count)| (level.to_lowercase(), *count)).collect();
        let message = format_args!("log events dropped");
        event::render(
            &slog::record!(
                Level::Warning,
                "",
                &message,
                slog::b!("levels" => slog::Serde(levels), "last" => self.last,
                    "first" => self.first, "dropped" => dropped)
            ),
            &OwnedKVList::from(o!()),
            now,
            EventFormat::shipped(instance),
        )
    }
}
