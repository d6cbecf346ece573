//! Reads that `middleware::cached_reads` answers are the same as those that go the whole way: the
//! response, what is charged, logged and counted. A credential that must be verified again, because
//! invalidations may have been missed, sends the same request the whole way.

use std::collections::BTreeMap;

use actix_web::{App, HttpResponse, test, web};
use mdl::http::AppState;
use mdl::http::middleware::access_log::access_log;
use mdl::http::middleware::cached_reads::CachedReads;
use mdl::http::middleware::classify::classify;
use mdl::http::rate_limit::burst;
use mdl::http::request::routes::Routes;
use mdl::rate_limit::sliding_window::Quota;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::samples::metric;
use crate::support::{Answer, Server};

const SITE: &str = "https://app.example.com";
const PATHS: [&str; 6] = [
    "/api/v1/metrics/m1",
    "/api/v1/metrics/m1?fields=name,tier",
    "/api/v1/metrics?limit=20&sort=-updated_at",
    "/api/v1/metrics/m1/history",
    "/api/v1/domains/d1",
    "/api/v1/domains?search=fin",
];
/// What of a response differs from request to request.
const VARYING: [&str; 5] =
    ["date", "x-request-id", "ratelimit", "ratelimit-remaining", "ratelimit-reset"];
const SERIES: [&str; 6] = [
    "response_cache_lookups_total{outcome=\"hit\"}",
    "response_cache_lookups_total{outcome=\"miss\"}",
    "auth_attempts_total{method=\"api_key\",status=\"success\"}",
    "auth_attempts_total{method=\"jwt\",status=\"success\"}",
    "api_key_cache_lookups_total{outcome=\"hit\"}",
    "session_cache_lookups_total{outcome=\"hit\"}",
];

/// All that a request leaves behind.
#[derive(Debug, PartialEq)]
struct Traces {
    status: u16,
    headers: BTreeMap<String, Vec<String>>,
    body: String,
    event: Value,
    counts: Vec<f64>,
}

async fn counts(server: &Server) -> Vec<f64> {
    let mut counts = Vec::new();
    for series in SERIES {
        counts.push(server.reading(series).await);
    }
    counts
}

async fn traces(server: &Server, path: &str, headers: &[(&str, &str)]) -> (Traces, Answer) {
    let (before, logged) = (counts(server).await, server.logs.events("request").len());
    let answer = server.send(Method::GET, path, "", headers, None).await;
    let after = counts(server).await;
    let mut events = server.logs.events("request").split_off(logged);
    events.retain(|event| event["path"] != "/metrics");
    assert_eq!(events.len(), 1, "{events:?}");
    let mut event = events.remove(0);
    for varying in ["duration_ms", "request_id", "server_request_id", "ts"] {
        event.as_object_mut().unwrap().remove(varying);
    }
    let mut kept: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in &answer.headers {
        if !VARYING.contains(&name.as_str()) {
            let values = kept.entry(name.to_string()).or_default();
            values.push(String::from_utf8_lossy(value.as_bytes()).into_owned());
        }
    }
    let traces = Traces {
        status: answer.status,
        headers: kept,
        body: answer.text.clone(),
        event,
        counts: after.iter().zip(&before).map(|(after, before)| after - before).collect(),
    };
    (traces, answer)
}

/// Makes every credential doubtful, so that its next request verifies it.
async fn doubt(state: &AppState) {
    state.accounts.keys.start_incarnation().await;
}

fn left(answer: &Answer) -> i64 {
    answer.header("ratelimit-remaining").parse().unwrap()
}

