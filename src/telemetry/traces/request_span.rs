//! The span of a request, with the attributes of OpenTelemetry's semantic conventions for HTTP
//! servers. Who sent the request, and from where, is left to the log, which has the trace's id.

use std::num::NonZeroU128;
use std::sync::Arc;

use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{SpanContext, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};

/// Methods that a span names; the conventions have one name for all others.
const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];

/// Starts the spans of requests, if traces are exported.
#[derive(Clone, Debug, Default)]
pub struct RequestTracer(Option<Arc<BoxedTracer>>);

/// The span of one request. It ends when it is finished, or else when it is dropped.
#[derive(Debug)]
pub struct RequestSpan(Context);

/// The tracer of a request, in its context, for the spans within it.
pub(super) struct CurrentTracer(pub(super) Arc<BoxedTracer>);

/// What a span says about its request and the response.
#[derive(Clone, Copy, Debug)]
pub struct RequestSummary<'a> {
    pub method: &'a str,
    /// The pattern of the route, if one has matched.
    pub route: Option<&'a str>,
    /// None if it was refused.
    pub path: Option<&'a str>,
    pub user_agent: Option<&'a str>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub enum RequestEnd {
    /// With a response of this status and this many bytes, and the code of its error.
    Answered { status: u16, bytes: u64, code: Option<&'static str> },
    /// The client disconnected before its response.
    Abandoned,
}

impl RequestTracer {
    /// Starts spans with this tracer.
    #[cfg(feature = "otlp")]
    pub(super) fn new(tracer: BoxedTracer) -> Self {
        Self(Some(Arc::new(tracer)))
    }

    /// Begins the span of a request; `parent` is the caller's span. None if its trace is not
    /// sampled, or traces are not exported.
    pub fn begin(&self, parent: Option<SpanContext>) -> Option<RequestSpan> {
        let tracer = self.0.as_ref()?;
        let context = match parent {
            Some(parent) => Context::new().with_remote_span_context(parent),
            None => Context::new(),
        };
        let builder = tracer.span_builder("HTTP").with_kind(SpanKind::Server);
        let context = context.with_span(tracer.build_with_context(builder, &context));
        let is_sampled = context.span().is_recording();
        is_sampled.then(|| RequestSpan(context.with_value(CurrentTracer(Arc::clone(tracer)))))
    }
}

impl RequestSpan {
    /// Returns the id of the trace.
    pub fn trace_id(&self) -> Option<NonZeroU128> {
        let trace = self.0.span().span_context().trace_id();
        NonZeroU128::new(u128::from_be_bytes(trace.to_bytes()))
    }

    /// Returns the context in which the request runs.
    pub fn context(&self) -> Context {
        self.0.clone()
    }

    /// Ends the span.
    pub fn finish(&self, request: RequestSummary<'_>, end: RequestEnd) {
        let span = self.0.span();
        let RequestSummary { method, route, path, user_agent } = request;
        // Clients choose others, of any length.
        let known = METHODS.iter().copied().find(|known| *known == method);
        let name = known.unwrap_or("HTTP");
        span.update_name(match route {
            Some(route) => format!("{name} {route}"),
            None => name.to_owned(),
        });
        let text = |key: &'static str, value: &str| KeyValue::new(key, value.to_owned());
        let optional = [
            route.map(|route| text("http.route", route)),
            path.map(|path| text("url.path", path)),
            user_agent.map(|agent| text("user_agent.original", agent)),
        ];
        span.set_attributes(optional.into_iter().flatten());
        span.set_attribute(KeyValue::new("http.request.method", known.unwrap_or("_OTHER")));
        // TLS ends at a proxy.
        span.set_attribute(KeyValue::new("url.scheme", "http"));
        match end {
            RequestEnd::Answered { status, bytes, code } => {
                let size = i64::try_from(bytes).unwrap_or(i64::MAX);
                span.set_attribute(KeyValue::new("http.response.body.size", size));
                span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
                if let Some(code) = code {
                    span.set_attribute(KeyValue::new("error.type", code));
                }
                // A refusal is the client's error, not one of the server.
                if status >= 500 {
                    span.set_status(Status::error(code.unwrap_or_default()));
                }
            }
            RequestEnd::Abandoned => {
                span.set_attribute(KeyValue::new("error.type", "client_disconnected"));
            }
        }
        span.end();
    }
}
