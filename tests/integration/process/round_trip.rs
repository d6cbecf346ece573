//! Catalogues that are exported, imported elsewhere and exported again: the second export is the
//! same, byte by byte, in both formats, through the database and through a service.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process::binary::{ADMIN_PASSWORD, SECRETS, Serving, command, run_within, success};
use crate::support::database;
use crate::support::samples::metric;

/// More than the 1,800 metrics whose YAML was once refused.
const METRICS: usize = 2_000;
/// Longest run of one command about that many.
pub const LIMIT: Duration = Duration::from_mins(3);

/// Returns the longest run of one command about so many metrics. Beyond the default number it
/// grows: an import of YAML takes 7 ms for each metric in code that is not optimised, and a machine
/// may be busy.
pub fn limit(metrics: usize) -> Duration {
    let more = u32::try_from(metrics.saturating_sub(METRICS)).unwrap();
    LIMIT + Duration::from_millis(50) * more
}

/// Writes a catalogue of two domains and so many metrics, no two of them alike.
pub fn write_catalogue(path: &Path, metrics: usize) {
    let mut out = BufWriter::new(std::fs::File::create(path).unwrap());
    let domains = json!([
        {"domain_id": "d1", "name": "Finance", "description": "Money & <b>more</b>"},
        {"domain_id": "d2", "name": "Growth: \"all\""},
    ]);
    write!(out, "{{\"domains\":{domains},\"metrics\":[").unwrap();
    for number in 0..metrics {
        let separator = if number == 0 { "" } else { ",\n" };
        write!(out, "{separator}{}", numbered_metric(number)).unwrap();
    }
    out.write_all(b"]}").unwrap();
    out.into_inner().unwrap().sync_all().unwrap();
}

/// Returns a metric whose texts and numbers look like those of other types and formats.
fn numbered_metric(number: usize) -> Value {
    let mut whole = metric(&format!("m{number:06}"));
    whole["name"] = json!(format!("Metric no. {number}"));
    whole["business_domain"] = json!(["Finance", "Growth: \"all\""][number % 2]);
    let texts = ["yes", "~", "1e3", "- x", "# no", "a: b", "0x1F", "'", "é\u{2003}é"];
    let ends = ["", "\n", "\n  y: |\n", "\t\n\n# z", " \\ ", "…"];
    let (text, end) = (texts[number % texts.len()], ends[number % ends.len()]);
    whole["definition"]["formula"] = json!(format!("{text}{end}{number}"));
    whole["definition"]["formula_detail"] = json!(format!("x{end}{text}x"));
    whole["tags"] = json!([text, number.to_string()]);
    let value = f64::from(u32::try_from(number).unwrap());
    whole["targets_and_alerts"]["target_value"] = json!(value / 7.0);
    whole["definition"]["example_calculation"] = json!({"a": number, "b": value * 1e-9});
    whole
}

struct Place {
    folder: PathBuf,
    limit: Duration,
    environment: Vec<(&'static str, String)>,
    arguments: Vec<String>,
}

impl Place {
    /// A new database, used directly.
    async fn database(folder: &Path, limit: Duration) -> Self {
        let environment = vec![("DATABASE_URL", database::fresh().await)];
        Self { folder: folder.to_owned(), limit, environment, arguments: Vec::new() }
    }

    async fn service(folder: &Path, limit: Duration, serving: &Serving) -> Self {
        let environment = vec![("MDL_TOKEN", serving.login(ADMIN_PASSWORD).await)];
        let arguments = vec!["--url".to_owned(), serving.base.clone()];
        Self { folder: folder.to_owned(), limit, environment, arguments }
    }

    fn mdl(&self, arguments: &[&str]) -> String {
        let began = Instant::now();
        let further: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let mut command: Command = command(&self.folder, &[arguments, &further].concat());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let said = success(&run_within(self.limit, command, ""));
        println!("{:?}: {:.1} s", &arguments[..2], began.elapsed().as_secs_f64());
        said
    }

    fn import(&self, file: &str) -> String {
        self.mdl(&["import", file])
    }

    fn export(&self, format: &str, file: &str) -> Vec<u8> {
        self.mdl(&["export", "--format", format, "--output", file]);
        std::fs::read(self.folder.join(file)).unwrap()
    }
}

/// Runs blocking commands beside the service's own tasks.
async fn round_trip(metrics: usize) {
    let folder = tempfile::tempdir().unwrap();
    let (folder, limit) = (folder.path(), limit(metrics));
    write_catalogue(&folder.join("first.json"), metrics);
    let created = format!("created {}, updated 0, unchanged 0, errors 0\n", metrics + 2);
    let unchanged = format!("created 0, updated 0, unchanged {}, errors 0\n", metrics + 2);

    let first = Place::database(folder, limit).await;
    assert_eq!(first.import("first.json"), created);
    let yaml = first.export("yaml", "a.yaml");
    let json = first.export("json", "a.json");
    println!("{metrics} metrics: {} bytes of YAML, {} of JSON", yaml.len(), json.len());
    // In another database, from YAML.
    let second = Place::database(folder, limit).await;
    assert_eq!(second.import("a.yaml"), created);
    assert!(second.export("yaml", "b.yaml") == yaml, "another second export");
    assert!(second.export("json", "b.json") == json, "YAML lost something");
    // In a service, from JSON.
    let url = database::fresh().await;
    let environment = [
        &SECRETS[..],
        &[
            ("DATABASE_URL", url.as_str()),
            ("ADMIN_PASSWORD", ADMIN_PASSWORD),
            // A busy machine, and code that is not optimised.
            ("CIRCUIT_BREAKER_TIMEOUT", "120000"),
        ],
    ];
    let serving = Serving::start(folder, &environment.concat(), &[]).await;
    let third = Place::service(folder, limit, &serving).await;
    assert_eq!(third.import("a.json"), created);
    assert!(third.export("json", "c.json") == json, "another export of a service");
    assert!(third.export("yaml", "c.yaml") == yaml, "another export of a service");
    assert_eq!(third.import("c.yaml"), unchanged);
}

#[tokio::test]
async fn catalogue_of_300_metrics_makes_the_round_trip() {
    round_trip(300).await;
}

/// Returns [`METRICS`], or the number that `MDL_TEST_METRICS` sets.
fn many() -> usize {
    std::env::var("MDL_TEST_METRICS").map_or(METRICS, |count| count.parse().unwrap())
}

#[tokio::test]
#[ignore = "takes minutes: scripts/test runs it alone"]
async fn large_catalogue_makes_the_round_trip() {
    round_trip(many()).await;
}
