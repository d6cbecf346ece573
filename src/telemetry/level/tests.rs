//! Tests of `telemetry::level`.

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
