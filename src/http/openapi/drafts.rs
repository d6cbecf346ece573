//! Metrics that are drafts may lack fields. The types say what the others need, as if all did
//! (`required`, `minItems`). In the document, which describes drafts, too, such fields are
//! optional, and their descriptions say when they are needed.

use std::collections::BTreeMap;

use utoipa::openapi::schema::{ArrayItems, Schema};
use utoipa::openapi::{OpenApi, RefOr};

const PREFIX: &str = "#/components/schemas/";
const METRIC: &str = "Metric";
/// What drafts need, too, by schema.
const NEEDED: [(&str, &[&str]); 2] = [
    (METRIC, &["metric_id", "name", "business_domain", "governance"]),
    ("Governance", &["status"]),
];
const UNLESS_DRAFT: &str = "Required unless the metric is a draft.";
const ONE_UNLESS_DRAFT: &str = "At least one unless the metric is a draft.";

/// Makes optional what drafts may lack, in the schema of a metric and all that it refers to.
pub(super) fn relax(document: &mut OpenApi) {
    let Some(components) = &mut document.components else { return };
    let schemas = &mut components.schemas;
    let mut names = vec![METRIC.to_owned()];
    let mut next = 0;
    while let Some(name) = names.get(next).cloned() {
        collect_references(schemas.get(&name), &mut names);
        next += 1;
    }
    for name in names {
        let needed = NEEDED.iter().find(|(known, _)| *known == name);
        make_optional(schemas, &name, needed.map_or(&[], |(_, needed)| needed));
    }
}

/// Adds the names of the schemas that the fields of an object refer to.
fn collect_references(schema: Option<&RefOr<Schema>>, names: &mut Vec<String>) {
    let Some(RefOr::T(Schema::Object(object))) = schema else { return };
    for property in object.properties.values() {
        let inner = match property {
            RefOr::T(Schema::Array(list)) => match &list.items {
                ArrayItems::RefOrSchema(item) => item,
                ArrayItems::False => continue,
            },
            other => other,
        };
        if let RefOr::Ref(reference) = inner
            && let Some(name) = reference.ref_location.strip_prefix(PREFIX)
            && !names.iter().any(|known| known == name)
        {
            names.push(name.to_owned());
        }
    }
}

fn make_optional(schemas: &mut BTreeMap<String, RefOr<Schema>>, name: &str, needed: &[&str]) {
    let Some(RefOr::T(Schema::Object(object))) = schemas.get_mut(name) else { return };
    let required = std::mem::take(&mut object.required);
    let (kept, optional) = required.into_iter().partition(|name| needed.contains(&name.as_str()));
    object.required = kept;
    let optional: Vec<String> = optional;
    for name in optional {
        let Some(property) = object.properties.get_mut(&name) else { continue };
        let note = match property {
            RefOr::T(Schema::Array(list)) if list.min_items.is_some() => {
                list.min_items = None;
                ONE_UNLESS_DRAFT
            }
            _ => UNLESS_DRAFT,
        };
        let description = match property {
            RefOr::Ref(reference) => Some(&mut reference.description),
            RefOr::T(Schema::Object(inner)) => inner.description.get_or_insert_default().into(),
            RefOr::T(Schema::Array(inner)) => inner.description.get_or_insert_default().into(),
            RefOr::T(_) => None,
        };
        if let Some(description) = description {
            if !description.is_empty() {
                description.push(' ');
            }
            description.push_str(note);
        }
    }
}
