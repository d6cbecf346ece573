//! Tests of `telemetry::level`.

use super::*;

#[test]
fn the_closest_module_decides() {
    let levels = Levels::parse("warning, mdl=info ,mdl::storage=debug").expect("levels");
    assert_eq!(levels.of("tokio_postgres"), Level::Warning);
    assert_eq!(levels.of("mdl::http"), Level::Info);
    assert_eq!(levels.of("mdl::storage::users"), Level::Debug);
    assert_eq!(levels.of("mdl_other"), Level::Warning);
    assert!(Levels::parse("loud").expect_err("no level").starts_with("LOG_LEVEL"));
}
