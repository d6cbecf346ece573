//! Tests of `config::secrets`.

use super::*;

fn given(variables: &[(&str, &str)]) -> Result<Option<String>, String> {
    let variable = |name: &str| {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
    };
    let secret = read("JWT_SECRET", variable).map_err(|error| error.to_string())?;
    Ok(secret.map(|secret| secret.expose_secret().to_owned()))
}

#[test]
fn value_comes_from_variable_or_from_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret");
    let path = file.to_str().expect("a path");
    assert_eq!(given(&[]), Ok(None));
    assert_eq!(given(&[("JWT_SECRET", ""), ("JWT_SECRET_FILE", "")]), Ok(None));
    assert_eq!(given(&[("JWT_SECRET", " a ")]), Ok(Some(" a ".into())));
    for (content, value) in [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a b ", " a b ")] {
        std::fs::write(&file, content).expect("written");
        assert_eq!(
            given(&[("JWT_SECRET", ""), ("JWT_SECRET_FILE", path)]),
            Ok(Some(value.into())),
            "{content:?}"
        );
    }
}

#[test]
fn error_names_the_variable_and_never_the_content() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("written");
        path.to_str().expect("a path").to_owned()
    };
    let error = |variables: &[(&str, &str)]| given(variables).expect_err("an error");
    let both = error(&[("JWT_SECRET", "CONTENT"), ("JWT_SECRET_FILE", "/x")]);
    assert!(both.contains("JWT_SECRET and JWT_SECRET_FILE are both set"), "{both}");
    for path in [
        file("empty", b"\n"),
        file("long", &b"CONTENT".repeat(10_000)),
        file("binary", b"CONTENT\xff"),
        folder.path().join("missing").to_str().expect("a path").to_owned(),
        folder.path().to_str().expect("a path").to_owned(),
    ] {
        let message = error(&[("JWT_SECRET_FILE", &path)]);
        assert!(
            message.starts_with("JWT_SECRET_FILE: ") && !message.contains("CONTENT"),
            "{message}"
        );
    }
}

#[test]
fn options_that_would_set_a_secret_are_recognised() {
    for (argument, name) in [
        ("--jwt-secret", Some("JWT_SECRET")),
        ("--jwt-secret=x", Some("JWT_SECRET")),
        ("--smtp-url-file", Some("SMTP_URL")),
        ("--token", Some("MDL_TOKEN")),
        ("--url", None),
        ("jwt-secret", None),
        ("--jwt-secrets", None),
    ] {
        assert_eq!(secret_in_argument(OsStr::new(argument)), name, "{argument}");
    }
}
