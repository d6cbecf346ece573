//! Every file says what it is for, every public item has a doc comment, and no doc comment is only
//! one or two words.

use crate::architecture::{Source, assert_none, files};

const ITEMS: [&str; 9] =
    ["fn", "struct", "enum", "trait", "const", "static", "type", "mod", "union"];
const MODIFIERS: [&str; 3] = ["const", "async", "unsafe"];
/// A doc comment of fewer words says no more than the name.
const WORDS: usize = 3;

/// Whether this line declares an item that is public in the whole crate. A module in a file of its
/// own is documented there.
fn is_public_item(line: &str) -> bool {
    let Some(declaration) = line.trim_start().strip_prefix("pub ") else { return false };
    let mut words = declaration.split(' ').peekable();
    // `const` is a modifier in `const fn`, and else an item.
    while let Some(word) = words.next() {
        let modifies = MODIFIERS.contains(&word)
            && words.peek().is_some_and(|next| *next == "fn" || MODIFIERS.contains(next));
        if !modifies {
            return ITEMS.contains(&word) && !(word == "mod" && declaration.ends_with(';'));
        }
    }
    false
}

/// The lines before the inline unit tests, which are the last item of a file.
fn lines(source: &Source) -> Vec<&str> {
    let text = source.text.as_str();
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    text[..end].lines().collect()
}

fn is_doc(line: &str) -> bool {
    line.trim_start().starts_with("///")
}

/// Whether the line before an item, its attributes and plain comments skipped, is a doc comment.
fn is_documented(before: &[&str]) -> bool {
    let mut in_attribute = false;
    for line in before.iter().rev() {
        let line = line.trim();
        // The callers of a macro write the comment.
        if line.starts_with("$(#[") {
            return true;
        }
        if in_attribute {
            in_attribute = !line.starts_with("#[");
        } else if line.ends_with(']') && !line.starts_with("#[") && !line.starts_with("//") {
            in_attribute = true;
        } else if !(line.starts_with("#[") || (line.starts_with("//") && !is_doc(line))) {
            return is_doc(line);
        }
    }
    false
}

fn undocumented(source: &Source) -> Vec<String> {
    let lines = lines(source);
    let items = lines.iter().enumerate().filter(|(_, line)| is_public_item(line));
    let found = items.filter(|(at, _)| !is_documented(&lines[..*at]));
    found.map(|(at, line)| format!("{}:{}: {}", source.path, at + 1, line.trim())).collect()
}

fn short_comments(source: &Source) -> Vec<String> {
    let lines = lines(source);
    let starts = (0..lines.len())
        .filter(|at| is_doc(lines[*at]) && !at.checked_sub(1).is_some_and(|b| is_doc(lines[b])));
    let block = |at: usize| {
        let block = lines[at..].iter().take_while(|line| is_doc(line));
        block.map(|line| line.trim().trim_start_matches('/')).collect::<Vec<_>>().join(" ")
    };
    let short = starts.map(|at| (at, block(at))).filter(|(_, text)| {
        let words = text.split_whitespace().count();
        words > 0 && words < WORDS
    });
    short.map(|(at, text)| format!("{}:{}:{text}", source.path, at + 1)).collect()
}

fn sources() -> Vec<Source> {
    let mut sources = files("src", "rs");
    sources.retain(|source| !source.is_unit_test());
    sources
}

#[test]
fn every_file_has_a_head() {
    let mut sources = files("src", "rs");
    sources.extend(files("tests", "rs").into_iter().chain(files("benches", "rs")));
    let headless = sources.iter().filter(|source| !source.text.starts_with("//! "));
    assert_none(&headless.map(|source| source.path.clone()).collect::<Vec<_>>());
}

#[test]
fn public_items_are_documented() {
    assert_none(&sources().iter().flat_map(undocumented).collect::<Vec<_>>());
}

#[test]
fn doc_comments_have_more_than_two_words() {
    assert_none(&sources().iter().flat_map(short_comments).collect::<Vec<_>>());
}

#[test]
fn missing_and_short_comments_are_found() {
    let missing = |text| undocumented(&Source::new("src/a.rs", text)).len();
    assert_eq!(missing("//! A.\n\npub fn f() {}"), 1);
    assert_eq!(missing("pub const N: u8 = 1;\npub const fn f() {}\npub mod a {}"), 3);
    assert_eq!(missing("#[derive(\n    Debug\n)]\npub struct A;"), 1);
    assert_eq!(missing("/// Does it.\n#[must_use]\n// Why.\npub async fn f() {}"), 0);
    assert_eq!(missing("/// A.\n#[error(\n    \"a\"\n)]\npub enum A {}"), 0);
    assert_eq!(missing("pub mod a;\npub use self::a::A;\npub(super) fn f() {}"), 0);
    assert_eq!(missing("pub name: String,\n#[cfg(test)]\nmod tests {\n    pub fn f() {}\n}"), 0);
    let short = |text| short_comments(&Source::new("src/a.rs", text)).len();
    assert_eq!(short("/// It.\nfn f() {}\n    /// The name.\n    a: u8,"), 2);
    assert_eq!(short("/// The name\n/// of it.\nfn f() {}\n//\n/// In whole seconds.\nb: u8"), 0);
}
