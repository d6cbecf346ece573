//! Files and lines are short, and no folder is named after nothing.

use crate::architecture::{Source, assert_none, files};

/// Longest file of `src`, and of tests and benchmarks, in lines.
const SOURCE_LINES: usize = 300;
const TEST_LINES: usize = 400;
const MEDIAN_LINES: usize = 90;
/// Longest line, in characters.
const COLUMNS: usize = 100;
const MEANINGLESS: [&str; 7] = ["utils", "util", "common", "helpers", "services", "types", "misc"];

fn tests_and_benches() -> Vec<Source> {
    files("tests", "rs").into_iter().chain(files("benches", "rs")).collect()
}

fn too_long(source: &Source, limit: usize) -> Option<String> {
    let lines = source.text.lines().count();
    (lines > limit).then(|| format!("{} has {lines} lines", source.path))
}

fn wide_lines(source: &Source) -> Vec<String> {
    let lines = source.text.lines().enumerate();
    let wide = lines.filter(|(_, line)| line.chars().count() > COLUMNS);
    wide.map(|(number, _)| format!("{}:{}", source.path, number + 1)).collect()
}

#[test]
fn files_are_short() {
    let (sources, others) = (files("src", "rs"), tests_and_benches());
    let long = sources.iter().filter_map(|source| too_long(source, SOURCE_LINES));
    assert_none(
        &long
            .chain(others.iter().filter_map(|source| too_long(source, TEST_LINES)))
            .collect::<Vec<_>>(),
    );
    let mut lengths: Vec<usize> =
        sources.iter().map(|source| source.text.lines().count()).collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= MEDIAN_LINES, "the median is {median} lines");
}

#[test]
fn lines_are_short() {
    let sources = files("src", "rs").into_iter().chain(tests_and_benches());
    assert_none(&sources.flat_map(|source| wide_lines(&source)).collect::<Vec<_>>());
}

#[test]
fn long_file_and_wide_line_are_found() {
    let long = Source::new("src/a.rs", &"\n".repeat(SOURCE_LINES + 1));
    assert!(too_long(&long, SOURCE_LINES).is_some() && too_long(&long, TEST_LINES).is_none());
    let wide = Source::new("src/a.rs", &format!("{}\n{}", "ä".repeat(100), "a".repeat(101)));
    assert_eq!(wide_lines(&wide), ["src/a.rs:2"]);
}

#[test]
fn no_file_has_a_meaningless_name() {
    let mut found = files("src", "rs");
    found.retain(|source| {
        source.path.split(['/', '.']).any(|segment| MEANINGLESS.contains(&segment))
    });
    assert_none(&found.into_iter().map(|source| source.path).collect::<Vec<_>>());
}
