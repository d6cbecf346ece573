//! The runbooks: each alert has one, its queries select series that exist, and it is followed in a
//! test. [`FOLLOWED`] says in which.

use std::collections::BTreeSet;

use crate::observability::exposition::scrape;
use crate::observability::queries::{alerts, budget_alerts, exported, faults, rules};
use crate::observability::traffic;
use crate::support::Server;

/// How an alert and its runbook are tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Followed {
    /// It fires for real, in a Prometheus that scrapes the service, and the steps of its page are
    /// taken until it resolves: the test in `observability::followed`.
    Fired(&'static str),
    /// Only the rule is tested, by `promtool` (`deploy/prometheus/tests`), and the commands and
    /// queries of its page; the reason.
    Promtool(&'static str),
}

use Followed::{Fired, Promtool};

/// Every alert.
const FOLLOWED: [(&str, Followed); 19] = [
    ("MdlDown", Fired("stopped_instance")),
    ("MdlAbsent", Fired("job_with_another_name")),
    ("MdlErrorRatioHigh", Fired("open_circuit_and_failed_requests")),
    ("MdlErrorBudgetBurnFast", Promtool("the same failures as MdlErrorRatioHigh, over hours")),
    ("MdlErrorBudgetBurnSlow", Promtool("failures over days")),
    ("MdlCircuitOpen", Fired("open_circuit_and_failed_requests")),
    ("MdlCircuitFlapping", Promtool("several outages in a quarter of an hour")),
    ("MdlPoolExhausted", Fired("busy_connections_and_slow_requests")),
    ("MdlPoolWaiting", Fired("busy_connections_and_slow_requests")),
    ("MdlRevocationSlow", Promtool("needs a host without processor time, or a wrong clock")),
    ("MdlLatencyHigh", Fired("busy_connections_and_slow_requests")),
    ("MdlLoginFailures", Fired("guesses_and_limited_requests")),
    ("MdlRateLimited", Fired("guesses_and_limited_requests")),
    ("MdlMailsFailing", Fired("mails_that_are_not_sent")),
    ("MdlLastUsedLate", Fired("last_uses_that_are_not_written")),
    ("MdlLogEventsDropped", Promtool("32,768 events, or 16 MiB, must wait first")),
    ("MdlLogsNotShipped", Fired("logs_that_are_not_shipped")),
    ("MdlMemoryHigh", Promtool("needs 1.5 GB for ten minutes")),
    ("MdlNoTraffic", Fired("no_requests")),
];

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/runbooks");
/// What an engineer on call looks for.
const SECTIONS: [&str; 4] = ["## Check first", "## Do\n", "## Do not", "## Resolves"];
/// What queries begin with; other indented lines are commands, or go on with the line before.
const QUERIES: [&str; 13] = [
    "sum",
    "histogram_quantile(",
    "rate(",
    "increase(",
    "max",
    "time()",
    "up",
    "db_",
    "api_key_",
    "circuit_breaker_",
    "log_events_",
    "process_",
    "mdl:",
];

/// A page of the folder.
pub struct Runbook {
    pub name: String,
    pub text: String,
}

impl Runbook {
    /// Reads a page.
    pub fn open(name: &str) -> Self {
        let text = std::fs::read_to_string(format!("{FOLDER}/{name}")).unwrap();
        Self { name: name.to_owned(), text }
    }

    /// All pages.
    fn all() -> Vec<Self> {
        let names = std::fs::read_dir(FOLDER).unwrap();
        names.map(|entry| Self::open(entry.unwrap().file_name().to_str().unwrap())).collect()
    }

    /// Asserts that the page says this, however its lines are broken: what a test does next.
    #[track_caller]
    pub fn says(&self, text: &str) {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&self.text).contains(&words(text)), "{} does not say: {text}", self.name);
    }

    /// Blocks of indented lines: commands and queries as they are typed.
    pub fn blocks(&self) -> Vec<String> {
        let mut blocks: Vec<Vec<&str>> = Vec::new();
        let mut is_block = false;
        for line in self.text.lines() {
            let belongs = line.starts_with("    ") && (is_block || !line.trim().is_empty());
            if belongs && is_block {
                blocks.last_mut().unwrap().push(line);
            } else if belongs {
                blocks.push(vec![line]);
            }
            is_block = belongs;
        }
        blocks.into_iter().map(|lines| lines.join("\n")).collect()
    }

    /// The statement on the server that the page shows.
    pub fn statement(&self) -> String {
        let block = self.blocks().into_iter().find(|block| block.trim().starts_with("SELECT"));
        block.unwrap_or_else(|| panic!("{} has no statement", self.name))
    }

    /// The queries of the page: in blocks, and in the text between backquotes.
    fn queries(&self) -> Vec<String> {
        let mut queries = Vec::new();
        for block in self.blocks() {
            let mut lines = block.lines().map(str::trim).peekable();
            while let Some(line) = lines.next() {
                if !QUERIES.iter().any(|beginning| line.starts_with(beginning)) {
                    continue;
                }
                let mut query = line.to_owned();
                while query.matches('(').count() > query.matches(')').count() {
                    query.push_str(lines.next().expect("the rest of a query"));
                }
                queries.push(query);
            }
        }
        let spans = self.text.split('`').skip(1).step_by(2);
        queries.extend(spans.filter(|span| span.contains("{job=")).map(str::to_owned));
        queries
    }
}

