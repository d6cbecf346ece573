//! `mdl circuits`: shows and controls the circuit breakers of a running service, over its local
//! socket or with `--url`. It is made for outages, so it needs neither the database nor a log-in.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api_client::ApiClient;
use crate::app::cli::{CircuitsAction, CircuitsArguments, RemoteOptions};
use crate::app::command_error::CommandError;
use crate::app::output::print_line;
use crate::config::{Config, secrets};

const ROUTE: &str = "/health/circuit-breakers";
const NAMES: [&str; 4] = ["metrics", "domains", "auth", "api_keys"];
const ALL: &str = "all";

/// What the service reports; only what the table shows.
#[derive(Debug, Deserialize)]
struct CircuitsReport {
    breakers: BTreeMap<String, CircuitLine>,
    pool: PoolLine,
}

#[derive(Debug, Deserialize, Serialize)]
struct CircuitLine {
    status: String,
    since: String,
    retry_after: Option<f64>,
    in_flight: u64,
    last_error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct PoolLine {
    active: u64,
    idle: u64,
    waiting: u64,
    max: u64,
}

/// Runs the command.
pub(in crate::app) async fn run(
    config: &Config,
    arguments: CircuitsArguments,
) -> Result<(), CommandError> {
    let circuits = selected(&arguments)?;
    let client = connect(config, &arguments).await?;
    if arguments.action != CircuitsAction::Status {
        let body = json!({ "action": arguments.action.as_ref(), "reason": arguments.reason });
        for circuit in &circuits {
            let _: Value = client.call(&format!("{ROUTE}/{circuit}"), Some(&body)).await?;
        }
    }
    let response: Value = client.call(ROUTE, None).await?;
    if arguments.json {
        let text = serde_json::to_string_pretty(&response).map_err(CommandError::failed)?;
        print_line(&text)?;
    }
    let mut report: CircuitsReport =
        serde_json::from_value(response).map_err(CommandError::failed)?;
    report.breakers.retain(|name, _| circuits.contains(&name.as_str()));
    if !arguments.json {
        for line in table(&report) {
            print_line(&line)?;
        }
    }
    // After an action the exit code says whether it was done.
    if arguments.action == CircuitsAction::Status { require_closed(&report) } else { Ok(()) }
}

/// Returns the circuits that the command concerns.
fn selected(arguments: &CircuitsArguments) -> Result<Vec<&'static str>, CommandError> {
    let name = match (&arguments.circuit, arguments.action) {
        (Some(name), _) => name.as_str(),
        (None, CircuitsAction::Status) => ALL,
        (None, action) => {
            return Err(CommandError::usage(format!(
                "name a circuit: mdl circuits {} {}|{ALL}",
                action.as_ref(),
                NAMES.join("|")
            )));
        }
    };
    let circuits: Vec<&str> =
        NAMES.into_iter().filter(|circuit| name == ALL || name == *circuit).collect();
    if circuits.is_empty() {
        return Err(CommandError::usage(format!(
            "unknown circuit; there are {} and {ALL}",
            NAMES.join(", ")
        )));
    }
    Ok(circuits)
}

async fn connect(
    config: &Config,
    arguments: &CircuitsArguments,
) -> Result<ApiClient, CommandError> {
    if let Some(url) = &arguments.url {
        let variable = |name: &str| std::env::var_os(name);
        let token = secrets::read(secrets::MDL_TOKEN, variable).map_err(CommandError::usage)?;
        let remote = RemoteOptions { url: Some(url.clone()), token };
        let client = ApiClient::from_options(&remote, &config.transport)?;
        return client.ok_or_else(|| CommandError::usage("--url must not be empty"));
    }
    let path = config.admin_socket(config.service.port);
    // Tried first, because the error of the HTTP client does not name the file.
    let connected = tokio::net::UnixStream::connect(&path).await;
    connected.map_err(|error| no_socket(&path, &error))?;
    ApiClient::from_socket(&path)
}

fn no_socket(path: &Path, error: &std::io::Error) -> CommandError {
    CommandError::failed(format!(
        "cannot connect to the service at {}: {error}; run this command on the host of the \
         service, as its user, with its DATA_DIR and PORT or its ADMIN_SOCKET, or use --url",
        path.display()
    ))
}

/// Renders the circuits as lines of a table.
fn table(report: &CircuitsReport) -> Vec<String> {
    let row = |cells: [&str; 5], cause: &str| {
        let [name, state, since, retry, in_flight] = cells;
        let line = format!("{name:<9} {state:<9} {since:<27} {retry:<9} {in_flight:<9} {cause}");
        line.trim_end().to_owned()
    };
    let head = row(["CIRCUIT", "STATE", "SINCE", "RETRY IN", "IN FLIGHT"], "LAST ERROR");
    let rows = report.breakers.iter().map(|(name, circuit)| {
        let retry = circuit.retry_after.map_or_else(|| "-".into(), |left| format!("{left:.0} s"));
        let cause = printable(circuit.last_error.as_deref().unwrap_or("-"));
        let in_flight = circuit.in_flight.to_string();
        row([name, &circuit.status, &circuit.since, &retry, &in_flight], &cause)
    });
    let PoolLine { active, idle, waiting, max } = report.pool;
    let pool = format!("pool: {active} active, {idle} idle, {waiting} waiting, {max} at most");
    [head].into_iter().chain(rows).chain([pool]).collect()
}

/// Replaces control characters, which could change what a terminal shows.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn require_closed(report: &CircuitsReport) -> Result<(), CommandError> {
    let others = report.breakers.iter().filter(|(_, circuit)| circuit.status != "closed");
    let others: Vec<String> =
        others.map(|(name, circuit)| format!("{name} is {}", circuit.status)).collect();
    if others.is_empty() { Ok(()) } else { Err(CommandError::Attention(others.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(action: CircuitsAction, circuit: Option<&str>) -> CircuitsArguments {
        let (circuit, reason) = (circuit.map(str::to_owned), "test".into());
        CircuitsArguments { action, circuit, reason, json: false, url: None }
    }

    #[test]
    fn action_needs_the_name_of_a_circuit() {
        let names = |action, circuit| selected(&arguments(action, circuit)).ok();
        assert_eq!(names(CircuitsAction::Status, None), Some(NAMES.to_vec()));
        assert_eq!(names(CircuitsAction::Reset, Some("all")), Some(NAMES.to_vec()));
        assert_eq!(names(CircuitsAction::Isolate, Some("auth")), Some(vec!["auth"]));
        assert_eq!(names(CircuitsAction::Isolate, None), None);
        assert_eq!(names(CircuitsAction::Close, Some("other")), None);
    }

    #[test]
    fn table_shows_state_and_cause_on_one_line_each() {
        let report: CircuitsReport = serde_json::from_value(json!({
            "breakers": {"auth": {"status": "open", "since": "2026-11-28T23:00:00Z",
                "retry_after": 12.4, "in_flight": 0, "last_error": "refused\n\u{1b}[2J"}},
            "pool": {"active": 0, "idle": 1, "waiting": 0, "max": 10},
        }))
        .expect("a report");
        let lines = table(&report);
        assert_eq!(lines.len(), 3);
        assert!(lines[1].starts_with("auth      open      2026-11-28T23:00:00Z"), "{lines:?}");
        assert!(lines[1].contains("12 s") && lines[1].ends_with("refused  [2J"), "{lines:?}");
        assert_eq!(require_closed(&report).expect_err("open").to_string(), "auth is open");
    }
}
