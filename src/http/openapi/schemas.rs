//! Names and references of schemas: generic types get plain names, a schema that has a name is
//! referred to instead of repeated, and what the types cannot say is added.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{OpenApi, Ref, RefOr};

use super::walk;

const PREFIX: &str = "#/components/schemas/";
const ERROR: &str = "ErrorEnvelope";

/// Completes the schemas of a document that has all of them.
pub(super) fn complete(document: &mut OpenApi) {
    give_plain_names(document);
    refer_to_named(document);
    remove_null_from_optional(document);
    let Some(components) = &mut document.components else { return };
    for (name, schema) in &mut components.schemas {
        let RefOr::T(Schema::Object(object)) = schema else { continue };
        if let Some(success) = object.properties.get_mut("success") {
            *success = constant(name != ERROR);
        }
        if name == "ApiKeyPatch" {
            object.min_properties = Some(1);
        }
    }
}

/// Renames `Envelope_Metric`, as utoipa calls a generic type, to `MetricEnvelope`.
fn plain_name(name: &str) -> String {
    name.split_once('_').map_or_else(|| name.to_owned(), |(outer, inner)| format!("{inner}{outer}"))
}

fn give_plain_names(document: &mut OpenApi) {
    if let Some(components) = &mut document.components {
        let named = std::mem::take(&mut components.schemas);
        components.schemas =
            named.into_iter().map(|(name, schema)| (plain_name(&name), schema)).collect();
    }
    walk::schemas(document, &mut |schema| {
        if let RefOr::Ref(reference) = schema
            && let Some(name) = reference.ref_location.strip_prefix(PREFIX)
        {
            reference.ref_location = format!("{PREFIX}{}", plain_name(name));
        }
    });
}

/// Replaces each copy of a named object or enumeration by a reference to it. utoipa copies the
/// arguments of generic types.
fn refer_to_named(document: &mut OpenApi) {
    let named: BTreeMap<String, RefOr<Schema>> =
        document.components.iter().flat_map(|components| components.schemas.clone()).collect();
    walk::schemas(document, &mut |schema| {
        let RefOr::T(Schema::Object(object)) = schema else { return };
        if object.properties.is_empty() && object.enum_values.is_none() {
            return;
        }
        if let Some((name, _)) = named.iter().find(|(_, known)| *known == schema) {
            *schema = RefOr::Ref(Ref::from_schema_name(name));
        }
    });
}

/// Parameters and bodies may be absent, but are never null; only fields of bodies are.
fn remove_null_from_optional(document: &mut OpenApi) {
    for (_, _, operation) in walk::operations(document) {
        let parameters = operation.parameters.iter_mut().flatten();
        parameters.filter_map(|parameter| parameter.schema.as_mut()).for_each(remove_null);
        let bodies = operation.request_body.iter_mut().flat_map(|body| body.content.values_mut());
        bodies.filter_map(|content| content.schema.as_mut()).for_each(remove_null);
    }
}

fn remove_null(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            if let SchemaType::Array(types) = &mut object.schema_type {
                types.retain(|one| *one != Type::Null);
                if let [one] = types.as_slice() {
                    object.schema_type = SchemaType::Type(one.clone());
                }
            }
        }
        RefOr::T(Schema::OneOf(alternatives)) => {
            alternatives.items.retain(|item| !is_null(item));
            if let [one] = alternatives.items.as_slice() {
                *schema = one.clone();
            }
        }
        _ => {}
    }
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    let RefOr::T(Schema::Object(object)) = schema else { return false };
    object.schema_type == SchemaType::Type(Type::Null)
}

/// A boolean with one value, by which clients tell responses from errors.
fn constant(value: bool) -> RefOr<Schema> {
    let keyword = [("const".to_owned(), Value::Bool(value))].into_iter().collect();
    ObjectBuilder::new()
        .schema_type(Type::Boolean)
        .description(Some(format!("Is always {value}.")))
        .extensions(Some(keyword))
        .build()
        .into()
}
