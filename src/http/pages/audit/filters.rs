//! The filters of the audit log. They are those of the API, but a day may be given for a time.

use chrono::NaiveDate;
use maud::{Markup, html};
use strum::VariantNames;

use super::super::form_parts::{FormErrors, choice};
use super::super::input_field::InputField;
use super::paths::PATH;
use crate::http::error::ApiError;
use crate::model::audit::Action;

/// The parameters of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct AuditFilters<'a>(pub(super) &'a [(String, String)]);

impl AuditFilters<'_> {
    fn value(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// Returns the parameters of the API's list. `since` a day is from its beginning, `until` a day
    /// is to its end, both in UTC.
    pub(super) fn of_api(self) -> Vec<(String, String)> {
        let mut parameters = self.0.to_vec();
        for (name, value) in &mut parameters {
            let Ok(day) = value.parse::<NaiveDate>() else { continue };
            let day = match name.as_str() {
                "since" => Some(day),
                "until" => day.succ_opt(),
                _ => None,
            };
            if let Some(day) = day {
                *value = format!("{day}T00:00:00Z");
            }
        }
        parameters
    }

    /// Renders the form.
    pub(super) fn form(self, error: Option<&ApiError>) -> Markup {
        let errors = FormErrors(error);
        let fields = ["actor", "action", "target", "outcome", "since", "until"];
        let input = |name, label, kind| InputField {
            name,
            label,
            kind,
            value: self.value(name),
            error: errors.at(name),
            ..InputField::default()
        };
        html! {
            form.filters method="get" action=(PATH) {
                (errors.beside(&fields))
                (input("actor", "Who (user name)", "").render())
                (choice(input("action", "Action", ""), &self.actions()))
                (input("target", "Target (name or id)", "").render())
                (choice(input("outcome", "Outcome", ""),
                    &[("", "any"), ("success", "done"), ("refused", "refused")]))
                (input("since", "From day (UTC)", "date").render())
                (input("until", "To day (UTC)", "date").render())
                div.actions { button type="submit" { "Filter" } a href=(PATH) { "Remove filters" } }
            }
        }
    }

    /// All actions and groups of them, and what the address has, which may be a list.
    fn actions(&self) -> Vec<(&str, &str)> {
        let mut options = vec![("", "any")];
        let groups = [
            ("api_key.*", "api_key: all"),
            ("user.*", "user: all"),
            ("session.*", "session: all"),
            ("access.*", "access: all"),
            ("metric.*", "metric: all"),
            ("domain.*", "domain: all"),
        ];
        options.extend(groups);
        options.extend(Action::VARIANTS.iter().map(|action| (*action, *action)));
        let current = self.value("action");
        if !options.iter().any(|(value, _)| *value == current) {
            options.push((current, current));
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_whole_days() {
        let sent = |name: &str, value: &str| {
            let parameters = [(name.to_owned(), value.to_owned())];
            AuditFilters(&parameters).of_api()[0].1.clone()
        };
        assert_eq!(sent("since", "2026-02-28"), "2026-02-28T00:00:00Z");
        assert_eq!(sent("until", "2026-02-28"), "2026-03-01T00:00:00Z");
        for kept in ["2026-02-30", "2026-02-28T01:02:03Z", ""] {
            assert_eq!(sent("since", kept), kept);
        }
        assert_eq!(sent("actor", "2026-02-28"), "2026-02-28");
    }
}
