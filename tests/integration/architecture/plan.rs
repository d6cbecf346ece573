//! The tables of `docs/plan.md`, `docs/resilience.md` and the README name files, tests and
//! variables that exist. What a column is checked for depends on its heading:
//!
//! - *code*, *where*: each code span is a file or folder.
//! - *tests*: each code span is a test or a module, as `cargo test` names it, or a file.
//! - *term*: each code span occurs in one of the files of the same row.
//! - *variable*: each code span is a line of `.env.example`.

use std::fs;
use std::path::Path;

use crate::architecture::{Source, assert_none, file, files};

/// A table of a Markdown document: its headings, and its rows with their line numbers.
struct Table<'a> {
    headings: Vec<&'a str>,
    rows: Vec<(usize, Vec<&'a str>)>,
}

impl<'a> Table<'a> {
    /// The cell of a row under one of these headings, or an empty text.
    fn cell(&self, row: &[&'a str], headings: &[&str]) -> &'a str {
        let column = self.headings.iter().position(|heading| headings.contains(heading));
        column.and_then(|column| row.get(column)).copied().unwrap_or_default()
    }
}

/// The cells of a line, which begins and ends with `|`; `\|` separates none.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    let (mut cells, mut start) = (Vec::new(), 0);
    for (at, _) in inner.match_indices('|').filter(|(at, _)| !inner[..*at].ends_with('\\')) {
        cells.push(inner[start..at].trim());
        start = at + 1;
    }
    cells.push(inner[start..].trim());
    Some(cells)
}

fn tables(text: &str) -> Vec<Table<'_>> {
    let (mut tables, mut table) = (Vec::new(), None::<Table<'_>>);
    for (number, line) in text.lines().enumerate() {
        match (cells(line), &mut table) {
            (Some(headings), None) => table = Some(Table { headings, rows: Vec::new() }),
            // The line of dashes below the headings.
            (Some(cells), Some(_)) if cells.iter().all(|cell| cell.starts_with("---")) => {}
            (Some(cells), Some(table)) => table.rows.push((number + 1, cells)),
            (None, _) => tables.extend(table.take()),
        }
    }
    tables.extend(table);
    tables
}

/// The contents of the code spans of a text.
pub fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn exists(path: &str) -> bool {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).exists()
}

fn text(path: &str) -> Option<String> {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).ok()
}

/// The text of a module, as `cargo test` names it: of the integration tests or of the library.
fn module(segments: &[&str]) -> Option<String> {
    let path = segments.join("/");
    let inline = path.strip_suffix("/tests").unwrap_or(&path);
    let roots = ["tests/integration", "src"];
    let files = roots.iter().flat_map(|root| {
        [&path, inline].map(|path| [format!("{root}/{path}.rs"), format!("{root}/{path}/mod.rs")])
    });
    files.flatten().find_map(|path| text(&path))
}

/// Whether a text declares this function with an attribute of a test.
fn declares_test(text: &str, name: &str) -> bool {
    let mut attributes = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[") {
            attributes |= line.ends_with("test]") || line.contains("test(");
        } else if line.contains("fn ") {
            if attributes && line.contains(&format!("fn {name}(")) {
                return true;
            }
            attributes = false;
        }
    }
    false
}

fn is_test(name: &str) -> bool {
    if name.contains('/') {
        return exists(name);
    }
    let segments: Vec<&str> = name.split("::").collect();
    let Some((function, parents)) = segments.split_last() else { return false };
    module(&segments).is_some()
        || module(parents).is_some_and(|text| declares_test(&text, function))
}

/// Whether a term occurs in this file, or in a file of this folder.
fn occurs(term: &str, path: &str) -> bool {
    if let Some(text) = text(path) {
        return text.contains(term);
    }
    let extensions = ["rs", "json", "yml", "sql", "toml"];
    let mut sources = extensions.iter().flat_map(|extension| files(path, extension));
    exists(path) && sources.any(|source| source.text.contains(term))
}

fn is_variable(name: &str) -> bool {
    let examples = file(".env.example").text;
    let mut lines = examples.lines().map(|line| line.trim_start_matches("# "));
    lines.any(|line| line.split_once('=').is_some_and(|(found, _)| found == name))
}

/// All names in the tables of a document that do not exist.
fn missing(document: &Source) -> Vec<String> {
    let mut findings = Vec::new();
    for table in tables(&document.text) {
        for (number, row) in &table.rows {
            let mut add = |kind: &str, name: &str| {
                findings.push(format!("{}:{number}: {kind} {name}", document.path));
            };
            if row.len() != table.headings.len() {
                add("number of cells", &row.len().to_string());
            }
            let places: Vec<&str> = spans(table.cell(row, &["code", "where"])).collect();
            let (found, absent): (Vec<&str>, Vec<&str>) =
                places.iter().partition(|place| exists(place));
            for place in absent {
                add("file", place);
            }
            for name in spans(table.cell(row, &["tests"])).filter(|name| !is_test(name)) {
                add("test", name);
            }
            for term in spans(table.cell(row, &["term"])) {
                if !found.iter().any(|path| occurs(term, path)) {
                    add("term", term);
                }
            }
            for name in spans(table.cell(row, &["variable"])).filter(|name| !is_variable(name)) {
                add("variable", name);
            }
        }
    }
    findings
}

