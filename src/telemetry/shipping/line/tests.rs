//! Tests of `telemetry::shipping::line`.

use super::*;
use proptest::prelude::*;
use slog::{Logger, o};
use std::sync::{Arc, Mutex};

struct Keep(Arc<Mutex<Vec<String>>>);

impl slog::Drain for Keep {
    type Ok = ();
    type Err = slog::Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), slog::Never> {
        self.0.lock().unwrap().push(render(record, values, DateTime::UNIX_EPOCH));
        Ok(())
    }
}

fn logged(log: impl FnOnce(&Logger)) -> String {
    let lines = Arc::new(Mutex::new(Vec::new()));
    log(&Logger::root(Keep(Arc::clone(&lines)), o!("request_id" => "r1", "status" => 1)));
    lines.lock().unwrap().pop().unwrap()
}

#[test]
fn a_name_stands_once_and_the_events_own_comes_first() {
    let line = logged(
        |logger| slog::info!(logger, "hello"; "status" => 200, "sequence" => 7, "user" => None::<String>),
    );
    assert_eq!(line.matches("\"status\"").count(), 1);
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["timestamp"], "1970-01-01T00:00:00.000000Z");
    assert_eq!((&line["level"], &line["message"]), (&"info".into(), &"hello".into()));
    assert_eq!((&line["status"], &line["request_id"]), (&200.into(), &"r1".into()));
    assert_eq!((&line["sequence_"], &line["user"]), (&7.into(), &Value::Null));
}

#[test]
fn two_mebibytes_are_cut() {
    let line = logged(|logger| slog::info!(logger, "{}", "ä".repeat(1024 * 1024)));
    assert!(line.len() < LINE);
    assert!(line.contains("bytes more]"), "{}", &line[line.len() - 200..]);
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["request_id"], "r1");
}

proptest! {
    /// Whatever is said, in however many parts, is one line of valid JSON within the bounds.
    #[test]
    fn any_text_is_one_bounded_line(text in "(.|\n|[\u{0}-\u{1f}]){0,300}", times in 1_usize..3000) {
        let long = text.repeat(times);
        let line = logged(|logger| slog::info!(logger, "{long}"; "a" => &long, "b" => &long, "c" => &long));
        prop_assert!(line.len() <= LINE);
        prop_assert!(!line.contains('\n'));
        let read: Value = serde_json::from_str(&line).unwrap();
        if long.len() <= 1000 {
            prop_assert_eq!(&read["message"], &Value::from(long.clone()));
            prop_assert_eq!(&read["c"], &Value::from(long));
        }
    }
}
