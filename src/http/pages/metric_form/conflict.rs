//! Two people have edited the same metric. The one who comes second sees each field that differs in
//! three columns (theirs, yours, and what both began with), and chooses.

use actix_web::{HttpResponse, web};
use maud::{Markup, html};

use super::super::document::{NavSection, PageContext};
use super::super::metrics::{LoadedMetric, path_of, whole_value};
use super::fields::{FormInput, inputs};
use super::planned::{Plan, check_button, plan_form};
use super::seen::SEEN;
use super::texts::{FormTexts, texts_of_field, typed_for, value_of};
use crate::http::app_data::CatalogueServices;
use crate::http::error::ApiError;
use crate::http::error::version_conflict::VersionConflict;
use crate::http::extract::form_body::FormFields;
use crate::model::text::Id;
use crate::model::versions::query::{VERSION_RULE, is_version};

/// The field with the version that the person began with.
pub(super) const BASE: &str = "base";
/// What stands before the path of a field whose side is chosen.
const TAKE: &str = "take.";
const TITLE: &str = "Changed meanwhile";

/// A field that differs.
struct Difference {
    field: &'static FormInput,
    base: serde_json::Value,
    theirs: serde_json::Value,
    mine: serde_json::Value,
    /// What to put into the form to take theirs.
    texts: FormTexts,
}

impl Difference {
    fn is_changed_by_both(&self) -> bool {
        self.theirs != self.base && self.mine != self.base
    }

    /// The side that only one person has changed.
    fn suggestion(&self) -> &'static str {
        match (self.theirs == self.base, self.mine == self.base) {
            (true, _) => "mine",
            (false, true) => "theirs",
            (false, false) => "",
        }
    }
}

/// The fields that differ between what a person typed and what is stored.
pub(super) struct Conflict {
    id: Id,
    /// The version that the person began with.
    base: String,
    differences: Vec<Difference>,
    chosen: Vec<(String, String)>,
}

impl Conflict {
    /// Finds out whether the form was filled with another version than the present one. A form that
    /// comes from the merge names the version that it began with.
    pub(super) async fn find(
        services: &CatalogueServices,
        id: &Id,
        sent: &FormFields,
        present: &LoadedMetric,
    ) -> Result<Option<Self>, ApiError> {
        let base = sent.find(BASE).unwrap_or_else(|| sent.text(SEEN));
        if base == present.version {
            return Ok(None);
        }
        if !is_version(base) {
            return Err(ApiError::invalid(BASE, VERSION_RULE));
        }
        let former = LoadedMetric::version(services, id, base).await?;
        let value = |content, field| {
            let texts = texts_of_field(field, content);
            (value_of(&FormFields::new(texts.clone()), field), texts)
        };
        let differences = inputs().map(|field| {
            let (base, _) = value(&former.content, field);
            let (theirs, texts) = value(&present.content, field);
            Difference { field, base, theirs, mine: value_of(sent, field), texts }
        });
        let chosen = sent.iter().filter(|(name, _)| name.starts_with(TAKE));
        Ok(Some(Self {
            id: id.clone(),
            base: base.to_owned(),
            differences: differences.filter(|one| one.theirs != one.mine).collect(),
            chosen: chosen.map(|(name, side)| (name.to_owned(), side.to_owned())).collect(),
        }))
    }

    fn choice(&self, path: &str) -> &str {
        let chosen = self.chosen.iter().find(|(name, _)| name.strip_prefix(TAKE) == Some(path));
        chosen.map_or("", |(_, side)| side)
    }

    /// The side that was chosen, or the one that is suggested; empty if neither.
    fn side(&self, one: &Difference) -> &str {
        Some(self.choice(one.field.path))
            .filter(|side| !side.is_empty())
            .unwrap_or_else(|| one.suggestion())
    }

    /// Merges the form by what was chosen; none if a choice is missing.
    pub(super) fn merge(&self, sent: &FormFields, form: &FormFields) -> Option<FormFields> {
        sent.find(BASE)?;
        self.merge_by(form, |one| self.choice(one.field.path))
    }

