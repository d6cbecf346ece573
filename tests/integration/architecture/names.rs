//! A type name has one owner in the crate. Associated types, and types inside functions, do not
//! count.

use std::collections::BTreeMap;

use crate::architecture::{Source, assert_none, code, files, is_word, without_tests};

const TYPES: [&str; 5] = ["struct", "enum", "trait", "type", "union"];

/// The types that a file declares at module level: declarations that are not indented.
fn declared(code: &str) -> Vec<&str> {
    let declaration = |line: &str| -> Option<usize> {
        let public = match line.strip_prefix("pub(") {
            Some(rest) => line.len() - rest.split_once(") ")?.1.len(),
            None => line.strip_prefix("pub ").map_or(0, |rest| line.len() - rest.len()),
        };
        let unsafe_ = line[public..].strip_prefix("unsafe ").map_or(0, |_| "unsafe ".len());
        let (keyword, _) = line[public + unsafe_..].split_once(' ')?;
        TYPES.contains(&keyword).then_some(public + unsafe_ + keyword.len() + 1)
    };
    let names = code.lines().filter_map(|line| {
        let name = &line[declaration(line)?..];
        Some(name.split(|c: char| !is_word(c)).next().unwrap_or_default())
    });
    names.collect()
}

fn declared_twice(sources: &[Source]) -> Vec<String> {
    let mut owners: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for source in sources.iter().filter(|source| !source.is_unit_test()) {
        let code = code(&source.text);
        for name in declared(without_tests(&code)) {
            owners.entry(name.to_owned()).or_default().push(&source.path);
        }
    }
    owners.retain(|_, paths| paths.len() > 1);
    owners.into_iter().map(|(name, paths)| format!("{name}: {}", paths.join(", "))).collect()
}

#[test]
fn type_name_has_one_owner() {
    assert_none(&declared_twice(&files("src", "rs")));
}

#[test]
fn second_owner_is_found() {
    let first = Source::new("src/a.rs", "pub struct Limits { a: u8 }\nimpl T for Limits {}");
    let second = |text| {
        declared_twice(&[Source::new(&first.path, &first.text), Source::new("src/b.rs", text)])
    };
    assert_eq!(second("pub(super) enum Limits<'a> { A(&'a u8) }"), ["Limits: src/a.rs, src/b.rs"]);
    assert_eq!(second("type Limits = (u8, u8);").len(), 1);
    assert!(second("impl Sink for S {\n    type Limits = u8;\n}").is_empty());
    assert!(second("// struct Limits\nstruct OtherLimits;").is_empty());
}
