//! The shape of a type: which fields it has and of which kind they are, for `structure`. It comes
//! from the schema of the type in the OpenAPI document, so that the two cannot disagree, and is
//! built once for each type.

use std::any::TypeId;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use serde_json::{Map, Value};
use utoipa::openapi::schema::{
    AdditionalProperties, Array, ArrayItems, Object, Schema, SchemaType, Type,
};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{Number, ToSchema};

/// What a value must be.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    Any,
    Nullable(Box<Shape>),
    Text,
    Instant,
    /// One of these texts.
    Choice(Vec<String>),
    Boolean,
    Number,
    /// An integer in this range.
    Whole(i64, i64),
    List(Box<Shape>),
    /// An object with any names.
    Map(Box<Shape>),
    /// An object with these fields and, if `open`, others.
    Object {
        fields: Vec<Field>,
        open: bool,
    },
}

/// A field of an object.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub name: String,
    pub required: bool,
    /// Whether it is a list that must not be empty.
    pub at_least_one: bool,
    pub shape: Shape,
}

type Components = HashMap<String, RefOr<Schema>>;

static SHAPES: LazyLock<Mutex<HashMap<TypeId, Arc<Shape>>>> = LazyLock::new(Mutex::default);

impl Shape {
    /// Returns the shape of a type.
    pub(super) fn of<T: ToSchema + 'static>() -> Arc<Self> {
        let mut shapes = SHAPES.lock().unwrap_or_else(PoisonError::into_inner);
        let shape = shapes.entry(TypeId::of::<T>()).or_insert_with(|| {
            let mut components = Vec::new();
            T::schemas(&mut components);
            Arc::new(from_ref(&T::schema(), &components.into_iter().collect()))
        });
        Arc::clone(shape)
    }

    /// Returns the shape of a field; none if this is an object without such a field.
    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Nullable(inner) => inner.field(name),
            Self::Map(item) => Some(item),
            Self::Object { fields, open } => {
                let known = fields.iter().find(|field| field.name == name);
                known.map(|field| &field.shape).or(open.then_some(&Self::Any))
            }
            _ => Some(&Self::Any),
        }
    }

    /// Returns the fields of an object; none of anything else.
    pub(super) fn fields(&self) -> &[Field] {
        match self {
            Self::Nullable(inner) => inner.fields(),
            Self::Object { fields, .. } => fields,
            _ => &[],
        }
    }

    /// Returns the simplest value of this shape.
    pub(super) fn sample(&self) -> Value {
        match self {
            Self::Any | Self::Nullable(_) => Value::Null,
            Self::Text => "x".into(),
            Self::Instant => "2000-01-01T00:00:00Z".into(),
            Self::Choice(texts) => texts.first().cloned().into(),
            Self::Boolean => false.into(),
            Self::Number => 0.into(),
            Self::Whole(min, _) => (*min).into(),
            Self::List(_) => Value::Array(Vec::new()),
            Self::Map(_) => Value::Object(Map::new()),
            Self::Object { fields, .. } => {
                let required = fields.iter().filter(|field| field.required);
                let samples = required.map(|field| (field.name.clone(), field.shape.sample()));
                Value::Object(samples.collect())
            }
        }
    }

    fn plural(&self) -> &'static str {
        match self {
            Self::Text | Self::Instant | Self::Choice(_) => "texts",
            Self::Number | Self::Whole(..) => "numbers",
            Self::Map(_) | Self::Object { .. } => "objects",
            Self::List(_) => "lists",
            Self::Any | Self::Nullable(_) | Self::Boolean => "values",
        }
    }
}

/// What a value must be, in words.
impl fmt::Display for Shape {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => out.write_str("a value"),
            Self::Nullable(shape) => shape.fmt(out),
            Self::Text => out.write_str("a text"),
            Self::Instant => out.write_str("an existing RFC 3339 date and time"),
            Self::Choice(texts) => write!(out, "one of {}", texts.join(", ")),
            Self::Boolean => out.write_str("true or false"),
            Self::Number => out.write_str("a number"),
            Self::Whole(min, max) => write!(out, "a whole number from {min} to {max}"),
            Self::List(item) => write!(out, "a list of {}", item.plural()),
            Self::Map(item) if **item == Self::Number => out.write_str("an object of numbers"),
            Self::Map(_) | Self::Object { .. } => out.write_str("an object"),
        }
    }
}

fn from_ref(schema: &RefOr<Schema>, components: &Components) -> Shape {
    match schema {
        RefOr::T(schema) => from_schema(schema, components),
        RefOr::Ref(reference) => {
            let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
            components.get(name).map_or(Shape::Any, |schema| from_ref(schema, components))
        }
    }
}

