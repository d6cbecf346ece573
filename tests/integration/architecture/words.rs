//! Words that are not used in source and documentation, because the field has a standard word for
//! each (`docs/glossary.md`). Messages to clients and operators are in the source, too.

use crate::architecture::{Source, assert_none, file, files};

/// Words and phrases. In identifiers `_` separates words.
const FORBIDDEN: [&str; 39] = [
    "somebody",
    "nobody",
    "anybody",
    "whoever",
    "whomever",
    "goodbye",
    "no such thing",
    "in vain",
    "told of",
    "recollection",
    "recollections",
    "recall",
    "recalls",
    "recalled",
    "remember",
    "remembers",
    "remembered",
    "remembering",
    "forget",
    "forgets",
    "forgetting",
    "forgot",
    "forgotten",
    "hear",
    "hears",
    "heard",
    "hearing",
    "is away",
    "went away",
    "gone for good",
    "bring up",
    "put out",
    "shield",
    "shields",
    "mended",
    "quarrel",
    "quarrels",
    "quarrelled",
    "the law",
];
/// Between the words of a phrase: spaces, line breaks, and what begins a line of a comment.
const BETWEEN: &str = " \n\t\\/!#>|*_-";
/// A function of the standard library.
const ALLOWED: &str = "mem::forget";

/// The words of a text, in lower case, each with the place where it begins and ends.
fn words(text: &str) -> Vec<(usize, usize, String)> {
    let (mut words, mut start) = (Vec::new(), None);
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (c.is_alphanumeric(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                words.push((from, at, text[from..at].to_lowercase()));
                start = None;
            }
            _ => {}
        }
    }
    words
}

fn forbidden(source: &Source) -> Vec<String> {
    let text = source.text.replace(ALLOWED, &" ".repeat(ALLOWED.len()));
    let words = words(&text);
    let begins_with = |at: usize, phrase: &str| {
        phrase.split(' ').enumerate().all(|(offset, expected)| {
            let Some((start, _, word)) = words.get(at + offset) else { return false };
            let adjacent = offset == 0
                || text[words[at + offset - 1].1..*start].chars().all(|c| BETWEEN.contains(c));
            word == expected && adjacent
        })
    };
    let mut found = Vec::new();
    for (at, (start, _, _)) in words.iter().enumerate() {
        if let Some(phrase) = FORBIDDEN.iter().find(|phrase| begins_with(at, phrase)) {
            let line = text[..*start].matches('\n').count() + 1;
            found.push(format!("{}:{line}: {phrase}", source.path));
        }
    }
    found
}

/// The newest section of the change log; the older ones are history.
fn newest_changes() -> Source {
    let mut changes = file("CHANGELOG.md");
    let sections: Vec<usize> = changes.text.match_indices("\n## ").map(|(at, _)| at).collect();
    if let Some(second) = sections.get(1) {
        changes.text.truncate(*second);
    }
    changes
}

#[test]
fn source_and_documentation_use_standard_words() {
    let mut sources = files("src", "rs");
    // The glossary lists the words that are not used.
    sources.extend(files("docs", "md").into_iter().filter(|doc| doc.path != "docs/glossary.md"));
    sources.extend([file("README.md"), file(".env.example"), newest_changes()]);
    assert_none(&sources.iter().flat_map(forbidden).collect::<Vec<_>>());
}

#[test]
fn forbidden_words_are_found() {
    let found = |text| forbidden(&Source::new("src/a.rs", text));
    assert_eq!(found("// What\n// Somebody said."), ["src/a.rs:2: somebody"]);
    assert_eq!(
        found("let x = \"the database\n    /// is\n    /// away\";"),
        ["src/a.rs:2: is away"]
    );
    assert_eq!(found("fn forget_here() {}\nfn database_is_away() {}").len(), 2);
    assert_eq!(
        found("\"gone for \\\n    good\"; // bring-up"),
        ["src/a.rs:1: gone for good", "src/a.rs:2: bring up",]
    );
    assert!(found("std::mem::forget(x); // That is it. Away from here, windshields").is_empty());
}