async fn compare(options: &[&str]) {
    let limits = ["--rate-limit-enabled", "true", "--rate-limit-general-max", "5000"];
    let on = [&limits[..], &["--cors-origin", SITE]].concat();
    let server = Server::with(&[&on[..], options].concat()).await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    let (_, key) = server.key(&admin, &["metrics:read", "domains:read"]).await;
    server.settled().await;
    let bearer = format!("Bearer {admin}");
    let etag = server.get(PATHS[0], &admin).await.expect(200).header("etag").to_owned();
    for path in PATHS {
        for credential in [("x-api-key", key.as_str()), ("authorization", bearer.as_str())] {
            for more in [
                &[][..],
                &[("accept-encoding", "gzip")],
                &[("accept-encoding", "br, gzip"), ("origin", SITE)],
                &[("if-none-match", etag.as_str())],
                &[("origin", "https://evil.example"), ("user-agent", "tester")],
            ] {
                let headers = [&[credential][..], more].concat();
                // The first fills the cache, with this encoding too.
                server.send(Method::GET, path, "", &headers, None).await;
                let (mut short, answer) = traces(&server, path, &headers).await;
                doubt(&server.state()).await;
                let (mut whole, after) = traces(&server, path, &headers).await;
                assert_eq!(left(&answer) - left(&after), 1, "{path} {headers:?}");
                // Where the caller was known is the one thing that must differ.
                let hits = |counts: &mut Vec<f64>| counts.split_off(4).iter().sum::<f64>();
                let known = (hits(&mut short.counts), hits(&mut whole.counts));
                assert_eq!(known, (1.0, 0.0), "{path} {headers:?}");
                assert!(short == whole, "{path} {headers:?}\n{short:?}\n{whole:?}");
                assert!([200, 304].contains(&short.status), "{short:?}");
            }
        }
    }
}

#[actix_web::test]
async fn cached_read_is_the_same_as_one_that_goes_the_whole_way() {
    compare(&[]).await;
}

#[actix_web::test]
async fn it_is_the_same_with_a_limit_for_callers() {
    compare(&["--rate-limit-caller-max", "5000"]).await;
}

/// Behind the middleware is an application that answers 418 to everything.
#[actix_web::test]
async fn only_what_is_known_is_answered_without_the_handler() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    let (_, key) = server.key(&admin, &["metrics:read"]).await;
    server.settled().await;
    server.get_with(PATHS[0], &key).await.expect(200);
    for path in PATHS {
        server.get(path, &admin).await.expect(200);
    }
    server.get("/api/v1/metrics/m1/versions", &admin).await.expect(200);
    let burst = burst::config(Quota { limit: 1000, window: 1000 }).unwrap();
    let app = App::new()
        .app_data(server.state())
        .app_data(web::Data::new(Routes::new(&mdl::http::server::document(), false)))
        .default_service(web::to(async || HttpResponse::ImATeapot()))
        .wrap(CachedReads(burst))
        .wrap_fn(|request, next| access_log(request, next, false))
        .wrap_fn(classify);
    let app = test::init_service(app).await;
    let bearer = format!("Bearer {admin}");
    let (token, key) = (("authorization", bearer.as_str()), ("x-api-key", key.as_str()));
    let other = ("authorization", "Bearer no-token");
    let send = async |path: &str, headers: &[(&str, &str)]| {
        let request = test::TestRequest::get().uri(path);
        let request =
            headers.iter().fold(request, |request, header| request.insert_header(*header));
        test::call_service(&app, request.to_request()).await.status().as_u16()
    };
    for path in PATHS {
        assert_eq!(send(path, &[token]).await, 200, "{path}");
        let by_key = if path.contains("domains") { 418 } else { 200 };
        assert_eq!(send(path, &[key]).await, by_key, "{path}");
        for headers in [&[][..], &[other], &[token, key], &[token, ("accept-encoding", "br")]] {
            assert_eq!(send(path, headers).await, 418, "{path} {headers:?}");
        }
    }
    for path in ["/api/v1/metrics/m2", "/api/v1/metrics/m1/versions", "/api/v1/metrics?limit=9"] {
        assert_eq!(send(path, &[token]).await, 418, "{path}");
    }
    server.state().catalogue.responses.epochs.start_incarnation();
    assert_eq!(send(PATHS[0], &[token]).await, 418);
    // What the database answers first verifies the epoch, be it this read or a poll; a read that is
    // under way then is not kept. The next one is.
    for _ in 0..2 {
        server.get(PATHS[0], &admin).await.expect(200);
    }
    assert_eq!(send(PATHS[0], &[token]).await, 200);
    doubt(&server.state()).await;
    assert_eq!((send(PATHS[0], &[token]).await, send(PATHS[0], &[key]).await), (418, 418));
}

