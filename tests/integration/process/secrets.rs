//! Secrets of the binary: from the environment or from files, never from the command line.

use mdl::config::secrets::SECRETS;

use crate::process::binary::{command, failure, run, success};

const LONG: &str = "CONTENT-0123456789abcdef-0123456789abcdef";

#[test]
fn secrets_are_not_accepted_as_options() {
    let folder = tempfile::tempdir().unwrap();
    for secret in SECRETS {
        let option = format!("--{}", secret.name.to_lowercase().replace('_', "-"));
        let joined = format!("{option}={LONG}");
        for arguments in [&["serve", &option, LONG][..], &["serve", &joined], &[&joined, "export"]]
        {
            let message = failure(&run(command(folder.path(), arguments), ""));
            assert!(message.contains(&format!("{0} or {0}_FILE", secret.name)), "{message}");
            assert!(!message.contains(LONG), "{message}");
        }
        let help = success(&run(command(folder.path(), &["--help"]), ""));
        assert!(help.contains(secret.name) && help.contains(secret.default), "{}", secret.name);
        assert!(!help.contains(&option), "{option}");
    }
    let message = failure(&run(
        command(folder.path(), &["export", "--url", "http://127.0.0.1:1", "--token", LONG]),
        "",
    ));
    assert!(
        message.contains("MDL_TOKEN or MDL_TOKEN_FILE") && !message.contains(LONG),
        "{message}"
    );
}

#[tokio::test]
async fn secrets_are_read_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let url = file("url", &format!("{}\n", crate::support::database::empty().await));
    let mut migrate = command(folder.path(), &["migrate"]);
    migrate.env("DATABASE_URL", "").env("DATABASE_URL_FILE", &url);
    assert!(success(&run(migrate, "")).contains("ran "));
    let (secret, empty) = (file("secret", LONG), file("empty", ""));
    for (environment, name) in [
        (
            [("JWT_SECRET", LONG), ("JWT_SECRET_FILE", &secret)],
            "JWT_SECRET and JWT_SECRET_FILE are both set",
        ),
        ([("JWT_SECRET", ""), ("JWT_SECRET_FILE", &empty)], "JWT_SECRET_FILE: "),
        ([("JWT_SECRET", ""), ("JWT_SECRET_FILE", "/nowhere")], "JWT_SECRET_FILE: "),
        (
            [("JWT_SECRET_FILE", &secret), ("JWT_REFRESH_SECRET_FILE", &secret)],
            "JWT_REFRESH_SECRET must differ",
        ),
    ] {
        let mut serve = command(folder.path(), &["serve"]);
        serve.envs(environment);
        let message = failure(&run(serve, ""));
        assert!(message.contains(name) && !message.contains("CONTENT"), "{message}");
    }
}
