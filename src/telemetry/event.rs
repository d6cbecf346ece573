//! Renders one log event as one JSON object on one line: `timestamp`, `level` and `message`, then
//! who logged it (`service`, `version`, `instance`, `module`), the fields of the event, and those
//! of its logger. Stdout and the sinks of
//! `shipping` both use it. `slog-json` is not used, because it writes a name twice if an event and
//! its logger both have it, which Elasticsearch refuses, and has no size limits.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::ops::Range;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use slog::{KV, Key, OwnedKVList, Record, Serializer};
use uuid::Uuid;

use crate::telemetry::level;

/// Longest name of a field, in characters.
const NAME_LENGTH: usize = 64;
/// Longest value where the line as a whole would be too long, in bytes.
const SHORT_VALUE: usize = 512;

/// Name of this service in every event.
const SERVICE: &str = env!("CARGO_PKG_NAME");
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Instance, size limits and reserved names of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct EventFormat {
    /// Identifies this process.
    instance: Uuid,
    /// Longest value, in bytes.
    value: usize,
    /// Longest line, in bytes.
    pub(super) line: usize,
    /// Names that a sink adds itself; a field of that name gets a `_` at its end.
    reserved: &'static [&'static str],
}

impl EventFormat {
    /// For stdout: values are not cut, and no name is reserved.
    pub(super) const fn unbounded(instance: Uuid) -> Self {
        Self { instance, value: usize::MAX, line: usize::MAX, reserved: &[] }
    }

    /// For sinks. With what they add, a line stays below the 256 KiB that CloudWatch Logs accepts.
    pub(super) const fn shipped(instance: Uuid) -> Self {
        let reserved = &["@timestamp", "sequence"];
        Self { instance, value: 32 * 1024, line: 192 * 1024, reserved }
    }
}

/// Renders an event. What is too long is cut, and the value says by how much.
pub(super) fn render(
    record: &Record<'_>,
    values: &OwnedKVList,
    now: DateTime<Utc>,
    format: EventFormat,
) -> String {
    let text = Fields::collect(record, values, now, format).to_json();
    if text.len() <= format.line {
        return text;
    }
    let short = EventFormat { value: SHORT_VALUE, ..format };
    let mut fields = Fields::collect(record, values, now, short);
    // So many fields fit even if all of their text is control characters, which JSON escapes with
    // six bytes each.
    fields.entries.truncate(format.line / (SHORT_VALUE * 6 + 256));
    fields.to_json()
}

/// The fields of an event in order, each name once; the first value of a name counts. Nothing is
/// allocated for a single field: their values are written one after the other.
struct Fields {
    entries: Vec<RenderedField>,
    /// The values as JSON, in the order in which slog passed them.
    json: Vec<u8>,
    format: EventFormat,
}

struct RenderedField {
    name: Cow<'static, str>,
    /// Where its value is.
    value: Range<usize>,
}

impl Fields {
    fn collect(
        record: &Record<'_>,
        values: &OwnedKVList,
        now: DateTime<Utc>,
        format: EventFormat,
    ) -> Self {
        let (entries, json) = (Vec::with_capacity(24), Vec::with_capacity(512));
        let mut fields = Self { entries, json, format };
        fields.add("timestamp", now.to_rfc3339_opts(SecondsFormat::Micros, true));
        fields.add("level", level::name(record.level()));
        fields.add_arguments("message", record.msg());
        fields.add("service", SERVICE);
        fields.add("version", VERSION);
        fields.add("instance", format.instance);
        fields.add("module", level::module(record));
        // A value that cannot be serialized is left out; the event is kept.
        fields.add_in_order(|fields| record.kv().serialize(record, fields));
        fields.add_in_order(|fields| values.serialize(record, fields));
        fields
    }

    /// Adds values in the order in which they were written: slog passes the last one first.
    fn add_in_order(&mut self, serialize: impl FnOnce(&mut Self) -> slog::Result) {
        let start = self.entries.len();
        let _ = serialize(self);
        if let Some(added) = self.entries.get_mut(start..) {
            added.reverse();
        }
    }

