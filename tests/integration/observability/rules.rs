//! Alert rules and their routes, checked with Prometheus' own tools.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::observability::queries::{alerts, budget_alerts};
use crate::observability::tools::{assert_success, run};

fn test_files() -> Vec<String> {
    let folder = format!("{}/deploy/prometheus/tests", env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(folder).unwrap();
    files.map(|file| file.unwrap().path().to_str().unwrap().to_owned()).collect()
}

#[test]
fn promtool_accepts_rules_and_their_tests_pass() {
    for rules in ["deploy/prometheus/alerts.yml", "deploy/prometheus/slo.yml"] {
        assert_success(&run("promtool", &["check", "rules", rules], ""));
    }
    assert_success(&run("promtool", &["check", "config", "deploy/prometheus/prometheus.yml"], ""));
    let files = test_files();
    let arguments =
        ["test", "rules"].into_iter().chain(files.iter().map(String::as_str)).collect::<Vec<_>>();
    assert_success(&run("promtool", &arguments, ""));
}

/// Each rule has a test in which it fires, one in which it does not, and one without data.
#[test]
fn each_alert_is_tested_firing_silent_and_without_data() {
    let mut fires: BTreeMap<String, (u32, u32, u32)> = BTreeMap::new();
    for path in test_files() {
        let file: Value = serde_saphyr::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for case in file["tests"].as_array().unwrap() {
            let data = case["input_series"].as_array().is_some_and(|series| !series.is_empty());
            for check in case["alert_rule_test"].as_array().into_iter().flatten() {
                let seen =
                    fires.entry(check["alertname"].as_str().unwrap().to_owned()).or_default();
                let expected =
                    check["exp_alerts"].as_array().is_some_and(|alerts| !alerts.is_empty());
                match (expected, data) {
                    (true, _) => seen.0 += 1,
                    (false, true) => seen.1 += 1,
                    (false, false) => seen.2 += 1,
                }
            }
        }
    }
    for rule in alerts().into_iter().chain(budget_alerts()) {
        let name = rule["alert"].as_str().unwrap();
        let (fires, silent, without) = fires.get(name).copied().unwrap_or_default();
        // Two alerts are about missing data.
        let absent = rule["expr"].as_str().unwrap().contains("absent(");
        assert!(
            fires > 0 && silent > 0 && (without > 0 || absent),
            "{name}: {fires}, {silent}, {without}"
        );
    }
}

/// A changed threshold makes the tests of the rules fail.
#[test]
fn rule_tests_detect_a_changed_threshold() {
    let rules = std::fs::read_to_string(format!(
        "{}/deploy/prometheus/alerts.yml",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap();
    assert!(rules.contains("== 2"));
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("tests")).unwrap();
    // Their own tests take ten seconds and are not about this file.
    let is_changed = |path: &&String| !path.ends_with("slo.yml");
    std::fs::write(folder.path().join("alerts.yml"), rules.replace("== 2", "== 3")).unwrap();
    let copies: Vec<String> = test_files()
        .iter()
        .filter(is_changed)
        .map(|path| {
            let copy =
                folder.path().join("tests").join(std::path::Path::new(path).file_name().unwrap());
            std::fs::copy(path, &copy).unwrap();
            copy.to_str().unwrap().to_owned()
        })
        .collect();
    let arguments =
        ["test", "rules"].into_iter().chain(copies.iter().map(String::as_str)).collect::<Vec<_>>();
    assert!(!run("promtool", &arguments, "").status.success());
}

#[test]
fn alertmanager_routes_each_severity() {
    let config = "deploy/alertmanager/alertmanager.yml";
    assert_success(&run("amtool", &["check-config", config], ""));
    let routes = [("critical", "pager"), ("warning", "chat"), ("info", "no-notification")];
    for (severity, receiver) in routes {
        let file = format!("--config.file={config}");
        let verify = format!("--verify.receivers={receiver}");
        let label = format!("severity={severity}");
        assert_success(&run(
            "amtool",
            &["config", "routes", "test", &file, &verify, "job=mdl", &label],
            "",
        ));
    }
}
