//! Throughput of changes: 16 clients that change different metrics over HTTP, against the same
//! statements on a bare pool, in interleaved pairs of one run. All changes of the catalogue take
//! turns at its epoch, so both have the same queue.
//!
//!     scripts/with-postgres cargo bench --bench writes

#![allow(missing_docs, unreachable_pub, dead_code, clippy::print_stdout)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "load/mod.rs"]
mod load;
#[path = "../tests/integration/support/mod.rs"]
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::Utc;
use diesel_async::pooled_connection::AsyncDieselConnectionManager;
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, TransactionManager};
use futures_util::future::join_all;
use load::{interleave, is_complete};
use mdl::model::audit::Action;
use mdl::model::metrics::Metric;
use mdl::model::patch::Patch;
use mdl::model::scopes::Scopes;
use mdl::model::users::Role;
use mdl::model::versions::{ChangeChannel, RevisionStamp};
use mdl::storage::audit_events::{self, Actor};
use mdl::storage::authority::{self, Authority, Proof};
use mdl::storage::precondition::Precondition;
use mdl::storage::{Transaction, catalogue_epochs, metrics};
use serde_json::json;
use support::samples::metric;
use support::{Server, database};

const PAIRS: usize = 15;
const SLICE: Duration = Duration::from_secs(1);
const CLIENTS: usize = 16;
/// The default of `DB_POOL_MAX`.
const CONNECTIONS: u32 = 10;
/// The least share of the bare pool's throughput that is aimed at.
const SHARE: f64 = 0.6;

type Pool = bb8::Pool<AsyncDieselConnectionManager<AsyncPgConnection>>;

/// Every change sends another value, so that none is a change of nothing.
static NEXT: AtomicU64 = AtomicU64::new(0);

fn next_tags() -> serde_json::Value {
    json!({"tags": ["bench", NEXT.fetch_add(1, Ordering::Relaxed).to_string()]})
}

/// Returns changes per second over HTTP by [`CLIENTS`] clients during [`SLICE`].
async fn over_http(address: &str, token: &str) -> f64 {
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (address, token) = (address.to_owned(), token.to_owned());
            std::thread::spawn(move || requests(&address, &token, number))
        })
        .collect();
    let joined = tokio::task::spawn_blocking(|| {
        clients.into_iter().map(|client| client.join().unwrap()).sum::<f64>()
    });
    joined.await.unwrap()
}

fn requests(address: &str, token: &str, number: usize) -> f64 {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut buffer, mut done) = (vec![0; 65_536], 0_u32);
    let began = Instant::now();
    while began.elapsed() < SLICE {
        let body = next_tags().to_string();
        let request = format!(
            "PUT /api/v1/metrics/m{number} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut length = 0;
        while length == 0 || !is_complete(&buffer[..length]) {
            let more = stream.read(&mut buffer[length..]).unwrap();
            assert!(more > 0, "the connection was closed");
            length += more;
        }
        assert!(buffer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&buffer[..12]));
        done += 1;
    }
    f64::from(done) / began.elapsed().as_secs_f64()
}

/// Returns changes per second on a bare pool by [`CLIENTS`] callers during [`SLICE`].
async fn on_the_pool(pool: &Pool, caller: Authority) -> f64 {
    let began = Instant::now();
    let callers = (0..CLIENTS).map(|number| {
        let pool = pool.clone();
        actix_web::rt::spawn(async move {
            let mut done = 0_u32;
            while began.elapsed() < SLICE {
                let mut conn = pool.get().await.unwrap();
                change(&mut conn, &format!("m{number}"), &caller).await;
                done += 1;
            }
            f64::from(done)
        })
    });
    let done: f64 = join_all(callers).await.into_iter().map(|done| done.unwrap()).sum();
    done / began.elapsed().as_secs_f64()
}

/// Runs the statements of one change (`http::catalogue::write`, `DbBreakerHandle`).
async fn change(conn: &mut AsyncPgConnection, id: &str, caller: &Authority) {
    let fields = next_tags().as_object().unwrap().clone();
    let (patch, now) = (Patch::<Metric>::new(fields).unwrap(), Utc::now());
    AnsiTransactionManager::begin_transaction(conn).await.unwrap();
    let mut transaction = Transaction::new(conn);
    let conn_in = &mut transaction;
    catalogue_epochs::lock(conn_in).await.unwrap();
    let any = Precondition::none();
    let stamp = RevisionStamp { author: "bench", channel: ChangeChannel::Command, now };
    let updated = metrics::update(conn_in, id, &any, &patch, stamp).await.unwrap();
    let (actor, action) = (Actor::command("bench"), Action::MetricUpdated);
    let changes = updated.1.unwrap();
    audit_events::record_changes(conn_in, &actor, action, id, &changes, now).await.unwrap();
    catalogue_epochs::get(conn_in).await.unwrap();
    authority::confirm(conn_in, caller, now).await.unwrap();
    AnsiTransactionManager::commit_transaction(conn).await.unwrap();
}

#[actix_web::main]
async fn main() {
    // Both without TLS, which the bare pool does not use.
    let url = format!("{}?sslmode=disable", database::fresh().await);
    let server = Server::on(&url, &["--db-pool-max", &CONNECTIONS.to_string()]).await;
    server.ready().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    for number in 0..CLIENTS {
        let body = metric(&format!("m{number}"));
        server.post("/api/v1/metrics", &admin, &body).await.expect(201);
    }
    let sessions = "SELECT user_id::text, family_id::text FROM sessions LIMIT 1";
    let session = database::sql(&server.database_url, sessions).await.remove(0);
    let caller = Authority {
        user_id: session[0].parse().unwrap(),
        proof: Proof::Session(session[1].parse().unwrap()),
        role: Role::Editor,
        scopes: Scopes::from_role(Role::Editor),
    };
    let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new(&server.database_url);
    let builder = bb8::Pool::builder().max_size(CONNECTIONS).test_on_check_out(false);
    let pool = builder.build(manager).await.unwrap();
    let address = server.base.trim_start_matches("http://").to_owned();
    let over_http = async || over_http(&address, &admin).await;
    let on_the_pool = async || on_the_pool(&pool, caller).await;
    interleave(("changes over HTTP", "on the bare pool"), PAIRS, over_http, on_the_pool).await;
    println!("the aim is at least {SHARE}");
    server.stop().await;
}
