//! Database operations are named "table.verb", so that the metric `db_query_duration_seconds` and
//! the log name the table that a call is about.

use std::collections::BTreeSet;

use crate::architecture::{Source, assert_none, file, files};

/// For calls that are about the server, not about a table.
const SERVER: &str = "server";

/// Returns the tables of the generated schema: `name (primary key) {`.
fn tables(schema: &str) -> BTreeSet<String> {
    let declared = schema.lines().filter_map(|line| {
        let (name, rest) = line.trim().split_once(" (")?;
        rest.ends_with(") {").then(|| name.to_owned())
    });
    declared.collect()
}

/// Returns the operations of a file: the text literals that follow a circuit.
fn operations(text: &str) -> Vec<&str> {
    let after_circuits = text.split("Circuit::").skip(1);
    let literals = after_circuits.filter_map(|rest| {
        let (_, argument) = rest.split_once(',')?;
        let circuit = &rest[..rest.len() - argument.len() - 1];
        let is_variant = circuit.chars().all(char::is_alphanumeric);
        let literal = argument.trim_start().strip_prefix('"').filter(|_| is_variant)?;
        Some(literal.split_once('"')?.0)
    });
    literals.collect()
}

fn misnamed(source: &Source, tables: &BTreeSet<String>) -> Vec<String> {
    let is_named = |operation: &&str| {
        operation.split_once('.').is_some_and(|(table, verb)| {
            let is_verb =
                !verb.is_empty() && verb.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            is_verb && (table == SERVER || tables.contains(table))
        })
    };
    let wrong = operations(&source.text).into_iter().filter(|operation| !is_named(operation));
    wrong.map(|operation| format!("{}: {operation}", source.path)).collect()
}

#[test]
fn operations_are_named_after_a_table_and_a_verb() {
    let tables = tables(&file("src/storage/schema.rs").text);
    assert!(tables.contains("metrics") && tables.contains("api_keys"), "{tables:?}");
    let sources = files("src", "rs");
    let found: usize = sources.iter().map(|source| operations(&source.text).len()).sum();
    assert!(found > 40, "{found} operations");
    assert_none(&sources.iter().flat_map(|source| misnamed(source, &tables)).collect::<Vec<_>>());
}

#[test]
fn misnamed_operation_is_found() {
    let tables = BTreeSet::from(["metrics".to_owned()]);
    let check = |text: &str| misnamed(&Source::new("src/a.rs", text), &tables).len();
    assert_eq!(check("db.run(Circuit::Metrics, \"metrics.list\", work)"), 0);
    assert_eq!(check("db.run(\n    Circuit::Auth,\n    \"server.ping\",\n    work)"), 0);
    assert_eq!(check("db.run(Circuit::Metrics, \"list_metrics\", work)"), 1);
    assert_eq!(check("db.run(\n    Circuit::Metrics,\n    \"metric.list\",\n    work)"), 1);
    assert_eq!(check("db.run(Circuit::Metrics, \"metrics.List\", work)"), 1);
    assert_eq!(check("matches!(circuit, Circuit::Metrics | Circuit::Auth), \"text\""), 0);
}