fn from_schema(schema: &Schema, components: &Components) -> Shape {
    match schema {
        Schema::Object(object) => from_object(object, components),
        Schema::Array(array) => from_array(array, components),
        Schema::OneOf(one) => from_choices(&one.items, components),
        Schema::AnyOf(any) => from_choices(&any.items, components),
        Schema::AllOf(all) => from_choices(&all.items, components),
        _ => Shape::Any,
    }
}

/// Accepts null beside one schema; other combinations do not occur in requests.
fn from_choices(items: &[RefOr<Schema>], components: &Components) -> Shape {
    let is_null = |item: &&RefOr<Schema>| {
        matches!(item, RefOr::T(Schema::Object(object))
            if matches!(object.schema_type, SchemaType::Type(Type::Null)))
    };
    let (null, others): (Vec<_>, Vec<_>) = items.iter().partition(is_null);
    match others.as_slice() {
        [only] if null.is_empty() => from_ref(only, components),
        [only] => Shape::Nullable(Box::new(from_ref(only, components))),
        _ => Shape::Any,
    }
}

fn from_array(array: &Array, components: &Components) -> Shape {
    if array.extensions.as_ref().is_some_and(|extensions| extensions.contains_key("readOnly")) {
        return Shape::Any;
    }
    let item = match &array.items {
        ArrayItems::RefOrSchema(item) => from_ref(item, components),
        ArrayItems::False => Shape::Any,
    };
    nullable(&array.schema_type, Shape::List(Box::new(item)))
}

fn from_object(object: &Object, components: &Components) -> Shape {
    if object.read_only == Some(true) {
        return Shape::Any;
    }
    let kinds = match &object.schema_type {
        SchemaType::Type(kind) => std::slice::from_ref(kind),
        SchemaType::Array(kinds) => kinds.as_slice(),
        SchemaType::AnyValue => &[],
    };
    let known = kinds.iter().find(|kind| !matches!(kind, Type::Null));
    let shape = match known {
        Some(Type::String) => from_text(object),
        Some(Type::Integer) => {
            let bound = |bound: &Option<Number>, else_: i64| bound.as_ref().map_or(else_, whole);
            Shape::Whole(bound(&object.minimum, i64::MIN), bound(&object.maximum, i64::MAX))
        }
        Some(Type::Number) => Shape::Number,
        Some(Type::Boolean) => Shape::Boolean,
        Some(Type::Object) => from_properties(object, components),
        _ => return Shape::Any,
    };
    nullable(&object.schema_type, shape)
}

fn nullable(kinds: &SchemaType, shape: Shape) -> Shape {
    match kinds {
        SchemaType::Array(kinds) if kinds.contains(&Type::Null) => Shape::Nullable(Box::new(shape)),
        _ => shape,
    }
}

fn from_text(object: &Object) -> Shape {
    let texts = object.enum_values.iter().flatten();
    let texts: Vec<String> = texts.filter_map(Value::as_str).map(str::to_owned).collect();
    match &object.format {
        _ if !texts.is_empty() => Shape::Choice(texts),
        Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)) => Shape::Instant,
        _ => Shape::Text,
    }
}

fn from_properties(object: &Object, components: &Components) -> Shape {
    let open = match object.additional_properties.as_deref() {
        Some(AdditionalProperties::RefOr(item)) if object.properties.is_empty() => {
            return Shape::Map(Box::new(from_ref(item, components)));
        }
        Some(AdditionalProperties::FreeForm(open)) => *open,
        _ => true,
    };
    if open && object.properties.is_empty() {
        return Shape::Map(Box::new(Shape::Any));
    }
    let field = |(name, schema): (&String, &RefOr<Schema>)| Field {
        name: name.clone(),
        required: object.required.contains(name),
        at_least_one: matches!(schema, RefOr::T(Schema::Array(list)) if list.min_items > Some(0)),
        shape: from_ref(schema, components),
    };
    Shape::Object { fields: object.properties.iter().map(field).collect(), open }
}

#[expect(clippy::cast_possible_truncation, reason = "bounds of integers are small")]
fn whole(number: &Number) -> i64 {
    match number {
        Number::Int(number) => i64::try_from(*number).unwrap_or(i64::MAX),
        Number::UInt(number) => i64::try_from(*number).unwrap_or(i64::MAX),
        Number::Float(number) => *number as i64,
    }
}

#[cfg(test)]
mod tests;
