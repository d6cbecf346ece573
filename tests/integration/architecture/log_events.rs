//! The tables of log events in `docs/logging.md`: their messages are texts of the source, logged at
//! the levels of the tables, and no event above level debug is missing there.

use std::collections::{BTreeMap, BTreeSet};

use crate::architecture::plan::spans;
use crate::architecture::{Source, assert_none, file, files, without_tests};

const PAGE: &str = "docs/logging.md";
/// Levels as the macros and the page name them.
const LEVELS: [(&str, &str); 4] =
    [("error", "error"), ("warn", "warning"), ("info", "info"), ("debug", "debug")];

type Events = BTreeMap<String, BTreeSet<&'static str>>;

/// The code of a file without its tests, with the parts of broken texts joined.
fn text(source: &Source) -> String {
    let mut joined = String::new();
    let mut parts = without_tests(&source.text).split("\\\n");
    joined.push_str(parts.next().unwrap());
    parts.for_each(|part| joined.push_str(part.trim_start()));
    joined
}

fn sources() -> Vec<String> {
    let mut sources = files("src", "rs");
    sources.retain(|source| !source.is_unit_test());
    sources.iter().map(text).collect()
}

/// The messages that the code logs, each with its levels.
fn logged(code: &str, events: &mut Events) {
    for (macro_name, level) in LEVELS {
        for call in code.split(&format!("slog::{macro_name}!(")).skip(1) {
            let message = call.split('"').nth(1).expect("a message");
            events.entry(message.to_owned()).or_default().insert(level);
        }
    }
}

/// The messages of the tables, each with its levels.
fn documented(page: &str) -> Events {
    let mut events = Events::new();
    let mut is_table = false;
    for line in page.lines() {
        is_table = line.starts_with("| message |") || (is_table && line.starts_with('|'));
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let (true, Some(message)) = (is_table, cells.get(1).and_then(|cell| spans(cell).next()))
        {
            let words: Vec<&str> = cells[2].split([' ', ';', ':', ',']).collect();
            let levels = LEVELS.iter().map(|(_, level)| *level);
            let levels = levels.filter(|level| words.contains(level)).collect();
            assert!(events.insert(message.to_owned(), levels).is_none(), "{message} occurs twice");
        }
    }
    events
}

/// What differs between the tables and the source.
fn differences(page: &str, sources: &[String]) -> Vec<String> {
    let (mut found, documented) = (Events::new(), documented(page));
    for code in sources {
        logged(code, &mut found);
    }
    let mut differences = Vec::new();
    for (message, levels) in &documented {
        let literal = format!("\"{message}\"");
        match found.get(message) {
            Some(actual) if actual != levels => {
                differences.push(format!("{message}: {levels:?}, but the source has {actual:?}"));
            }
            None if !sources.iter().any(|code| code.contains(&literal)) => {
                differences.push(format!("{message}: not in the source"));
            }
            _ => {}
        }
    }
    let debug = BTreeSet::from(["debug"]);
    let missing = found
        .iter()
        .filter(|(message, levels)| **levels != debug && !documented.contains_key(*message));
    differences.extend(missing.map(|(message, _)| format!("{message}: not in {PAGE}")));
    differences
}

#[test]
fn page_has_every_log_event_of_the_source() {
    let page = file(PAGE).text;
    assert!(documented(&page).len() > 40, "the tables were not found");
    assert_none(&differences(&page, &sources()));
}

#[test]
fn differences_between_page_and_source_are_found() {
    let page =
        "| field |\n| `a` |\n\n| message | level |\n| --- | --- |\n| `b c` | info; x: debug |\n";
    let differ = |code: &str| differences(page, &[text(&Source::new("src/a.rs", code))]);
    assert!(
        differ("slog::info!(l, \"b \\\n  c\"; \"x\" => 1); slog::debug!(l, \"b c\")").is_empty()
    );
    assert!(differ("let message = \"b c\"; slog::debug!(l, \"d\")").is_empty());
    assert_eq!(differ("slog::info!(l, \"b c\")").len(), 1);
    assert_eq!(
        differ("slog::warn!(l, \"d\")"),
        ["b c: not in the source", "d: not in docs/logging.md"]
    );
}
