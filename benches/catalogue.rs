//! Cost of a large catalogue: one metric by its id and pages of the list, with 200 and with 100,000
//! metrics, in turns in one run over HTTP; and the plans of the queries behind them.
//!
//!     scripts/with-postgres cargo bench --profile dev --bench catalogue
//!
//! It has a harness of its own, because it compares two services measured in turns, which
//! criterion does not support.

#![allow(missing_docs, unreachable_pub, dead_code, clippy::print_stdout)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../tests/integration/support/mod.rs"]
mod support;

use std::time::Instant;

use support::samples::metric;
use support::{Server, database};

const SMALL: i64 = 200;
const LARGE: i64 = 100_000;
const ROUNDS: usize = 60;

/// Copies one metric until there are `total`, with values distributed as in a real catalogue.
/// Returns an access token.
async fn fill(server: &Server, total: i64) -> String {
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m0")).await.expect(201);
    let columns = "short_name, description, metric_type, alignment, definition, data, dimensions, \
                   targets_and_alerts, visualization, relationships, operational_usage, notes, \
                   example_queries, version, revision, created_by, updated_by, change_history";
    let copies = format!(
        "INSERT INTO metrics (metric_id, name, category, tier, business_domain, tags,
                              governance, created_at, updated_at, {columns})
         SELECT 'm' || n, 'Metric ' || md5(n::text), 'Category ' || n % 50, 'Tier-' || 1 + n % 3,
                'Finance', jsonb_build_array('t' || n % 100),
                jsonb_set(governance, '{{owner_team}}', to_jsonb('Team ' || n % 40)),
                created_at + n * interval '1 s', updated_at - n * interval '1 s', {columns}
         FROM metrics, generate_series(1, {total} - 1) n"
    );
    database::sql(&server.database_url, &copies).await;
    database::sql(&server.database_url, "VACUUM ANALYZE metrics").await;
    admin
}

/// Returns the time of one request in milliseconds.
async fn time(server: &Server, token: &str, path: &str) -> f64 {
    let began = Instant::now();
    server.get(path, token).await.expect(200);
    began.elapsed().as_secs_f64() * 1000.0
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

async fn compare(name: &str, small: (&Server, &str, String), large: (&Server, &str, String)) {
    let (mut of_small, mut of_large) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS + 5 {
        let times =
            (time(small.0, small.1, &small.2).await, time(large.0, large.1, &large.2).await);
        if round >= 5 {
            of_small.push(times.0);
            of_large.push(times.1);
        }
    }
    let (small, large) = (median(of_small), median(of_large));
    println!("| {name} | {small:.2} | {large:.2} | {:.2} |", large / small);
}

/// Prints the plans of the queries of `storage::metrics::list`, and fails on a sequential scan.
async fn plans(url: &str) {
    for (name, query) in [
        ("by id", "SELECT * FROM metrics WHERE metric_id = 'm777'"),
        ("first page", "SELECT metric_id FROM metrics ORDER BY name, metric_id LIMIT 50"),
        (
            "middle page",
            "SELECT metric_id FROM metrics ORDER BY name, metric_id LIMIT 50 OFFSET 50000",
        ),
        ("last page", "SELECT metric_id FROM metrics ORDER BY name DESC, metric_id DESC LIMIT 50"),
        (
            "sort=-updated_at",
            "SELECT metric_id FROM metrics ORDER BY updated_at DESC, metric_id LIMIT 50",
        ),
        (
            "sort=-created_at",
            "SELECT metric_id FROM metrics ORDER BY created_at DESC, metric_id LIMIT 50",
        ),
        (
            "cursor, equal keys",
            "SELECT metric_id FROM metrics WHERE tier = 'Tier-2' AND metric_id > 'm5' \
             ORDER BY metric_id LIMIT 51",
        ),
        (
            "cursor, next keys",
            "SELECT metric_id FROM metrics WHERE tier < 'Tier-3' \
             ORDER BY tier DESC, metric_id LIMIT 51",
        ),
        ("sort=-tier", "SELECT metric_id FROM metrics ORDER BY tier DESC, metric_id LIMIT 50"),
        (
            "category",
            "SELECT metric_id FROM metrics WHERE category = 'Category 7' \
             ORDER BY name, metric_id LIMIT 50",
        ),
        (
            "owner_team",
            "SELECT metric_id FROM metrics WHERE owner_team = 'Team 7' \
             ORDER BY name, metric_id LIMIT 50",
        ),
        (
            "tier",
            "SELECT metric_id FROM metrics WHERE tier = 'Tier-2' ORDER BY name, metric_id LIMIT 50",
        ),
        (
            "business_domain",
            "SELECT metric_id FROM metrics WHERE business_domain = 'Finance' \
             ORDER BY name, metric_id LIMIT 50",
        ),
        ("tags", "SELECT count(*) FROM metrics WHERE tags @> '[\"t7\"]'"),
        ("search", "SELECT count(*) FROM metrics WHERE search @@ to_tsquery('simple', 'abc:*')"),
    ] {
        let plan: Vec<String> = database::sql(url, &format!("EXPLAIN {query}"))
            .await
            .into_iter()
            .map(|row| row[0].clone())
            .collect();
        let scan = plan
            .iter()
            .find(|line| line.contains("Scan"))
            .unwrap()
            .trim()
            .trim_start_matches("-> ");
        println!("| {name} | {} |", scan.split("  (").next().unwrap());
        assert!(!plan.iter().any(|line| line.contains("Seq Scan on metrics")), "{plan:#?}");
    }
}

#[actix_web::main]
async fn main() {
    let (small, large) = (Server::start().await, Server::start().await);
    let (small_token, large_token) = (fill(&small, SMALL).await, fill(&large, LARGE).await);
    println!(
        "\n| request | {SMALL} metrics, ms | {LARGE} metrics, ms | ratio |\n\
         | --- | --- | --- | --- |"
    );
    let page = |total: i64, number: f64, rest: &str| {
        #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
        let page = ((total as f64 / 50.0 * number).ceil() as i64).max(1);
        format!("/api/v1/metrics?page={page}{rest}")
    };
    for (name, of_small, of_large) in [
        ("one by id", "/api/v1/metrics/m123".to_owned(), "/api/v1/metrics/m77777".to_owned()),
        ("first page", page(SMALL, 0.0, ""), page(LARGE, 0.0, "")),
        ("page at a quarter", page(SMALL, 0.25, ""), page(LARGE, 0.25, "")),
        ("page in the middle", page(SMALL, 0.5, ""), page(LARGE, 0.5, "")),
        ("last page", page(SMALL, 1.0, ""), page(LARGE, 1.0, "")),
        (
            "first page, sort=-updated_at",
            page(SMALL, 0.0, "&sort=-updated_at"),
            page(LARGE, 0.0, "&sort=-updated_at"),
        ),
        (
            "category, first page",
            page(SMALL, 0.0, "&category=Category+7"),
            page(LARGE, 0.0, "&category=Category+7"),
        ),
        ("tags, first page", page(SMALL, 0.0, "&tags=t7"), page(LARGE, 0.0, "&tags=t7")),
    ] {
        compare(name, (&small, &small_token, of_small), (&large, &large_token, of_large)).await;
    }
    println!("\n| query on {LARGE} metrics | plan |\n| --- | --- |");
    plans(&large.database_url).await;
    small.stop().await;
    large.stop().await;
}
