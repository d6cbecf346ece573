//! Rate limits of callers (keys and users), in one process and in two.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::support::database::{self, sql};
use crate::support::{Answer, PASSWORD, Server, token};

const ON: [&str; 8] = [
    "--rate-limit-enabled",
    "true",
    "--rate-limit-burst-per-second",
    "100000",
    "--rate-limit-api-key-max",
    "1000",
    "--trusted-proxies",
    "127.0.0.1/32",
];
const METRICS: &str = "/api/v1/metrics";
const KEYS: &str = "/api/auth/api-keys";

async fn with(options: &[&str]) -> Server {
    Server::with(&[&ON[..], options].concat()).await
}

async fn by_key(server: &Server, address: &str, key: &str) -> Answer {
    server
        .send(Method::GET, METRICS, "", &[("x-api-key", key), ("x-forwarded-for", address)], None)
        .await
}

async fn anonymous(server: &Server, address: &str) -> Answer {
    server.send(Method::GET, METRICS, "", &[("x-forwarded-for", address)], None).await
}

#[actix_web::test]
async fn keys_behind_one_address_have_their_own_limits() {
    let server = &with(&["--rate-limit-general-max", "70", "--rate-limit-caller-max", "200"]).await;
    let admin = server.admin().await;
    let body = json!({"name": "k", "scopes": ["metrics:read"], "rate_limit": 6});
    let mut keys = Vec::new();
    for _ in 0..50 {
        keys.push(server.create_key(&admin, &body).await.1);
    }
    let office = "203.0.113.7";
    let used = |key: String| async move {
        for left in (0..6).rev() {
            let answer = by_key(server, office, &key).await.expect(200);
            assert_eq!(answer.header("ratelimit-policy"), "\"caller\";q=6;w=900");
            assert!(answer.header("ratelimit").starts_with(&format!("\"caller\";r={left};t=")));
            assert_eq!(answer.header("ratelimit-limit"), "6");
        }
        let refused = by_key(server, office, &key).await.expect_error(429, "RATE_LIMIT_EXCEEDED");
        assert_eq!(refused.header("ratelimit-policy"), "\"caller\";q=6;w=900");
    };
    join_all(keys.iter().cloned().map(used)).await;
    // The quota of the address is unused, although each key was uncached once.
    let answer = anonymous(server, office).await.expect(401);
    assert_eq!(answer.header("ratelimit-policy"), "\"general\";q=70;w=900");
    assert_eq!(answer.header("ratelimit-remaining"), "69");
    assert!(server.reading("rate_limit_rejections_total{policy=\"caller\"}").await >= 50.0);
    let logged = server.logs.lines();
    let line = logged.iter().find(|line| line["msg"] == "rate limit exceeded").unwrap();
    assert_eq!((&line["policy"], &line["client"]), (&json!("caller"), &json!(office)));
    assert_eq!((&line["method"], &line["path"]), (&json!("GET"), &json!(METRICS)));
    assert!(line["request_id"].is_string());
    // After the wait the request is allowed.
    server.advance(901);
    by_key(server, office, &keys[0]).await.expect(200);
}

#[actix_web::test]
async fn user_has_one_limit_on_all_addresses_and_sessions() {
    let server = with(&["--rate-limit-general-max", "50", "--rate-limit-caller-max", "8"]).await;
    let admin = server.admin().await;
    let (id, eva) = server.user(&admin, "eva", "viewer").await;
    let again = token(&server.login("eva", PASSWORD).await.expect(200));
    for number in 0..8 {
        let address = format!("192.0.2.{number}");
        let token = if number < 4 { &eva } else { &again };
        server
            .send(Method::GET, METRICS, token, &[("x-forwarded-for", &address)], None)
            .await
            .expect(200);
    }
    let refused = server.get(METRICS, &again).await.expect_error(429, "RATE_LIMIT_EXCEEDED");
    assert!(refused.header("ratelimit-policy").starts_with("\"caller\";q=8"));
    // A token of an ended session is charged to its address, never to the user.
    server.advance(901);
    let old = token(&server.login("eva", PASSWORD).await.expect(200));
    let admin = server.admin().await;
    let path = format!("/api/auth/users/{id}");
    server.put(&path, &admin, &json!({"status": "suspended"})).await.expect(200);
    for left in (45..50).rev() {
        let answer = server
            .send(Method::GET, METRICS, &old, &[("x-forwarded-for", "198.51.100.1")], None)
            .await;
        let answer = answer.expect(401);
        assert!(
            answer.header("ratelimit").starts_with(&format!("\"general\";r={left};")),
            "{}",
            answer.header("ratelimit")
        );
    }
}

