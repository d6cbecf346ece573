//! The reads of the service on a bare pool of the same size: one metric by its id, a page of a list
//! by the position before it. The answer is a fixed one, so only the database's part is measured.

use actix_web::web::{self, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use diesel::prelude::*;
use diesel_async::pooled_connection::AsyncDieselConnectionManager;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Deserialize;

use crate::answers::{Answers, listen};
use crate::change;
use crate::rows::Row;
use crate::schema::metrics::dsl;

/// The default of `DB_POOL_MAX`.
const CONNECTIONS: u32 = 10;
/// Metrics of a page.
const LIMIT: usize = 20;

/// A pool without checks, of plain connections.
pub type Pool = bb8::Pool<AsyncDieselConnectionManager<AsyncPgConnection>>;

/// Name and id of each metric in the order of the list.
type Order = Vec<(String, String)>;

#[derive(Deserialize)]
struct Page {
    page: usize,
}

/// Serves reads and changes until the process is ended.
pub async fn serve(answers: Answers, url: &str) {
    let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new(url);
    let pool = bb8::Pool::builder().max_size(CONNECTIONS).test_on_check_out(false);
    let pool: Pool = pool.build(manager).await.expect("a pool");
    let order = order(&pool).await;
    let authority = change::authority(&pool).await;
    let (pool, order, answers) = (Data::new(pool), Data::new(order), Data::new(answers));
    let authority = Data::new(authority);
    listen(move |config| {
        let config = config.app_data(pool.clone()).app_data(order.clone());
        let config = config.app_data(answers.clone()).app_data(authority.clone());
        config.route("/api/v1/metrics", web::get().to(list));
        config.route("/api/v1/metrics/{id}", web::get().to(metric));
        config.route("/api/v1/metrics/{id}", web::patch().to(change::metric));
    })
    .await;
}

async fn order(pool: &Pool) -> Order {
    let mut conn = pool.get().await.expect("a connection");
    let names = dsl::metrics.select((dsl::name, dsl::metric_id));
    names.order_by((dsl::name, dsl::metric_id)).load(&mut conn).await.expect("all names")
}

async fn metric(
    request: HttpRequest,
    id: Path<String>,
    pool: Data<Pool>,
    answers: Data<Answers>,
) -> HttpResponse {
    let mut conn = pool.get().await.expect("a connection");
    let found = dsl::metrics.find(id.as_str()).select(Row::as_select());
    let row: Row = found.first(&mut conn).await.expect("a metric");
    drop((conn, row));
    answers.metric.respond(&request)
}

async fn list(
    request: HttpRequest,
    page: Query<Page>,
    order: Data<Order>,
    pool: Data<Pool>,
    answers: Data<Answers>,
) -> HttpResponse {
    let before = ((page.page - 1) * LIMIT).checked_sub(1).map(|last| order[last].clone());
    let (name, id) = before.unwrap_or_default();
    let mut conn = pool.get().await.expect("a connection");
    let after =
        dsl::name.gt(name.clone()).or(dsl::name.eq(name.clone()).and(dsl::metric_id.gt(id)));
    // The first comparison alone lets PostgreSQL begin in the middle of the index.
    let found = dsl::metrics.filter(dsl::name.ge(name)).filter(after).select(Row::as_select());
    let found = found.order_by((dsl::name, dsl::metric_id)).limit(20);
    let rows: Vec<Row> = found.load(&mut conn).await.expect("metrics");
    drop((conn, rows));
    answers.list.respond(&request)
}
