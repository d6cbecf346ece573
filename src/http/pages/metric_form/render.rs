//! Shows the inputs with what was typed and with the errors of the model, each at its field and all
//! of them at the top.

use maud::{Markup, html};

use super::fields::{FormInput, FormSection, InputKind, SECTIONS};
use super::texts::{MORE, rows};
use crate::http::extract::form_body::FormFields;
use crate::model::violations::Violation;

/// Empty rows at the end of a list.
const SPARE_ROWS: usize = 1;
/// The id of the list of business domains.
const DOMAINS: &str = "domains";

/// What a form shows.
#[derive(Clone, Copy)]
pub(super) struct FormView<'a> {
    pub(super) form: &'a FormFields,
    pub(super) violations: &'a [Violation],
    /// The business domains that are offered.
    pub(super) domains: &'a [String],
}

impl FormView<'_> {
    /// Renders all sections. Those with an error are open, and the first one.
    pub(super) fn sections(self) -> Markup {
        html! {
            datalist id=(DOMAINS) { @for name in self.domains { option value=(name) {} } }
            @for (index, section) in SECTIONS.iter().enumerate() {
                (self.section(section, index == 0))
            }
        }
    }

    fn section(self, (heading, inputs): &FormSection, is_first: bool) -> Markup {
        let more = self.form.text(MORE);
        let needs_reader = |input: &FormInput| {
            input.path == more || self.violations.iter().any(|one| concerns(one, input.path))
        };
        html! {
            details.form-section open[is_first || inputs.iter().any(needs_reader)] {
                summary { (heading) }
                @for input in *inputs { (self.field(input.path, input)) }
            }
        }
    }

    /// Renders a field whose input has this name.
    fn field(self, name: &str, field: &FormInput) -> Markup {
        match field.input {
            InputKind::Rows(columns) => self.rows(name, field.label, columns),
            InputKind::Proses => self.proses(name, field.label),
            input => self.one(name, field.label, input),
        }
    }

    fn one(self, name: &str, label: &str, input: InputKind) -> Markup {
        let (id, value) = (id_of(name), self.form.text(name));
        let errors = self.errors(name);
        let described = (!errors.is_empty()).then(|| format!("{id}-error"));
        let invalid = (!errors.is_empty()).then_some("true");
        let errors_at = (described.as_deref(), invalid);
        html! {
            div.field {
                label for=(id) { (label) }
                @match input {
                    InputKind::Choice(choices) => (select(name, value, choices, errors_at)),
                    InputKind::YesNo | InputKind::Flag => {
                        (select(name, value, &["yes", "no"], errors_at))
                    }
                    InputKind::Prose | InputKind::Lines | InputKind::Json => {
                        // HTML drops the first line feed of a text area.
                        textarea id=(id) name=(name) rows=(value.lines().count().clamp(2, 12))
                            aria-describedby=[&described] aria-invalid=[invalid] { "\n" (value) }
                    }
                    InputKind::Domain => input id=(id) name=(name) value=(value) list=(DOMAINS)
                        aria-describedby=[&described] aria-invalid=[invalid];,
                    InputKind::Day => input id=(id) name=(name) type="date" value=(value)
                        aria-describedby=[&described] aria-invalid=[invalid];,
                    InputKind::Number => input id=(id) name=(name) inputmode="decimal" value=(value)
                        aria-describedby=[&described] aria-invalid=[invalid];,
                    _ => input id=(id) name=(name) value=(value)
                        aria-describedby=[&described] aria-invalid=[invalid];,
                }
                @if !errors.is_empty() {
                    div id=(format!("{id}-error")) { @for error in &errors { p.error { (error) } } }
                }
            }
        }
    }

    fn rows(self, name: &str, label: &str, columns: &[FormInput]) -> Markup {
        let spare = if self.form.text(MORE) == name { SPARE_ROWS + 2 } else { SPARE_ROWS };
        html! {
            fieldset id=(id_of(name)) {
                legend { (label) }
                (self.group_errors(name))
                @for index in 0..rows(self.form, name).saturating_add(spare) {
                    div.form-row {
                        @for column in columns {
                            (self.field(&format!("{name}[{index}].{}", column.path), column))
                        }
                    }
                }
                (more_button(name))
            }
        }
    }

    fn proses(self, name: &str, label: &str) -> Markup {
        let spare = if self.form.text(MORE) == name { SPARE_ROWS + 2 } else { SPARE_ROWS };
        html! {
            fieldset id=(id_of(name)) {
                legend { (label) }
                (self.group_errors(name))
                @for index in 0..rows(self.form, name).saturating_add(spare) {
                    @let own_label = format!("{label} {}", index + 1);
                    (self.one(&format!("{name}[{index}]"), &own_label, InputKind::Prose))
                }
                (more_button(name))
            }
        }
    }

    /// The errors of a list as a whole.
    fn group_errors(self, name: &str) -> Markup {
        let of_list = self.violations.iter().filter(|one| one.field == name);
        html! { @for error in of_list { p.error { (error.message) } } }
    }

    /// The errors that an input shows: its own, and those of items that it has as lines.
    fn errors(self, name: &str) -> Vec<String> {
        let found = self.violations.iter().filter_map(|one| {
            let rest = one.field.strip_prefix(name)?;
            let line = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
            match line.map(|(number, rest)| (number.parse::<usize>(), rest)) {
                _ if rest.is_empty() => Some(one.message.clone()),
                Some((Ok(number), "")) => {
                    Some(format!("Line {}: {}", number.saturating_add(1), one.message))
                }
                Some((Ok(number), rest)) => {
                    Some(format!("Item {}, {rest}: {}", number.saturating_add(1), one.message))
                }
                _ if rest.starts_with('.') => Some(format!("{rest}: {}", one.message)),
                _ => None,
            }
        });
        found.collect()
    }

    /// All errors, with links to their fields.
    pub(super) fn summary(self) -> Markup {
        html! {
            @if !self.violations.is_empty() {
                div.error-summary role="alert" tabindex="-1" autofocus {
                    p { strong { "Nothing was saved. Please correct:" } }
                    ul {
                        @for one in self.violations {
                            @let target = format!("#{}", anchor(&one.field));
                            li { a href=(target) { (one.field) } " " (one.message) }
                        }
                    }
                }
            }
        }
    }
}

