//! Conditions that tests wait for.

use std::time::{Duration, Instant};

use diesel_async::RunQueryDsl;
use mdl::actors::db_breaker::Circuit;

use super::{Server, database};

impl Server {
    /// Waits until the service is ready.
    pub async fn ready(&self) {
        // The embedded database starts slowly on a busy machine.
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

    /// Waits until all circuits are closed.
    pub async fn circuits_closed(&self) {
        for _ in 0..600 {
            if self.get("/health", "").await.json()["status"] == "ok" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("a circuit is open: {}", self.get("/health", "").await.text);
    }

    /// Waits until no invalidation has happened for longer than a poll period, so that what is
    /// cached next stays cached during an outage.
    pub async fn settled(&self) {
        // A process that starts to listen starts a new incarnation first.
        let listens = "SELECT count(*) > 0 FROM pg_stat_activity \
                     WHERE datname = current_database() AND query LIKE 'LISTEN%'";
        database::until(&self.database_url, listens).await;
        let accounts = self.state().accounts.clone();
        let changes = || (accounts.sessions.epoch(), accounts.keys.incarnation());
        for _ in 0..30 {
            let before = changes();
            tokio::time::sleep(Duration::from_millis(1200)).await;
            if changes() == before {
                return;
            }
        }
        panic!("the authority epoch changes all the time");
    }

    /// Opens so many pooled connections, so that a test does not measure their opening.
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
                db.run(Circuit::ApiKeys, "api_keys.nap", async |conn| {
                    diesel::sql_query("SELECT pg_sleep(0.1)").execute(conn).await?;
                    Ok(())
                })
            };
            futures_util::future::join_all((0..connections).map(|_| nap())).await;
        }
    }
}
