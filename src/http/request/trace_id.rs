//! The trace that a request belongs to: the `trace-id` of its `traceparent` (W3C Trace Context,
//! levels 1 and 2). The service records it, so that the events of a request are found from a trace,
//! and its own spans, if they are exported, are children of the caller's. Neither an answer nor a
//! connection to another host carries it further: the standard has no response header, and no other
//! host takes part in a request.

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};

use actix_web::http::header::{HeaderMap, HeaderName};
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceState};
use uuid::Uuid;

/// Name of the header. A text instead would be copied to the heap for each lookup.
static HEADER: HeaderName = HeaderName::from_static("traceparent");
/// Length of a `traceparent` of version 00, and the least of a later one.
const LENGTH: usize = 55;

/// The caller's span, of which the request is a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    pub trace: TraceId,
    span: NonZeroU64,
    /// Bits; the first says whether the caller records the trace.
    flags: u8,
}

/// A `trace-id`: 16 bytes that are not all zero, written as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(NonZeroU128);

impl TraceParent {
    /// Reads the header. None if there is none, more than one, or an invalid one: then the request
    /// is the first of its trace, and its own id names it.
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(&HEADER);
        let only = values.next().filter(|_| values.next().is_none())?;
        Self::parse(only.as_bytes())
    }

    /// Parses a value: `version "-" trace-id "-" parent-id "-" trace-flags`, in lower case.
    ///
    /// Version ff is invalid. A later version than 00 may have more fields, behind another hyphen
    /// (Level 1, 3.2.4). Unknown flags are ignored.
    fn parse(value: &[u8]) -> Option<Self> {
        let (known, further) = value.split_at_checked(LENGTH)?;
        let [a, b, b'-', rest @ ..] = known else { return None };
        let version = hexadecimal(&[*a, *b])?;
        let is_complete = match version {
            0 => further.is_empty(),
            0xff => false,
            _ => further.is_empty() || further.first() == Some(&b'-'),
        };
        let (trace, rest) = rest.split_at_checked(32)?;
        let (parent, flags) = rest.strip_prefix(b"-")?.split_at_checked(16)?;
        let span = NonZeroU64::new(u64::try_from(hexadecimal(parent)?).ok()?)?;
        let flags = u8::try_from(hexadecimal(flags.strip_prefix(b"-")?)?).ok()?;
        let trace = NonZeroU128::new(hexadecimal(trace)?).filter(|_| is_complete)?;
        Some(Self { trace: TraceId(trace), span, flags })
    }

    /// Returns the same in the types of OpenTelemetry.
    pub fn span_context(self) -> SpanContext {
        let trace = self.trace.0.get().into();
        let flags = TraceFlags::new(self.flags) & TraceFlags::SAMPLED;
        SpanContext::new(trace, SpanId::from(self.span.get()), flags, true, TraceState::NONE)
    }
}

impl TraceId {
    /// Returns the id of a trace that this service has begun.
    pub fn new(id: NonZeroU128) -> Self {
        Self(id)
    }

    /// Returns the same 128 bits as the type of the database's column; it is no UUID of a version.
    pub fn as_uuid(self) -> Uuid {
        Uuid::from_u128(self.0.get())
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

/// Returns the value of at most 32 lower-case hexadecimal digits.
fn hexadecimal(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |value: u128, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u128::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;
    use proptest::prelude::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn parse(value: &str) -> Option<String> {
        TraceParent::parse(value.as_bytes()).map(|parent| parent.trace.to_string())
    }

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER.clone(), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn valid_values_have_a_trace() {
        for flags in ["00", "01", "02", "03", "ff", "a5"] {
            let value = format!("{}{flags}", &VALID[..53]);
            assert_eq!(parse(&value).as_deref(), Some(TRACE), "{value}");
        }
        // Later versions: the same fields, and perhaps others.
        for value in ["01", "cc", "fe"].map(|version| format!("{version}{}", &VALID[2..])) {
            assert_eq!(parse(&value).as_deref(), Some(TRACE), "{value}");
            assert_eq!(parse(&format!("{value}-")).as_deref(), Some(TRACE), "{value}-");
            assert_eq!(parse(&format!("{value}-what-ever")).as_deref(), Some(TRACE), "{value}-…");
            assert_eq!(parse(&format!("{value}.what")), None, "{value}.what");
        }
        let small = "00-00000000000000000000000000000001-0000000000000001-00";
        assert_eq!(parse(small).as_deref(), Some("00000000000000000000000000000001"));
        let parent = TraceParent::parse(small.as_bytes()).unwrap();
        assert_eq!(parent.trace.as_uuid(), Uuid::from_u128(1));
    }

    #[test]
    fn invalid_values_have_none() {
        let invalid = [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-010",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0A",
            "0A-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-011",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0\u{e4}",
        ];
        for value in invalid {
            assert_eq!(parse(value), None, "{value}");
        }
    }

    #[test]
    fn header_counts_only_once() {
        assert_eq!(TraceParent::from_headers(&headers(&[])), None);
        assert!(TraceParent::from_headers(&headers(&[VALID])).is_some());
        assert_eq!(TraceParent::from_headers(&headers(&[VALID, VALID])), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(value in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = TraceParent::parse(&value);
        }

        #[test]
        fn value_that_is_written_is_read(trace in 1_u128.., parent in 1_u64.., flags: u8) {
            let value = format!("00-{trace:032x}-{parent:016x}-{flags:02x}");
            prop_assert_eq!(parse(&value), Some(format!("{trace:032x}")));
            let context = TraceParent::parse(value.as_bytes()).unwrap().span_context();
            prop_assert_eq!(context.trace_id().to_string(), format!("{trace:032x}"));
            prop_assert_eq!(context.span_id().to_string(), format!("{parent:016x}"));
            prop_assert_eq!(context.is_sampled(), flags & 1 == 1);
            prop_assert!(context.is_remote());
        }
    }
}
