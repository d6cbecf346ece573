//! What a test waits for before it goes on.

use std::time::{Duration, Instant};

use diesel_async::RunQueryDsl;
use mdl::actors::db_breaker::Circuit;

use super::{Server, database};

impl Server {
    /// Waits until the service can do its work.
    pub async fn ready(&self) {
        // The embedded database takes its time on a busy machine.
        let until = Instant::now() + Duration::from_mins(2);
        while Instant::now() < until {
            if self.get("/health/ready", "").await.status == 200 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let text = self.logs.text();
        panic!(
            "not ready: {:#?}",
            text.lines().filter(|line| !line.contains("/health/ready")).collect::<Vec<_>>()
        );
    }

    /// Waits until no circuit is open any more.
    pub async fn well(&self) {
        for _ in 0..600 {
            if self.get("/health", "").await.json()["status"] == "ok" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("not well: {}", self.get("/health", "").await.text);
    }

    /// Waits until nobody's authority has ended for longer than a poll takes to find it: whom the
    /// service meets next it still knows in the outage that follows.
    pub async fn settled(&self) {
        // Who begins to hear it forgets everybody first.
        let hears = "SELECT count(*) > 0 FROM pg_stat_activity \
                     WHERE datname = current_database() AND query LIKE 'LISTEN%'";
        database::until(&self.database_url, hears).await;
        let callers = self.state().callers.clone();
        for _ in 0..30 {
            let before = callers.epoch();
            tokio::time::sleep(Duration::from_millis(1200)).await;
            if callers.epoch() == before {
                return;
            }
        }
        panic!("somebody's authority ends all the time");
    }

    /// Waits until so many connections are open: what a test holds up is then not the opening of
    /// one.
    pub async fn warm(&self, connections: usize) {
        let db = self.state().db.clone();
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let pool = db.report().await.unwrap().1;
            if (pool.active + pool.idle) as usize >= connections {
                return;
            }
            assert!(Instant::now() < until, "{pool:?}");
            let nap = || {
                db.run(Circuit::ApiKeys, "nap", async |conn| {
                    diesel::sql_query("SELECT pg_sleep(0.1)").execute(conn).await?;
                    Ok(())
                })
            };
            futures_util::future::join_all((0..connections).map(|_| nap())).await;
        }
    }
}
