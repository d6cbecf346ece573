//! The law of the house: imports run down, rooms are small, every room says what it is.

use std::fs;
use std::path::{Path, PathBuf};

/// Floors from the top down; a room may import what is below its own floor, and from its own room.
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
/// Leaves may use each other's types where the design says so: what is logged is configuration.
const ALLOWED: [(&str, &str); 1] = [("telemetry", "config")];
const LONGEST: usize = 400;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn sources(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    files(&root.join(folder), &mut found);
    found
        .into_iter()
        .map(|path| {
            (
                path.strip_prefix(root).unwrap().display().to_string(),
                fs::read_to_string(&path).unwrap(),
            )
        })
        .collect()
}

fn floor(room: &str) -> usize {
    FLOORS
        .iter()
        .position(|rooms| rooms.contains(&room))
        .unwrap_or_else(|| panic!("{room} has no floor"))
}

/// The top-level modules that a file names with `crate::`, the groups in braces included.
fn imports(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut found = Vec::new();
    for part in code.split("crate::").skip(1) {
        if let Some(group) = part.strip_prefix('{') {
            let inner = group.split('}').next().unwrap();
            found.extend(
                inner.split(',').map(|name| name.trim().split("::").next().unwrap().to_owned()),
            );
        } else {
            found.push(part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

#[test]
fn imports_run_down() {
    for (path, text) in sources("src") {
        let room = path.trim_start_matches("src/").split(['/', '.']).next().unwrap().to_owned();
        if matches!(room.as_str(), "lib" | "main") {
            continue;
        }
        for imported in imports(&text) {
            let same = imported == room;
            let down = floor(&imported) > floor(&room);
            let allowed = ALLOWED.contains(&(room.as_str(), imported.as_str()));
            assert!(same || down || allowed, "{path} imports {imported}, which is not below it");
        }
    }
}

#[test]
fn the_test_would_notice() {
    assert_eq!(
        imports("use crate::http::AppState;\n// crate::app\nfn f() { crate::model::x() }"),
        ["http", "model"]
    );
    assert_eq!(imports("use crate::{app::cli, clock};"), ["app", "clock"]);
}

#[test]
fn rooms_are_small_and_say_what_they_are() {
    let mut lengths = Vec::new();
    for (path, text) in sources("src").into_iter().chain(sources("tests")) {
        if path.ends_with("storage/schema.rs") {
            continue;
        }
        let length = text.lines().count();
        assert!(length <= LONGEST, "{path} has {length} lines");
        if path.starts_with("src/") {
            assert!(text.starts_with("//!"), "{path} does not say what it is");
            lengths.push(length);
        }
    }
    lengths.sort_unstable();
    assert!(lengths[lengths.len() / 2] <= 110, "the median is {}", lengths[lengths.len() / 2]);
}

#[test]
fn no_room_is_called_after_nothing() {
    for (path, _) in sources("src") {
        for name in ["utils", "util", "common", "helpers", "services", "types", "misc"] {
            assert!(
                !path.contains(&format!("/{name}.rs")) && !path.contains(&format!("/{name}/")),
                "{path}"
            );
        }
    }
}
