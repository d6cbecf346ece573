//! Every query of every dashboard and alert, checked against the metrics of a running service: an
//! unknown metric, label or value is an error, not an empty panel.

use std::collections::{BTreeMap, BTreeSet};

use mdl::telemetry::instruments::families::ALL;
use mdl::telemetry::instruments::family::LabelValues;
use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{self, Expr, LabelModifier, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};
use serde_json::Value;

use crate::observability::exposition::scrape;
use crate::observability::traffic;
use crate::support::Server;

/// A query, and the panel or alert that has it.
#[derive(Clone, Debug)]
pub struct Query {
    pub place: String,
    pub text: String,
}

fn file(path: &str) -> String {
    std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Returns the queries of all panels, with Grafana's variables filled in.
pub fn dashboard_queries() -> Vec<Query> {
    let folder = format!("{}/deploy/grafana/dashboards", env!("CARGO_MANIFEST_DIR"));
    let mut queries = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let dashboard: Value =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let place = format!(
                    "{}: {}",
                    dashboard["title"].as_str().unwrap(),
                    panel["title"].as_str().unwrap()
                );
                let text = target["expr"].as_str().unwrap();
                let text = text
                    .replace("$__rate_interval", "30s")
                    .replace("$__range", "5m")
                    .replace("$instance", ".*");
                assert!(!text.contains('$'), "{place}: {text}");
                queries.push(Query { place, text });
            }
        }
    }
    assert!(queries.len() > 40, "all dashboards were read");
    queries
}

/// Returns the rules of a file.
pub fn rules(path: &str) -> Vec<Value> {
    let rules: Value = serde_saphyr::from_str(&file(path)).unwrap();
    let groups = rules["groups"].as_array().unwrap();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

/// Returns the rules of all alerts on the metrics of the service.
pub fn alerts() -> Vec<Value> {
    rules("deploy/prometheus/alerts.yml")
}

/// Returns the rules of the alerts on the error budget, which query recorded series.
pub fn budget_alerts() -> Vec<Value> {
    let mut rules = rules("deploy/prometheus/slo.yml");
    rules.retain(|rule| rule["alert"].is_string());
    rules
}

pub fn alert_queries() -> Vec<Query> {
    let query = |rule: &Value| Query {
        place: rule["alert"].as_str().unwrap().to_owned(),
        text: rule["expr"].as_str().unwrap().to_owned(),
    };
    alerts().iter().map(query).collect()
}

/// Metric names, each with its labels and their values.
pub type Exported = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// Reads an exposition, as Prometheus stores it.
pub fn exported(exposition: &str) -> Exported {
    let mut exported = Exported::new();
    for line in exposition.lines().filter(|line| !line.starts_with('#')) {
        let series = line.rsplit_once(' ').unwrap().0;
        let (name, labels) = series.trim_end_matches('}').split_once('{').unwrap_or((series, ""));
        let known = exported.entry(name.to_owned()).or_default();
        for (label, value) in labels.split("\",").filter_map(|label| label.split_once("=\"")) {
            known
                .entry(label.to_owned())
                .or_default()
                .insert(value.trim_end_matches('"').to_owned());
        }
    }
    // Prometheus adds these labels to all series, and `up` for the scrape itself.
    exported.insert("up".into(), BTreeMap::new());
    for labels in exported.values_mut() {
        labels.insert("job".into(), ["mdl".to_owned()].into());
        labels.insert("instance".into(), ["localhost:9090".to_owned()].into());
    }
    exported
}

/// Collects the faults of a query.
struct QueryChecker<'a> {
    exported: &'a Exported,
    faults: Vec<String>,
    /// Labels of all selectors so far, and labels used for grouping.
    labels: BTreeSet<String>,
    grouped: BTreeSet<String>,
}

impl QueryChecker<'_> {
    fn selector(&mut self, selector: &VectorSelector) {
        let Some(name) = &selector.name else {
            return self.faults.push("a selector without a name".into());
        };
        let Some(labels) = self.exported.get(name) else {
            return self.faults.push(format!("{name} is not exported"));
        };
        self.labels.extend(labels.keys().cloned());
        let matchers = &selector.matchers.matchers;
        if !matchers.iter().any(|matcher| matcher.name == "job" && matcher.value == "mdl") {
            self.faults.push(format!("{name} of any job"));
        }
        for matcher in matchers {
            match labels.get(&matcher.name) {
                None => self.faults.push(format!("{name} has no label {}", matcher.name)),
                Some(values)
                    if is_fixed(name, &matcher.name)
                        && !values.iter().any(|value| matches_value(matcher, value)) =>
                {
                    self.faults
                        .push(format!("{name}: {} is never {}", matcher.name, matcher.value));
                }
                Some(_) => {}
            }
        }
    }
}

