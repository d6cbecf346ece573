//! Tests of `model::shape`.

use super::*;
use crate::model::api_keys::{KeyDraft, KeyPatch, KeyRotation};
use crate::model::metrics::Metric;
use crate::model::users::UserPatch;

fn field<'a>(shape: &'a Shape, name: &str) -> &'a Field {
    let Shape::Object { fields, .. } = shape else { panic!("{shape:?}") };
    fields.iter().find(|field| field.name == name).expect(name)
}

#[test]
fn metric_has_the_fields_of_its_type_in_their_order() {
    let metric = Shape::of::<Metric>();
    let Shape::Object { fields, open: false } = &*metric else { panic!("{metric:?}") };
    let names: Vec<&str> = fields.iter().take(4).map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["metric_id", "name", "short_name", "description"]);
    assert!(field(&metric, "tier").required && !field(&metric, "tags").required);
    assert_eq!(field(&metric, "tags").shape.to_string(), "a list of texts");
    assert_eq!(field(&metric, "tier").shape.to_string(), "one of Tier-1, Tier-2, Tier-3");
    let definition = &field(&metric, "definition").shape;
    assert_eq!(definition.to_string(), "an object");
    assert_eq!(field(definition, "example_calculation").shape.to_string(), "an object of numbers");
    let filters = &field(&field(definition, "numerator").shape, "filters").shape;
    assert_eq!(*filters, Shape::List(Box::new(Shape::Map(Box::new(Shape::Any)))));
    assert_eq!(field(&field(&metric, "governance").shape, "created_at").shape, Shape::Instant);
    // What the server sets is ignored, whatever it is.
    let metadata = &field(&metric, "metadata").shape;
    for name in ["version", "created_at", "change_history"] {
        assert_eq!(field(metadata, name).shape, Shape::Any, "{name}");
    }
}

#[test]
fn numbers_have_their_range() {
    let rotation = Shape::of::<KeyRotation>();
    assert_eq!(field(&rotation, "grace_minutes").shape, Shape::Whole(0, 10_080));
    let days = &field(&Shape::of::<KeyPatch>(), "extend_days").shape.clone();
    assert_eq!(days.to_string(), "a whole number from 1 to 3650");
}

#[test]
fn sample_of_a_type_can_be_deserialized() {
    fn assert_sample<T: serde::de::DeserializeOwned + ToSchema + 'static>() {
        let sample = Shape::of::<T>().sample();
        if let Err(error) = serde_json::from_value::<T>(sample.clone()) {
            panic!("{error}: {sample}");
        }
    }
    assert_sample::<Metric>();
    assert_sample::<crate::model::business_domains::BusinessDomain>();
    assert_sample::<UserPatch>();
    assert_sample::<KeyDraft>();
    assert_sample::<KeyPatch>();
    assert_sample::<KeyRotation>();
}