#[test]
fn each_alert_has_a_page_and_is_followed_in_a_test() {
    let rules: Vec<_> = alerts().into_iter().chain(budget_alerts()).collect();
    let names: BTreeSet<_> = rules.iter().map(|rule| rule["alert"].as_str().unwrap()).collect();
    let listed: BTreeSet<_> = FOLLOWED.iter().map(|(name, _)| *name).collect();
    assert_eq!((names, FOLLOWED.len()), (listed, rules.len()), "FOLLOWED has every alert once");
    let index = Runbook::open("README.md");
    for rule in &rules {
        let name = rule["alert"].as_str().unwrap();
        let page = rule["annotations"]["runbook_url"].as_str().unwrap();
        let page = Runbook::open(page.strip_prefix("docs/runbooks/").unwrap());
        for section in SECTIONS {
            assert!(page.text.contains(section), "{name}: {} has no {section}", page.name);
        }
        assert!(page.text.starts_with("# ") && page.text.lines().next().unwrap().contains(name));
        let row = index
            .text
            .lines()
            .find(|line| line.starts_with('|') && line.contains(name) && line.contains(&page.name));
        let severity = rule["labels"]["severity"].as_str().unwrap();
        assert!(row.is_some_and(|row| row.contains(severity)), "{name}: its row in README.md");
    }
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/integration/observability/followed.rs");
    let tests = std::fs::read_to_string(tests).unwrap();
    let mut fired = 0;
    for (name, how) in FOLLOWED {
        if let Fired(test) = how {
            fired += 1;
            assert!(tests.contains(&format!("async fn {test}()")), "{name}: {test}");
        }
    }
    println!("{fired} alerts of {} fire for real and are followed; by promtool:", FOLLOWED.len());
    for (name, how) in FOLLOWED {
        if let Promtool(reason) = how {
            println!("    {name}: {reason}");
        }
    }
}

/// Asserts that the list says of these alerts, and of no other, that this test lets them fire.
#[track_caller]
pub fn assert_listed(test: &str, fired: &[&str]) {
    let listed = FOLLOWED.iter().filter(|(_, how)| matches!(how, Fired(name) if *name == test));
    let listed: BTreeSet<&str> = listed.map(|(name, _)| *name).collect();
    assert_eq!(fired.iter().copied().collect::<BTreeSet<_>>(), listed, "{test}");
}

#[actix_web::test]
async fn queries_of_the_runbooks_select_existing_series() {
    let server = Server::with(traffic::OPTIONS).await;
    traffic::generate(&server).await;
    let mut exported = exported(&scrape(&server).await);
    let base = exported["up"].clone();
    let recorded = rules("deploy/prometheus/slo.yml");
    let recorded = recorded.iter().filter_map(|rule| rule["record"].as_str());
    let recorded: BTreeSet<String> = recorded.map(str::to_owned).collect();
    exported.extend(recorded.iter().map(|name| (name.clone(), base.clone())));
    let (mut wrong, mut count) = (Vec::new(), 0);
    for page in Runbook::all() {
        for query in page.queries() {
            count += 1;
            // Recorded series are those of one job already.
            let is_recorded = query.contains("mdl:");
            let found = faults(&query, &exported).into_iter();
            let found = found.filter(|fault| !(is_recorded && fault.ends_with("of any job")));
            wrong.extend(found.map(|fault| format!("{}: {query}: {fault}", page.name)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(count > 40, "{count} queries were found");
    // A label of a fixed set that the metric never has is found.
    let unknown = "circuit_breaker_state{job=\"mdl\",breaker_name=\"mail\"}";
    assert!(!faults(unknown, &exported).is_empty());
    server.stop().await;
}
