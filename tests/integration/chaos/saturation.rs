//! Faults that are load rather than an outage: a lock that is held, slow searches, and a limit on
//! the connections of the service's role. No circuit opens, and what does not need what is scarce
//! works.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel_async::RunQueryDsl;
use futures_util::future::{join, join_all};
use mdl::actors::db_breaker::{Circuit, CircuitState, DbError};
use mdl::credentials::api_keys::ApiKey;

use super::load::{Load, Observed, Row, lost};
use super::{Refusals, recovery};
use crate::support::{ADMIN_PASSWORD, Server, database};

const WRITERS: usize = 6;
const CACHED: &str = "/api/v1/domains";

/// Starts a service with the default limits of time.
async fn start(url: &str, options: &[&str]) -> (Arc<Server>, String) {
    let server = Arc::new(Server::on(url, options).await);
    server.ready().await;
    let admin = server.admin().await;
    (server, admin)
}

/// What works while writers or searches are refused.
#[derive(Default)]
struct Others {
    reads: Vec<Duration>,
    log_ins: usize,
}

impl Others {
    /// Logs in, and authenticates a new API key, which is in no cache.
    async fn authenticate(&mut self, server: &Server, admin: &str) {
        server.login("admin", ADMIN_PASSWORD).await.expect(200);
        let (id, key) = server.key(admin, &["domains:read"]).await;
        let (hash, state) = (ApiKey::parse(&key).unwrap().hash(), server.state());
        state
            .accounts
            .keys
            .authenticate(hash, None, server.clock.now(), Instant::now())
            .await
            .unwrap();
        // A user has at most 100 live keys.
        server.delete(&format!("/api/auth/api-keys/{id}"), admin).await.expect(200);
        self.log_ins += 1;
    }

    /// Reads what is cached, and what is not.
    async fn read(&mut self, server: &Server, admin: &str) {
        let began = Instant::now();
        server.get(CACHED, admin).await.expect(200);
        self.reads.push(began.elapsed());
        let uncached = format!("/api/v1/metrics?page={}", self.reads.len() + 1);
        server.get(&uncached, admin).await.expect(200);
    }
}

async fn assert_circuits_never_failed(server: &Server) {
    for report in server.state().db.report().await.unwrap().0 {
        assert_eq!((report.state, report.stats.failures), (CircuitState::Closed, 0), "{report:?}");
    }
}

/// Prints the line of the table. No write was lost, and refusals are only those of our own limits.
async fn assert_overload(title: &str, observed: Observed, recovery: Duration, url: &str) {
    let lost = lost(url, &observed.acknowledged).await;
    println!("{} responses OVERLOADED, {} others", observed.overloaded, observed.refused);
    let row = Row { observed, failures: None, refusals: Refusals::default(), recovery, lost };
    Row::print_head();
    row.print(title);
    assert_eq!((row.observed.refused, row.lost, row.observed.doubled), (0, 0, 0), "{title}");
}

#[actix_web::test]
#[ignore = "takes 25 seconds; scripts/test runs it"]
async fn lock_of_the_catalogue_is_held_for_20_seconds() {
    let url = database::fresh().await;
    let (server, admin) = start(&url, &[]).await;
    let load = Load::start(&server, &admin, "locked", WRITERS).await;
    // As a long import of another process does.
    let other = database::connect(&url).await;
    other.batch_execute("BEGIN; SELECT FROM catalogue_epochs FOR UPDATE").await.unwrap();
    let (began, mut others) = (Instant::now(), Others::default());
    while began.elapsed() < Duration::from_secs(20) {
        others.read(&server, &admin).await;
        others.authenticate(&server, &admin).await;
    }
    let during = load.acknowledged();
    assert_circuits_never_failed(&server).await;
    other.batch_execute("COMMIT").await.unwrap();
    let recovery = recovery(&server, &admin, "locked").await;
    let observed = load.end().await;
    let (longest, overloaded) = (observed.longest, observed.overloaded);
    assert_overload("lock held for 20 s", observed, recovery, &url).await;
    others.reads.sort_unstable();
    let Others { reads, log_ins } = others;
    let (median, last) = (reads[reads.len() / 2], reads[reads.len() - 1]);
    println!(
        "{} cached reads, median {median:?}, longest {last:?}; {log_ins} log-ins",
        reads.len()
    );
    println!("{during} writes acknowledged until the lock was released");
    assert!(overloaded > 0, "no writer was refused");
    // A writer waits for its turn and then for the lock: at most 6.5 s and 9 s.
    assert!(longest < Duration::from_secs(20), "{longest:?}");
    // Behind writers that hold the whole pool each read took two seconds.
    assert!(median < Duration::from_millis(500), "{median:?}");
    assert_circuits_never_failed(&server).await;
}

/// Each statement of a search takes a second, on however few metrics.
const SLOW_SEARCH: &str = "
    CREATE FUNCTION public.to_tsquery(settings regconfig, words text) RETURNS tsquery
        LANGUAGE plpgsql IMMUTABLE AS $$
    BEGIN
        PERFORM pg_sleep(1);
        RETURN pg_catalog.to_tsquery(settings, words);
    END $$;";

