//! Settings of the export of traces, with the names of OpenTelemetry's specification ("Environment
//! Variable Specification", "OTLP Exporter Configuration").

use clap::{Args, ValueEnum};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::config::error::ConfigError;
use crate::config::non_empty::non_empty;

/// Where spans are sent, and which requests have some.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Traces")]
pub struct TraceConfig {
    /// Send spans to this OpenTelemetry collector, by OTLP over HTTP: its address without
    /// /v1/traces, such as <http://localhost:4318>. Empty: none are sent
    #[arg(
        long,
        env,
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "OTEL_EXPORTER_OTLP_ENDPOINT"
    )]
    pub otel_exporter_otlp_endpoint: String,
    /// Value of `OTEL_EXPORTER_OTLP_HEADERS`.
    #[arg(skip)]
    pub(super) otel_exporter_otlp_headers: Option<SecretString>,
    /// `service.name` of the spans
    #[arg(long, env, global = true, default_value = "mdl", value_name = "OTEL_SERVICE_NAME")]
    pub otel_service_name: String,
    /// Which requests are traced; with `parentbased_…` the caller decides for its own traces
    #[arg(
        long,
        env,
        global = true,
        value_enum,
        default_value = "parentbased_always_on",
        value_name = "OTEL_TRACES_SAMPLER"
    )]
    pub otel_traces_sampler: TraceSampler,
    /// Share of the traces that a ratio sampler keeps, from 0 to 1
    #[arg(long, env, global = true, default_value_t = 1.0, value_name = "OTEL_TRACES_SAMPLER_ARG")]
    pub otel_traces_sampler_arg: f64,
}

/// A sampler of OpenTelemetry's specification, by its name there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum TraceSampler {
    AlwaysOn,
    AlwaysOff,
    #[value(name = "traceidratio")]
    TraceIdRatio,
    #[value(name = "parentbased_always_on")]
    ParentBasedAlwaysOn,
    #[value(name = "parentbased_always_off")]
    ParentBasedAlwaysOff,
    #[value(name = "parentbased_traceidratio")]
    ParentBasedTraceIdRatio,
}

impl TraceConfig {
    /// Address to which spans are sent; none if they are not.
    ///
    /// # Errors
    /// When a variable cannot be used.
    pub fn endpoint(&self) -> Result<Option<Url>, ConfigError> {
        if self.otel_exporter_otlp_endpoint.is_empty() {
            return Ok(None);
        }
        if !(0.0..=1.0).contains(&self.otel_traces_sampler_arg) {
            return Err(ConfigError::new("OTEL_TRACES_SAMPLER_ARG", "must be from 0 to 1"));
        }
        let url = Url::parse(&self.otel_exporter_otlp_endpoint).ok().filter(is_plain_http);
        let invalid = || {
            ConfigError::new(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                "must be an http or https address without user name, query and fragment",
            )
        };
        let mut url = url.ok_or_else(invalid)?;
        // As the specification demands, whether or not the address ends with a slash.
        url.path_segments_mut().map_err(|()| invalid())?.pop_if_empty().extend(["v1", "traces"]);
        Ok(Some(url))
    }

    /// Headers that are sent with the spans, such as a credential: `name=value`, separated by
    /// commas, with percent-encoded values.
    ///
    /// # Errors
    /// When the variable cannot be used; the error does not contain its value.
    pub fn headers(&self) -> Result<Vec<(String, SecretString)>, ConfigError> {
        let text = non_empty(self.otel_exporter_otlp_headers.as_ref());
        let text = text.map_or("", ExposeSecret::expose_secret);
        let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
        pairs.map(|pair| header(pair).ok_or_else(invalid_header)).collect()
    }
}

fn header(pair: &str) -> Option<(String, SecretString)> {
    let (name, value) = pair.split_once('=')?;
    let name = name.trim();
    let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let is_valid = !name.is_empty()
        && name.chars().all(is_token)
        && value.chars().all(|c| c == ' ' || c.is_ascii_graphic());
    is_valid.then(|| (name.to_owned(), value.as_ref().into()))
}

fn invalid_header() -> ConfigError {
    ConfigError::new(
        "OTEL_EXPORTER_OTLP_HEADERS",
        "must be name=value, separated by commas, with percent-encoded values",
    )
}

fn is_plain_http(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}

#[cfg(test)]
mod tests;