fn select(
    name: &str,
    value: &str,
    choices: &[&str],
    (described, invalid): (Option<&str>, Option<&str>),
) -> Markup {
    let is_unknown = !value.is_empty() && !choices.contains(&value);
    html! {
        select id=(id_of(name)) name=(name) aria-describedby=[described] aria-invalid=[invalid] {
            option value="" selected[value.is_empty()] { "–" }
            @for choice in choices { option value=(choice) selected[*choice == value] { (choice) } }
            @if is_unknown { option value=(value) selected { (value) } }
        }
    }
}

fn more_button(name: &str) -> Markup {
    html! { button.quiet type="submit" name=(MORE) value=(name) { "More" } }
}

/// The id of an input: letters, digits, dots and hyphens.
fn id_of(name: &str) -> String {
    format!("field-{}", name.replace('[', "-").replace(']', ""))
}

/// The id that a link to the error of a field leads to: that of the input, or of its list.
fn anchor(field: &str) -> String {
    let input = super::fields::inputs().filter(|input| field.starts_with(input.path));
    let input = input.max_by_key(|input| input.path.len());
    match input {
        Some(input) if matches!(input.input, InputKind::Rows(_) | InputKind::Proses) => {
            id_of(field)
        }
        Some(input) => id_of(input.path),
        None => "main".to_owned(),
    }
}

/// Whether a violation is about a field, or about something in it.
fn concerns(violation: &Violation, path: &str) -> bool {
    violation
        .field
        .strip_prefix(path)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']))
}
