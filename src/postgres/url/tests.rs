//! Tests of `postgres::url`.

use super::*;
use crate::telemetry::error_chain;

fn parse(url: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
    DatabaseUrl::parse(&url.into())
}

#[test]
fn url_is_parsed_as_by_libpq() {
    let url = parse(
        "postgres://u:p%40@a:1,b:2/db?sslmode=verify-full&sslrootcert=/x/ca.pem\
         &target_session_attrs=read-write",
    );
    let url = url.expect("a URL");
    assert_eq!(url.config.get_hosts().len(), 2);
    assert_eq!(url.config.get_password(), Some(&b"p@"[..]));
    assert_eq!(url.ssl_mode, SslMode::VerifyFull);
    assert_eq!(url.ssl_root_cert, Some(PathBuf::from("/x/ca.pem")));
    assert_eq!(parse("postgres://h/db").expect("a URL").ssl_mode, SslMode::Prefer);
    assert_eq!(
        parse("postgres://h/db?sslmode=require&sslrootcert=c").expect("a URL").ssl_mode,
        SslMode::VerifyCa
    );
    assert_eq!(
        parse("postgres:///db?host=/run/with%20space").expect("a URL").config.get_hosts().len(),
        1
    );
}

#[test]
fn primary_is_wanted_unless_the_url_says_otherwise() {
    for (url, expected) in [
        ("postgres://h/db", TargetSessionAttrs::ReadWrite),
        ("postgres://h/db?target_session_attrs=any", TargetSessionAttrs::Any),
        ("postgres://h/db?target_session_attrs=read-only", TargetSessionAttrs::ReadOnly),
    ] {
        let found = parse(url).expect("a URL").config.get_target_session_attrs();
        assert_eq!(found, expected, "{url}");
    }
    assert!(parse("postgres://h/db?target_session_attrs=prefer-standby").is_err());
}

#[test]
fn application_name_has_the_process_unless_the_url_sets_one() {
    let named = |url: &str, process: &str| {
        parse(url).expect("a URL").with_process_name(process).target().application_name
    };
    assert_eq!(named("postgres://h/db", "web-1:7"), "mdl/web-1:7");
    assert_eq!(named("postgres://h/db", "wéb 1"), "mdl/w?b?1");
    assert_eq!(named("postgres://h/db?application_name=own", "web-1:7"), "own");
    assert_eq!(named("postgres://h/db", &"x".repeat(99)).len(), 63);
}

#[test]
fn unverified_tls_to_another_host_is_reported() {
    for (url, reported) in [
        ("postgres://u@db.example.com/db", true),
        ("postgres://u@db.example.com/db?sslmode=require", true),
        ("postgres://u@db.example.com/db?sslmode=disable", true),
        ("postgres://u@127.0.0.1,db.example.com/db?sslmode=require", true),
        ("postgres://u@localhost/db?hostaddr=192.0.2.1", true),
        ("postgres://u@db.example.com/db?sslmode=require&sslrootcert=ca.pem", false),
        ("postgres://u@db.example.com/db?sslmode=verify-full", false),
        ("postgres://u@127.0.0.1/db", false),
        ("postgres:///db?host=/run/postgresql", false),
    ] {
        assert_eq!(parse(url).expect(url).unprotected().is_some(), reported, "{url}");
    }
}

#[test]
fn error_names_the_variable_and_quotes_nothing_of_the_url() {
    for bad in [
        "mysql://u:secret@h/db",
        "postgres://u:secret@h/db?sslmode=secret",
        "postgres://u:secret@h:99999999/db",
        "postgres://u:secret@h/db?sslcert=secret",
        "postgres://u@h/db?password=x&secret",
        "postgres:///db",
        "postgres://u:p@secret@h/db",
        "postgres://u:p@x,secret@h/db",
        "postgres://u:p@x/secret@h/db",
        "postgres://u:p@sec+ret/db",
        "postgres://u@h/db?host=x@secret",
    ] {
        let message = error_chain(&parse(bad).expect_err(bad));
        assert!(message.starts_with("DATABASE_URL") && !message.contains("secret"), "{message}");
    }
    assert!(!format!("{:?}", parse("postgres://u:secret@h/db")).contains("secret"));
}

#[test]
fn unescaped_password_is_refused_and_ordinary_hosts_are_not() {
    let message = parse("postgres://mdl:p@ss@db/mdl").expect_err("two @").to_string();
    assert!(message.contains("percent-encode special characters of the password"), "{message}");
    for url in [
        "postgres://mdl:p%40ss@db-1.example_x.com:7,10.0.0.1/mdl",
        "postgres://mdl@[fe80::1]/mdl",
        "postgres://mdl@h/mdl?application_name=a@b",
        "postgres:///mdl?host=/run/a@b",
    ] {
        assert!(parse(url).is_ok(), "{url}");
    }
}