    /// Adds a value as it is; null if it cannot be serialized.
    fn add(&mut self, name: &'static str, value: impl Serialize) {
        let name = if self.format.reserved.contains(&name) {
            format!("{name}_").into()
        } else {
            prefix(name)
        };
        if self.entries.iter().any(|known| known.name == name) {
            return;
        }
        let start = self.json.len();
        if serde_json::to_writer(&mut self.json, &value).is_err() {
            self.json.truncate(start);
            self.json.extend_from_slice(b"null");
        }
        self.entries.push(RenderedField { name, value: start..self.json.len() });
    }

    /// Adds a text, cut if it is too long.
    fn add_text(&mut self, name: &'static str, text: &str) {
        if text.len() <= self.format.value {
            self.add(name, text);
        } else {
            self.add_arguments(name, &format_args!("{text}"));
        }
    }

    /// As [`Self::add_text`], for a text that is not formatted yet.
    fn add_arguments(&mut self, name: &'static str, arguments: &fmt::Arguments<'_>) {
        if let Some(text) = arguments.as_str().filter(|text| text.len() <= self.format.value) {
            return self.add(name, text);
        }
        if self.format.value == usize::MAX {
            return self.add(name, Formatted(arguments));
        }
        let mut bounded = BoundedText { text: String::new(), limit: self.format.value, cut: 0 };
        let _ = write!(bounded, "{arguments}");
        if bounded.cut > 0 {
            let _ = write!(bounded.text, "…[{} bytes more]", bounded.cut);
        }
        self.add(name, bounded.text);
    }

    fn to_json(&self) -> String {
        let mut text = Vec::with_capacity(self.json.len() + self.entries.len() * 24);
        for RenderedField { name, value } in &self.entries {
            text.push(if text.is_empty() { b'{' } else { b',' });
            // Writing to memory cannot fail, nor can names be no text.
            let _ = serde_json::to_writer(&mut text, name);
            text.push(b':');
            text.extend_from_slice(self.json.get(value.clone()).unwrap_or(b"null"));
        }
        text.push(b'}');
        String::from_utf8(text).unwrap_or_default()
    }
}

/// A text that is written while it is formatted.
struct Formatted<'a>(&'a fmt::Arguments<'a>);

impl Serialize for Formatted<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

/// Returns the beginning of a name.
fn prefix(name: &'static str) -> Cow<'static, str> {
    let end = name.char_indices().nth(NAME_LENGTH).map_or(name.len(), |(end, _)| end);
    name.get(..end).unwrap_or(name).into()
}

macro_rules! emit_values {
    ($($method:ident: $type:ty),* $(,)?) => {
        $(fn $method(&mut self, key: Key, value: $type) -> slog::Result {
            self.add(key, value);
            Ok(())
        })*
    };
}

impl Serializer for Fields {
    emit_values!(
        emit_bool: bool, emit_u8: u8, emit_i8: i8, emit_u16: u16, emit_i16: i16, emit_u32: u32,
        emit_i32: i32, emit_f32: f32, emit_u64: u64, emit_i64: i64, emit_f64: f64,
        emit_usize: usize, emit_isize: isize,
    );

    fn emit_none(&mut self, key: Key) -> slog::Result {
        self.add(key, ());
        Ok(())
    }

    fn emit_unit(&mut self, key: Key) -> slog::Result {
        self.emit_none(key)
    }

    fn emit_str(&mut self, key: Key, value: &str) -> slog::Result {
        self.add_text(key, value);
        Ok(())
    }

    fn emit_arguments(&mut self, key: Key, value: &fmt::Arguments<'_>) -> slog::Result {
        self.add_arguments(key, value);
        Ok(())
    }

    fn emit_serde(&mut self, key: Key, value: &dyn slog::SerdeValue) -> slog::Result {
        let value = value.as_serde();
        if self.format.value == usize::MAX {
            self.add(key, value);
            return Ok(());
        }
        let text = serde_json::to_string(value).unwrap_or_else(|_| "null".into());
        if text.len() <= self.format.value {
            self.add(key, value);
        } else {
            self.add_text(key, &text);
        }
        Ok(())
    }
}

/// Keeps the beginning of a text, in whole characters, and counts the bytes of the rest, so that a
/// message of megabytes is never built.
struct BoundedText {
    text: String,
    limit: usize,
    cut: usize,
}

impl Write for BoundedText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = if self.cut > 0 { 0 } else { self.limit.saturating_sub(self.text.len()) };
        let (head, tail) = text.split_at(text.floor_char_boundary(room));
        self.text.push_str(head);
        self.cut = self.cut.saturating_add(tail.len());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
