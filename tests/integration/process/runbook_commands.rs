//! The commands of the runbooks that look at the database run as they stand there.

use std::process::Command;

use crate::support::{Server, database};

/// Returns the indented lines of all runbooks that begin with this.
fn commands(beginning: &str) -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/runbooks");
    let pages = std::fs::read_dir(folder).unwrap();
    let pages = pages.map(|page| std::fs::read_to_string(page.unwrap().path()).unwrap());
    let lines = |page: String| page.lines().map(str::trim).map(str::to_owned).collect::<Vec<_>>();
    pages.flat_map(lines).filter(|line| line.starts_with(beginning)).collect()
}

/// Runs a line in a shell whose libpq settings lead to this database. Returns stdout.
fn run(line: &str, url: &str) -> String {
    let (server, name) = url.rsplit_once('/').unwrap();
    let (user, address) = server.strip_prefix("postgres://").unwrap().split_once('@').unwrap();
    let (host, port) = address.split_once(':').unwrap();
    let mut shell = Command::new("bash");
    shell.args(["-o", "pipefail", "-c", line]);
    shell.envs([("PGHOST", host), ("PGPORT", port), ("PGUSER", user), ("PGDATABASE", name)]);
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[actix_web::test]
async fn queries_of_the_runbooks_run() {
    let url = database::fresh().await;
    let server = Server::on(&url, &[]).await;
    server.ready().await;
    let queries = commands("psql -c ");
    assert!(queries.len() >= 3, "{queries:?}");
    for query in queries {
        let rows = run(&query, &url);
        assert!(rows.contains("row"), "{query}: {rows}");
    }
}

#[test]
fn command_that_shows_the_certificate_of_the_database_shows_it() {
    let command = commands("openssl s_client -starttls postgres");
    let [command] = command.as_slice() else { panic!("{command:?}") };
    let address = database::cluster().rsplit_once('@').unwrap().1.to_owned();
    let command = command.replace("db.example.com:5432", &address);
    assert!(command.contains(&address), "{command}");
    let shown = run(&command, &format!("{}/postgres", database::cluster()));
    assert!(shown.contains("CN = localhost") || shown.contains("CN=localhost"), "{shown}");
    assert!(shown.contains("notAfter="), "{shown}");
}
