//! Folders of `src` import only folders below them, and some libraries are named only where they
//! belong.

use crate::architecture::{Source, assert_none, code, files, is_word, paths, without_tests};

/// Floors from the top down. A folder may import what is below its own floor, and itself.
const FLOORS: [&[&str]; 8] = [
    &["app"],
    &["http"],
    &["actors"],
    &["storage"],
    &["rate_limit"],
    &["credentials", "cache", "postgres"],
    &["model"],
    &["bulkhead", "clock", "config", "embedded", "mail", "telemetry"],
];
/// What is logged and where it is shipped is configuration.
const ALLOWED: [(&str, &str); 1] = [("telemetry", "config")];
/// Libraries, and the only places that may name them.
const LIBRARIES: [(&str, &[&str]); 5] = [
    ("diesel", &["src/storage/", "src/postgres/", "src/actors/db_breaker/"]),
    ("diesel_async", &["src/storage/", "src/postgres/", "src/actors/db_breaker/"]),
    ("diesel_migrations", &["src/storage/", "src/postgres/", "src/actors/db_breaker/"]),
    ("actix", &["src/actors/", "src/app/"]),
    ("actix_web", &["src/http/", "src/app/"]),
];

fn floor(folder: &str) -> usize {
    FLOORS
        .iter()
        .position(|folders| folders.contains(&folder))
        .unwrap_or_else(|| panic!("{folder} has no floor"))
}

fn folder(path: &str) -> &str {
    path.trim_start_matches("src/").split(['/', '.']).next().unwrap()
}

/// The top-level modules that this code names with `crate::`, groups in braces included.
fn imported(code: &str) -> Vec<String> {
    let mut found: Vec<String> = paths(code)
        .into_iter()
        .filter(|path| path[0] == "crate")
        .map(|path| path[1].clone())
        .collect();
    for group in code.split("crate::{").skip(1) {
        let mut depth = 0_u32;
        let mut names = String::new();
        for c in group.chars() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                c if depth == 0 => names.push(c),
                _ => {}
            }
        }
        let first = |name: &str| name.trim().split("::").next().unwrap().to_owned();
        found.extend(names.split(',').map(first).filter(|name| !name.is_empty()));
    }
    found
}

fn upward(source: &Source) -> Vec<String> {
    let folder = folder(&source.path);
    let may_import = |imported: &str| {
        imported == folder
            || floor(imported) > floor(folder)
            || ALLOWED.contains(&(folder, imported))
    };
    let imported = imported(&code(&source.text));
    let wrong = imported.iter().filter(|imported| !may_import(imported));
    wrong.map(|imported| format!("{} imports {imported}", source.path)).collect()
}

/// Whether this name is a word of the code.
fn names(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(start, _)| {
        !code[..start].ends_with(is_word) && !code[start + name.len()..].starts_with(is_word)
    })
}

fn misplaced(source: &Source) -> Vec<String> {
    let code = code(&source.text);
    let code = without_tests(&code);
    let misplaced = |(library, places): &(&str, &[&str])| {
        names(code, library) && !places.iter().any(|place| source.path.starts_with(place))
    };
    let found = LIBRARIES.iter().filter(|library| misplaced(library));
    found.map(|(library, _)| format!("{} names {library}", source.path)).collect()
}

fn folders_of_src() -> Vec<Source> {
    let mut sources = files("src", "rs");
    sources.retain(|source| !matches!(source.path.as_str(), "src/lib.rs" | "src/main.rs"));
    sources
}

#[test]
fn folders_import_only_lower_floors() {
    assert_none(&folders_of_src().iter().flat_map(upward).collect::<Vec<_>>());
}

#[test]
fn upward_import_is_found() {
    let model = |text| upward(&Source::new("src/model/users.rs", text)).len();
    assert_eq!(model("use crate::http::AppState;\n// crate::app\n"), 1);
    assert_eq!(model("fn f() { crate::storage::x() }"), 1);
    assert_eq!(model("use crate::{clock, http::{error, state}};"), 1);
    assert_eq!(model("use crate::model::text::Text; use crate::clock::Clock;"), 0);
}

#[test]
fn libraries_are_named_only_where_they_belong() {
    let sources = folders_of_src();
    let sources = sources.iter().filter(|source| !source.is_unit_test());
    assert_none(&sources.flat_map(misplaced).collect::<Vec<_>>());
}

#[test]
fn misplaced_library_is_found() {
    let found = |path, text| misplaced(&Source::new(path, text)).len();
    assert_eq!(found("src/http/routes/users.rs", "use diesel::prelude::*;"), 1);
    assert_eq!(found("src/model/users.rs", "#[derive(diesel::AsExpression)] struct A;"), 1);
    assert_eq!(found("src/cache/mod.rs", "use actix_web::web;"), 1);
    assert_eq!(found("src/http/mod.rs", "use actix_web::web; // not diesel"), 0);
    assert_eq!(found("src/storage/users.rs", "use diesel_async::RunQueryDsl;"), 0);
}
