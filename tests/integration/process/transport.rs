//! Credentials are sent encrypted and only to the configured host; the data folder is private.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use crate::process::binary::{command, failure, run};

const KEY: &str = "CONTENT-0123456789abcdef-0123456789abcdef";

#[test]
fn clear_text_credentials_stop_startup() {
    let folder = tempfile::tempdir().unwrap();
    let elastic = ("ELASTICSEARCH_ENABLED", "true");
    for (environment, name) in [
        (vec![("SMTP_URL", "smtp://u:CONTENT@mail.example.com")], "SMTP_URL"),
        (
            vec![elastic, ("ELASTICSEARCH_URL", "http://u:CONTENT@es.example.com")],
            "ELASTICSEARCH_URL",
        ),
        (
            vec![
                elastic,
                ("ELASTICSEARCH_URL", "http://es.example.com"),
                ("ELASTICSEARCH_API_KEY", KEY),
            ],
            "ELASTICSEARCH_URL",
        ),
        (
            vec![
                ("AWS_CLOUDWATCH_ENABLED", "true"),
                ("AWS_ENDPOINT_URL", "http://aws.example.com"),
            ],
            "AWS_ENDPOINT_URL",
        ),
    ] {
        let mut serve = command(folder.path(), &["serve"]);
        serve.envs(environment);
        let message = failure(&run(serve, ""));
        assert!(
            message.contains(name) && message.contains("ALLOW_CLEARTEXT_CREDENTIALS_TO="),
            "{message}"
        );
        assert!(!message.contains("CONTENT"), "{message}");
    }
}

#[test]
fn folders_and_files_that_other_users_can_read_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let open = |path: &std::path::Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    std::fs::create_dir(&data).unwrap();
    let serve = || {
        let mut serve = command(folder.path(), &["serve"]);
        serve.env("PORT", "0").env("METRICS_PORT", "0");
        failure(&run(serve, ""))
    };
    for mode in [0o755, 0o770, 0o702] {
        open(&data, mode);
        let message = serve();
        assert!(
            message.contains("DATA_DIR: ") && message.contains("chmod 700 ./data"),
            "{message}"
        );
    }
    open(&data, 0o700);
    let secrets = data.join("secrets.json");
    std::fs::write(&secrets, "{}").unwrap();
    open(&secrets, 0o644);
    let message = serve();
    assert!(message.contains("chmod 600 ./data/secrets.json"), "{message}");
    std::fs::remove_file(&secrets).unwrap();
    let mail = data.join("mail");
    std::fs::create_dir(&mail).unwrap();
    open(&mail, 0o750);
    let message = serve();
    assert!(message.contains("chmod 700 ./data/mail"), "{message}");
}

/// Answers each request with a redirect to this address, and keeps the requests.
fn redirecting(target: String) -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (send, requests) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            let length = stream.read(&mut head).unwrap();
            let _ = send.send(String::from_utf8_lossy(&head[..length]).into_owned());
            let answer = format!(
                "HTTP/1.1 307 x\r\nLocation: {target}\r\nContent-Length: 0\r\nConnection: \
                 close\r\n\r\n"
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (base, requests)
}

#[test]
fn credentials_are_not_sent_to_redirect_targets() {
    let folder = tempfile::tempdir().unwrap();
    let key = mdl::credentials::api_keys::ApiKey::generate();
    let (other, stolen) = redirecting("http://127.0.0.1:1/".into());
    let (base, asked) = redirecting(format!("{other}/api/v1/x?password"));
    for token in [key.expose(), KEY] {
        let mut export = command(folder.path(), &["export", "--url", &base]);
        export.env("MDL_TOKEN", token);
        let message = failure(&run(export, ""));
        assert!(
            message.contains(&format!("redirects to {other},")) && !message.contains(token),
            "{message}"
        );
        assert!(asked.recv().unwrap().contains(token), "the service itself got it");
    }
    let port = base.rsplit(':').next().unwrap();
    let mut check = command(folder.path(), &["healthcheck"]);
    check.env("PORT", port);
    assert!(failure(&run(check, "")).contains("307"));
    assert!(stolen.try_recv().is_err(), "the credential was sent elsewhere");
}

#[test]
fn credentials_are_sent_to_other_hosts_only_over_https() {
    let folder = tempfile::tempdir().unwrap();
    let export = |url: &str, allowed: &str| {
        let mut export = command(folder.path(), &["export", "--url", url]);
        export.env("MDL_TOKEN", KEY).env("ALLOW_CLEARTEXT_CREDENTIALS_TO", allowed);
        failure(&run(export, ""))
    };
    // Nothing listens there; the test checks whether a connection is tried. 0.0.0.0 is this
    // machine, but not a loopback address.
    let message = export("http://0.0.0.0:1", "");
    assert!(
        message.contains("without TLS")
            && message.contains("ALLOW_CLEARTEXT_CREDENTIALS_TO=0.0.0.0"),
        "{message}"
    );
    assert!(!export("http://0.0.0.0:1", "example.com,0.0.0.0").contains("without TLS"));
    assert!(!export("http://127.0.0.1:1", "").contains("without TLS"));
    let message = export("http://user:CONTENT@127.0.0.1:1", "");
    assert!(message.contains("MDL_TOKEN_FILE") && !message.contains("CONTENT"), "{message}");
    // Without a credential there is nothing to protect.
    let message =
        failure(&run(command(folder.path(), &["export", "--url", "http://0.0.0.0:1"]), ""));
    assert!(!message.contains("without TLS"), "{message}");
}
