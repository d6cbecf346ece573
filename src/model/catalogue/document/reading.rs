//! The visitors of a document: they take it apart, item by item, whatever the parser is.

use std::fmt;
use std::ops::ControlFlow;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::model::catalogue::yaml::EXPANDS;
use crate::model::item_size::too_large;
use crate::model::json::{BudgetedValue, ValueBudget};
use crate::model::violations::{MAX_SHOWN, Violation};

/// Maximum number of items in a document.
pub const MAX_ITEMS: usize = 200_000;
/// Maximum weight of one item, see [`ValueBudget`]. The heaviest item of 256 KiB as JSON weighs
/// 800,000 (`{},{},…`).
const MAX_ITEM_WEIGHT: usize = 1_000_000;
const SHAPE: &str = "must be an object with the lists `domains` and `metrics`";

/// A list of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Domains,
    Metrics,
}

impl Section {
    /// Returns the name of the list.
    pub fn name(self) -> &'static str {
        match self {
            Self::Domains => "domains",
            Self::Metrics => "metrics",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Domains, Self::Metrics].into_iter().find(|section| section.name() == name)
    }
}

/// Receives the items of a document.
pub trait DocumentSink {
    /// Whether the items of this list are wanted; called when the list begins.
    fn begin(&mut self, section: Section) -> bool;

    /// Takes one item. `Break` ends the reading.
    fn item(&mut self, section: Section, item: Value) -> ControlFlow<()>;
}

/// The state of a reading.
pub(super) struct Reading<'a> {
    sink: &'a mut dyn DocumentSink,
    /// Violations of the document as a whole.
    problems: Vec<Violation>,
    /// Number of items so far.
    items: usize,
    /// Weight that further items may have together.
    left: usize,
    /// Whether the reading was ended before the end of the document.
    ended: bool,
}

impl<'a> Reading<'a> {
    /// Creates a reading of items that weigh at most `left` together.
    pub(super) fn new(sink: &'a mut dyn DocumentSink, left: usize) -> Self {
        Self { sink, problems: Vec::new(), items: 0, left, ended: false }
    }

    /// Returns what is wrong with the document; `failure` is the error of the parser.
    pub(super) fn finish(self, failure: Option<String>) -> Vec<Violation> {
        let Self { mut problems, ended, .. } = self;
        // Where the reading was ended on purpose, the parser's error says nothing.
        if let Some(message) = failure.filter(|_| !ended) {
            problems.insert(0, Violation::new("", message));
        }
        problems
    }

    fn problem(&mut self, field: impl Into<String>, message: impl Into<String>) {
        if self.problems.len() < MAX_SHOWN {
            self.problems.push(Violation::new(field, message));
        }
    }

    fn end<E: Error>(&mut self) -> E {
        self.ended = true;
        E::custom("ended")
    }

    fn read_items<'de, A: SeqAccess<'de>>(
        &mut self,
        section: Section,
        mut items: A,
    ) -> Result<(), A::Error> {
        let mut index = 0_usize;
        loop {
            let allowed = self.left.min(MAX_ITEM_WEIGHT);
            let budget = ValueBudget::new(allowed);
            let item = match items.next_element_seed(BudgetedValue::new(&budget)) {
                Ok(Some(item)) => item,
                Ok(None) => return Ok(()),
                Err(error) if !budget.is_exceeded() => return Err(error),
                Err(_) if allowed < MAX_ITEM_WEIGHT => {
                    self.problem("", EXPANDS);
                    return Err(self.end());
                }
                Err(_) => {
                    self.problems.push(too_large().under(&format!("{}[{index}]", section.name())));
                    return Err(self.end());
                }
            };
            self.left = self.left.saturating_sub(budget.used());
            self.items = self.items.saturating_add(1);
            if self.items > MAX_ITEMS {
                self.problem("", format!("must hold at most {MAX_ITEMS} items"));
                return Err(self.end());
            }
            // What is wrong as a whole is not imported, so its further items are only read.
            if self.problems.is_empty() && self.sink.item(section, item).is_break() {
                return Err(self.end());
            }
            index = index.saturating_add(1);
        }
    }
}

/// Implements the methods of a visitor for scalars, none of which is accepted.
macro_rules! refuse_scalars {
    () => {
        fn visit_bool<E>(self, _: bool) -> Result<(), E> {
            self.refuse();
            Ok(())
        }

        fn visit_i64<E>(self, _: i64) -> Result<(), E> {
            self.refuse();
            Ok(())
        }

        fn visit_u64<E>(self, _: u64) -> Result<(), E> {
            self.refuse();
            Ok(())
        }

        fn visit_f64<E>(self, _: f64) -> Result<(), E> {
            self.refuse();
            Ok(())
        }

        fn visit_str<E>(self, _: &str) -> Result<(), E> {
            self.refuse();
            Ok(())
        }

        fn visit_none<E>(self) -> Result<(), E> {
            self.refuse();
            Ok(())
        }

        fn visit_unit<E>(self) -> Result<(), E> {
            self.refuse();
            Ok(())
        }
    };
}

/// The document as a whole.
pub(super) struct DocumentVisitor<'r, 'a>(pub(super) &'r mut Reading<'a>);

impl DocumentVisitor<'_, '_> {
    fn refuse(self) {
        self.0.problem("", SHAPE);
    }
}

impl<'de> DeserializeSeed<'de> for DocumentVisitor<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for DocumentVisitor<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    refuse_scalars!();

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        self.0.problem("", SHAPE);
        Err(self.0.end())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut found = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            let Some(section) = Section::from_name(&name) else {
                self.0.problem(Violation::printable_name(&name), "is not a known field");
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if found.contains(&section) {
                self.0.problem(section.name(), "must not occur twice");
                return Err(self.0.end());
            }
            found.push(section);
            if self.0.sink.begin(section) {
                map.next_value_seed(List { section, reading: &mut *self.0 })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// One of the lists.
struct List<'r, 'a> {
    section: Section,
    reading: &'r mut Reading<'a>,
}

impl List<'_, '_> {
    fn refuse(self) {
        self.reading.problem(self.section.name(), "must be a list of objects");
    }
}

impl<'de> DeserializeSeed<'de> for List<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for List<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list of objects")
    }

    refuse_scalars!();

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.refuse();
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        self.reading.read_items(self.section, items)
    }
}
