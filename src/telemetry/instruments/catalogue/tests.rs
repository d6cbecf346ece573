//! Tests of `telemetry::instruments::catalogue`.

use super::*;

#[test]
fn category_beyond_fifty_is_labelled_other() {
    let registry = Registry::new();
    let instruments = CatalogueInstruments::new(&registry).unwrap();
    let seeds: Vec<String> = (0..40).map(|number| format!("seed {number}")).collect();
    instruments.register_categories(&seeds, &["Tier-1"]);
    for number in 0..1000 {
        instruments.count_created_metric("Tier-1", &format!("new {number}"));
    }
    instruments.count_created_metric("Tier-1", "seed 39");
    let families = registry.gather();
    let created = families.iter().find(|family| family.name() == "metrics_created_total").unwrap();
    assert_eq!(created.get_metric().len(), CATEGORIES + 1);
    let value = |category: &str| {
        let series = created
            .get_metric()
            .iter()
            .find(|series| series.get_label().iter().any(|l| l.value() == category));
        series.map(|series| series.get_counter().get_value())
    };
    assert_eq!(
        (value("seed 0"), value("seed 39"), value("new 9"), value("new 10")),
        (Some(0.0), Some(1.0), Some(1.0), None)
    );
    assert_eq!(value(OTHER), Some(990.0));
}