#[actix_web::test]
async fn exhausted_address_does_not_refuse_an_uncached_key() {
    let server = with(&["--rate-limit-general-max", "5", "--rate-limit-caller-max", "3"]).await;
    let admin = server.admin().await;
    let key = server.key(&admin, &["metrics:read"]).await.1;
    let office = "203.0.113.7";
    for _ in 0..5 {
        anonymous(&server, office).await.expect(401);
    }
    anonymous(&server, office).await.expect(429);
    by_key(&server, office, &key).await.expect(200);
    // An invented key is refused by the limit of the address.
    let invented = mdl::credentials::api_keys::ApiKey::generate();
    let refused = by_key(&server, office, invented.expose()).await.expect(429);
    assert!(refused.header("ratelimit-policy").contains("\"general\";q=5"));
}

#[actix_web::test]
async fn requests_count_by_address_by_default() {
    let server = with(&["--rate-limit-general-max", "9"]).await;
    let admin = server.admin().await;
    let body = json!({"name": "k", "scopes": ["metrics:read"], "rate_limit": 2});
    let key = server.create_key(&admin, &body).await.1;
    for left in (0..9).rev() {
        let answer = by_key(&server, "192.0.2.1", &key).await.expect(200);
        assert_eq!(answer.header("ratelimit-policy"), "\"general\";q=9;w=900");
        assert_eq!(answer.header("ratelimit-remaining"), left.to_string());
    }
    by_key(&server, "192.0.2.1", &key).await.expect(429);
    let rows = sql(&server.database_url, "SELECT count(*) FROM caller_hits").await;
    assert_eq!(rows[0][0], "0");
}

#[actix_web::test]
async fn key_rate_limit_is_changed_and_kept_by_rotation() {
    let server =
        with(&["--rate-limit-general-max", "1000", "--rate-limit-caller-max", "500"]).await;
    let admin = server.admin().await;
    let (_, eva) = server.user(&admin, "eva", "editor").await;
    let draft = |limit: i64| json!({"name": "k", "scopes": ["metrics:read"], "rate_limit": limit});
    for bad in [0, -1, 100_001] {
        let refused =
            server.post(KEYS, &admin, &draft(bad)).await.expect_error(400, "VALIDATION_ERROR");
        assert_eq!(refused.fields(), ["rate_limit"]);
    }
    server.post(KEYS, &eva, &draft(501)).await.expect_error(403, "AUTHORIZATION_ERROR");
    server.post(KEYS, &admin, &draft(501)).await.expect(201);
    let created = server.post(KEYS, &eva, &draft(5)).await.expect(201);
    assert_eq!(created.json()["key_info"]["rate_limit"], 5);
    let (id, key) = crate::support::key_in(&created);
    let path = format!("{KEYS}/{id}");
    let answer = by_key(&server, "192.0.2.1", &key).await.expect(200);
    assert_eq!(answer.header("ratelimit-limit"), "5");
    server
        .patch(&path, &eva, &json!({"rate_limit": 501}))
        .await
        .expect_error(403, "AUTHORIZATION_ERROR");
    let changed = server.patch(&path, &eva, &json!({"rate_limit": 7})).await.expect(200);
    assert_eq!(changed.json()["key"]["rate_limit"], 7);
    assert_eq!(by_key(&server, "192.0.2.1", &key).await.expect(200).header("ratelimit-limit"), "7");
    server.patch(&path, &eva, &json!({"name": "other"})).await.expect(200);
    let rotated = server.post(&format!("{path}/rotate"), &eva, &json!({})).await.expect(201);
    assert_eq!(rotated.json()["key_info"]["rate_limit"], 7);
    let (id, key) = crate::support::key_in(&rotated);
    server.patch(&format!("{KEYS}/{id}"), &eva, &json!({"rate_limit": null})).await.expect(200);
    assert_eq!(
        by_key(&server, "192.0.2.1", &key).await.expect(200).header("ratelimit-limit"),
        "500"
    );
    let listed = server.get(KEYS, &eva).await.expect(200).json();
    assert!(listed["api_keys"][0]["rate_limit"].is_null());
}

