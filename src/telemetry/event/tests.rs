//! Tests of `telemetry::event`.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use serde_json::Value;
use slog::{Logger, o};

use super::*;

struct LineCollector(Arc<Mutex<Vec<String>>>, EventFormat);

impl slog::Drain for LineCollector {
    type Ok = ();
    type Err = slog::Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), slog::Never> {
        let line = render(record, values, DateTime::UNIX_EPOCH, self.1);
        self.0.lock().unwrap().push(line);
        Ok(())
    }
}

fn rendered(format: EventFormat, log: impl FnOnce(&Logger)) -> String {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let collector = LineCollector(Arc::clone(&lines), format);
    log(&Logger::root(collector, o!("request_id" => "r1", "status" => 1)));
    lines.lock().unwrap().pop().unwrap()
}

const SHIPPED: EventFormat = EventFormat::shipped(Uuid::nil());
const UNBOUNDED: EventFormat = EventFormat::unbounded(Uuid::nil());

fn shipped(log: impl FnOnce(&Logger)) -> String {
    rendered(SHIPPED, log)
}

#[test]
fn field_of_event_replaces_field_of_logger() {
    let line = shipped(|logger| {
        slog::info!(logger, "hello";
            "status" => 200, "sequence" => 7, "user" => None::<String>);
    });
    assert_eq!(line.matches("\"status\"").count(), 1);
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["timestamp"], "1970-01-01T00:00:00.000000Z");
    assert_eq!((&line["level"], &line["message"]), (&"info".into(), &"hello".into()));
    assert_eq!((&line["status"], &line["request_id"]), (&200.into(), &"r1".into()));
    assert_eq!((&line["sequence_"], &line["user"]), (&7.into(), &Value::Null));
}

#[test]
fn stdout_and_sinks_render_the_same_object() {
    let log = |logger: &Logger| {
        slog::warn!(logger, "hello {}", 1; "status" => 200, "list" => slog::Serde(vec![1, 2]),
            "ratio" => 0.5, "flag" => true, "text" => "a\n\"b\"");
    };
    let line = rendered(UNBOUNDED, log);
    assert_eq!(line, shipped(log));
    let head = format!(
        "{{\"timestamp\":\"1970-01-01T00:00:00.000000Z\",\"level\":\"warning\",\
         \"message\":\"hello 1\",\"service\":\"mdl\",\"version\":\"{VERSION}\",\
         \"instance\":\"{}\",\"module\":\"{}\",\"status\":200,\"list\":[1,2],",
        Uuid::nil(),
        module_path!(),
    );
    assert!(line.starts_with(&head), "{line}");
    let line: Value = serde_json::from_str(&line).unwrap();
    let expected = serde_json::json!({
        "timestamp": "1970-01-01T00:00:00.000000Z", "level": "warning", "module": module_path!(),
        "message": "hello 1", "status": 200, "list": [1, 2], "ratio": 0.5, "flag": true,
        "text": "a\n\"b\"", "request_id": "r1", "service": "mdl", "version": VERSION,
        "instance": Uuid::nil().to_string(),
    });
    assert_eq!(line, expected);
}

#[test]
fn stdout_keeps_long_values_and_reserved_names() {
    let long = "x".repeat(300_000);
    let line = rendered(UNBOUNDED, |logger| slog::info!(logger, "{long}"; "sequence" => 7));
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["message"], &line["sequence"]), (&long.into(), &7.into()));
}

#[test]
fn two_mebibytes_are_cut_for_sinks() {
    let line = shipped(|logger| slog::info!(logger, "{}", "ä".repeat(1024 * 1024)));
    assert!(line.len() < SHIPPED.line);
    assert!(line.contains("bytes more]"), "{}", &line[line.len() - 200..]);
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["request_id"], "r1");
}

proptest! {
    #[test]
    fn any_text_is_one_bounded_line(
        text in "(.|\n|[\u{0}-\u{1f}]){0,300}",
        times in 1_usize..3000,
    ) {
        let long = text.repeat(times);
        let line = shipped(
            |logger| slog::info!(logger, "{long}"; "a" => &long, "b" => &long, "c" => &long),
        );
        prop_assert!(line.len() <= SHIPPED.line);
        prop_assert!(!line.contains('\n'));
        let read: Value = serde_json::from_str(&line).unwrap();
        if long.len() <= 1000 {
            prop_assert_eq!(&read["message"], &Value::from(long.clone()));
            prop_assert_eq!(&read["c"], &Value::from(long));
        }
    }
}
