//! Every query of every dashboard and alert, against what the running service exports: a metric,
//! label or value that is not there is an error, not an empty panel.

use std::collections::{BTreeMap, BTreeSet};

use mdl::telemetry::instruments::families::{ALL, Values};
use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{self, Expr, LabelModifier, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};
use serde_json::Value;

use crate::observability::exposition::scrape;
use crate::observability::traffic;
use crate::support::Server;

/// A query, and where it stands.
#[derive(Clone, Debug)]
pub struct Query {
    pub place: String,
    pub text: String,
}

fn file(path: &str) -> String {
    std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Those of all panels, with Grafana's variables filled in.
pub fn of_dashboards() -> Vec<Query> {
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

/// The rules of all alerts.
pub fn alerts() -> Vec<Value> {
    let rules: Value = serde_saphyr::from_str(&file("deploy/prometheus/alerts.yml")).unwrap();
    let groups = rules["groups"].as_array().unwrap();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

pub fn of_alerts() -> Vec<Query> {
    let query = |rule: &Value| Query {
        place: rule["alert"].as_str().unwrap().to_owned(),
        text: rule["expr"].as_str().unwrap().to_owned(),
    };
    alerts().iter().map(query).collect()
}

/// Names of metrics, each with its labels and the values these have.
type Exported = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

fn exported(exposition: &str) -> Exported {
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
    // What Prometheus adds to all that it scrapes, and the series that it makes of the scrape
    // itself.
    exported.insert("up".into(), BTreeMap::new());
    for labels in exported.values_mut() {
        labels.insert("job".into(), ["mdl".to_owned()].into());
        labels.insert("instance".into(), ["localhost:9090".to_owned()].into());
    }
    exported
}

/// What is wrong with a query.
struct Judge<'a> {
    exported: &'a Exported,
    faults: Vec<String>,
    /// Labels of the selectors met so far, and labels that are grouped by.
    labels: BTreeSet<String>,
    grouped: BTreeSet<String>,
}

impl Judge<'_> {
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
                    if closed(name, &matcher.name)
                        && !values.iter().any(|value| fits(matcher, value)) =>
                {
                    self.faults
                        .push(format!("{name}: {} is never {}", matcher.name, matcher.value));
                }
                Some(_) => {}
            }
        }
    }
}

/// Whether all values of a label are there from the start.
fn closed(name: &str, label: &str) -> bool {
    let family = ALL.iter().find(|family| family.name == name);
    let of = |(known, values): &(&str, Values)| *known == label && matches!(values, Values::Of(_));
    family.is_some_and(|family| family.labels.iter().any(of))
}

fn fits(matcher: &Matcher, value: &str) -> bool {
    match &matcher.op {
        MatchOp::Equal => matcher.value == value,
        MatchOp::NotEqual => matcher.value != value,
        MatchOp::Re(regex) => regex.is_match(value),
        MatchOp::NotRe(regex) => !regex.is_match(value),
    }
}

impl ExprVisitor for Judge<'_> {
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

/// What is wrong with this query.
fn faults(query: &str, exported: &Exported) -> Vec<String> {
    let expression = match parser::parse(query) {
        Ok(expression) => expression,
        Err(error) => return vec![error],
    };
    let mut judge =
        Judge { exported, faults: Vec::new(), labels: BTreeSet::new(), grouped: BTreeSet::new() };
    walk_expr(&mut judge, &expression).unwrap();
    let strange = judge.grouped.difference(&judge.labels);
    let strange: Vec<_> =
        strange.map(|label| format!("grouped by {label}, which nothing has")).collect();
    judge.faults.extend(strange);
    judge.faults
}

#[actix_web::test]
async fn every_query_asks_for_what_there_is() {
    let server = Server::with(traffic::OPTIONS).await;
    traffic::everything(&server).await;
    let exported = exported(&scrape(&server).await);
    let mut wrong = Vec::new();
    for query in of_dashboards().into_iter().chain(of_alerts()) {
        wrong.extend(
            faults(&query.text, &exported)
                .into_iter()
                .map(|fault| format!("{}: {fault}", query.place)),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");

    // And the judge is one.
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

#[test]
fn every_alert_says_how_bad_it_is_and_what_to_do() {
    for rule in alerts() {
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
