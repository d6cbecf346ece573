//! Turns a metric into the texts that its form shows, and the texts that a person sends back into a
//! merge patch (RFC 7396), in which null removes what was emptied. What cannot be read as the type
//! of its field stays a text, so that the model refuses it there.

use serde_json::{Map, Value};

use super::super::metrics::at;
use super::fields::{FormInput, InputKind, inputs};
use crate::http::extract::form_body::FormFields;

/// The button that asks for another empty row; its value is the list.
pub(super) const MORE: &str = "more";

/// Names and values of the inputs.
pub(super) type FormTexts = Vec<(String, String)>;

/// Returns the texts of a metric.
pub(super) fn texts_of(content: &Value) -> FormTexts {
    let mut texts = Vec::new();
    for FormInput { path, input, .. } in inputs() {
        add(&mut texts, (*path).to_owned(), *input, at(content, path));
    }
    texts
}

/// Returns the texts of one field.
pub(super) fn texts_of_field(field: &FormInput, content: &Value) -> FormTexts {
    let mut texts = Vec::new();
    add(&mut texts, field.path.to_owned(), field.input, at(content, field.path));
    texts
}

fn add(texts: &mut FormTexts, name: String, input: InputKind, value: &Value) {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    match input {
        InputKind::Rows(columns) => {
            for (index, row) in items.iter().enumerate() {
                for column in columns {
                    let name = format!("{name}[{index}].{}", column.path);
                    add(texts, name, column.input, at(row, column.path));
                }
            }
        }
        InputKind::Proses => {
            for (index, item) in items.iter().enumerate() {
                texts.push((format!("{name}[{index}]"), line(item)));
            }
        }
        InputKind::Lines => {
            texts.push((name, items.iter().map(line).collect::<Vec<_>>().join("\n")));
        }
        InputKind::Json if value.is_null() => texts.push((name, String::new())),
        InputKind::Json => {
            texts.push((name, serde_json::to_string_pretty(value).unwrap_or_default()));
        }
        _ => texts.push((name, line(value))),
    }
}

fn line(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Returns the number of rows of a list that a form has, the empty ones included.
pub(super) fn rows(form: &FormFields, path: &str) -> usize {
    let numbers = form.iter().filter_map(|(name, _)| {
        let rest = name.strip_prefix(path)?.strip_prefix('[')?;
        rest.split(']').next()?.parse::<usize>().ok()
    });
    // A list has at most 200 items; the model refuses more.
    numbers.map(|number| number.saturating_add(1)).max().unwrap_or(0).min(300)
}

/// Returns what the form changes. `stored` is the metric that it was filled with.
pub(super) fn patch_of(form: &FormFields, stored: &Value) -> Map<String, Value> {
    let mut patch = Map::new();
    for FormInput { path, input, .. } in inputs() {
        let mut value = read(form, path, *input);
        if let (Value::Object(new), Some(old)) = (&mut value, at(stored, path).as_object()) {
            // Otherwise a merge would keep the members that were taken away.
            for name in
                old.keys().filter(|name| !new.contains_key(*name)).cloned().collect::<Vec<_>>()
            {
                new.insert(name, Value::Null);
            }
        }
        put(&mut patch, path, value);
    }
    patch
}

/// Returns the form without rows, items and lines that are empty, so that the errors of the model,
/// which counts only what is there, are shown where they belong.
pub(super) fn compact(form: &FormFields) -> FormFields {
    let mut texts = Vec::new();
    for FormInput { path, input, .. } in inputs() {
        match *input {
            InputKind::Rows(columns) => {
                let kept = (0..rows(form, path)).map(|index| format!("{path}[{index}]"));
                let kept = kept.filter(|name| row(form, name, columns).is_some());
                for (index, former) in kept.enumerate() {
                    for column in columns {
                        let text = form.text(&format!("{former}.{}", column.path));
                        texts.push((format!("{path}[{index}].{}", column.path), text.to_owned()));
                    }
                }
            }
            InputKind::Proses => {
                let items =
                    (0..rows(form, path)).map(|index| form.text(&format!("{path}[{index}]")));
                let kept = items.filter(|item| !item.trim().is_empty());
                for (index, item) in kept.enumerate() {
                    texts.push((format!("{path}[{index}]"), item.to_owned()));
                }
            }
            InputKind::Lines => {
                let lines = form.text(path).lines().filter(|line| !line.trim().is_empty());
                texts.push(((*path).to_owned(), lines.collect::<Vec<_>>().join("\n")));
            }
            _ => texts.push(((*path).to_owned(), form.text(path).to_owned())),
        }
    }
    texts.extend(form.find(MORE).map(|list| (MORE.to_owned(), list.to_owned())));
    FormFields::new(texts)
}

/// Returns the value that a form has for one field.
pub(super) fn value_of(form: &FormFields, field: &FormInput) -> Value {
    read(form, field.path, field.input)
}

/// Returns the fields of a form that belong to one input.
pub(super) fn typed_for(form: &FormFields, field: &FormInput) -> FormTexts {
    let is_of = |name: &str| {
        name.strip_prefix(field.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
    };
    let own = form.iter().filter(|(name, _)| is_of(name));
    own.map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
}

/// Removes what is null, which a new metric does not have.
pub(super) fn without_nulls(fields: Map<String, Value>) -> Map<String, Value> {
    let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
    kept.map(|(name, value)| match value {
        Value::Object(inner) => (name, Value::Object(without_nulls(inner))),
        value => (name, value),
    })
    .collect()
}

fn put(fields: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            fields.insert(path.to_owned(), value);
        }
        Some((section, rest)) => {
            let section = fields.entry(section).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(section) = section {
                put(section, rest, value);
            }
        }
    }
}

fn read(form: &FormFields, name: &str, input: InputKind) -> Value {
    let text = form.text(name).trim();
    match input {
        InputKind::Rows(columns) => {
            let rows =
                (0..rows(form, name)).map(|index| row(form, &format!("{name}[{index}]"), columns));
            Value::Array(rows.flatten().collect())
        }
        InputKind::Proses => {
            let items =
                (0..rows(form, name)).map(|index| form.text(&format!("{name}[{index}]")).trim());
            items.filter(|item| !item.is_empty()).map(Value::from).collect()
        }
        InputKind::Lines => {
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Value::from).collect()
        }
        InputKind::Flag => Value::Bool(text == "yes"),
        InputKind::Json if text.is_empty() && name.ends_with("filters") => Value::Array(Vec::new()),
        _ if text.is_empty() => Value::Null,
        InputKind::YesNo if text == "yes" || text == "no" => Value::Bool(text == "yes"),
        InputKind::Number => match serde_json::from_str(text) {
            Ok(Value::Number(number)) => Value::Number(number),
            _ => Value::from(text),
        },
        InputKind::Json => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
        _ => Value::from(text),
    }
}

/// Reads a row; none if nothing was typed into it.
fn row(form: &FormFields, name: &str, columns: &[FormInput]) -> Option<Value> {
    let typed = |column: &&FormInput| {
        let text = form.text(&format!("{name}.{}", column.path)).trim();
        let is_default = column.input == InputKind::Flag && text == "no";
        !text.is_empty() && !is_default
    };
    columns.iter().find(typed)?;
    let mut row = Map::new();
    for column in columns {
        let value = read(form, &format!("{name}.{}", column.path), column.input);
        if !value.is_null() {
            put(&mut row, column.path, value);
        }
    }
    Some(Value::Object(row))
}

#[cfg(test)]
mod tests;
