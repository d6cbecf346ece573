//! Tests of `config::transport`.

use super::*;
use crate::config::Config;
use clap::Parser;

type SecretValues<'a> = &'a [(&'a str, &'a str)];

#[derive(Parser)]
struct TestCli {
    #[command(flatten)]
    config: Config,
}

fn config(options: &[&str], secrets: &[(&str, &str)]) -> Config {
    let mut config = TestCli::parse_from([&["mdl"], options].concat()).config;
    for (name, value) in secrets {
        config.set_secret(name, (*value).into()).expect("a secret");
    }
    config
}

#[test]
fn loopback_hosts_are_recognised() {
    for host in [
        "localhost",
        "LOCALHOST.",
        "x.localhost",
        "127.0.0.1",
        "127.9.9.9",
        "[::1]",
        "::1",
        "::ffff:127.0.0.1",
    ] {
        assert!(is_loopback(host), "{host}");
    }
    for host in [
        "",
        "localhost.example.com",
        "notlocalhost",
        "10.0.0.1",
        "[::2]",
        "0.0.0.0",
        "127.0.0.1.example.com",
    ] {
        assert!(!is_loopback(host), "{host}");
    }
}

#[test]
fn credentials_without_tls_are_refused_unless_the_host_is_allowed() {
    let elastic = ["--elasticsearch-enabled", "true"];
    let cases: [(&[&str], SecretValues<'_>, &str); 7] = [
        (&[], &[("SMTP_URL", "smtp://u:SECRET@mail.example.com")], "mail.example.com"),
        (&elastic, &[("ELASTICSEARCH_URL", "http://u:SECRET@[2001:db8::1]:9200")], "2001:db8::1"),
        (
            &elastic,
            &[("ELASTICSEARCH_URL", "http://es.example.com"), ("ELASTICSEARCH_API_KEY", "SECRET")],
            "es.example.com",
        ),
        (
            &["--aws-cloudwatch-enabled", "true", "--aws-endpoint-url", "http://10.0.0.1:4566"],
            &[],
            "10.0.0.1",
        ),
        (&[], &[("SMTP_URL", "smtp://u:SECRET@10.0.0.1:25/ehlo")], "10.0.0.1"),
        (
            &["--otel-exporter-otlp-endpoint", "http://10.0.0.1:4318"],
            &[("OTEL_EXPORTER_OTLP_HEADERS", "authorization=SECRET")],
            "10.0.0.1",
        ),
        (
            &[],
            &[("SMTP_URL", "smtp://u:SECRET@mail.example.com?tls=opportunistic")],
            "mail.example.com",
        ),
    ];
    for (options, secrets, host) in cases {
        let message = config(options, secrets).check_transport().expect_err(host).to_string();
        let remedy = format!("ALLOW_CLEARTEXT_CREDENTIALS_TO={host}");
        let names_variable = ["_URL ", "_ENDPOINT "].iter().any(|end| message.contains(end));
        assert!(
            message.contains(&remedy) && names_variable && !message.contains("SECRET"),
            "{message}"
        );
        let allowed = format!("other, {}", host.to_uppercase());
        let options = [options, &["--allow-cleartext-credentials-to", &allowed]].concat();
        config(&options, secrets).check_transport().expect("allowed");
    }
}

#[test]
fn unprotected_connections_are_reported_unless_disabled_or_loopback() {
    let count = |options: &[&str], secrets: &[(&str, &str)]| {
        config(options, secrets).check_transport().expect("accepted").len()
    };
    assert_eq!(count(&[], &[]), 0);
    assert_eq!(count(&[], &[("ELASTICSEARCH_URL", "http://u:p@es.example.com")]), 0, "not enabled");
    assert_eq!(
        count(
            &["--elasticsearch-enabled", "true"],
            &[("ELASTICSEARCH_URL", "https://u:p@es.example.com")]
        ),
        0
    );
    for (url, warnings) in [
        ("smtp://u:p@127.0.0.1:25", 0),
        ("smtps://u:p@mail.example.com", 0),
        ("smtp://u:p@mail.example.com?tls=required", 0),
        ("smtp://mail.example.com?tls=opportunistic", 1),
        ("smtp://u:p@localhost?tls=opportunistic", 0),
        ("smtp://mail.example.com", 1),
    ] {
        assert_eq!(count(&[], &[("SMTP_URL", url)]), warnings, "{url}");
    }
}
