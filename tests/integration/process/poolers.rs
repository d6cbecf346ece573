//! Real `PgBouncer` in front of the server: session mode works, the other modes are recognised at
//! startup and refused.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::process::binary::{
    ADMIN_PASSWORD, SECRETS, Serving, command, failure, first_line, run, success,
};
use crate::support::database;

/// A running pooler, which ends with its test.
struct PgBouncer {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl PgBouncer {
    async fn start(mode: &str) -> Self {
        // Another process may take the port between its choice and its use.
        for _ in 0..5 {
            if let Some(pooler) = Self::try_start(mode).await {
                return pooler;
            }
        }
        panic!("PgBouncer finds no free port");
    }

    /// Starts it on a port that is free now; none if it cannot listen there.
    async fn try_start(mode: &str) -> Option<Self> {
        use std::os::unix::fs::PermissionsExt;

        let binary = std::env::var("MDL_TEST_PGBOUNCER").unwrap_or("/usr/sbin/pgbouncer".into());
        let folder = tempfile::tempdir().unwrap();
        // It refuses to run as root, and reads its files as another user then.
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let server = url::Url::parse(&database::cluster()).unwrap();
        let (users, ini) = (folder.path().join("users"), folder.path().join("pgbouncer.ini"));
        std::fs::write(&users, "\"postgres\" \"\"\n").unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "[databases]\n* = host=localhost port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {}\n\
             pool_mode = {mode}\nserver_idle_timeout = 1\n",
            server.port().unwrap(),
            users.display()
        );
        std::fs::write(&ini, config).unwrap();
        let mut pooler = Command::new(&binary);
        if std::fs::metadata("/proc/self").is_ok_and(|me| {
            use std::os::unix::fs::MetadataExt;
            me.uid() == 0
        }) {
            pooler.args(["-u", "postgres"]);
        }
        let log = folder.path().join("log");
        let stderr = std::fs::File::create(&log).unwrap();
        let pooler = pooler.arg(&ini).stdout(Stdio::null()).stderr(stderr).spawn();
        let child = pooler.unwrap_or_else(|error| panic!("{binary}: {error}; run scripts/test"));
        let mut pooler = Self { child, port, _folder: folder };
        // Its log says that it is this one that listens.
        let (began, listening) = (Instant::now(), format!("listening on 127.0.0.1:{port}\n"));
        loop {
            let said = std::fs::read_to_string(&log).unwrap();
            if said.contains(&listening) {
                return Some(pooler);
            }
            if pooler.child.try_wait().unwrap().is_some() {
                println!("{said}");
                return None;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "it does not listen: {said}");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// Returns the URL of the same database by way of the pooler.
    fn url(&self, url: &str) -> String {
        let name = url.rsplit_once('/').unwrap().1;
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }
}

#[tokio::test]
async fn pooler_without_sessions_is_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let url = database::fresh().await;
    for mode in ["transaction", "statement"] {
        let pooler = PgBouncer::start(mode).await;
        let line = first_line(folder.path(), &pooler.url(&url), "service cannot become ready");
        let error = line["error"].as_str().unwrap();
        assert!(error.contains("set pool_mode=session"), "{mode}: {line}");
        assert_eq!(line["level"], "error");
        for arguments in [&["migrate"][..], &["export"]] {
            let mut command = command(folder.path(), arguments);
            command.env("DATABASE_URL", pooler.url(&url));
            let said = failure(&run(command, ""));
            assert!(said.contains("set pool_mode=session"), "{mode}: {said}");
        }
    }
    // Nothing was set that would stay in the pooler's sessions.
    let left = "SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database \
                WHERE locktype = 'advisory' AND datname = current_database()";
    assert_eq!(database::sql(&url, left).await, [["0"]]);
}

#[tokio::test]
async fn pooler_in_session_mode_works() {
    let folder = tempfile::tempdir().unwrap();
    let url = database::fresh().await;
    let pooler = PgBouncer::start("session").await;
    let through = pooler.url(&url);
    let mut migrate = command(folder.path(), &["migrate"]);
    migrate.env("DATABASE_URL", &through);
    assert_eq!(success(&run(migrate, "")).trim(), "the schema is up to date");
    let environment =
        [&SECRETS[..], &[("DATABASE_URL", &through), ("ADMIN_PASSWORD", ADMIN_PASSWORD)]].concat();
    let mut serving = Serving::start(folder.path(), &environment, &[]).await;
    let token = serving.login(ADMIN_PASSWORD).await;
    let domain = json!({"domain_id": "d", "name": "D"});
    let create = serving.http.post(format!("{}/api/v1/domains", serving.base)).bearer_auth(&token);
    assert_eq!(create.json(&domain).send().await.unwrap().status(), 201);
    assert_eq!(serving.get("/api/v1/domains", &token).await["count"], 1);
    // The listener is connected: it has a session of its own.
    let listening = "SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%' \
                     AND datname = current_database() AND application_name LIKE 'mdl/%'";
    database::until(&url, listening).await;
    assert_eq!(serving.terminate(), Some(0));
}