/// Whether a label has a fixed set of values.
fn is_fixed(name: &str, label: &str) -> bool {
    let family = ALL.iter().find(|family| family.name == name);
    let fixed = |(known, values): &(&str, LabelValues)| {
        *known == label && matches!(values, LabelValues::Fixed(_))
    };
    family.is_some_and(|family| family.labels.iter().any(fixed))
}

fn matches_value(matcher: &Matcher, value: &str) -> bool {
    match &matcher.op {
        MatchOp::Equal => matcher.value == value,
        MatchOp::NotEqual => matcher.value != value,
        MatchOp::Re(regex) => regex.is_match(value),
        MatchOp::NotRe(regex) => !regex.is_match(value),
    }
}

impl ExprVisitor for QueryChecker<'_> {
    type Error = ();

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, ()> {
        match expression {
            Expr::VectorSelector(selector) => self.selector(selector),
            Expr::MatrixSelector(matrix) => self.selector(&matrix.vs),
            Expr::Aggregate(aggregate) => {
                if let Some(LabelModifier::Include(labels) | LabelModifier::Exclude(labels)) =
                    &aggregate.modifier
                {
                    self.grouped.extend(labels.labels.iter().cloned());
                }
            }
            Expr::Binary(binary) => {
                if let Some(matching) =
                    binary.modifier.as_ref().and_then(|modifier| modifier.matching.as_ref())
                {
                    self.grouped.extend(matching.labels().labels.iter().cloned());
                }
            }
            _ => {}
        }
        Ok(true)
    }
}

/// Returns the faults of this query.
pub fn faults(query: &str, exported: &Exported) -> Vec<String> {
    let expression = match parser::parse(query) {
        Ok(expression) => expression,
        Err(error) => return vec![error],
    };
    let mut checker = QueryChecker {
        exported,
        faults: Vec::new(),
        labels: BTreeSet::new(),
        grouped: BTreeSet::new(),
    };
    walk_expr(&mut checker, &expression).unwrap();
    let unknown = checker.grouped.difference(&checker.labels);
    let unknown: Vec<_> =
        unknown.map(|label| format!("grouped by {label}, which nothing has")).collect();
    checker.faults.extend(unknown);
    checker.faults
}

#[actix_web::test]
async fn queries_use_existing_metrics_and_labels() {
    let server = Server::with(traffic::OPTIONS).await;
    traffic::generate(&server).await;
    let exported = exported(&scrape(&server).await);
    let mut wrong = Vec::new();
    for query in dashboard_queries().into_iter().chain(alert_queries()) {
        wrong.extend(
            faults(&query.text, &exported)
                .into_iter()
                .map(|fault| format!("{}: {fault}", query.place)),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");

    // The checker itself finds faults.
    for (query, fault) in [
        ("up{job=\"mdl\"", "unexpected end"),
        ("sum(rate(http_request_total{job=\"mdl\"}[5m]))", "http_request_total is not exported"),
        ("http_requests_total{job=\"mdl\",status=\"500\"}", "has no label status"),
        ("http_server_errors_total{job=\"mdl\",status_code=\"404\"}", "status_code is never 404"),
        ("sum by (path) (http_requests_total{job=\"mdl\"})", "grouped by path"),
        ("circuit_breaker_state == 2", "of any job"),
    ] {
        let found = faults(query, &exported).join("; ");
        assert!(found.contains(fault), "{query}: {found}");
    }
    server.stop().await;
}

/// What the error budget is made of are queries of other alerts, too, which are checked above.
#[test]
fn recorded_series_of_the_budget_are_known_queries() {
    let (alerts, rules) =
        (file("deploy/prometheus/alerts.yml"), rules("deploy/prometheus/slo.yml"));
    let (mut base, mut recorded) = (0, Vec::new());
    for rule in rules {
        let query = rule["expr"].as_str().unwrap();
        if query.contains("{job=") {
            base += 1;
            assert!(alerts.contains(query), "{query}");
        }
        for name in query.split(|c: char| c.is_whitespace() || "([".contains(c)) {
            let known = !name.starts_with("mdl:") || recorded.iter().any(|record| record == name);
            assert!(known, "{name} is not recorded before {query}");
        }
        recorded.extend(rule["record"].as_str().map(str::to_owned));
    }
    assert_eq!((base, recorded.len()), (2, 9));
}

#[test]
fn alerts_have_severity_texts_and_runbook() {
    for rule in alerts().into_iter().chain(budget_alerts()) {
        let name = rule["alert"].as_str().unwrap();
        let severity = rule["labels"]["severity"].as_str().unwrap_or_default();
        assert!(["critical", "warning", "info"].contains(&severity), "{name}: {severity}");
        for annotation in ["summary", "description"] {
            assert!(
                rule["annotations"][annotation].as_str().is_some_and(|text| text.len() > 10),
                "{name}: {annotation}"
            );
        }
        let page = file(rule["annotations"]["runbook_url"].as_str().unwrap());
        assert!(page.contains(name), "{name} is in its runbook");
    }
}
