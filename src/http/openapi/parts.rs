//! Schemas of parts of an item, derived from that of the item: what a merge patch may contain
//! (`MetricMergePatch`), and what a response contains if `fields` selects some
//! (`PartialMetric`). Neither can be said with the types of the model, which are always whole.

use std::collections::BTreeMap;

use utoipa::openapi::schema::{
    AdditionalProperties, AnyOfBuilder, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type,
};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr};

use super::walk;
use crate::http::error::MERGE_PATCH;

const PREFIX: &str = "#/components/schemas/";
/// The items of the catalogue, and their ids.
const ITEMS: [(&str, &str); 2] = [("Metric", "metric_id"), ("BusinessDomain", "domain_id")];

type Schemas = BTreeMap<String, RefOr<Schema>>;

/// How the fields of a part differ from those of the whole: none is required.
#[derive(Clone, Copy)]
enum Part {
    /// At any depth, and null removes an optional field.
    MergePatch,
    /// Down to the fields of a top-level field.
    Selection { levels: u8 },
}

/// Adds the schemas to a document whose schemas are complete, and refers to them.
pub(super) fn add(document: &mut OpenApi) {
    let Some(components) = &mut document.components else { return };
    let schemas = &mut components.schemas;
    for (item, id) in ITEMS {
        add_part(schemas, item, Part::MergePatch);
        if let Some(name) = add_part(schemas, item, Part::Selection { levels: 2 })
            && let Some(RefOr::T(Schema::Object(partial))) = schemas.get_mut(&name)
        {
            partial.required.push(id.to_owned());
        }
        for envelope in ["Page", "Envelope"] {
            add_envelope(schemas, item, envelope);
        }
    }
    for (_, _, operation) in walk::operations(document) {
        let bodies = operation.request_body.iter_mut().flat_map(|body| &mut body.content);
        for (_, content) in bodies.filter(|(media_type, _)| *media_type == MERGE_PATCH) {
            replace(content, |name| {
                let item = name.strip_suffix("Patch")?;
                Some(reference(&part_name(item, Part::MergePatch)))
            });
        }
        let selects = operation.parameters.iter().flatten().any(|one| one.name == "fields");
        let Some(RefOr::T(good)) = operation.responses.responses.get_mut("200") else { continue };
        for content in good.content.values_mut().filter(|_| selects) {
            replace(content, |name| {
                let either = AnyOfBuilder::new().item(reference(name));
                let either = either.item(reference(&format!("Partial{name}")));
                Some(RefOr::T(Schema::AnyOf(either.build())))
            });
        }
    }
}

/// Adds a part of an object with a name, and returns the name of the part; none of what is no
/// object with fields.
fn add_part(schemas: &mut Schemas, whole: &str, part: Part) -> Option<String> {
    let Some(RefOr::T(Schema::Object(object))) = schemas.get(whole) else { return None };
    let inner = match part {
        Part::Selection { levels: 0 } => return None,
        Part::Selection { levels } => Part::Selection { levels: levels.saturating_sub(1) },
        Part::MergePatch => part,
    };
    if object.properties.is_empty() {
        return None;
    }
    let mut object = object.clone();
    for (field, schema) in &mut object.properties {
        if let RefOr::Ref(named) = schema
            && let Some(name) = add_part(schemas, name_of(named), inner)
        {
            named.ref_location = format!("{PREFIX}{name}");
        }
        if matches!(part, Part::MergePatch) {
            allow_removals(schema, object.required.contains(field));
        }
    }
    object.required.clear();
    object.examples.clear();
    object.description = Some(match part {
        Part::MergePatch => {
            "A merge patch (RFC 7396): absent fields stay as they are, null removes one.".into()
        }
        Part::Selection { .. } => "The fields that the parameter `fields` selects.".into(),
    });
    let name = part_name(whole, part);
    schemas.insert(name.clone(), object.into());
    Some(name)
}

/// Allows null for an optional field, and for the values of an object with any names.
fn allow_removals(schema: &mut RefOr<Schema>, required: bool) {
    if let RefOr::T(Schema::Object(object)) = schema
        && let Some(AdditionalProperties::RefOr(value)) =
            object.additional_properties.as_deref_mut()
    {
        *value = nullable(value);
    }
    if !required {
        *schema = nullable(schema);
    }
}

fn part_name(whole: &str, part: Part) -> String {
    match part {
        Part::MergePatch => format!("{whole}MergePatch"),
        Part::Selection { .. } => format!("Partial{whole}"),
    }
}

/// Adds the envelope or page of partial items.
fn add_envelope(schemas: &mut Schemas, item: &str, envelope: &str) {
    let Some(RefOr::T(Schema::Object(whole))) = schemas.get(&format!("{item}{envelope}")) else {
        return;
    };
    let mut partial = whole.clone();
    if let Some(data) = partial.properties.get_mut("data") {
        let part = reference(&part_name(item, Part::Selection { levels: 0 }));
        match data {
            RefOr::T(Schema::Array(array)) => array.items = part.into(),
            other => *other = part,
        }
    }
    schemas.insert(format!("Partial{item}{envelope}"), partial.into());
}

fn replace(content: &mut Content, new: impl FnOnce(&str) -> Option<RefOr<Schema>>) {
    if let Some(RefOr::Ref(named)) = &content.schema
        && let Some(schema) = new(name_of(named))
    {
        content.schema = Some(schema);
    }
}

fn nullable(schema: &RefOr<Schema>) -> RefOr<Schema> {
    let with_null = |kind: &mut SchemaType| {
        if let SchemaType::Type(one) = kind {
            *kind = SchemaType::Array(vec![one.clone(), Type::Null]);
        }
    };
    match schema.clone() {
        RefOr::Ref(named) => {
            let null = ObjectBuilder::new().schema_type(Type::Null).build();
            RefOr::T(Schema::OneOf(OneOfBuilder::new().item(null).item(named).build()))
        }
        RefOr::T(Schema::Object(mut object)) => {
            with_null(&mut object.schema_type);
            object.into()
        }
        RefOr::T(Schema::Array(mut array)) => {
            with_null(&mut array.schema_type);
            array.into()
        }
        other @ RefOr::T(_) => other,
    }
}

fn reference(name: &str) -> RefOr<Schema> {
    Ref::from_schema_name(name).into()
}

fn name_of(reference: &Ref) -> &str {
    reference.ref_location.strip_prefix(PREFIX).unwrap_or_default()
}
