//! Rules for the source itself: which folder may import which, no cycles of files, sizes,
//! documentation and words. The pages name only what exists. They read the files as text, so they
//! need no build of the service.

mod cycles;
mod docs;
mod imports;
mod links;
mod log_events;
mod names;
mod operations;
mod plan;
mod sizes;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

/// Written by the diesel CLI.
const GENERATED: &str = "src/storage/schema.rs";

/// A file of this repository.
pub struct Source {
    /// Relative to the root of the repository.
    pub path: String,
    pub text: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    pub fn is_unit_test(&self) -> bool {
        self.path.ends_with("/tests.rs")
            || self.path.ends_with("_tests.rs")
            || self.path.contains("/tests/")
    }
}

/// Reads a file, given relative to the root of the repository.
pub fn file(path: &str) -> Source {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    Source { path: path.to_owned(), text }
}

/// Reads all files of a folder with this extension, except generated ones, in order.
pub fn files(folder: &str, extension: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    collect(&root.join(folder), extension, &mut paths);
    paths.sort();
    let relative = |path: PathBuf| path.strip_prefix(root).unwrap().display().to_string();
    let sources = paths.into_iter().map(relative).filter(|path| path != GENERATED);
    sources.map(|path| file(&path)).collect()
}

fn collect(folder: &Path, extension: &str, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, extension, paths);
        } else if path.extension().is_some_and(|found| found == extension) {
            paths.push(path);
        }
    }
}

/// Fails with all findings, one a line.
#[track_caller]
pub fn assert_none(findings: &[String]) {
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

/// Blanks comments, strings and characters; lines keep their numbers.
pub fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let (mut code, mut at) = (String::with_capacity(text.len()), 0);
    while let Some(next) = chars.get(at) {
        if let Some(end) = opaque_end(&chars, at) {
            let blank = |c: &char| if *c == '\n' { '\n' } else { ' ' };
            code.extend(chars[at..end].iter().map(blank));
            at = end;
        } else {
            code.push(*next);
            at += 1;
        }
    }
    code
}

/// The end of the comment, string or character that starts here.
fn opaque_end(chars: &[char], at: usize) -> Option<usize> {
    let char_at = |at: usize| chars.get(at).copied().unwrap_or(' ');
    let after = |from: usize, pattern: &[char]| {
        let rest = chars.get(from..).unwrap_or_default();
        let found = rest.windows(pattern.len()).position(|window| window == pattern);
        found.map_or(chars.len(), |position| from + position + pattern.len())
    };
    let in_word = |at: usize| at > 0 && is_word(char_at(at - 1));
    match (char_at(at), char_at(at + 1)) {
        ('/', '/') => Some(after(at, &['\n'])),
        ('/', '*') => Some(after(at + 2, &['*', '/'])),
        ('"', _) => {
            let mut end = at + 1;
            while end < chars.len() && char_at(end) != '"' {
                end += if char_at(end) == '\\' { 2 } else { 1 };
            }
            Some((end + 1).min(chars.len()))
        }
        ('r', _) if !in_word(at) || (char_at(at - 1) == 'b' && !in_word(at - 1)) => {
            let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
            let close: Vec<char> = [vec!['"'], vec!['#'; hashes]].concat();
            (char_at(at + 1 + hashes) == '"').then(|| after(at + 2 + hashes, &close))
        }
        ('\'', '\\') => Some(after(at + 3, &['\''])),
        // Not a lifetime.
        ('\'', _) if char_at(at + 2) == '\'' => Some(at + 3),
        _ => None,
    }
}

pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The code before the inline unit tests of a file, which are its last item.
pub fn without_tests(code: &str) -> &str {
    code.find("#[cfg(test)]\nmod tests {").map_or(code, |tests| &code[..tests])
}

/// All paths of more than one segment, such as `crate::http::error`.
pub fn paths(code: &str) -> Vec<Vec<String>> {
    let (mut paths, mut rest) = (Vec::new(), code);
    while let Some(start) = rest.find(is_word) {
        let preceded = rest[..start].ends_with("::");
        let end =
            rest[start..].find(|c: char| !is_word(c) && c != ':').map_or(rest.len(), |e| start + e);
        let segments = rest[start..end].split("::").take_while(|segment| !segment.contains(':'));
        let segments: Vec<String> =
            segments.take_while(|segment| !segment.is_empty()).map(str::to_owned).collect();
        if segments.len() > 1 && !preceded {
            paths.push(segments);
        }
        rest = &rest[end..];
    }
    paths
}

#[test]
fn code_has_no_comments_and_strings() {
    let text = "a /* b */ \"c\\\"d\" 'e' '\\'' 'f: g // h\nr#\"i\"j\"# br\"k\" l";
    let words: Vec<String> = code(text).split_whitespace().map(str::to_owned).collect();
    assert_eq!(words, ["a", "'f:", "g", "b", "l"]);
    assert_eq!(code("// a\nb").find('b'), Some(5));
}

#[test]
fn paths_are_split_into_segments() {
    let found = paths("fn f() { crate::a::b(); x: T, c::<D>(), e::F::<G>::h }");
    assert_eq!(found, [vec!["crate", "a", "b"], vec!["e", "F"]]);
}
