//! What callers notice of a server that is frozen: it accepts connections and answers nothing. The
//! chaos test counts what a refusal takes, the benchmark measures its time in the release build.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use mdl::actors::db_breaker::CircuitStats;
use serde_json::json;

use super::database::{self, ctl};
use super::{Answer, Server};

pub const CALLERS: usize = 4;
pub const REFUSALS: usize = 2000;
/// The refusals last so long at least, so that some come while the server is probed.
const PROBED: Duration = Duration::from_millis(1500);

/// Resumes the server also if the test fails.
struct Paused;

impl Paused {
    fn pause() -> Self {
        ctl("pause");
        Self
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        ctl("resume");
    }
}

/// What was measured while the server was frozen.
#[derive(Debug)]
pub struct Frozen {
    /// Time until all circuits were open, and the failures until then.
    pub opened: (Duration, u64),
    /// Times of refusals by what was refused, and of responses that need no database, each sorted.
    pub times: [(&'static str, Vec<Duration>); 5],
    /// The counts of each circuit before and after the refusals.
    pub stats: Vec<(CircuitStats, CircuitStats)>,
}

impl Frozen {
    /// Returns the times of all refusals, sorted.
    pub fn refusals(&self) -> Vec<Duration> {
        let mut all: Vec<_> =
            self.times[..4].iter().flat_map(|(_, times)| times).copied().collect();
        all.sort_unstable();
        all
    }

    /// Prints the figures.
    pub fn print(&self) {
        let (opened, failures) = self.opened;
        println!(
            "frozen server, timeout 1 s, {CALLERS} callers: all circuits open after {opened:?} and \
             {failures} failures"
        );
        let refusals = ("all refusals", self.refusals());
        for (what, times) in self.times.iter().chain([&refusals]) {
            println!(
                "{what}: {} in turns, median {:?}, 99th percentile {:?}, longest {:?}",
                times.len(),
                times[times.len() / 2],
                times[times.len() * 99 / 100],
                times[times.len() - 1]
            );
        }
    }
}

/// Starts a service with four connections, one second of patience, and a log-in.
pub async fn start() -> (Server, String) {
    let url = database::fresh().await;
    let timeouts = ["--circuit-breaker-timeout", "1000", "--circuit-breaker-reset-timeout", "1000"];
    let server = Server::on(&url, &timeouts).await;
    server.ready().await;
    server.warm(CALLERS).await;
    let admin = server.admin().await;
    server.get("/api/v1/domains", &admin).await.expect(200);
    (server, admin)
}

/// Freezes the server under four writers. When all circuits are open, the four callers send
/// requests that need the database, in turns with one that does not.
pub async fn freeze(server: &Server, admin: &str) -> Frozen {
    let _paused = Paused::pause();
    let opened = open_all(server, admin).await;
    let before = stats(server).await;
    let times = measure(server, admin).await;
    let after = stats(server).await;
    Frozen { opened, times, stats: before.into_iter().zip(after).collect() }
}

async fn stats(server: &Server) -> Vec<CircuitStats> {
    server.state().db.report().await.unwrap().0.iter().map(|circuit| circuit.stats).collect()
}

async fn open_all(server: &Server, admin: &str) -> (Duration, u64) {
    let (began, open) = (Instant::now(), AtomicBool::new(false));
    let write = async |caller: usize| {
        let body = json!({"domain_id": format!("n{caller}"), "name": format!("N{caller}")});
        while !open.load(Ordering::SeqCst) {
            let answer = server.post("/api/v1/domains", admin, &body).await;
            assert!([503, 504].contains(&answer.status), "{}", answer.text);
        }
    };
    let all_open = async {
        loop {
            let circuits = server.state().db.report().await.unwrap().0;
            if circuits.iter().all(|circuit| circuit.state.as_ref() == "open") {
                open.store(true, Ordering::SeqCst);
                let failures = circuits.iter().map(|circuit| circuit.stats.failures).sum();
                return (began.elapsed(), failures);
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{circuits:#?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    join(all_open, join_all((0..CALLERS).map(write))).await.0
}

async fn send(server: &Server, admin: &str, what: &str, number: usize) -> Answer {
    match what {
        "write" => {
            server.post("/api/v1/domains", admin, &json!({"domain_id": "n", "name": "N"})).await
        }
        "page that is not cached" => {
            server.get(&format!("/api/v1/metrics?page={}", number + 2), admin).await
        }
        "log-in" => server.login("admin", "another password").await,
        "unknown API key" => {
            server.get_with("/api/v1/domains", &format!("mdl_{number:064x}")).await
        }
        _ => server.get("/api/v1", "").await,
    }
}

async fn measure(server: &Server, admin: &str) -> [(&'static str, Vec<Duration>); 5] {
    let kinds =
        ["write", "page that is not cached", "log-in", "unknown API key", "without the database"];
    let (began, turns) = (Instant::now(), REFUSALS / CALLERS / 4);
    let call = async |caller: usize| {
        let mut times = kinds.map(|what| (what, Vec::new()));
        let mut turn = 0;
        while turn < turns || began.elapsed() < PROBED {
            for at in 0..kinds.len() {
                // Not all callers send the same at the same time.
                let (what, times) = &mut times[(caller + at) % kinds.len()];
                let sent = Instant::now();
                let answer = send(server, admin, what, turn * CALLERS + caller).await;
                times.push(sent.elapsed());
                if *what == "without the database" {
                    answer.expect(200);
                } else {
                    let answer = answer.expect_error(503, "DATABASE_ERROR");
                    assert!(answer.header("retry-after").parse::<u32>().unwrap() >= 1);
                }
            }
            turn += 1;
        }
        times
    };
    let mut all = kinds.map(|what| (what, Vec::new()));
    for caller in join_all((0..CALLERS).map(call)).await {
        for ((_, all), (_, times)) in all.iter_mut().zip(caller) {
            all.extend(times);
        }
    }
    for (_, times) in &mut all {
        times.sort_unstable();
    }
    all
}
