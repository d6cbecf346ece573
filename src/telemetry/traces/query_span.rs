//! The span of a call of the database within a traced request, with the attributes of
//! OpenTelemetry's semantic conventions for database clients. It begins before the call waits for a
//! connection. Calls that belong to no request have none.

use opentelemetry::global::BoxedSpan;
use opentelemetry::trace::{Span, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};

use super::request_span::CurrentTracer;

/// How a call ended that has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryFailure {
    /// A name for its kind.
    pub kind: &'static str,
    /// Whether it is a fault, and not an answer such as that an item exists already.
    pub is_fault: bool,
}

/// A span, if the call belongs to a traced request. It ends when it is dropped.
#[derive(Debug)]
pub struct QuerySpan(Option<BoxedSpan>);

impl QuerySpan {
    /// Begins a span in the span of the current request.
    pub fn begin(circuit: &str, operation: &'static str) -> Self {
        Self(Context::map_current(|context| {
            let CurrentTracer(tracer) = context.get::<CurrentTracer>()?;
            let attributes = vec![
                KeyValue::new("db.system.name", "postgresql"),
                KeyValue::new("db.operation.name", operation),
                KeyValue::new("mdl.circuit", circuit.to_owned()),
            ];
            let builder = tracer.span_builder(operation).with_kind(SpanKind::Client);
            context
                .has_active_span()
                .then(|| tracer.build_with_context(builder.with_attributes(attributes), context))
        }))
    }

    /// Ends the span, with the failure if there was one.
    pub fn finish(self, failure: Option<QueryFailure>) {
        let (Some(mut span), Some(QueryFailure { kind, is_fault })) = (self.0, failure) else {
            return;
        };
        span.set_attribute(KeyValue::new("error.type", kind));
        if is_fault {
            span.set_status(Status::error(kind));
        }
    }
}
