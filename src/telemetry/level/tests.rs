//! Tests of `telemetry::level`.

use std::sync::{Arc, Mutex};

use slog::{BorrowedKV, Logger, Never, RecordLocation, o};

use super::*;

#[test]
fn most_specific_module_decides() {
    let levels = Levels::parse("warning, mdl=info ,mdl::storage=debug").expect("levels");
    assert_eq!(levels.level("tokio_postgres"), Level::Warning);
    assert_eq!(levels.level("mdl::http"), Level::Info);
    assert_eq!(levels.level("mdl::storage::users"), Level::Debug);
    assert_eq!(levels.level("mdl_other"), Level::Warning);
}

#[test]
fn unknown_level_names_the_variable() {
    let error = Levels::parse("loud").expect_err("no level");
    assert!(error.to_string().starts_with("LOG_LEVEL"));
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<(Level, String, String)>>>);

impl Drain for Written {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, _: &OwnedKVList) -> Result<(), Never> {
        let event = (record.level(), module(record).to_owned(), record.msg().to_string());
        self.0.lock().unwrap().push(event);
        Ok(())
    }
}

/// Logs as the bridge of the `log` crate does: the module is in the tag.
fn log_as(logger: &Logger, tag: &str, level: Level, message: &str) {
    static LOCATION: RecordLocation =
        RecordLocation { file: "", line: 0, column: 0, function: "", module: "<unknown>" };
    let event = RecordStatic { location: &LOCATION, tag, level };
    logger.log(&Record::new(&event, &format_args!("{message}"), BorrowedKV(&())));
}

#[test]
fn errors_that_clients_cause_in_the_http_parser_are_of_level_debug() {
    let written = |levels: &str| {
        let written = Written::default();
        let filter = LevelFilter::new(written.clone(), Levels::parse(levels).expect("levels"));
        let logger = Logger::root(filter.ignore_res(), o!());
        log_as(&logger, "actix_http::h1::dispatcher", Level::Error, "stream error");
        log_as(&logger, "actix_server::accept", Level::Error, "Error accepting connection");
        let events = written.0.lock().unwrap();
        events.iter().map(|(level, module, _)| (*level, module.clone())).collect::<Vec<_>>()
    };
    let accept = (Level::Error, "actix_server::accept".to_owned());
    assert_eq!(written("info"), std::slice::from_ref(&accept));
    let parser = (Level::Debug, "actix_http::h1::dispatcher".to_owned());
    assert_eq!(written("debug"), [parser.clone(), accept.clone()]);
    assert_eq!(written("info,actix_http=debug"), [parser, accept]);
}

#[test]
fn threads_of_the_server_that_start_are_of_level_debug() {
    for (levels, expected) in [("info", 0), ("debug", 1), ("info,actix_server=debug", 1)] {
        let written = Written::default();
        let filter = LevelFilter::new(written.clone(), Levels::parse(levels).expect("levels"));
        let logger = Logger::root(filter.ignore_res(), o!());
        log_as(&logger, "actix_server::builder", Level::Info, "starting 2 workers");
        assert_eq!(written.0.lock().unwrap().len(), expected, "{levels}");
    }
}
