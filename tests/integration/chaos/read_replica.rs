//! `DATABASE_READ_URL` with a real streaming standby: reads are done there, never one that is older
//! than what the process knows of, and none fails because of the standby.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::replica_pair::{DATABASE, ReplicaPair};
use crate::support::{Server, database};

/// Longest read while the standby hangs: its own limit, and as long again for the primary and a
/// busy machine.
const MAX_READ: Duration = Duration::from_secs(3);
/// Longest wait for what happens soon.
const PATIENCE: Duration = Duration::from_secs(20);
const DOMAIN: &str = "/api/v1/domains/d1";

/// A standby, and two services that read from it.
struct Replicated {
    pair: ReplicaPair,
    servers: [Server; 2],
    admin: String,
}

impl Replicated {
    /// Starts them, with the domains `d1` and `d2`. The services do not circumvent the cache.
    async fn start(options: &[&str]) -> Self {
        let pair = ReplicaPair::start().await;
        let (primary, standby) = (pair.primary.url(DATABASE), pair.standby.url(DATABASE));
        let options = [&["--database-read-url", standby.as_str()], options].concat();
        let one = Server::on(&primary, &options).await;
        one.ready().await;
        let other = Server::on(&primary, &options).await;
        other.ready().await;
        let admin = one.admin().await;
        one.domains(&admin).await;
        pair.caught_up().await;
        Self { pair, servers: [one, other], admin }
    }

    /// From now on the standby receives changes and does not apply them.
    async fn pause_replay(&self) {
        let url = self.pair.standby.url(DATABASE);
        database::sql(&url, "SELECT pg_wal_replay_pause()").await;
        database::until(&url, "SELECT pg_get_wal_replay_pause_state() = 'paused'").await;
    }

    async fn resume_replay(&self) {
        database::sql(&self.pair.standby.url(DATABASE), "SELECT pg_wal_replay_resume()").await;
        self.pair.caught_up().await;
    }

