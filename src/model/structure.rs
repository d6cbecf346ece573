//! Checks the structure of a JSON value against a [`Shape`]: missing and unknown fields, and values
//! of another kind. It finds all violations at once, where serde stops at the first, and puts
//! samples in place of the wrong parts, so that the rules of the others can be checked, too. A list
//! is never taken for an object, which serde would do.

use serde_json::{Map, Number, Value};

use super::completeness::{Needs, REQUIRED, TOO_SHORT};
use super::shape::{Field, Shape};
use super::violations::{MAX_COUNTED, MAX_PATH, Violation};

/// What is wrong with the structure of a value.
#[derive(Debug)]
pub(super) struct Structure {
    /// In the order of the fields of the shape; after the first `max_shown` without texts.
    pub violations: Vec<Violation>,
    max_shown: usize,
    needs: Needs,
    path: String,
}

impl Structure {
    /// Checks a value and puts samples in place of what is wrong. If there are more than
    /// `max_shown` violations, the rest of the value stays as it is. Fields that are missing and
    /// not needed stay absent.
    pub(super) fn check(value: &mut Value, shape: &Shape, needs: Needs, max_shown: usize) -> Self {
        let mut structure = Self { violations: Vec::new(), max_shown, needs, path: String::new() };
        structure.visit(value, shape);
        structure
    }

    /// Whether all wrong parts were replaced.
    pub(super) fn is_repaired(&self) -> bool {
        self.violations.len() <= self.max_shown
    }

    /// Whether the value at a path, or what contains it, was replaced.
    pub(super) fn replaces(&self, path: &str) -> bool {
        self.violations.iter().any(|violation| {
            path.strip_prefix(&violation.field).is_some_and(|rest| {
                rest.is_empty() || violation.field.is_empty() || rest.starts_with(['.', '['])
            })
        })
    }

    fn visit(&mut self, value: &mut Value, shape: &Shape) {
        match (shape, &mut *value) {
            (Shape::Any, _)
            | (Shape::Nullable(_), Value::Null)
            | (Shape::Text, Value::String(_))
            | (Shape::Boolean, Value::Bool(_))
            | (Shape::Number, Value::Number(_)) => {}
            (Shape::Instant, Value::String(text)) if is_instant(text) => {}
            (Shape::Choice(texts), Value::String(text)) if texts.contains(text) => {}
            (Shape::Whole(min, max), Value::Number(number)) => match whole(number) {
                Some(whole) if (*min..=*max).contains(&whole) => *value = whole.into(),
                _ => self.replace(value, shape),
            },
            (Shape::Nullable(inner), _) => self.visit(value, inner),
            (Shape::List(item), Value::Array(values)) => {
                for (index, value) in values.iter_mut().enumerate() {
                    self.at(format_args!("[{index}]"), |this| this.visit(value, item));
                }
            }
            (Shape::Map(item), Value::Object(map)) => {
                for (name, value) in map {
                    self.at_field(name, |this| this.visit(value, item));
                }
            }
            (Shape::Object { fields, open }, Value::Object(map)) => {
                self.visit_fields(map, fields, *open);
            }
            _ => self.replace(value, shape),
        }
    }

    fn visit_fields(&mut self, map: &mut Map<String, Value>, fields: &[Field], open: bool) {
        for Field { name, required, at_least_one, shape } in fields {
            if let Some(value) = map.get_mut(name) {
                self.at_field(name, |this| {
                    if *at_least_one && this.needs == Needs::All && is_empty_list(value) {
                        this.report(TOO_SHORT);
                    }
                    this.visit(value, shape);
                });
            } else if *required {
                let needed = self.at_field(name, |this| {
                    let needed = this.needs.include(&this.path);
                    if needed {
                        this.report_missing(shape);
                    }
                    needed
                });
                if needed && self.is_repaired() {
                    map.insert(name.clone(), shape.sample());
                }
            }
        }
        let is_unknown = |name: &str| !open && !fields.iter().any(|field| field.name == name);
        map.retain(|name, _| {
            let unknown = is_unknown(name);
            if unknown {
                self.at_field(name, |this| this.report("is not a known field"));
            }
            !unknown
        });
    }

    /// Reports a missing field, and what it must contain itself.
    fn report_missing(&mut self, shape: &Shape) {
        self.report(REQUIRED);
        if let Shape::Object { fields, .. } = shape {
            for field in fields.iter().filter(|field| field.required) {
                self.at_field(&field.name, |this| this.report_missing(&field.shape));
            }
        }
    }

    fn replace(&mut self, value: &mut Value, shape: &Shape) {
        self.report(&format!("must be {shape}"));
        if self.is_repaired() {
            *value = shape.sample();
        }
    }

    fn report(&mut self, message: &str) {
        if self.is_described() {
            let path = self.path.chars().take(MAX_PATH).collect::<String>();
            self.violations.push(Violation::new(path, message));
        } else if self.violations.len() < MAX_COUNTED {
            self.violations.push(Violation::new("", ""));
        }
    }

    /// Whether the next violation is described.
    fn is_described(&self) -> bool {
        self.violations.len() < self.max_shown
    }

    fn at_field<R>(&mut self, name: &str, work: impl FnOnce(&mut Self) -> R) -> R {
        if !self.is_described() {
            return work(self);
        }
        let dot = if self.path.is_empty() { "" } else { "." };
        let name = Violation::printable_name(name);
        self.at(format_args!("{dot}{name}"), work)
    }

    fn at<R>(&mut self, step: std::fmt::Arguments<'_>, work: impl FnOnce(&mut Self) -> R) -> R {
        use std::fmt::Write;
        let length = self.path.len();
        // Writing to a String does not fail.
        let _ = self.path.write_fmt(step);
        let done = work(self);
        self.path.truncate(length);
        done
    }
}

fn is_empty_list(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty)
}

fn is_instant(text: &str) -> bool {
    chrono::DateTime::parse_from_rfc3339(text.trim()).is_ok()
}

/// Returns the value of a whole number, also of one that is written with a fraction of zero.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn whole(number: &Number) -> Option<i64> {
    let exact = |float: f64| float.fract() == 0.0 && float.abs() < 9e15;
    number.as_i64().or_else(|| number.as_f64().filter(|f| exact(*f)).map(|f| f as i64))
}

/// Returns the position of a field among those of a shape, for sorting; unknown fields are last in
/// their object.
pub(super) fn position(path: &str, mut shape: &Shape) -> Vec<usize> {
    let mut position = Vec::new();
    for step in path.split(['.', '[']).filter(|step| !step.is_empty()) {
        while let Shape::Nullable(inner) = shape {
            shape = inner;
        }
        match shape {
            Shape::List(item) => {
                position.push(step.trim_end_matches(']').parse().unwrap_or(usize::MAX));
                shape = item;
            }
            Shape::Object { fields, .. } => {
                let known = fields.iter().position(|field| field.name == step);
                position.push(known.unwrap_or(fields.len()));
                let Some(field) = known.and_then(|at| fields.get(at)) else { break };
                shape = &field.shape;
            }
            _ => break,
        }
    }
    position
}

#[cfg(test)]
mod tests;
