//! The lines on which the parts of a document are. The parsers of items do not say where these
//! were, so the text is read a second time to show errors: YAML by the events of its parser, JSON
//! by a scanner of its own. Only the parts that are asked for are kept.

mod json;
mod part;

use std::collections::HashMap;
use std::fmt::Write;

use granit_parser::{Event, Parser};

use self::part::DocumentPart;
use super::document::DocumentFormat;
use crate::model::violations::Violation;

/// Returns for each path, such as `metrics[3].tier`, the line on which it begins: that of its key,
/// or of its item. What is not in the text (a field that is missing, or that an alias stands for)
/// has the line of what would contain it. None for the document as a whole, and for what comes
/// after an error of the syntax.
pub fn lines_of(text: &str, format: DocumentFormat, paths: &[String]) -> Vec<Option<usize>> {
    let wanted = paths.iter().flat_map(|path| ancestors(path)).map(|path| (path.to_owned(), 0));
    let mut locator =
        Locator { lines: wanted.collect(), path: String::new(), containers: Vec::new() };
    match format {
        DocumentFormat::Json => json::visit(text, &mut |part, line| locator.visit(part, line)),
        DocumentFormat::Yaml => visit_yaml(text, &mut locator),
    }
    let line = |path: &String| {
        let known = ancestors(path).filter_map(|path| locator.lines.get(path));
        known.copied().find(|line| *line > 0)
    };
    paths.iter().map(line).collect()
}

/// A path and the paths of what contains it, the innermost first.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path).filter(|path| !path.is_empty()), |path| container_of(path))
}

fn container_of(path: &str) -> Option<&str> {
    path.rfind(['.', '[']).and_then(|end| path.get(..end))
}

fn visit_yaml(text: &str, locator: &mut Locator) {
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else { return };
        let part = match &event {
            Event::MappingStart(..) => DocumentPart::MapStart,
            Event::SequenceStart(..) => DocumentPart::ListStart,
            Event::MappingEnd | Event::SequenceEnd => DocumentPart::End,
            Event::Scalar(text, ..) => DocumentPart::Scalar(text),
            // What it stands for is written elsewhere.
            Event::Alias(..) => DocumentPart::Scalar(""),
            _ => continue,
        };
        locator.visit(part, span.start.line());
    }
}

/// What contains the next part.
#[derive(Debug)]
enum Container {
    /// A map, and whether a key was read whose value follows.
    Map { has_key: bool },
    /// A list, and the number of items so far.
    List(usize),
}

/// Follows the parts of a document.
struct Locator {
    /// Lines by the paths that are wanted; 0 if it was not found.
    lines: HashMap<String, usize>,
    /// The path of the present part.
    path: String,
    /// The present containers, with the length of the path of each.
    containers: Vec<(Container, usize)>,
}

impl Locator {
    fn visit(&mut self, part: DocumentPart<'_>, line: usize) {
        if part == DocumentPart::End {
            self.containers.pop();
            return;
        }
        if let Some((container, length)) = self.containers.last_mut() {
            match container {
                Container::Map { has_key: false } => {
                    // A key that is no text has no path. Its parts are no keys of this map.
                    let name = if let DocumentPart::Scalar(name) = part { name } else { "?" };
                    *container = Container::Map { has_key: true };
                    self.path.truncate(*length);
                    if !self.path.is_empty() {
                        self.path.push('.');
                    }
                    self.path.push_str(&Violation::printable_name(name));
                    self.keep(line);
                    self.enter(part);
                    return;
                }
                Container::Map { has_key } => *has_key = false,
                Container::List(items) => {
                    self.path.truncate(*length);
                    // Writing to a String does not fail.
                    let _ = write!(self.path, "[{items}]");
                    *items = items.saturating_add(1);
                    self.keep(line);
                }
            }
        }
        self.enter(part);
    }

    fn keep(&mut self, line: usize) {
        if let Some(known) = self.lines.get_mut(&self.path) {
            *known = line;
        }
    }

    fn enter(&mut self, part: DocumentPart<'_>) {
        let container = match part {
            DocumentPart::MapStart => Container::Map { has_key: false },
            DocumentPart::ListStart => Container::List(0),
            DocumentPart::Scalar(_) | DocumentPart::End => return,
        };
        self.containers.push((container, self.path.len()));
    }
}

#[cfg(test)]
mod tests;