#[actix_web::test]
async fn processes_exchange_caller_hits() {
    let options =
        [&ON[..], &["--rate-limit-general-max", "1000", "--rate-limit-caller-max", "20"]].concat();
    let first = Server::with(&options).await;
    let second = Server::on(&first.database_url, &options).await;
    second.ready().await;
    let admin = first.admin().await;
    let key = first.key(&admin, &["metrics:read"]).await.1;
    let counted = |hits: u32, processes: u32| {
        format!(
            "SELECT coalesce(sum(hits), 0) = {hits} AND count(DISTINCT process_id) = {processes} \
                 FROM caller_hits WHERE subject LIKE 'key %'"
        )
    };
    for _ in 0..12 {
        by_key(&first, "192.0.2.1", &key).await.expect(200);
    }
    database::until(&first.database_url, &counted(12, 1)).await;
    by_key(&second, "192.0.2.1", &key).await.expect(200);
    database::until(&first.database_url, &counted(13, 2)).await;
    // The statement that wrote the thirteenth hit read the twelve of the other process; its result
    // may be under way.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let answers = join_all((0..20).map(|_| by_key(&second, "192.0.2.1", &key))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 7);
    let refused = answers.into_iter().find(|answer| answer.status == 429).unwrap();
    assert_eq!(refused.header("ratelimit-policy"), "\"caller\";q=20;w=900");
    // A process that starts later reads them, too.
    database::until(&first.database_url, &counted(20, 2)).await;
    first.stop().await;
    let third = Server::on(&second.database_url, &options).await;
    third.ready().await;
    by_key(&third, "192.0.2.1", &key).await.expect(200);
    database::until(&second.database_url, &counted(21, 3)).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    by_key(&third, "192.0.2.1", &key).await.expect(429);
}

/// The bound of docs/rate-limits.md: the quota, and what is served in two exchange periods.
#[actix_web::test]
async fn key_is_limited_to_its_quota_across_processes() {
    let options =
        [&ON[..], &["--rate-limit-general-max", "100000", "--rate-limit-caller-max", "100"]]
            .concat();
    let first = &Server::with(&options).await;
    let second = &Server::on(&first.database_url, &options).await;
    second.ready().await;
    let admin = first.admin().await;
    let body = json!({"name": "k", "scopes": ["metrics:read"], "rate_limit": 5000});
    let key = &first.create_key(&admin, &body).await.1;
    let (mut served, mut idle) = (Vec::new(), 0);
    while idle < 3 {
        let both = join_all((0..40).map(|number: u32| async move {
            let server = if number.is_multiple_of(2) { first } else { second };
            by_key(server, "192.0.2.1", key).await.status
        }));
        let through = both.await.into_iter().filter(|status| *status == 200).count();
        idle = if through == 0 { idle + 1 } else { 0 };
        served.extend(vec![Instant::now(); through]);
    }
    // The most requests served in any two seconds, plus a margin for slow machines.
    let exchange = Duration::from_millis(2500);
    let most = served
        .iter()
        .map(|from| served.iter().filter(|at| **at >= *from && **at - *from <= exchange).count())
        .max();
    println!("served {} of 5000; at most {} in {exchange:?}", served.len(), most.unwrap());
    assert!(served.len() >= 5000, "{}", served.len());
    assert!(served.len() <= 5000 + most.unwrap(), "{} > 5000 + {}", served.len(), most.unwrap());
}

#[actix_web::test]
async fn each_process_is_exact_during_outage() {
    let proxy = crate::support::proxy::Proxy::start(true).await;
    let options = [
        &ON[..],
        &["--rate-limit-general-max", "1000", "--rate-limit-caller-max", "10"],
        &["--db-connection-timeout", "1000", "--circuit-breaker-reset-timeout", "300"],
    ]
    .concat();
    let server = Server::on(&proxy.url(&database::fresh().await), &options).await;
    server.ready().await;
    let admin = server.admin().await;
    let key = server.key(&admin, &["metrics:read"]).await.1;
    by_key(&server, "192.0.2.1", &key).await.expect(200);
    server.settled().await;
    by_key(&server, "192.0.2.1", &key).await.expect(200);
    proxy.close();
    let mut through = 2;
    for _ in 0..12 {
        through += usize::from(by_key(&server, "192.0.2.1", &key).await.status != 429);
    }
    assert_eq!(through, 10);
    proxy.open();
    server.circuits_closed().await;
}
