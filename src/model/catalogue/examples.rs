//! One valid domain, metric and catalogue: the source of `mdl example` and of the examples in the
//! OpenAPI document. They are the first ones of the sample catalogue, whole or with nothing but the
//! required fields, as a template.

use std::sync::{Arc, LazyLock};

use serde::{Serialize, Serializer};
use serde_json::Value;
use utoipa::ToSchema;

use super::document::DocumentFormat;
use super::draft::CatalogueDraft;
use crate::model::business_domains::BusinessDomain;
use crate::model::metrics::Metric;
use crate::model::shape::Shape;

const SAMPLE: &str = include_str!("../../../examples/catalogue.yaml");

/// What an example is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExampleKind {
    /// The body of `POST /api/v1/metrics`; its domain must exist.
    Metric,
    /// The body of `POST /api/v1/domains`.
    Domain,
    /// A document for an import: the domain and its metric.
    Catalogue,
}

/// Which fields an example has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExampleDetail {
    /// The required ones, and one item of each list.
    Required,
    /// All of them.
    Full,
}

/// An example. It is serialised with the fields in the order of their type.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Example {
    Item(ExampleBody),
    Catalogue { domains: [ExampleBody; 1], metrics: [ExampleBody; 1] },
}

/// A domain or metric.
#[derive(Debug)]
pub struct ExampleBody {
    value: Value,
    shape: Arc<Shape>,
    detail: ExampleDetail,
}

/// The first domain of the sample and the first metric of it.
static ITEMS: LazyLock<Option<(BusinessDomain, Metric)>> = LazyLock::new(|| {
    let draft = CatalogueDraft::parse(SAMPLE.as_bytes(), DocumentFormat::Yaml).ok()?;
    let domain = *draft.domains.into_iter().next()?.parsed.ok()?;
    let metrics = draft.metrics.into_iter().filter_map(|item| item.parsed.ok());
    let metric = metrics.into_iter().find(|metric| metric.business_domain == domain.name)?;
    Some((domain, *metric))
});

/// Returns an example that is accepted as it is; none only if the sample catalogue is broken.
pub fn example(kind: ExampleKind, detail: ExampleDetail) -> Option<Example> {
    let (domain, metric) = ITEMS.as_ref()?;
    let (domain, metric) = (ExampleBody::new(domain, detail)?, ExampleBody::new(metric, detail)?);
    Some(match kind {
        ExampleKind::Metric => Example::Item(metric),
        ExampleKind::Domain => Example::Item(domain),
        ExampleKind::Catalogue => Example::Catalogue { domains: [domain], metrics: [metric] },
    })
}

impl ExampleBody {
    fn new<T: Serialize + ToSchema + 'static>(item: &T, detail: ExampleDetail) -> Option<Self> {
        Some(Self { value: serde_json::to_value(item).ok()?, shape: Shape::of::<T>(), detail })
    }
}

impl Serialize for ExampleBody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ExamplePart(&self.value, &self.shape, self.detail).serialize(serializer)
    }
}

/// A value of an example, and its shape.
struct ExamplePart<'a>(&'a Value, &'a Shape, ExampleDetail);

impl Serialize for ExamplePart<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(value, shape, detail) = *self;
        let is_full = detail == ExampleDetail::Full;
        match (value, shape) {
            (Value::Object(map), Shape::Object { fields, .. }) => {
                let shown = fields.iter().filter(|field| is_full || field.required);
                serializer.collect_map(shown.filter_map(|field| {
                    Some((&field.name, ExamplePart(map.get(&field.name)?, &field.shape, detail)))
                }))
            }
            (Value::Array(items), Shape::List(item)) => {
                let shown = items.iter().take(if is_full { usize::MAX } else { 1 });
                serializer.collect_seq(shown.map(|value| ExamplePart(value, item, detail)))
            }
            (value, Shape::Nullable(inner)) if !value.is_null() => {
                ExamplePart(value, inner, detail).serialize(serializer)
            }
            (value, _) => value.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::parse::parse;

    fn metric(detail: ExampleDetail) -> Value {
        let example = example(ExampleKind::Metric, detail).expect("an example");
        serde_json::to_value(example).expect("JSON")
    }

    #[test]
    fn full_metric_is_that_of_the_sample() {
        let (_, sample) = ITEMS.as_ref().expect("a sample");
        let full = metric(ExampleDetail::Full);
        assert_eq!(full, serde_json::to_value(sample).expect("JSON"));
        assert_eq!(parse::<Metric>(full).expect("valid"), *sample);
    }

    #[test]
    fn template_has_nothing_that_may_be_left_out() {
        let template = metric(ExampleDetail::Required);
        parse::<Metric>(template.clone()).expect("valid");
        assert_eq!(template["data"]["primary_sources"].as_array().map(Vec::len), Some(1));
        for name in ["tags", "dimensions", "metadata"] {
            assert_eq!(template.get(name), None, "{name}");
        }
        for name in template.as_object().expect("an object").keys() {
            let mut less = template.clone();
            less.as_object_mut().expect("an object").remove(name);
            assert!(parse::<Metric>(less).is_err(), "{name}");
        }
    }

    #[test]
    fn fields_are_printed_in_the_order_of_the_type() {
        let example = example(ExampleKind::Catalogue, ExampleDetail::Required);
        let text = serde_json::to_string(&example).expect("JSON");
        let begin =
            r#"{"domains":[{"domain_id":"finance","name":"Finance"}],"metrics":[{"metric_id":"#;
        assert!(text.starts_with(begin), "{text}");
    }
}
