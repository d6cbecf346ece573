//! Visits all operations and all schemas of a document.

use actix_web::http::Method;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, Schema};
use utoipa::openapi::{Content, OpenApi, RefOr, Response};

/// The operations of a document, each with its path and method.
pub(super) fn operations(
    document: &mut OpenApi,
) -> impl Iterator<Item = (&str, Method, &mut Operation)> {
    let items = document.paths.paths.iter_mut();
    items.flat_map(|(path, item)| {
        of_item(item).map(|(method, operation)| (path.as_str(), method, operation))
    })
}

fn of_item(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    [
        (Method::GET, &mut item.get),
        (Method::POST, &mut item.post),
        (Method::PUT, &mut item.put),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
}

/// Calls `visit` for every schema below the named ones and in the operations, the inner ones first.
pub(super) fn schemas(document: &mut OpenApi, visit: &mut impl FnMut(&mut RefOr<Schema>)) {
    for (_, _, operation) in operations(document) {
        for parameter in operation.parameters.iter_mut().flatten() {
            parameter.schema.iter_mut().for_each(|schema| each(schema, visit));
        }
        let bodies = operation.request_body.iter_mut().flat_map(|body| body.content.values_mut());
        bodies.for_each(|content| in_content(content, visit));
        for response in operation.responses.responses.values_mut() {
            in_response(response, visit);
        }
    }
    let Some(components) = &mut document.components else { return };
    components.schemas.values_mut().for_each(|named| below(named, visit));
    components.responses.values_mut().for_each(|named| in_response(named, visit));
}

fn in_response(response: &mut RefOr<Response>, visit: &mut impl FnMut(&mut RefOr<Schema>)) {
    if let RefOr::T(response) = response {
        response.content.values_mut().for_each(|content| in_content(content, visit));
    }
}

fn in_content(content: &mut Content, visit: &mut impl FnMut(&mut RefOr<Schema>)) {
    content.schema.iter_mut().for_each(|schema| each(schema, visit));
}

fn each(schema: &mut RefOr<Schema>, visit: &mut impl FnMut(&mut RefOr<Schema>)) {
    below(schema, visit);
    visit(schema);
}

fn below(schema: &mut RefOr<Schema>, visit: &mut impl FnMut(&mut RefOr<Schema>)) {
    let RefOr::T(schema) = schema else { return };
    match schema {
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                each(items, visit);
            }
        }
        Schema::Object(object) => {
            object.properties.values_mut().for_each(|property| each(property, visit));
            if let Some(AdditionalProperties::RefOr(values)) =
                object.additional_properties.as_deref_mut()
            {
                each(values, visit);
            }
        }
        Schema::OneOf(one) => one.items.iter_mut().for_each(|item| each(item, visit)),
        Schema::AllOf(all) => all.items.iter_mut().for_each(|item| each(item, visit)),
        Schema::AnyOf(any) => any.items.iter_mut().for_each(|item| each(item, visit)),
        _ => {}
    }
}