#[actix_web::test]
#[ignore = "takes 12 seconds; scripts/test runs it"]
async fn sixty_slow_searches_leave_log_ins_and_api_keys_alone() {
    let url = database::fresh().await;
    let name = url.rsplit_once('/').unwrap().1;
    database::sql(&url, SLOW_SEARCH).await;
    let path = format!("ALTER DATABASE {name} SET search_path = public, pg_catalog");
    database::sql(&url, &path).await;
    let (server, admin) = start(&url, &[]).await;
    let load = Load::start(&server, &admin, "searches", WRITERS).await;
    let began = Instant::now();
    let lasts = || began.elapsed() < Duration::from_secs(8);
    let search = async |caller: usize| {
        let (mut found, mut refused, mut round) = (0_usize, 0_usize, 0);
        while lasts() {
            round += 1;
            let path = format!("/api/v1/metrics?search=w{caller}x{round}");
            let sent = Instant::now();
            let answer = server.get(&path, &admin).await;
            if answer.status == 200 {
                assert!(sent.elapsed() >= Duration::from_secs(1), "the search was not slow");
                found += 1;
            } else {
                answer.expect_error(503, "OVERLOADED");
                refused += 1;
            }
        }
        (found, refused)
    };
    let authenticate = async {
        let mut others = Others::default();
        while lasts() {
            others.authenticate(&server, &admin).await;
        }
        others.log_ins
    };
    let (searches, log_ins) = join(join_all((0..60).map(search)), authenticate).await;
    let recovery = recovery(&server, &admin, "searches").await;
    assert_overload("60 slow searches", load.end().await, recovery, &url).await;
    let found: usize = searches.iter().map(|(found, _)| found).sum();
    let refused: usize = searches.iter().map(|(_, refused)| refused).sum();
    println!("{found} searches answered, {refused} refused; {log_ins} log-ins, all answered");
    assert!(found > 0 && refused > 0 && log_ins > 0);
    assert_circuits_never_failed(&server).await;
}

/// While all connections are busy for longer than a call waits for one, the log says why there are
/// not more of them.
async fn assert_log_names_limit(server: &Server) {
    let state = server.state();
    let nap = |_| {
        state.db.run(Circuit::Auth, "users.nap", async |conn| {
            diesel::sql_query("SELECT pg_sleep(4)").execute(conn).await?;
            Ok(())
        })
    };
    let is_named = || {
        let events = server.logs.events("no database connection");
        events.iter().any(|event| event["cause"].as_str().unwrap().contains("(SQLSTATE 53300)"))
    };
    let mut rounds = 0;
    while !is_named() {
        rounds += 1;
        assert!(rounds < 10, "never: {:?}", server.logs.events("no database connection"));
        let naps = join_all((0..3).map(nap)).await;
        assert!(naps.iter().any(Result::is_ok));
        let is_refused = |error: &DbError| matches!(error, DbError::Overloaded { .. });
        assert!(naps.iter().filter_map(|nap| nap.as_ref().err()).all(is_refused), "{naps:?}");
    }
}

#[actix_web::test]
#[ignore = "takes 20 seconds; scripts/test runs it"]
async fn role_may_open_fewer_connections_than_the_pool() {
    let owner = database::fresh().await;
    let (role, url) = database::service_role(&owner).await;
    let limit = async |limit: i32| {
        database::sql(&owner, &format!("ALTER ROLE {role} CONNECTION LIMIT {limit}")).await;
    };
    // One of them listens.
    limit(3).await;
    let (server, admin) = start(&url, &["--db-pool-max", "8"]).await;
    assert_log_names_limit(&server).await;
    let load = Load::start(&server, &admin, "limited", WRITERS).await;
    let (began, mut outcomes) = (Instant::now(), BTreeMap::<String, u32>::new());
    while began.elapsed() < Duration::from_secs(8) {
        let log_ins = (0..8).map(|_| server.login("admin", ADMIN_PASSWORD));
        for answer in join_all(log_ins).await {
            let code = match answer.status {
                200 => "answered".to_owned(),
                _ => answer.json()["error"]["code"].as_str().unwrap().to_owned(),
            };
            *outcomes.entry(code).or_default() += 1;
        }
    }
    let pool = server.state().db.report().await.unwrap().1;
    limit(-1).await;
    let recovery = recovery(&server, &admin, "limited").await;
    let observed = load.end().await;
    println!("log-ins {outcomes:?}; {pool:?}");
    assert_overload("role limited to 3 connections, pool of 8", observed, recovery, &owner).await;
    assert!(pool.active + pool.idle <= 3, "{pool:?}");
    let expected = |code: &String| ["answered", "OVERLOADED"].contains(&code.as_str());
    assert!(outcomes.keys().all(expected), "{outcomes:?}");
    assert!(outcomes.contains_key("answered"), "no log-in succeeded");
    assert_circuits_never_failed(&server).await;
}