    /// Reads with each service until both have read from the standby.
    async fn until_used(&self) {
        for server in &self.servers {
            let before = reads(server, "replica").await;
            let began = Instant::now();
            while reads(server, "replica").await <= before {
                assert!(began.elapsed() < PATIENCE, "the standby is not used");
                uncached(server, &self.admin).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

async fn reads(server: &Server, outcome: &str) -> f64 {
    server.reading(&format!("read_replica_reads_total{{outcome=\"{outcome}\"}}")).await
}

/// Reads the name of the domain in a list that no request had before.
async fn uncached(server: &Server, admin: &str) -> Value {
    const OPTIONAL: [&str; 5] = ["description", "owner_team", "color", "tier_focus", "key_areas"];
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::SeqCst);
    let (limit, selection) = (3 + number % 97, number / 97);
    let chosen = OPTIONAL.iter().enumerate().filter(|(bit, _)| selection >> bit & 1 == 1);
    let fields: Vec<_> = ["name"].into_iter().chain(chosen.map(|(_, field)| *field)).collect();
    let path = format!("/api/v1/domains?limit={limit}&fields={}", fields.join(","));
    let listed = server.get(&path, admin).await.expect(200).json();
    let mut domains = listed["data"].as_array().unwrap().iter();
    domains.find(|domain| domain["domain_id"] == "d1").unwrap()["name"].clone()
}

async fn name(server: &Server, admin: &str) -> Value {
    server.get(DOMAIN, admin).await.expect(200).json()["data"]["name"].clone()
}

async fn rename(server: &Server, admin: &str, name: &str) {
    server.put(DOMAIN, admin, &json!({"name": name})).await.expect(200);
}

#[actix_web::test]
#[ignore = "starts servers of its own; scripts/test runs it alone"]
async fn read_is_never_older_than_what_the_process_knows_of() {
    let replicated = Replicated::start(&[]).await;
    let ([one, other], admin) = (&replicated.servers, &replicated.admin);
    replicated.until_used().await;
    for server in [one, other] {
        assert_eq!(name(server, admin).await, "Finance");
    }
    replicated.pause_replay().await;
    for round in 0..5 {
        let renamed = format!("Renamed {round}");
        rename(one, admin, &renamed).await;
        let behind = reads(one, "behind").await;
        // Its own write, at once: an item and a list that were cached, and a list that was not.
        assert_eq!(name(one, admin).await, renamed.as_str());
        assert_eq!(uncached(one, admin).await, renamed.as_str());
        assert!(reads(one, "behind").await > behind, "the standby was not asked");
        // The other process is told. What it read before that is not what it keeps.
        let began = Instant::now();
        while name(other, admin).await != renamed.as_str() {
            assert!(began.elapsed() < Duration::from_secs(2), "an old row is kept: {renamed}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        for _ in 0..3 {
            assert_eq!(name(other, admin).await, renamed.as_str(), "it went back");
            assert_eq!(uncached(other, admin).await, renamed.as_str());
        }
    }
    // Who may do what is never read from the standby.
    let (id, key) = one.key(admin, &["domains:read"]).await;
    one.get_with(DOMAIN, &key).await.expect(200);
    one.delete(&format!("/api/auth/api-keys/{id}"), admin).await.expect(200);
    one.get_with(DOMAIN, &key).await.expect_error(401, "INVALID_API_KEY");
    let standby = replicated.pair.standby.url(DATABASE);
    let old = database::sql(&standby, "SELECT name FROM business_domains WHERE domain_id = 'd1'");
    assert_eq!(old.await[0][0], "Finance", "the standby lags all the time");
    replicated.resume_replay().await;
    replicated.until_used().await;
    for server in [one, other] {
        assert_eq!(name(server, admin).await, "Renamed 4");
        assert_eq!(uncached(server, admin).await, "Renamed 4");
    }
}

/// Reads for this long. Returns the longest time of one; each must succeed.
async fn read_for(server: &Server, admin: &str, duration: Duration) -> Duration {
    let (began, mut longest) = (Instant::now(), Duration::ZERO);
    while began.elapsed() < duration {
        let asked = Instant::now();
        assert_eq!(uncached(server, admin).await, "Finance");
        longest = longest.max(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    longest
}

#[actix_web::test]
#[ignore = "measures time; scripts/test runs it alone"]
async fn standby_that_hangs_or_ends_fails_no_read() {
    let replicated = Replicated::start(&["--cache-max-bytes", "0"]).await;
    let ([server, _], admin) = (&replicated.servers, &replicated.admin);
    replicated.until_used().await;
    replicated.pair.standby.pause();
    let longest = read_for(server, admin, Duration::from_secs(9)).await;
    println!("standby hangs: the longest read took {longest:.1?}");
    assert!(longest < MAX_READ, "{longest:?}");
    assert!(reads(server, "unavailable").await > 0.0);
    let events = || server.logs.events("read replica is not used: reads go to the primary");
    assert_eq!(events().len(), 1, "{:?}", events());
    assert_eq!(events()[0]["reason"], "unavailable");
    // Circuits, health and metrics are those of the primary.
    server.get("/health/ready", "").await.expect(200);
    replicated.pair.standby.resume();
    replicated.until_used().await;
    assert_eq!(server.logs.events("read replica is used again").len(), 1);
    replicated.pair.standby.kill();
    let longest = read_for(server, admin, Duration::from_secs(3)).await;
    println!("standby killed: the longest read took {longest:.1?}");
    assert!(longest < MAX_READ, "{longest:?}");
    // A change needs nothing of it either.
    rename(server, admin, "Renamed").await;
    assert_eq!(name(server, admin).await, "Renamed");
}

#[actix_web::test]
#[ignore = "starts servers of its own; scripts/test runs it alone"]
async fn server_that_is_no_standby_is_not_read() {
    let replicated = Replicated::start(&["--cache-max-bytes", "0"]).await;
    let ([server, _], admin) = (&replicated.servers, &replicated.admin);
    replicated.until_used().await;
    let before = reads(server, "replica").await;
    // From here on it has a history of its own.
    replicated.pair.standby.promote().await;
    rename(server, admin, "Renamed").await;
    assert_eq!(name(server, admin).await, "Renamed");
    uncached(server, admin).await;
    assert!(reads(server, "replica").await <= before);
    assert!(reads(server, "unavailable").await > 0.0);
}

/// The position alone: without its triggers a change raises no epoch, so that the standby has it. A
/// new name is carried to the metrics of the domain, too.
#[actix_web::test]
#[ignore = "starts servers of its own; scripts/test runs it alone"]
async fn own_change_is_read_also_if_it_raises_no_epoch() {
    let replicated = Replicated::start(&["--cache-max-bytes", "0"]).await;
    let ([server, _], admin) = (&replicated.servers, &replicated.admin);
    let disable = "ALTER TABLE business_domains DISABLE TRIGGER business_domains_epoch_update; \
                   ALTER TABLE metrics DISABLE TRIGGER metrics_epoch_update";
    database::sql(&replicated.pair.primary.url(DATABASE), disable).await;
    replicated.pair.caught_up().await;
    replicated.until_used().await;
    replicated.pause_replay().await;
    let epoch = "SELECT epoch FROM catalogue_epochs";
    let primary = replicated.pair.primary.url(DATABASE);
    let before = database::sql(&primary, epoch).await;
    rename(server, admin, "Renamed").await;
    assert_eq!(database::sql(&primary, epoch).await, before, "the epoch was raised");
    assert_eq!(name(server, admin).await, "Renamed");
    assert!(reads(server, "behind").await > 0.0);
    replicated.resume_replay().await;
    replicated.until_used().await;
}