/// How many names the tables of a document have under these headings.
fn count(document: &Source, headings: &[&str]) -> usize {
    let tables = tables(&document.text);
    let cells = tables
        .iter()
        .flat_map(|table| table.rows.iter().map(|(_, row)| spans(table.cell(row, headings))));
    cells.map(Iterator::count).sum()
}

#[test]
fn files_and_tests_in_the_tables_exist() {
    let (plan, readme) = (file("docs/plan.md"), file("README.md"));
    assert_none(&[missing(&plan), missing(&readme)].concat());
    // A heading that is renamed must not switch the check off.
    for document in [&plan, &readme] {
        for headings in [&["code"][..], &["tests"]] {
            assert!(count(document, headings) > 0, "{}: {headings:?}", document.path);
        }
    }
    assert!(count(&plan, &["term"]) >= 40 && count(&readme, &["variable"]) > 0);
}

#[test]
fn every_row_of_the_plan_has_code_and_a_test() {
    let document = file("docs/plan.md");
    let mut findings = Vec::new();
    for table in tables(&document.text) {
        for (number, row) in &table.rows {
            let empty = |headings| spans(table.cell(row, headings)).next().is_none();
            if table.headings.contains(&"tests") && (empty(&["code"]) || empty(&["tests"])) {
                findings.push(format!("{}:{number}", document.path));
            }
        }
    }
    assert_none(&findings);
}

#[test]
fn tests_of_parsers_exist() {
    let document = file("docs/security.md");
    let (_, rest) = document.text.split_once("\n## Parsers").expect("a section");
    let section = Source::new(&document.path, rest.split("\n## ").next().unwrap());
    assert!(count(&section, &["tests"]) > 10);
    assert_none(&missing(&section));
}

/// Each promise about a fault names the test that fails when it is broken.
#[test]
fn every_promise_of_resilience_has_a_test() {
    let document = file("docs/resilience.md");
    assert_none(&missing(&document));
    let tables = tables(&document.text);
    let promises = tables.iter().filter(|table| table.headings.contains(&"promise"));
    let rows = promises.flat_map(|table| table.rows.iter().map(move |row| (table, row)));
    let (mut findings, mut number) = (Vec::new(), 0);
    for (table, (line, row)) in rows {
        number += 1;
        if spans(table.cell(row, &["tests"])).next().is_none() {
            findings.push(format!("{}:{line}", document.path));
        }
    }
    assert!(number > 30, "{number} promises");
    assert_none(&findings);
}

#[test]
fn every_switch_is_in_the_readme() {
    let (readme, examples) = (file("README.md"), file(".env.example"));
    let switches = examples
        .text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name.trim_start_matches("# "));
    let tables = tables(&readme.text);
    let table = tables.iter().find(|table| table.headings.contains(&"off then"));
    let listed: Vec<&str> = table
        .iter()
        .flat_map(|table| table.rows.iter().flat_map(|(_, row)| spans(row[0])))
        .collect();
    let absent = switches.filter(|name| name.ends_with("_ENABLED") && !listed.contains(name));
    assert_none(&absent.map(str::to_owned).collect::<Vec<_>>());
}

#[test]
fn invented_names_are_found() {
    let found = |text: &str| {
        let table = format!("| line | code | tests |\n| --- | --- | --- |\n{text}");
        missing(&Source::new("a.md", &table))
    };
    let module = "architecture::plan";
    let own = format!("| a | `src/http` | `{module}::invented_names_are_found` `{module}` |");
    assert!(found(&own).is_empty());
    assert!(
        found("| a | – | `rate_limit::sliding_window::tests` `benches/limits.rs` |").is_empty()
    );
    assert_eq!(found("| a | `src/invented` | |"), ["a.md:3: file src/invented"]);
    assert_eq!(
        found(&format!("| a | | `{module}::invented` |")),
        ["a.md:3: test architecture::plan::invented"]
    );
    let helper = "`architecture::plan::missing`";
    assert_eq!(found(&format!("| a | | {helper} |")).len(), 1, "a function that is no test");
    assert_eq!(found("| a | | `invented::plan` |"), ["a.md:3: test invented::plan"]);
    assert_eq!(found("| a | `src` \\| `invented` | `invented` |").len(), 2);
    assert_eq!(found("| a | `src` |"), ["a.md:3: number of cells 2"]);
}

#[test]
fn terms_and_variables_are_found_where_the_table_says() {
    let terms = |text: &str| {
        let table =
            format!("| term | where |\n|---|---|\n{text}\n\n| variable |\n|---|\n| `PORT` |");
        missing(&Source::new("a.md", &table))
    };
    assert!(terms("| a term, `COLUMNS` | `tests/integration/architecture` |").is_empty());
    assert_eq!(terms("| `COLUMNS` | `src/clock.rs` |"), ["a.md:3: term COLUMNS"]);
    let variable = Source::new("a.md", "| variable |\n|---|\n| `PORT`, `WORKERS`, `INVENTED` |");
    assert_eq!(missing(&variable), ["a.md:3: variable INVENTED"]);
}
