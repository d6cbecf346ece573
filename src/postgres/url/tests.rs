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
    ] {
        let message = error_chain(&parse(bad).expect_err(bad));
        assert!(message.starts_with("DATABASE_URL") && !message.contains("secret"), "{message}");
    }
    assert!(!format!("{:?}", parse("postgres://u:secret@h/db")).contains("secret"));
}
