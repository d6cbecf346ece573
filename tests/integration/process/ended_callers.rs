//! Reads by many clients on two processes while their sessions and keys end one after the other:
//! once an ending is answered, no later request of its caller succeeds on that process, and none on
//! the other after the bound of the poll. `MDL_TEST_READS` and `MDL_TEST_ENDINGS` make it longer.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process::binary::{ADMIN_PASSWORD, SECRETS, Serving};
use crate::support::database;

const PASSWORD: &str = "some password for tests";
const CLIENTS: usize = 64;
/// A read for administrators that needs no statement.
const ADMIN_READ: &str = "/health/circuit-breakers";
const READ: &str = "/api/v1/metrics?limit=20";
/// Notifications arrive within milliseconds; if one were lost, the poll finds it.
const BOUND: Duration = Duration::from_secs(1);

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// How the authority of a caller ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    LogOut,
    Suspension,
    Demotion,
    Revocation,
}

struct Caller {
    ending: Ending,
    header: (&'static str, String),
    /// The request that ends it: method, path and body.
    end: (reqwest::Method, String, Value),
    /// When its ending was answered, and by which process.
    ended: Mutex<Option<(Instant, usize)>>,
}

impl Caller {
    fn path(&self) -> &'static str {
        if self.ending == Ending::Demotion { ADMIN_READ } else { READ }
    }
}

#[derive(Default)]
struct Counts {
    reads: AtomicU64,
    refused: AtomicU64,
    late_on_the_same: AtomicU64,
    late_on_the_other: AtomicU64,
    /// The latest success on the other process after an ending was answered, in microseconds.
    propagation: AtomicU64,
}

async fn post(serving: &Serving, path: &str, token: &str, body: &Value) -> Value {
    let request =
        serving.http.post(format!("{}{path}", serving.base)).bearer_auth(token).json(body);
    request.send().await.unwrap().json().await.unwrap()
}

async fn caller(serving: &Serving, admin: &str, number: u64) -> Caller {
    let ending = [Ending::LogOut, Ending::Suspension, Ending::Demotion, Ending::Revocation]
        [usize::try_from(number % 4).unwrap()];
    let (name, role) = (format!("eva{number}"), if number % 4 == 2 { "admin" } else { "editor" });
    let user = json!({"username": name, "email": format!("{name}@example.com"), "role": role,
                      "password": PASSWORD, "full_name": "E"});
    let user = post(serving, "/api/auth/users", admin, &user).await["user"]["user_id"].clone();
    let log_in = json!({"username": name, "password": PASSWORD});
    let tokens = post(serving, "/api/auth/login", "", &log_in).await["tokens"].clone();
    let token = tokens["access_token"].as_str().unwrap();
    let user = format!("/api/auth/users/{}", user.as_str().unwrap());
    let put = |body| (reqwest::Method::PUT, user.clone(), body);
    let mut header = ("authorization", format!("Bearer {token}"));
    let end = match ending {
        Ending::LogOut => {
            let body = json!({"refresh_token": tokens["refresh_token"]});
            (reqwest::Method::POST, "/api/auth/logout".to_owned(), body)
        }
        Ending::Suspension => put(json!({"status": "suspended"})),
        Ending::Demotion => put(json!({"role": "editor"})),
        Ending::Revocation => {
            let body = json!({"name": "k", "scopes": ["metrics:read"]});
            let made = post(serving, "/api/auth/api-keys", token, &body).await;
            header = ("x-api-key", made["api_key"].as_str().unwrap().to_owned());
            let path = format!("/api/auth/api-keys/{}", made["key_info"]["id"].as_str().unwrap());
            (reqwest::Method::DELETE, path, Value::Null)
        }
    };
    Caller { ending, header, end, ended: Mutex::default() }
}

/// A client that gives up its idle connections before the service closes them.
fn client() -> reqwest::Client {
    let idle = Duration::from_secs(2);
    reqwest::Client::builder().no_proxy().pool_idle_timeout(idle).build().unwrap()
}

