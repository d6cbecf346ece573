//! One event as one bounded JSON object. Our own serializer, because slog-json writes a key twice
//! when an event and its logger both have it (which Elasticsearch refuses), and has no bounds.

use std::fmt::{self, Write};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;
use slog::{KV, Key, OwnedKVList, Record, Serializer};

use crate::telemetry::level;

/// Longest value, in bytes.
const VALUE: usize = 32 * 1024;
/// Longest value where the line as a whole would be too long.
const SHORT: usize = 512;
/// Longest line, in bytes: with what a sink adds, below the 256 KiB that CloudWatch Logs takes
/// everywhere.
pub(super) const LINE: usize = 192 * 1024;
/// What sinks add of their own.
const RESERVED: [&str; 3] = ["@timestamp", "sequence", "instance"];

/// Renders an event. What is too long is cut, and says by how much.
pub(super) fn render(record: &Record<'_>, values: &OwnedKVList, now: DateTime<Utc>) -> String {
    let text = Fields::of(record, values, now, VALUE).text();
    if text.len() <= LINE {
        return text;
    }
    let mut fields = Fields::of(record, values, now, SHORT);
    // Even control characters, which grow sixfold, fit then.
    fields.entries.truncate(LINE / (SHORT * 6 + 256));
    fields.text()
}

/// The fields of an event, in order, each name once: the event's own come before those of its
/// logger.
struct Fields {
    entries: Vec<(String, Value)>,
    longest: usize,
}

impl Fields {
    fn of(record: &Record<'_>, values: &OwnedKVList, now: DateTime<Utc>, longest: usize) -> Self {
        let mut fields = Self { entries: Vec::with_capacity(16), longest };
        fields.add("timestamp", Value::String(now.to_rfc3339_opts(SecondsFormat::Micros, true)));
        fields.add("level", Value::String(record.level().as_str().to_lowercase()));
        fields.add("module", Value::String(level::module(record).to_owned()));
        let message = fields.cut(*record.msg());
        fields.add("message", message);
        // A value that cannot be serialized leaves itself out, not the event.
        let _ = record.kv().serialize(record, &mut fields);
        let _ = values.serialize(record, &mut fields);
        fields
    }

    fn add(&mut self, name: &str, value: Value) {
        let name = if RESERVED.contains(&name) { format!("{name}_") } else { self.cut_name(name) };
        if !self.entries.iter().any(|(known, _)| *known == name) {
            self.entries.push((name, value));
        }
    }

    fn cut_name(&self, name: &str) -> String {
        name.chars().take(self.longest.min(64)).collect()
    }

    fn cut(&self, value: impl fmt::Display) -> Value {
        let mut bounded = Bounded { text: String::new(), longest: self.longest, lost: 0 };
        let _ = write!(bounded, "{value}");
        if bounded.lost > 0 {
            let _ = write!(bounded.text, "…[{} bytes more]", bounded.lost);
        }
        Value::String(bounded.text)
    }

    fn text(&self) -> String {
        let mut text = String::with_capacity(512);
        for (name, value) in &self.entries {
            text.push(if text.is_empty() { '{' } else { ',' });
            let _ = write!(text, "{}:{value}", Value::from(name.as_str()));
        }
        text.push('}');
        text
    }
}

macro_rules! numbers {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(&mut self, key: Key, value: $type) -> slog::Result {
            self.add(key, Value::from(value));
            Ok(())
        })*
    };
}

impl Serializer for Fields {
    numbers!(emit_bool: bool, emit_u8: u8, emit_i8: i8, emit_u16: u16, emit_i16: i16, emit_u32: u32, emit_i32: i32,
        emit_f32: f32, emit_u64: u64, emit_i64: i64, emit_f64: f64, emit_usize: usize, emit_isize: isize);

    fn emit_none(&mut self, key: Key) -> slog::Result {
        self.add(key, Value::Null);
        Ok(())
    }

    fn emit_unit(&mut self, key: Key) -> slog::Result {
        self.emit_none(key)
    }

    fn emit_str(&mut self, key: Key, value: &str) -> slog::Result {
        self.add(key, self.cut(value));
        Ok(())
    }

    fn emit_arguments(&mut self, key: Key, value: &fmt::Arguments<'_>) -> slog::Result {
        self.add(key, self.cut(value));
        Ok(())
    }

    fn emit_serde(&mut self, key: Key, value: &dyn slog::SerdeValue) -> slog::Result {
        let value = serde_json::to_value(value.as_serde()).unwrap_or(Value::Null);
        let text = value.to_string();
        self.add(key, if text.len() <= self.longest { value } else { self.cut(text) });
        Ok(())
    }
}

/// Takes what fits, whole characters only, and counts the rest: a message of megabytes is never
/// built.
struct Bounded {
    text: String,
    longest: usize,
    lost: usize,
}

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = if self.lost > 0 { 0 } else { self.longest.saturating_sub(self.text.len()) };
        let kept = text.floor_char_boundary(room);
        let (head, tail) = text.split_at(kept);
        self.text.push_str(head);
        self.lost = self.lost.saturating_add(tail.len());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