#[actix_web::test]
async fn limit_that_is_reached_refuses_cached_reads_and_charges_them_once() {
    for (options, policy) in [
        (["--rate-limit-general-max", "8"], "general"),
        (["--rate-limit-burst-per-second", "3"], "burst"),
    ] {
        let on = ["--rate-limit-enabled", "true", "--anonymous-read", "true"];
        let server = Server::with(&[&on[..], &options].concat()).await;
        let list = "/api/v1/metrics";
        let refused = loop {
            let answer = server.get(list, "").await;
            if answer.status == 429 {
                break answer;
            }
            answer.expect(200);
        };
        assert!(refused.header("ratelimit").contains(&format!("\"{policy}\";r=0")), "{refused:?}");
        refused.expect_error(429, "RATE_LIMIT_EXCEEDED");
        if policy == "burst" {
            // A refusal by the burst limit takes no hit of the general one.
            tokio::time::sleep(std::time::Duration::from_millis(400)).await;
            let before = left(&server.get(list, "").await.expect(200));
            while server.get(list, "").await.status == 200 {}
            tokio::time::sleep(std::time::Duration::from_millis(400)).await;
            let after = left(&server.get(list, "").await.expect(200));
            assert!((1..=8).contains(&(before - after)), "{before} {after}");
        }
    }
}

#[actix_web::test]
async fn scope_and_revocation_count_for_cached_reads() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    let (id, key) = server.key(&admin, &["metrics:read"]).await;
    server.settled().await;
    for path in PATHS {
        server.get(path, &admin).await.expect(200);
        let expected = if path.contains("domains") { 403 } else { 200 };
        for _ in 0..3 {
            assert_eq!(server.get_with(path, &key).await.status, expected, "{path}");
        }
        server.get(path, "").await.expect_error(401, "AUTHENTICATION_ERROR");
        server.get(path, "no-token").await.expect_error(401, "AUTHENTICATION_ERROR");
    }
    server.delete(&format!("/api/auth/api-keys/{id}"), &admin).await.expect(200);
    server.get_with(PATHS[0], &key).await.expect(401);
    // Both credentials at once are refused, whatever is cached.
    let both = [("x-api-key", key.as_str())];
    server
        .send(Method::GET, PATHS[0], &admin, &both, None)
        .await
        .expect_error(400, "VALIDATION_ERROR");
    server.put("/api/v1/metrics/m1", &admin, &json!({"tags": ["new"]})).await.expect(200);
    assert_eq!(server.get(PATHS[0], &admin).await.json()["data"]["tags"], json!(["new"]));
}

#[actix_web::test]
async fn refused_queries_and_headers_stay_refused_when_a_response_is_cached() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    server.settled().await;
    for (good, bad) in [
        ("/api/v1/metrics?search=%25zz", "/api/v1/metrics?search=%zz".to_owned()),
        ("/api/v1/metrics?limit=2", format!("/api/v1/metrics?limit=2{}", "&".repeat(9000))),
        ("/api/v1/metrics?limit=3", "/api/v1/metrics?limit=3&limit=3".to_owned()),
        ("/api/v1/metrics/m1", "/api/v1/metrics/m1?x=1".to_owned()),
    ] {
        for _ in 0..2 {
            server.get(good, &admin).await.expect(200);
            server.get(&bad, &admin).await.expect_error(400, "VALIDATION_ERROR");
        }
    }
    for (headers, status) in [
        ([("if-none-match", "unquoted")], 400),
        ([("accept-encoding", "identity;q=0")], 406),
        ([("accept-encoding", "identity")], 200),
    ] {
        let sent = server.send(Method::GET, "/api/v1/metrics/m1", &admin, &headers, None).await;
        assert_eq!(sent.status, status, "{headers:?}");
    }
}
