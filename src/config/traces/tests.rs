//! Tests of `config::traces`.

use super::*;
use clap::Parser;

#[derive(Parser)]
struct TestCli {
    #[command(flatten)]
    traces: TraceConfig,
}

fn with_endpoint(endpoint: &str) -> Result<Option<String>, ConfigError> {
    let options = ["mdl", "--otel-exporter-otlp-endpoint", endpoint];
    let endpoint = TestCli::parse_from(options).traces.endpoint()?;
    Ok(endpoint.map(|url| url.to_string()))
}

fn with_headers(headers: &str) -> Result<Vec<(String, String)>, ConfigError> {
    let mut config = TestCli::parse_from(["mdl"]).traces;
    config.otel_exporter_otlp_headers = Some(headers.into());
    let headers = config.headers()?.into_iter();
    Ok(headers.map(|(name, value)| (name, value.expose_secret().to_owned())).collect())
}

#[test]
fn path_of_traces_is_added_to_the_address() {
    assert_eq!(with_endpoint(""), Ok(None));
    for (endpoint, expected) in [
        ("http://localhost:4318", "http://localhost:4318/v1/traces"),
        ("http://localhost:4318/", "http://localhost:4318/v1/traces"),
        ("https://collector.example/otlp", "https://collector.example/otlp/v1/traces"),
        ("https://collector.example/otlp/", "https://collector.example/otlp/v1/traces"),
    ] {
        assert_eq!(with_endpoint(endpoint), Ok(Some(expected.into())), "{endpoint}");
    }
}

#[test]
fn unusable_addresses_are_refused() {
    for endpoint in [
        "localhost:4318",
        "grpc://localhost:4317",
        "http://user:password@collector.example",
        "http://collector.example/?tenant=a",
        "http://collector.example/#traces",
        "nonsense",
    ] {
        let refused = with_endpoint(endpoint).unwrap_err().to_string();
        assert!(refused.starts_with("OTEL_EXPORTER_OTLP_ENDPOINT must be"), "{refused}");
    }
}

#[test]
fn ratio_is_a_share() {
    for (ratio, is_valid) in [("0", true), ("0.25", true), ("1", true), ("1.5", false)] {
        let options = ["mdl", "--otel-exporter-otlp-endpoint", "http://localhost:4318"];
        let ratio = ["--otel-traces-sampler-arg", ratio];
        let config = TestCli::parse_from([&options[..], &ratio[..]].concat()).traces;
        assert_eq!(config.endpoint().is_ok(), is_valid, "{ratio:?}");
    }
}

#[test]
fn headers_are_a_list_with_encoded_values() {
    assert_eq!(with_headers(""), Ok(Vec::new()));
    let expected = [("authorization", "Basic YWxpY2U6c2VjcmV0=="), ("x-tenant", "a,b+c")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let text = "authorization=Basic%20YWxpY2U6c2VjcmV0==, x-tenant = a%2Cb+c,";
    assert_eq!(with_headers(text), Ok(expected.into()));
}

#[test]
fn unusable_headers_are_refused_without_their_value() {
    for headers in ["secret", "=secret", "a b=secret", "a=secret%0D%0Ab: c", "a=secret%FF"] {
        let refused = with_headers(headers).unwrap_err().to_string();
        assert!(refused.starts_with("OTEL_EXPORTER_OTLP_HEADERS must be"), "{refused}");
        assert!(!refused.contains("secret"), "{refused}");
    }
}