    fn merge_by<'a>(
        &'a self,
        form: &FormFields,
        side: impl Fn(&'a Difference) -> &'a str,
    ) -> Option<FormFields> {
        let mut theirs = Vec::new();
        for one in &self.differences {
            match side(one) {
                "theirs" => theirs.push(one),
                "mine" => {}
                _ => return None,
            }
        }
        let mut merged: FormTexts = Vec::new();
        for field in inputs() {
            match theirs.iter().find(|one| one.field.path == field.path) {
                Some(one) => merged.extend(one.texts.clone()),
                None => merged.extend(typed_for(form, field)),
            }
        }
        Some(FormFields::new(merged))
    }

    /// Answers with the three columns, and with what saving them as they are chosen would do. A
    /// form that was sent to have that checked is not refused.
    ///
    /// # Errors
    /// Those of the database.
    pub(super) async fn respond(
        &self,
        context: &PageContext,
        services: &web::Data<CatalogueServices>,
        form: &FormFields,
        (present, is_check): (&LoadedMetric, bool),
    ) -> Result<HttpResponse, ApiError> {
        let planned = match self.merge_by(form, |one| self.side(one)) {
            None => None,
            Some(merged) => match plan_form(services, &self.id, &merged, present).await {
                Ok(planned) => Some(Ok(planned)),
                Err(ApiError::Validation(violations)) => Some(Err(violations.len())),
                Err(error) => return Err(error),
            },
        };
        let plan = match &planned {
            None => Plan::Undecided,
            Some(Ok(planned)) => Plan::Known(planned),
            Some(Err(errors)) => Plan::Refused(*errors),
        };
        let body = self.body(context, form, &present.version, plan);
        if is_check {
            return Ok(context.page(TITLE, NavSection::Metrics, &body));
        }
        let conflict = VersionConflict::new(present.version.clone(), false);
        let error = ApiError::PreconditionFailed(conflict);
        Ok(context.refused(error, TITLE, NavSection::Metrics, &body))
    }

    fn body(
        &self,
        context: &PageContext,
        form: &FormFields,
        present: &str,
        plan: Plan<'_>,
    ) -> Markup {
        let path = path_of(self.id.as_str());
        let action = format!("{path}/edit");
        html! {
            p.banner role="alert" tabindex="-1" autofocus {
                "Another person has changed this metric since you began. Nothing is lost: choose \
                 for each field. "
                a href=(format!("{path}/compare?from={}&to={present}", self.base)) {
                    "What they changed"
                }
            }
            form.metric method="post" action=(action) {
                input type="hidden" name=(SEEN) value=(present);
                input type="hidden" name=(BASE) value=(self.base);
                @for field in inputs() {
                    @for (name, text) in typed_for(form, field) {
                        input type="hidden" name=(name) value=(text);
                    }
                }
                @for one in &self.differences { (self.row(one)) }
                @if self.differences.is_empty() { p { "Both of you have changed the same." } }
                (plan.render())
                div.actions {
                    button type="submit" { "Save the merged metric" }
                    (check_button(&context.nonce, &action, "Which version?"))
                    a href=(path) { "Discard mine" }
                }
            }
        }
    }

    fn row(&self, one: &Difference) -> Markup {
        let path = one.field.path;
        let choice = self.side(one);
        let side = |side: &str, label: &str, value: &serde_json::Value| {
            html! {
                div.side {
                    label {
                        input type="radio" name=(format!("{TAKE}{path}")) value=(side) required
                            checked[choice == side];
                        " " (label)
                    }
                    (whole_value(value))
                }
            }
        };
        html! {
            fieldset.difference {
                legend { (one.field.label)
                    @if one.is_changed_by_both() { " " strong { "(changed by both)" } } }
                div.sides {
                    (side("mine", "Yours", &one.mine))
                    (side("theirs", "Theirs", &one.theirs))
                    div.side { p { "Before" } (whole_value(&one.base)) }
                }
            }
        }
    }
}