/// Reads as one client until the endings are done and enough was read.
async fn read(
    two: Arc<[Serving; 2]>,
    callers: Arc<Vec<Caller>>,
    counts: Arc<Counts>,
    (is_done, reads): (Arc<AtomicBool>, u64),
) {
    let http = client();
    while !is_done.load(Ordering::SeqCst) || counts.reads.load(Ordering::SeqCst) < reads {
        let (process, caller) =
            (rand::random_range(0..2), &callers[rand::random_range(0..callers.len())]);
        let (name, value) = &caller.header;
        let url = format!("{}{}", two[process].base, caller.path());
        let request = http.get(url).header(*name, value);
        let (ended, began) = (*caller.ended.lock().unwrap(), Instant::now());
        let status = request.send().await.unwrap().status().as_u16();
        counts.reads.fetch_add(1, Ordering::SeqCst);
        match (status, ended) {
            (200, None) => {}
            (200, Some((_, by))) if by == process => {
                counts.late_on_the_same.fetch_add(1, Ordering::SeqCst);
            }
            (200, Some((at, _))) => {
                let late = began.duration_since(at);
                let micros = u64::try_from(late.as_micros()).unwrap();
                counts.propagation.fetch_max(micros, Ordering::SeqCst);
                counts.late_on_the_other.fetch_add(u64::from(late > BOUND), Ordering::SeqCst);
            }
            (401 | 403, _) => {
                counts.refused.fetch_add(1, Ordering::SeqCst);
            }
            other => panic!("{other:?} for {:?}", caller.ending),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "loads the machine: scripts/test runs it alone"]
async fn no_caller_succeeds_after_its_ending_was_answered() {
    let (reads, endings) =
        (from_environment("MDL_TEST_READS", 20_000), from_environment("MDL_TEST_ENDINGS", 60));
    let (folder, url) = (tempfile::tempdir().unwrap(), database::fresh().await);
    let environment: Vec<(&str, &str)> = [
        ("DATABASE_URL", url.as_str()),
        ("ADMIN_PASSWORD", ADMIN_PASSWORD),
        ("LOG_LEVEL", "warning,mdl::app=info"),
    ]
    .into_iter()
    .chain(SECRETS)
    .collect();
    let one = Serving::start(folder.path(), &environment, &[]).await;
    let other = Serving::start(folder.path(), &environment, &[]).await;
    let admin = one.login(ADMIN_PASSWORD).await;
    let mut callers = Vec::new();
    for number in 0..endings {
        callers.push(caller(&one, &admin, number).await);
    }
    let (two, callers) = (Arc::new([one, other]), Arc::new(callers));
    let (counts, is_done) = (Arc::new(Counts::default()), Arc::new(AtomicBool::new(false)));
    let began = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let until = (Arc::clone(&is_done), reads);
            tokio::spawn(read(two.clone(), callers.clone(), counts.clone(), until))
        })
        .collect();
    let http = client();
    for (number, caller) in callers.iter().enumerate() {
        // Spread over all reads, on both processes in turns.
        let due = reads * u64::try_from(number).unwrap() / endings;
        while counts.reads.load(Ordering::SeqCst) < due {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let (process, (method, path, body)) = (number % 2, &caller.end);
        let url = format!("{}{path}", two[process].base);
        let request = http.request(method.clone(), url).bearer_auth(&admin);
        let answer = request.json(body).send().await.unwrap();
        *caller.ended.lock().unwrap() = Some((Instant::now(), process));
        assert_eq!(answer.status().as_u16(), 200, "{:?}", caller.ending);
    }
    is_done.store(true, Ordering::SeqCst);
    for client in clients {
        client.await.unwrap();
    }
    let of = |count: &AtomicU64| count.load(Ordering::SeqCst);
    println!(
        "{} reads by {CLIENTS} clients in {:.0?} during {endings} endings, {} refused; late: {} on \
         the same process, {} on the other; latest success there after {:.1?}",
        of(&counts.reads),
        began.elapsed(),
        of(&counts.refused),
        of(&counts.late_on_the_same),
        of(&counts.late_on_the_other),
        Duration::from_micros(of(&counts.propagation)),
    );
    assert_eq!((of(&counts.late_on_the_same), of(&counts.late_on_the_other)), (0, 0));
    assert!(of(&counts.refused) > 0);
}
