//! TLS to the database as `sslmode` promises it, against a real server whose certificate is for
//! "localhost" only.

use mdl::postgres::connection::{Connector, Timeouts};
use mdl::postgres::url::DatabaseUrl;
use std::time::Duration;

/// Whether the connection is encrypted, or why it failed.
async fn encrypted(host: &str, query: &str) -> Result<bool, String> {
    use diesel::{OptionalExtension, QueryableByName, sql_query};
    use diesel_async::RunQueryDsl;

    #[derive(QueryableByName)]
    struct Tls {
        #[diesel(sql_type = diesel::sql_types::Bool)]
        ssl: bool,
    }

    let port = crate::support::database::cluster().rsplit_once(':').unwrap().1.to_owned();
    let url = format!("postgres://postgres@{host}:{port}/postgres?{query}");
    let timeouts = Timeouts { connect: Duration::from_secs(5), statement: None };
    let url = DatabaseUrl::parse(&url.into()).map_err(|error| error.to_string())?;
    let connector = Connector::new(url, timeouts).map_err(|error| error.to_string())?;
    let mut connection = connector.connect().await.map_err(|error| error.to_string())?;
    let row: Option<Tls> = sql_query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        .get_result(&mut *connection)
        .await
        .optional()
        .map_err(|error| error.to_string())?;
    Ok(row.is_some_and(|row| row.ssl))
}

#[tokio::test]
async fn each_sslmode_encrypts_and_verifies_as_documented() {
    let folder = std::env::var("MDL_TEST_TLS")
        .expect("run the tests with scripts/with-postgres or scripts/test");
    let (ours, other) =
        (format!("&sslrootcert={folder}/ca.pem"), format!("&sslrootcert={folder}/other-ca.pem"));
    for (host, mode, authority, expected) in [
        ("localhost", "disable", "", Ok(false)),
        ("localhost", "prefer", "", Ok(true)),
        ("localhost", "require", "", Ok(true)),
        ("127.0.0.1", "require", "", Ok(true)),
        // With a root certificate `require` is `verify-ca`, as for libpq.
        ("127.0.0.1", "require", &ours, Ok(true)),
        ("localhost", "require", &other, Err(())),
        ("127.0.0.1", "verify-ca", &ours, Ok(true)),
        ("localhost", "verify-ca", &other, Err(())),
        ("localhost", "verify-full", &ours, Ok(true)),
        ("127.0.0.1", "verify-full", &ours, Err(())),
        ("localhost", "verify-full", &other, Err(())),
        // The certificate authorities of the system do not include the test's.
        ("localhost", "verify-full", "&sslrootcert=system", Err(())),
    ] {
        let found = encrypted(host, &format!("sslmode={mode}{authority}")).await;
        assert_eq!(found.clone().map_err(|_| ()), expected, "{host} {mode} {authority}: {found:?}");
    }
    let missing = encrypted("localhost", "sslmode=verify-full&sslrootcert=/nowhere/ca.pem")
        .await
        .unwrap_err();
    assert!(missing.contains("sslrootcert"), "{missing}");
}
