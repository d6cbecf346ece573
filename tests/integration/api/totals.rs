//! The total of a list is counted once for each epoch of the catalogue, not for each page.

use serde_json::json;

use crate::support::samples::metric;
use crate::support::{Server, database};

/// Returns how many statements have counted the hits of a search.
async fn counts(server: &Server) -> i64 {
    counts_like(server, "SELECT COUNT(*)%search @@%").await
}

async fn counts_like(server: &Server, statement: &str) -> i64 {
    let question = format!(
        "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query LIKE '{statement}' \
         AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
    );
    database::sql(&server.database_url, &question).await[0][0].parse().unwrap()
}

#[actix_web::test]
async fn search_is_counted_once_for_all_its_pages() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    for number in 0..5 {
        let body = metric(&format!("m{number}"));
        server.post("/api/v1/metrics", &admin, &body).await.expect(201);
    }
    database::sql(&server.database_url, "CREATE EXTENSION pg_stat_statements").await;
    server.settled().await;
    let page = async |page: usize, parameters: &str, total: i64| {
        let path = format!("/api/v1/metrics?search=metric&limit=1&page={page}{parameters}");
        let answer = server.get(&path, &admin).await.expect(200);
        assert_eq!(answer.header("x-total-count"), total.to_string());
        assert_eq!(answer.json()["pagination"]["total"], total);
    };
    for number in 1..=5 {
        page(number, "", 5).await;
    }
    // Another order, the same total.
    page(1, "&sort=-name", 5).await;
    assert_eq!(counts(&server).await, 1);
    // Another filter.
    page(1, "&tier=Tier-1", 5).await;
    assert_eq!(counts(&server).await, 2);
    // A change starts a new epoch, in which the first page counts again.
    server.post("/api/v1/metrics", &admin, &metric("m5")).await.expect(201);
    for number in 1..=6 {
        page(number, "", 6).await;
    }
    assert_eq!(counts(&server).await, 3);
}

/// Where `search` is stored apart from the row, to count the hits of a search takes five times as
/// long.
#[actix_web::test]
async fn words_of_metrics_are_stored_in_the_row() {
    let server = Server::start().await;
    let storage = "SELECT attstorage FROM pg_attribute
        WHERE attrelid = 'metrics'::regclass AND attname = 'search'";
    assert_eq!(database::sql(&server.database_url, storage).await, [["m"]]);
}

#[actix_web::test]
async fn search_of_domains_is_counted_once_and_measures_its_page_only() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for number in 0..5 {
        let body = json!({"domain_id": format!("n{number}"), "name": format!("Number {number}")});
        server.post("/api/v1/domains", &admin, &body).await.expect(201);
    }
    database::sql(&server.database_url, "CREATE EXTENSION pg_stat_statements").await;
    server.settled().await;
    for (page, found) in [(1, 2), (2, 2), (3, 1), (4, 0), (9, 0)] {
        let path = format!("/api/v1/domains?search=number&limit=2&page={page}");
        let answer = server.get(&path, &admin).await.expect(200);
        assert_eq!(answer.json()["count"], found, "{page}");
        assert_eq!(answer.json()["pagination"]["total"], 5, "{page}");
    }
    assert_eq!(counts_like(&server, "SELECT COUNT(*)%metric_search_words%").await, 1);
    // Behind the end of the list there is nothing to read, and rows that a page skips are not
    // measured.
    assert_eq!(counts_like(&server, "SELECT%domain_id%metric_search_words%OFFSET%").await, 3);
    assert_eq!(counts_like(&server, "%octet_length%OFFSET%").await, 0);
    assert_eq!(counts_like(&server, "%sum(%octet_length(description)%").await, 3);
}
