//! Tests of `telemetry::instruments::catalogue`.

use super::*;

#[test]
fn categories_beyond_fifty_are_other() {
    let registry = Registry::new();
    let instruments = CatalogueInstruments::new(&registry).unwrap();
    let seeds: Vec<String> = (0..40).map(|number| format!("seed {number}")).collect();
    instruments.known(&seeds, &["Tier-1"]);
    for number in 0..1000 {
        instruments.metric_created("Tier-1", &format!("new {number}"));
    }
    instruments.metric_created("Tier-1", "seed 39");
    let families = registry.gather();
    let created = families.iter().find(|family| family.name() == "metrics_created_total").unwrap();
    assert_eq!(created.get_metric().len(), CATEGORIES + 1);
    let of = |category: &str| {
        let series = created
            .get_metric()
            .iter()
            .find(|series| series.get_label().iter().any(|l| l.value() == category));
        series.map(|series| series.get_counter().get_value())
    };
    assert_eq!(
        (of("seed 0"), of("seed 39"), of("new 9"), of("new 10")),
        (Some(0.0), Some(1.0), Some(1.0), None)
    );
    assert_eq!(of(OTHER), Some(990.0));
}
